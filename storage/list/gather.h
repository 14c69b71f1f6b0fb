/* SPDX-License-Identifier: Apache-2.0 */
/* gather: from the name of an image, or of an index, to what a list says of it. */
#pragma once

#include "storage/list/list.h"
#include "storage/pull/pull.h"

struct list_entries {
	struct list_entry *items;
	size_t count;
};
void list_entries_free(struct list_entries *entries);
#define auto_list_entries CLEANUP(list_entries_free)

/* "docker://NAME" is in a registry, "containers-storage:NAME" here, NAME alone here or else in a registry. Of an index
 * or a list all images are taken, or
 * (`all` false) the one for `platform`. How a registry is spoken to is taken from `request`; its name is not looked at.
 */
int list_gather(struct store *store, const char *name, const struct pull_request *request, bool all,
		const struct platform *platform, struct list_entries *ret, struct error *err);
