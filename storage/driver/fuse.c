/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-overlayfs. The container's first process opens /dev/fuse and mounts the connection in its own mount namespace,
 * where alone it is to be seen; the server runs outside of the container's namespaces, as a child of the monitor
 * process, and gets the open connection (libfuse takes /dev/fd/N as a mount point that is mounted already). It ends
 * with the mount, or with the monitor.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pkg/process/process.h"
#include "storage/driver/internal.h"
#include "storage/layer/squash.h"

static int set_option(int fs, const char *key, const char *value)
{
	return fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) < 0 ? -errno : 0;
}

/* A detached mount, laid over the working directory. */
static int mount_here(const struct rootfs *rootfs, int fuse, int *ret_mount)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", fuse);
	const char *const options[][2] = {
	    {"source", rootfs_source(rootfs, "fuse-overlayfs")},
	    {"subtype", "fuse-overlayfs"},
	    {"fd", number},
	    {"rootmode", "40000"},
	    {"user_id", "0"},
	    {"group_id", "0"},
	    {"allow_other", NULL},
	    {"default_permissions", NULL},
	};
	auto_close int fs = fsopen("fuse", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int r = set_option(fs, options[i][0], options[i][1]);
		if (r < 0)
			return r;
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	auto_close int mounted = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
	if (mounted < 0 || move_mount(mounted, "", AT_FDCWD, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	*ret_mount = TAKE_FD(mounted);
	return 0;
}

int fuse_mount(struct rootfs *rootfs, int *ret_fd, struct error *err)
{
	auto_close int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open /dev/fuse");
	if (rootfs->at_working_directory) {
		int r = mount_here(rootfs, fd, &rootfs->mount_fd);
		if (r < 0)
			return error_sys(err, r, "mount fuse-overlayfs");
		*ret_fd = TAKE_FD(fd);
		return 0;
	}
	char options[128];
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
		 fd);
	if (mount(rootfs_source(rootfs, "fuse-overlayfs"), rootfs->target, "fuse.fuse-overlayfs", MS_NODEV, options) <
	    0)
		return error_sys(err, errno, "mount fuse-overlayfs");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/*
 * Where the server sees layers and the container's own directories, in a mount namespace of its own: fuse-overlayfs
 * parts its layers at colons whatever is done to escape them, and so must not see the paths of stores. What is in the
 * store keeps its way in it, which has digests for names; what is elsewhere, or mounted by ourselves
 * (storage/layer/squash.h), has a number. The trees are taken by open_tree(2) before anything is put over /tmp, below
 * which they may lie.
 */
#define SEEN_AT "/tmp"

struct view {
	const char *root;
	size_t root_length;
	int store;
	int *elsewhere; /* a tree of each lower, -1: it is seen in the store */
};

static int take_tree(const char *path)
{
	return open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static bool is_elsewhere(const struct rootfs *rootfs, const struct view *view, const char *path)
{
	bool inside = strncmp(path, view->root, view->root_length) == 0 && path[view->root_length] == '/';
	return !inside || strv_contains(&rootfs->squashed, path);
}

static int take_trees(const struct rootfs *rootfs, struct view *view)
{
	for (size_t i = 0; i < rootfs->squashed.count; i++) {
		int fd;
		pid_t pid;
		if (squash_mount(rootfs->squashed.items[i], &fd, NULL) < 0 ||
		    squash_serve(rootfs->squashed.items[i], fd, &pid, NULL) < 0)
			return -EIO;
		close(fd);
	}
	view->store = take_tree(view->root);
	for (size_t i = 0; i < rootfs->lowers.count; i++) {
		const char *path = rootfs->lowers.items[i];
		view->elsewhere[i] = is_elsewhere(rootfs, view, path) ? take_tree(path) : -1;
		if (view->elsewhere[i] < 0 && is_elsewhere(rootfs, view, path))
			return -errno;
	}
	return view->store < 0 ? -errno : 0;
}

static int put_tree(int tree, const char *path)
{
	return mkdir(path, 0700) < 0 || move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static int make_view(const struct rootfs *rootfs, struct view *view)
{
	int r = take_trees(rootfs, view);
	if (r == 0 && mount("tmpfs", SEEN_AT, "tmpfs", MS_NODEV, "mode=700") < 0)
		r = -errno;
	if (r == 0)
		r = put_tree(view->store, SEEN_AT "/store");
	for (size_t i = 0; r == 0 && i < rootfs->lowers.count; i++) {
		auto_free char *path = xasprintf(SEEN_AT "/%zu", i);
		if (view->elsewhere[i] >= 0)
			r = put_tree(view->elsewhere[i], path);
	}
	return r;
}

static void add_path(struct strbuf *options, const char *before, const char *path, const struct view *view)
{
	strbuf_printf(options, "%s" SEEN_AT "/store%s", before, path + view->root_length);
}

/* The file system of the store itself. */
static bool has_no_xattrs(const struct rootfs *rootfs)
{
	const char *path = rootfs->upper ? rootfs->upper : rootfs->lowers.items[0];
	return getxattr(path, "user.coracle", NULL, 0) < 0 && errno == EOPNOTSUPP;
}

static char *server_options(const struct rootfs *rootfs, const struct view *view, bool no_xattrs)
{
	struct strbuf options = STRBUF_INIT;
	for (size_t i = rootfs->lowers.count; i-- > 0;) {
		const char *before = options.length ? ":" : "lowerdir=";
		if (view->elsewhere[i] >= 0)
			strbuf_printf(&options, "%s" SEEN_AT "/%zu", before, i);
		else
			add_path(&options, before, rootfs->lowers.items[i], view);
	}
	if (rootfs->upper) {
		add_path(&options, ",upperdir=", rootfs->upper, view);
		add_path(&options, ",workdir=", rootfs->work, view);
		if (rootfs->volatile_upper)
			strbuf_puts(&options, ",volatile");
	}
	/* Of ACLs a FUSE mount of a user namespace says "not supported", and handing that on fails what asks for permission. */
	if (rootfs->squashed.count > 0 || no_xattrs)
		strbuf_puts(&options, ",noxattrs=1");
	if (rootfs->root_owns_all)
		strbuf_puts(&options, ",squash_to_root");
	/* At the first stat(2) of a directory it reads all of it, to count links, and a search of PATH does that to /usr/bin. So at least it is not to open each entry in
	 * every layer for a number: that of the topmost is taken. (static_nlink, which would not count, loses opaque directories: fuse-overlayfs 1.10.) */
	strbuf_puts(&options, ",fast_ino=1");
	return strbuf_take(&options);
}

/* In the server's process. */
static _Noreturn void serve(const struct rootfs *rootfs, const char *program, int fuse_fd)
{
	bool no_xattrs = has_no_xattrs(rootfs); /* by paths that are covered in a moment */
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_fds_except(3, &fuse_fd, 1);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || fcntl(fuse_fd, F_SETFD, 0) < 0)
		_exit(125);
	/* The target is <root>/mnt. */
	size_t root_length = (size_t)(strrchr(rootfs->target, '/') - rootfs->target);
	auto_free char *root = xstrndup(rootfs->target, root_length);
	auto_free int *elsewhere = xcalloc(rootfs->lowers.count, sizeof(*elsewhere));
	struct view view = {root, root_length, -1, elsewhere};
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
	    make_view(rootfs, &view) < 0)
		_exit(125);
	auto_free char *options = server_options(rootfs, &view, no_xattrs);
	char mount_point[32];
	snprintf(mount_point, sizeof(mount_point), "/dev/fd/%d", fuse_fd);
	execl(program, program, "-f", "-o", options, mount_point, NULL);
	_exit(127);
}

int rootfs_serve_fuse(const struct rootfs *rootfs, size_t index, int fuse_fd, pid_t *ret_pid, struct error *err)
{
	if (rootfs->driver == DRIVER_OVERLAY)
		return squash_serve(rootfs->squashed.items[index], fuse_fd, ret_pid, err);
	auto_free char *program = find_program("fuse-overlayfs");
	if (!program)
		return error_set(err, ENOENT, "there is no fuse-overlayfs; install the package fuse-overlayfs");
	pid_t pid = process_clone(0, NULL);
	if (pid < 0)
		return error_sys(err, pid, "start fuse-overlayfs");
	if (pid == 0)
		serve(rootfs, program, fuse_fd);
	*ret_pid = pid;
	return 0;
}
