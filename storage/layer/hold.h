/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold: layers that are read for as long as a network or a pipe takes (push, save), while others go on with the store:
 * who held store.lock for minutes would keep everybody from removing anything.
 *
 * A held layer may be removed all the same, and nobody waits for that. Its directory is open and has a shared flock(2):
 * removing is a rename into the trash, through which it stays what it was, and the trash is not emptied of what has such
 * a lock. Whoever lets go of a layer that was removed meanwhile empties the trash himself; when he is killed instead, the
 * lock goes with him, and the next who empties it finds nothing in his way.
 */
#pragma once

#include "pkg/cleanup/cleanup.h"
#include "storage/store/store.h"

/* The caller holds store.lock. From now on layer_open() gives these directories, in this process and those that it forks.
 * 1: the lock can be given back. 0: it has to be kept for as long as they are read, for one of them is a single file,
 * which is mounted by its path. -ENOENT: one is not there. */
int layers_hold(struct store *store, const struct strv *diff_ids, struct error *err);
/* Lets go of them; also done by whoever frees the store, but for the trash. */
void layers_release(struct store *store);
static inline void layers_releasep(struct store **store)
{
	layers_release(*store);
}
/* A borrowed store, whose held layers are let go of at the end of the block. */
#define auto_holding CLEANUP(layers_releasep)

/* The descriptor of a held one; -1: it is not. */
int layer_held(const struct store *store, const char *diff_id);
