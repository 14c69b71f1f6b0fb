/* SPDX-License-Identifier: Apache-2.0 */
/* internal: what the files of the driver module share. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "storage/driver/driver.h"

/* names.c: what a mount of it has as its source: the end of the upper directory's path, "containers/<id>/upper", by
 * which it is seen whose it is; `otherwise` where there is none. */
const char *rootfs_source(const struct rootfs *rootfs, const char *otherwise);

/* overlay.c: mounts rootfs->lowers (and upper, work) on target by the kernel's overlay; in a mount namespace of our
 * own. */
int overlay_mount(const struct rootfs *rootfs, struct error *err);
/* fuse.c: mounts an empty connection on target; the descriptor of /dev/fuse is *ret_fd. */
int fuse_mount(struct rootfs *rootfs, int *ret_fd, struct error *err);
/* choose.c: whether fuse-overlayfs can work. */
int probe_fuse(struct error *err);
/* The same file: whether the kernel can write to files of these layers for us. */
bool layers_are_ours(struct store *store, const struct strv *diff_ids);
/* vfs.c: makes <container>/rootfs of the layers, as root of the user namespace; nothing when it is there. */
int vfs_prepare(struct store *store, const struct strv *diff_ids, const struct strv *lowers, const char *container_path,
		struct error *err);
