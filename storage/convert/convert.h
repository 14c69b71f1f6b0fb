/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert: the layers of an image as one layer that is one squashfs file (storage/layer/squash.h).
 *
 * The layers are laid one over the other by their recipes and written as a tar, the same bytes always. That tar is
 * unpacked into a stage, which makes its recipe; then the tar comes from the recipe once more, for mksquashfs(1), and
 * the tree goes. So what the file has is what the recipe says, with the owners that the image means, whoever's ids the
 * conversion had.
 *
 * Killed at any moment it leaves a stage, which the next sweep removes.
 */
#pragma once

#include "storage/store/store.h"
#include "storage/unpack/unpack.h"

/* -ENOENT: what is missing, with its package. */
int convert_check_programs(struct error *err);
/* Stages the layer, synced; `ret` has its diff id and sizes. The caller has one thread, holds store.lock, and
 * places the stage with layer_place(). */
int convert_squash(struct store *store, const struct strv *diff_ids, struct stage *stage, struct unpack_result *ret,
		   struct error *err);
