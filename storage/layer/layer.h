/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer: layers/<diff id, hex>/ = { diff/ (the tree), recipe (zstd), layer.json }, and perhaps blob (original.h).
 *
 * layer.json: {"diffID", "size", "tarSize", "mapping": "<id_mapping_key>" or "single", "xattrs": bool, "created"}. This
 * header is what the thin programs may know; unpacking is storage/unpack, linked by coracle-transport only.
 *
 * A layer that has lost content is marked: its layer.json is called damaged.json. The store does not have such a layer,
 * so that the next who brings it puts it in the place of the damaged one (layer_place()).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "storage/store/store.h"

/* Whether the layer is there (its layer.json can be read). 1, 0 or negative. */
int layer_exists(struct store *store, const char *diff_id, struct error *err);
/* Bytes of all its files. */
int layer_size(struct store *store, const char *diff_id, int64_t *ret, struct error *err);
/*
 * Where a layer is, in the store or in an additional one, these two know and nobody else. -ENOENT: nowhere, with words
 * that say what to do.
 */
/* Its directory, opened for reading. */
int layer_open(struct store *store, const char *diff_id, struct error *err);
/* The absolute path of its tree; malloc'd. */
int layer_tree_path(struct store *store, const char *diff_id, char **ret, struct error *err);

/* What the store knows of a layer. */
struct layer_facts {
	int64_t size;     /* bytes of all files */
	int64_t tar_size; /* bytes of the tar */
	int64_t kept;     /* bytes of the blob that is kept beside it (original.h) */
	int64_t squashed; /* bytes of the file that it is (squash.h); 0: it is a tree */
};
/* 1 and facts, 0 when the layer is not there, or negative. */
int layer_read_facts(struct store *store, const char *diff_id, struct layer_facts *ret, struct error *err);
/* Bytes that it takes on the disk. */
int64_t layer_room(const struct layer_facts *facts);
/* Whether it is in an additional store and its files belong to ids that this user's containers do not have. */
bool layer_is_foreign(struct store *store, const char *diff_id);
/* The diff ids of all layers of the store itself, damaged ones too, unsorted. */
int layer_list(struct store *store, struct strv *ret, struct error *err);
/* The same of one place. */
int layer_list_place(const struct store_place *place, struct strv *ret, struct error *err);

/* Puts a staged layer in its place: that of a damaged one too, which goes to the trash. -EEXIST when it is there whole.
 * The caller has synced the stage, syncs layers/, and is single-threaded. */
int layer_place(struct stage *stage, const char *diff_id, struct error *err);
/* The same where it is there whole, in another form: the staged one takes its place at once, and the former goes to the trash. The
 * caller holds store.lock exclusively. */
int layer_replace(struct stage *stage, const char *diff_id, struct error *err);
/* Marks the layer of this directory, lastingly. */
int layer_mark_damaged(int layer_fd, struct error *err);
