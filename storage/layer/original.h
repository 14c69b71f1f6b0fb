/* SPDX-License-Identifier: Apache-2.0 */
/*
 * original: the compressed blob as which a layer came, kept where the settings say so (coracle.conf(5),
 * keep_compressed_blobs): layers/<diff id>/blob, and what it is in the member "blob" of layer.json: {"digest", "size",
 * "mediaType", "compression"}. It comes and goes with the layer. A layer that came as a plain tar needs none: its
 * recipe gives just that.
 *
 * It serves push and save, so that an image's manifest stays as it is. Nothing else depends on it: one that is damaged
 * costs the manifest's digest and no content, and `system check --repair` lets go of it.
 */
#pragma once

#include "storage/layer/blobs.h"

void layer_blob_free(struct layer_blob *blob);
#define auto_layer_blob CLEANUP(layer_blob_free)

/* Opens it: a descriptor, and what it is (its repository is NULL); -ENOENT, without words, when none is kept. */
int layer_original_open(struct store *store, const char *diff_id, struct layer_blob *ret, struct error *err);
/* The same in the layer's own directory. */
int layer_original_open_at(int layer_fd, struct layer_blob *ret, struct error *err);

/* Whether the opened one has its digest. -EBADMSG: not. */
int layer_original_verify(int fd, const struct layer_blob *blob, struct error *err);

/* Where the bytes of a blob are that is to be kept. */
struct layer_original_source {
	int fd;
	int64_t offset, length; /* -1: to the end */
	bool whole; /* the file is nothing but the blob and the store's own: it becomes the blob, by a hard link */
};
/* Puts it into a staged layer that has its layer.json. */
int layer_original_keep(int layer_fd, const struct layer_original_source *source, const struct layer_blob *blob,
			struct error *err);
/* Removes it. */
int layer_original_drop(int layer_fd, struct error *err);
