/* SPDX-License-Identifier: Apache-2.0 */
/* volume_view: choosing volumes by --filter, and showing them. */
#pragma once

#include "libpod/volumes/volumes.h"
#include "pkg/json/json.h"

/*
 * --filter KEY=VALUE: name (a part of it, or a regular expression), label, label!, driver, scope, opt, dangling,
 * anonymous, until, since (a volume), after (the same). Different keys must all hold, and all labels; of the values of
 * another key any.
 */
struct volume_filter {
	struct strv pairs;
	struct strv used; /* the volumes that containers have, once for each */
	int64_t until_ns, since_ns;
};
void volume_filter_free(struct volume_filter *filter);
#define auto_volume_filter CLEANUP(volume_filter_free)
int volume_filter_parse(struct store *store, const struct strv *texts, struct volume_filter *ret, struct error *err);
bool volume_filter_match(const struct volume_filter *filter, const struct volume *volume);

struct volume_list {
	struct volume *items; /* by name */
	size_t count;
};
void volume_list_free(struct volume_list *list);
#define auto_volume_list CLEANUP(volume_list_free)
/* Those that match. One that vanishes meanwhile is left out. */
int volume_select(struct store *store, const struct volume_filter *filter, struct volume_list *ret, struct error *err);

/* How many of the names are this one. */
int64_t volume_count_uses(const struct strv *used, const char *name);
/* What `inspect` prints of one, which `containers` of containers have. */
struct json_object *volume_json(const struct store *store, const struct volume *volume, int64_t containers);
