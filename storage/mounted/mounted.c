/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/mounted/mounted.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "storage/driver/driver.h"
#include "storage/layer/layer.h"
#include "storage/layer/squash.h"

static char *mount_path(const struct store *store, const char *id)
{
	return xasprintf("%s/images/%s", store->run, id);
}

/* A server of fuse-overlayfs that has died leaves a mount that nothing can be asked. */
static bool is_mount_point(const char *path)
{
	struct statx st;
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st) < 0)
		return errno == ENOTCONN;
	return st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

int image_mounted_at(struct store *store, const char *id, char **ret_path)
{
	auto_free char *path = mount_path(store, id);
	if (!is_mount_point(path))
		return 0;
	*ret_path = TAKE_PTR(path);
	return 1;
}

/* ---- mounting ---- */
/* Lowest first, each once: of one that comes again the higher hides the lower. */
static int collect_layers(struct store *store, const struct image *image, struct strv *ret, struct error *err)
{
	for (size_t i = 0; i < image->layers.count; i++) {
		bool again = false;
		for (size_t j = i + 1; j < image->layers.count && !again; j++)
			again = strcmp(image->layers.items[i], image->layers.items[j]) == 0;
		char *path;
		if (again)
			continue;
		int r = layer_tree_path(store, image->layers.items[i], &path, err);
		if (r < 0)
			return r;
		strv_take(ret, path);
	}
	return ret->count
		   ? 0
		   : error_set(err, EINVAL, "image %.12s has no layers, so there is nothing to mount", image->id);
}

static int mount_by_kernel(const struct strv *layers, const char *path, struct error *err)
{
	auto_rootfs struct rootfs rootfs = {
	    .driver = DRIVER_OVERLAY, .target = xstrdup(path), .fuse_fd = -1, .mount_fd = -1};
	strv_add_all(&rootfs.lowers, layers);
	return rootfs_mount(&rootfs, -1, err);
}

static int mount_by_fuse(const struct strv *layers, const char *path, struct error *err)
{
	auto_strbuf struct strbuf options = STRBUF_INIT;
	for (size_t i = layers->count; i-- > 0;)
		strbuf_printf(&options, "%s%s", options.length ? ":" : "lowerdir=", layers->items[i]);
	/* It parts its layers at colons, and its options at commas, whatever is done to escape them. */
	auto_free char *all = strv_join(layers, "");
	if (strpbrk(all, ":,\\"))
		return error_set(err, EINVAL,
				 "fuse-overlayfs cannot mount what lies below a path with a colon or a comma");
	const char *const argv[] = {"fuse-overlayfs", "-o", strbuf_text(&options), path, NULL};
	return spawn_run(&(struct spawn){.argv = argv}, err);
}

/* An image that is one file needs nothing but its own server, which fusermount3(1) mounts for users. */
static int mount_squashfs(const char *tree_path, const char *path, struct error *err)
{
	auto_free char *file = xasprintf("%.*s/squashfs", (int)(strrchr(tree_path, '/') - tree_path), tree_path);
	const char *const argv[] = {"squashfuse", file, path, NULL};
	int r = squash_check_programs(err);
	return r < 0 ? r : spawn_run(&(struct spawn){.argv = argv}, err);
}

static bool any_squashed(const struct strv *layers)
{
	for (size_t i = 0; i < layers->count; i++)
		if (layer_is_squashed(layers->items[i]))
			return true;
	return false;
}

static int mount_layers(const struct strv *layers, const char *path, struct error *err)
{
	if (layers->count == 1 && layer_is_squashed(layers->items[0]))
		return mount_squashfs(layers->items[0], path, err);
	if (any_squashed(layers))
		return error_set(err, EOPNOTSUPP,
				 "it has a squashfs file and other layers; \"coracle image convert --squash\" makes "
				 "one file of them");
	int r = mount_by_kernel(layers, path, err);
	return r == -EPERM || r == -EACCES ? mount_by_fuse(layers, path, err) : r;
}

int image_mount(struct store *store, const struct image *image, char **ret_path, struct error *err)
{
	auto_free char *path = mount_path(store, image->id);
	auto_strv struct strv layers = STRV_INIT;
	if (is_mount_point(path)) {
		*ret_path = TAKE_PTR(path);
		return 0;
	}
	int r = collect_layers(store, image, &layers, err);
	if (r == 0)
		r = mkdirs(path, 0700, err);
	if (r == 0)
		r = mount_layers(&layers, path, err);
	if (r < 0) {
		rmdir(path);
		error_context(err, "mount image %.12s", image->id);
		return error_advice(err, "; \"coracle create\" and \"coracle export\" give its files without a mount");
	}
	*ret_path = TAKE_PTR(path);
	return 0;
}

/* ---- unmounting ---- */
static int unmount(const char *path, bool detach, struct error *err)
{
	if (umount2(path, UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0)) == 0)
		return 0;
	if (errno == EBUSY)
		return error_set(err, EBUSY, "%s is in use; --force unmounts it all the same", path);
	if (errno != EPERM)
		return error_sys(err, errno, "unmount %s", path);
	const char *const argv[] = {"fusermount3", detach ? "-uz" : "-u", "--", path, NULL};
	return spawn_run(&(struct spawn){.argv = argv}, err);
}

int image_unmount(struct store *store, const char *id, bool detach, struct error *err)
{
	auto_free char *path = mount_path(store, id);
	int r = is_mount_point(path) ? unmount(path, detach, err) : 0;
	if (r == 0)
		rmdir(path);
	return r;
}
