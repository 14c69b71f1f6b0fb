/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the module: what record.c, which has container.json as a whole, and listed.c, which has only its first line, share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libpod/container/container.h"

#define RECORD_FILE "container.json"

enum record_kind { STRING, VECTOR, MAP, BOOLEAN, INTEGER, INTEGER64 };

struct record_member {
	const char *key;
	size_t offset; /* in struct container */
	enum record_kind kind;
	bool listed; /* in the first line */
};

/* All but the id, the ports and the networks, in the order in which they are written. */
extern const struct record_member record_members[];
extern const size_t record_members_count;

void *record_field(struct container *container, const struct record_member *member);
/* "ports" of the first line; `object` may be NULL. */
int record_ports_parse(struct json_object *object, struct container *container, struct error *err);
/* -EINVAL: it is not of this container, or has no name. */
int record_check(const struct container *container, const char *id, struct error *err);
/* From a text of which the whole first line is there; the caller frees *ret. */
int record_make(const char *text, size_t length, bool listed_only, const char *id, struct container **ret,
		struct error *err);
int record_read(struct store *store, const char *id, bool listed_only, struct container **ret, struct error *err);
