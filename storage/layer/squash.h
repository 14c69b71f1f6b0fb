/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squash: layers that are one file, for file systems that have trouble with many (NFS, Lustre).
 *
 * Such a layer is layers/<diff id>/ = { squashfs, recipe, layer.json, diff/ }. The file has the tree, with the owners
 * as the layer has them; layer.json says its digest and size in the member "squashfs". diff/ is where the tree is
 * mounted, in the mount namespace of whoever reads it, by squashfuse(1), since the kernel mounts squashfs for nobody
 * but the machine's root. Until then there are etc/passwd and etc/group in it, for those who look for a user before
 * anything is mounted.
 *
 * squashfuse runs outside of the container, as fuse-overlayfs does (storage/driver), and ends with its parent.
 */
#pragma once

#include <stdbool.h>

#include "storage/store/store.h"

/* Whether the layer with this tree (layer_tree_path()) is a single file. */
bool layer_is_squashed(const char *tree_path);
/* -ENOENT: squashfuse is not installed, or /dev/fuse cannot be opened, with words. */
int squash_check_programs(struct error *err);

/* Mounts the connection on the tree's path, in a mount namespace of the caller's own, who is root of its user
 * namespace. *ret_fd is to be served. */
int squash_mount(const char *tree_path, int *ret_fd, struct error *err);
/* Starts squashfuse for the connection, which is not closed here. It dies with the caller. */
int squash_serve(const char *tree_path, int fuse_fd, pid_t *ret_pid, struct error *err);

/* For a process of its own, with a copy of the store of its own, that is root of a user namespace and will read layers:
 * shows the trees of those that are single files at their paths, to it alone, until the end of `ret`. Does nothing
 * where none is. Descriptors of layers that were opened before do not see them. */
struct revealed {
	pid_t *servers;
	size_t count;
};
int layers_reveal(struct store *store, const struct strv *diff_ids, struct revealed *ret, struct error *err);
void revealed_end(struct revealed *revealed);
#define auto_revealed CLEANUP(revealed_end)
