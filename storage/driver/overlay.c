/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's overlay, mounted by root of a user namespace: "userxattr", because trusted.* xattrs are not for us
 * (Linux 5.11, Documentation/filesystems/overlayfs.rst).
 *
 * Directories are named /proc/self/fd/N throughout: that needs no escaping, fits into the 255 characters that
 * fsconfig(2) takes, and tells a container nothing of where the store lies. Since Linux 6.7 each layer is a parameter
 * of its own; before, all go into one page of mount(2) options, which has room for more than 200.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "storage/driver/internal.h"

#define OPTIONS_MAX   4096
#define PARAMETER_MAX 256
#define FD_PATH_MAX   sizeof("/proc/self/fd/-2147483648")

/* The directories of a root file system, opened. */
struct directories {
	int *lowers;
	size_t count;
	int upper, work; /* -1: read-only */
};

static void directories_close(struct directories *directories)
{
	for (size_t i = 0; i < directories->count; i++)
		close(directories->lowers[i]);
	free(directories->lowers);
	cleanup_close(&directories->upper);
	cleanup_close(&directories->work);
}

static int open_directory(const char *path, int *ret, struct error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	*ret = fd;
	return 0;
}

static int open_directories(const struct rootfs *rootfs, struct directories *ret, struct error *err)
{
	ret->lowers = xcalloc(rootfs->lowers.count, sizeof(*ret->lowers));
	int r = 0;
	for (size_t i = 0; r == 0 && i < rootfs->lowers.count; i++) {
		r = open_directory(rootfs->lowers.items[i], &ret->lowers[i], err);
		if (r == 0)
			ret->count++;
	}
	if (r == 0 && rootfs->upper)
		r = open_directory(rootfs->upper, &ret->upper, err);
	if (r == 0 && rootfs->upper)
		r = open_directory(rootfs->work, &ret->work, err);
	return r;
}

static int set_directory(int fs, const char *key, int fd)
{
	char path[FD_PATH_MAX];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fsconfig(fs, FSCONFIG_SET_STRING, key, path, 0) < 0 ? -errno : 0;
}

static int set_flag(int fs, const char *key)
{
	return fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0) < 0 ? -errno : 0;
}

/* A detached mount. -EINVAL or -ENOSYS when the kernel does not know this way. */
static int new_by_parameters(const struct rootfs *rootfs, const struct directories *directories)
{
	auto_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	int r = fsconfig(fs, FSCONFIG_SET_STRING, "source", rootfs_source(rootfs, "overlay"), 0) < 0 ? -errno : 0;
	if (r == 0)
		r = set_flag(fs, "userxattr");
	for (size_t i = directories->count; r == 0 && i-- > 0;)
		r = set_directory(fs, "lowerdir+", directories->lowers[i]);
	if (r == 0 && rootfs->upper)
		r = set_directory(fs, "upperdir", directories->upper);
	if (r == 0 && rootfs->upper)
		r = set_directory(fs, "workdir", directories->work);
	if (r == 0 && rootfs->upper && rootfs->volatile_upper)
		r = set_flag(fs, "volatile");
	if (r == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	int mounted = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
	return mounted < 0 ? -errno : mounted;
}

static int mount_by_parameters(const struct rootfs *rootfs, const struct directories *directories)
{
	auto_close int mounted = new_by_parameters(rootfs, directories);
	if (mounted < 0)
		return mounted;
	return move_mount(mounted, "", AT_FDCWD, rootfs->target, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static int mount_by_options(const struct rootfs *rootfs, const struct directories *directories)
{
	auto_strbuf struct strbuf options = STRBUF_INIT;
	strbuf_puts(&options, "userxattr");
	for (size_t i = directories->count; i-- > 0;)
		strbuf_printf(&options, "%s/proc/self/fd/%d", i + 1 == directories->count ? ",lowerdir=" : ":",
			      directories->lowers[i]);
	if (rootfs->upper)
		strbuf_printf(&options, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", directories->upper,
			      directories->work);
	if (rootfs->upper && rootfs->volatile_upper)
		strbuf_puts(&options, ",volatile");
	if (options.length >= OPTIONS_MAX)
		return -E2BIG;
	return mount(rootfs_source(rootfs, "overlay"), rootfs->target, "overlay", MS_NODEV, strbuf_text(&options)) < 0
		   ? -errno
		   : 0;
}

/* Overlay without an upper directory wants two layers; one alone is simply bound. */
static int bind_only_layer(const struct rootfs *rootfs, struct error *err)
{
	if (mount(rootfs->lowers.items[0], rootfs->target, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, rootfs->target, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NODEV, NULL) < 0)
		return error_sys(err, errno, "mount the image's only layer");
	return 0;
}

int overlay_mount(const struct rootfs *rootfs, struct error *err)
{
	if (!rootfs->upper && rootfs->lowers.count == 1)
		return bind_only_layer(rootfs, err);
	CLEANUP(directories_close) struct directories directories = {.upper = -1, .work = -1};
	int r = open_directories(rootfs, &directories, err);
	if (r < 0)
		return r;
	/* A volatile mount leaves this to say that a crash may have lost data. It cannot have lost what had to last:
	 * the files of a --rm container do not outlive it. */
	if (rootfs->upper && rootfs->volatile_upper)
		tree_remove_at(directories.work, "work/incompat", NULL);
	r = mount_by_parameters(rootfs, &directories);
	if (r == -EINVAL || r == -ENOSYS || r == -EOPNOTSUPP)
		r = mount_by_options(rootfs, &directories);
	if (r == -E2BIG)
		return error_set(
		    err, E2BIG,
		    "the image has %zu layers, more than this kernel's overlay takes (Linux 6.7 lifts that)",
		    rootfs->lowers.count);
	return r < 0 ? error_sys(err, r, "mount the overlay of %zu layers", rootfs->lowers.count) : 0;
}

/* Before Linux 6.7: all layers in one parameter, which has room for a few. */
static int new_by_list(const struct rootfs *rootfs, const struct directories *directories)
{
	auto_strbuf struct strbuf lowers = STRBUF_INIT;
	for (size_t i = directories->count; i-- > 0;)
		strbuf_printf(&lowers, "%s/proc/self/fd/%d", lowers.length ? ":" : "", directories->lowers[i]);
	auto_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (lowers.length >= PARAMETER_MAX)
		return -E2BIG;
	int r = fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", strbuf_text(&lowers), 0) < 0
		    ? -errno
		    : set_flag(fs, "userxattr");
	if (r == 0 && rootfs->upper)
		r = set_directory(fs, "upperdir", directories->upper);
	if (r == 0 && rootfs->upper)
		r = set_directory(fs, "workdir", directories->work);
	if (r == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	int mounted = r < 0 ? r : fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
	return mounted < 0 && r == 0 ? -errno : mounted;
}

static int clone_only_layer(const struct rootfs *rootfs)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV};
	auto_close int fd = open_tree(AT_FDCWD, rootfs->lowers.items[0], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0 ? -errno
												   : TAKE_FD(fd);
}

int overlay_new(const struct strv *lowers, const char *upper, const char *work, struct error *err)
{
	struct rootfs rootfs = {
	    .driver = DRIVER_OVERLAY, .lowers = *lowers, .upper = (char *)upper, .work = (char *)work, .fuse_fd = -1};
	CLEANUP(directories_close) struct directories directories = {.upper = -1, .work = -1};
	int r = open_directories(&rootfs, &directories, err);
	if (r < 0)
		return r;
	if (!upper && lowers->count == 1)
		r = clone_only_layer(&rootfs);
	else
		r = new_by_parameters(&rootfs, &directories);
	if (r == -EINVAL || r == -ENOSYS || r == -EOPNOTSUPP)
		r = new_by_list(&rootfs, &directories);
	if (r >= 0)
		return r;
	error_sys(err, r, "mount an overlay of %zu director%s", lowers->count, lowers->count == 1 ? "y" : "ies");
	if (r == -EPERM || r == -EINVAL)
		error_advice(err, "; it needs the kernel's overlay, which works neither before Linux 5.11 nor with its "
				  "upper directory on NFS");
	return r;
}
