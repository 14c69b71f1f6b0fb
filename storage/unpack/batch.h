/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: the layers of an image on their way into the store. Each is staged; then all are written to the disk at once
 * and placed. Whoever dies in between leaves stages, which the next sweep removes; a layer that is in its place is
 * whole and lasts. Of two who bring the same layer at once, one places it and the other drops its own.
 *
 * Unpacking happens in child processes (unpack.h), one for each layer that is unpacked at the same time: the first is
 * started with the first layer, unless layer_batch_start() has started several before.
 *
 * The caller holds store.lock (shared) while it places for the last time, and from when it was told that a layer is there
 * for as long as the layer is not to go away: what was placed, or found there, before that he asks for again under it.
 */
#pragma once

#include "storage/layer/layer.h"
#include "storage/unpack/unpack.h"

struct layer_batch;
struct layer_batch *layer_batch_new(struct store *store);
/* Drops what was not placed. */
void layer_batch_free(struct layer_batch *batch);
DEFINE_CLEANUP(struct layer_batch *, layer_batch_free)
#define auto_layer_batch CLEANUP(layer_batch_freep)

/* Starts `count` processes, at most LAYER_BATCH_MAX, while the caller has one thread: from then on as many threads may
 * call layer_batch_add() at the same time. Each has two threads and about 12 MB of memory: all together stay
 * below 64 MB, unless a layer is compressed so that it takes more to read (zstd --long, xz -9): up to 128 MiB, of which
 * only one is read at a time. Other tools pull such images, so that refusing them would be worse. */
#define LAYER_BATCH_MAX 4
int layer_batch_start(struct layer_batch *batch, size_t count, struct error *err);
/* This many layers can be added without being placed; one more places those. */
#define LAYER_BATCH_STAGED_MAX 64

/* Whether the layer is in the store, or in this batch: 1 and facts, or 0. */
int layer_batch_has(struct layer_batch *batch, const char *diff_id, struct layer_facts *ret, struct error *err);
/* Unpacks and stages a layer. One that turns out to be there already is dropped again: that is no error. */
int layer_batch_add(struct layer_batch *batch, const struct unpack_request *request, struct unpack_result *ret,
		    struct error *err);
/* Makes all durable and puts them in their places. */
int layer_batch_place(struct layer_batch *batch, struct error *err);
