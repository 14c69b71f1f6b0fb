/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfs: a whole copy of the image for each container, sharing blocks where the file system can. The copy is made beside
 * its place and renamed: one that is there is whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "storage/driver/internal.h"
#include "storage/layer/squash.h"

#define TREE        "rootfs"
#define TREE_STAGED "rootfs.tmp"

struct copy {
	struct store *store;
	const struct strv *diff_ids;
	const struct strv *lowers;
	const char *container_path;
};

/* Runs as root of the user namespace, so that the copies have the owners of what they are copies of. */
static int copy_layers(void *data, struct error *err)
{
	const struct copy *copy = data;
	auto_revealed struct revealed revealed = {0};
	int r = layers_reveal(copy->store, copy->diff_ids, &revealed, err);
	if (r < 0)
		return r;
	auto_close int container = open(copy->container_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (container < 0)
		return error_sys(err, errno, "open %s", copy->container_path);
	if ((r = tree_remove_at(container, TREE_STAGED, err)) < 0)
		return r;
	if (mkdirat(container, TREE_STAGED, 0755) < 0)
		return error_sys(err, errno, "make the root directory of the container");
	auto_close int tree = openat(container, TREE_STAGED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < copy->lowers->count; i++) {
		auto_close int layer = open(copy->lowers->items[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (tree < 0 || layer < 0)
			return error_sys(err, errno, "open layer %s", copy->lowers->items[i]);
		if ((r = tree_copy_layer(layer, tree, err)) < 0)
			return error_context(err, "copy layer %zu of the image", i + 1);
	}
	return renameat(container, TREE_STAGED, container, TREE) < 0
		   ? error_sys(err, errno, "place the root of the container")
		   : 0;
}

int vfs_prepare(struct store *store, const struct strv *diff_ids, const struct strv *lowers, const char *container_path,
		struct error *err)
{
	auto_free char *tree = xasprintf("%s/" TREE, container_path);
	if (faccessat(AT_FDCWD, tree, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	struct copy copy = {store, diff_ids, lowers, container_path};
	return store_run_mapped(store, copy_layers, &copy, err);
}
