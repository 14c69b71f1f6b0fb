/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobs: in which forms a layer is known to registries: layers/<diff id>/blobs, a line each,
 *
 *	sha256:… size media-type compression registry/repository
 *
 * the latest last. It is knowledge that saves work (a push need not send what is there already, and a pulled image's
 * manifest can stay as it is), nothing that anything depends on: lines that are damaged are passed over, the oldest are
 * forgotten, and of two writers at once one may be lost.
 */
#pragma once

#include <stdint.h>

#include "storage/store/store.h"

struct layer_blob {
	char *digest;
	int64_t size;
	char *media_type;
	char *compression; /* stream_compression_name() */
	char *repository;  /* "registry.example.com:5000/path" */
};

struct layer_blobs {
	struct layer_blob *items;
	size_t count;
};
void layer_blobs_free(struct layer_blobs *blobs);
#define auto_layer_blobs CLEANUP(layer_blobs_free)

/* What is known; nothing is no error. */
void layer_blobs_read(struct store *store, const char *diff_id, struct layer_blobs *ret);
/* Takes note, if it was not known. */
int layer_blobs_note(struct store *store, const char *diff_id, const struct layer_blob *blob, struct error *err);
