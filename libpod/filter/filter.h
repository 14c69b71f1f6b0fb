/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: which containers a command means: names, --all, --latest, and --filter KEY=VALUE as docker and podman have it:
 *
 *	id name (a part of it, or a regular expression) label[=value] label![=value] status exited=CODE ancestor=IMAGE before=NAME since=NAME network=MODE until=TIME volume=NAME|PATH health=none
 *
 * Different keys must all hold, and all labels; of the values of another key any.
 */
#pragma once

#include "libpod/container/container.h"

struct container_entry {
	struct container *container;
	struct container_state state;
};
struct container_list {
	struct container_entry *items; /* newest first, unless they were named: then in that order */
	size_t count;
};
void container_list_free(struct container_list *list);
#define auto_container_list CLEANUP(container_list_free)

struct container_selection {
	const struct strv *names;   /* NULL or empty: see all */
	bool all;                   /* every container; otherwise, without names, those that are running */
	bool latest;
	int64_t last;               /* the last N created, running or not; 0: no such limit */
	const struct strv *filters; /* NULL: none */
	bool listed;                /* what container_read_listed() gives is enough of those without a name */
};

/* Reads them. A container that vanishes while it is looked at is left out; so is one of --rm that has ended, after it was cleaned up. A name that is not there is
 * -ENOENT. */
int container_select(struct store *store, const struct container_selection *selection, struct container_list *ret, struct error *err);
