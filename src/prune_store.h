/* SPDX-License-Identifier: Apache-2.0 */
/* prune_store: removing what is not used, for `container prune`, `image prune`, `volume prune` and `system prune`. */
#pragma once

#include "storage/store/store.h"

struct pruned {
	struct strv containers; /* ids */
	struct strv networks;   /* names */
	struct strv volumes;    /* names */
	struct strv images;     /* "untagged: …", "deleted: sha256:…", as docker prints them */
	int64_t bytes;          /* that are free again */
};
void pruned_free(struct pruned *pruned);
#define auto_pruned CLEANUP(pruned_free)

/* Containers that are not running and match the filters (until, label, label!). */
int prune_containers(struct store *store, const struct strv *filters, struct pruned *pruned, struct error *err);
/* Images without a name, or with `all` every image, that no container has and that match the filters (until, label, label! and those of `images`);
 * and layers that nobody has. */
int prune_images(struct store *store, const struct strv *filters, bool all, struct pruned *pruned, struct error *err);
/* Volumes that no container has and that match the filters of `volume ls`; without `named` only anonymous ones. */
int prune_volumes(struct store *store, const struct strv *filters, bool named, struct pruned *pruned, struct error *err);
/* Says what was removed, as docker does, and has it emptied behind our back. */
void prune_report(struct store *store, const struct pruned *pruned);
