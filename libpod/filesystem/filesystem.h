/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filesystem: the file system of a container, running or not, with whichever storage driver: what its image has, and
 * what the container has changed of it.
 *
 * What was made only for the runtime to mount things on is no change.
 */
#pragma once

#include "libpod/container/container.h"
#include "storage/contents/contents.h"

struct filesystem {
	struct contents *image;
	struct changes changes;
	int tree_fd; /* the upper directory, or with vfs the whole tree; -1: nothing was written yet */
};
#define FILESYSTEM_INIT ((struct filesystem){.tree_fd = -1})
void filesystem_close(struct filesystem *filesystem);
#define auto_filesystem CLEANUP(filesystem_close)

/* For a process that is root of the user namespace: store_run_mapped(). */
int filesystem_open(struct store *store, const struct container *container, struct filesystem *ret, struct error *err);
