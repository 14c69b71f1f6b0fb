/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounted: images whose file system is mounted, read-only, for programs outside of containers: at
 * <runroot>/images/<id>.
 *
 * Who may mount (root, or whoever has made a user and a mount namespace for himself) gets the kernel's overlay, which
 * lasts as long as his mount namespace. Anybody else gets fuse-overlayfs, which fusermount3(1) mounts for users.
 * Through it he sees the image with his own rights: what only another user of the image may read he cannot. What is
 * mounted the mounts themselves tell; nothing is recorded.
 */
#pragma once

#include "storage/image/image.h"

/* Mounts it, unless it is; *ret_path is malloc'd. */
int image_mount(struct store *store, const struct image *image, char **ret_path, struct error *err);
/* Unmounts it, if it is mounted. `detach`: also when it is in use, by whom it stays until he is done. */
int image_unmount(struct store *store, const char *id, bool detach, struct error *err);
/* 1 and the path (malloc'd), or 0. */
int image_mounted_at(struct store *store, const char *id, char **ret_path);
