/* SPDX-License-Identifier: Apache-2.0 */
/*
 * size: how much containers have written.
 *
 * It takes a walk through what a container has written, in the user namespace where another id's directories are in the way. That of a container which is
 * not running does not change, so it is kept in containers/<id>/size, with the times of the last start and end that it goes with: "<bytes> <started> <finished>". A
 * start makes it void. Whoever changes the files of one that is not running calls container_size_forget() before.
 */
#pragma once

#include "libpod/filter/filter.h"

struct container_size {
	int64_t written; /* bytes of the files that the container has changed or added; with the driver vfs, of all */
	int64_t total;   /* with what the layers have */
};

/* Of each of the containers, into an array of as many. One that vanishes has nothing. The caller must be single-threaded. */
int container_sizes(struct store *store, const struct container_entry *entries, size_t count, struct container_size *ret, struct error *err);
/* The same for those that are about to be removed: nothing is kept, and layers are not looked at (total is what is written). */
int container_sizes_written(struct store *store, const struct container_entry *entries, size_t count, struct container_size *ret, struct error *err);
void container_size_forget(struct store *store, const char *id);
/* "12.3kB (virtual 5.6MB)"; malloc'd. */
char *container_size_text(const struct container_size *size);
