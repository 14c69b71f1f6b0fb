/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/descriptors/descriptors.h"
#include "storage/driver/internal.h"
#include "storage/layer/layer.h"
#include "storage/layer/squash.h"

static int make_directory(struct store *store, const char *path, mode_t mode, struct error *err)
{
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : error_sys(err, errno, "make %s", path);
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, mode) < 0)
		return error_sys(err, errno, "make %s", path);
	return store_give(store, fd, err);
}

/* The upper directory stands in for the image's own root, and has its mode. */
static int make_upper(struct store *store, const struct rootfs *rootfs, struct error *err)
{
	struct stat st;
	const char *top = rootfs->lowers.items[rootfs->lowers.count - 1];
	return make_directory(store, rootfs->upper, stat(top, &st) == 0 ? st.st_mode & 07777 : 0755, err);
}

/* Of a layer that an image has twice the upper one hides the lower; overlay refuses to have both. */
static bool comes_again(const struct strv *diff_ids, size_t index)
{
	for (size_t i = index + 1; i < diff_ids->count; i++)
		if (strcmp(diff_ids->items[i], diff_ids->items[index]) == 0)
			return true;
	return false;
}

/* With the lowers filled: what is the container's own. */
static int prepare_own(struct store *store, const struct strv *diff_ids, const char *container_path, struct rootfs *rootfs,
		       struct error *err)
{
	int r;
	if (rootfs->driver == DRIVER_VFS) {
		if ((r = vfs_prepare(store, diff_ids, &rootfs->lowers, container_path, err)) < 0)
			return r;
		rootfs->target = xasprintf("%s/rootfs", container_path);
		return 0;
	}
	rootfs->upper = xasprintf("%s/upper", container_path);
	rootfs->work = xasprintf("%s/work", container_path);
	rootfs->target = xasprintf("%s/mnt", store->root);
	r = make_upper(store, rootfs, err);
	return r < 0 ? r : make_directory(store, rootfs->work, 0700, err);
}

static bool has_one_id(struct store *store)
{
	struct id_mapping mapping;
	return store_mapping(store, &mapping, NULL) == 0 && mapping.single;
}

int rootfs_prepare_folder(struct store *store, enum driver driver, const char *folder, const char *container_path,
			  struct rootfs *ret, struct error *err)
{
	auto_rootfs struct rootfs rootfs = {.driver = driver, .fuse_fd = -1, .mount_fd = -1};
	struct strv no_layers = STRV_INIT;
	int r = 0;
	if (!container_path) {
		assert(driver == DRIVER_VFS);
		rootfs.target = xstrdup(folder);
	} else {
		strv_add(&rootfs.lowers, folder);
		r = prepare_own(store, &no_layers, container_path, &rootfs, err);
		rootfs.root_owns_all = driver == DRIVER_FUSE_OVERLAYFS && has_one_id(store);
	}
	if (r < 0)
		return r;
	*ret = rootfs;
	rootfs = (struct rootfs){0};
	return 0;
}

int rootfs_prepare(struct store *store, enum driver driver, const struct strv *diff_ids, const char *container_path,
		   struct rootfs *ret, struct error *err)
{
	auto_rootfs struct rootfs rootfs = {.driver = driver, .fuse_fd = -1, .mount_fd = -1};
	for (size_t i = 0; i < diff_ids->count; i++) {
		if (comes_again(diff_ids, i))
			continue;
		char *path;
		int r = layer_tree_path(store, diff_ids->items[i], &path, err);
		if (r < 0)
			return r;
		if (layer_is_squashed(path) && (r = squash_check_programs(err)) == 0)
			strv_add(&rootfs.squashed, path);
		strv_take(&rootfs.lowers, path);
		if (r < 0)
			return r;
	}
	if (rootfs.lowers.count == 0)
		return error_set(err, EINVAL, "the image has no layers, so there is nothing to run");
	int r = prepare_own(store, diff_ids, container_path, &rootfs, err);
	if (r < 0)
		return r;
	if (driver == DRIVER_FUSE_OVERLAYFS && !layers_are_ours(store, diff_ids))
		rootfs.root_owns_all = has_one_id(store);
	*ret = rootfs;
	rootfs = (struct rootfs){0};
	return 0;
}

static int send_descriptor(int socket, int fd, struct error *err)
{
	int r = descriptors_send(socket, "f", 1, &fd, 1, 0);
	return r < 0 ? error_sys(err, r, "hand on the connection of fuse-overlayfs") : 0;
}

/* The kernel's overlay waits until the monitor has them served. */
static int mount_squashed(const struct rootfs *rootfs, int fuse_socket, struct error *err)
{
	for (size_t i = 0; i < rootfs->squashed.count; i++) {
		auto_close int fuse = -1;
		int r = squash_mount(rootfs->squashed.items[i], &fuse, err);
		if (r == 0)
			r = send_descriptor(fuse_socket, fuse, err);
		if (r < 0)
			return r;
	}
	return 0;
}

size_t rootfs_servers(const struct rootfs *rootfs)
{
	return rootfs->driver == DRIVER_OVERLAY ? rootfs->squashed.count : rootfs->driver == DRIVER_FUSE_OVERLAYFS;
}

int rootfs_mount(struct rootfs *rootfs, int fuse_socket, struct error *err)
{
	int r = 0;
	switch (rootfs->driver) {
	case DRIVER_OVERLAY:
		r = mount_squashed(rootfs, fuse_socket, err);
		return r < 0 ? r : overlay_mount(rootfs, err);
	case DRIVER_VFS:
		/* pivot_root(2) wants a mount. */
		if (mount(rootfs->target, rootfs->target, NULL, MS_BIND | MS_REC, NULL) < 0)
			return error_sys(err, errno, "mount the root of the container");
		return 0;
	default:
		break;
	}
	auto_close int fuse = -1;
	r = fuse_mount(rootfs, &fuse, err);
	return r < 0 ? r : send_descriptor(fuse_socket, fuse, err);
}
