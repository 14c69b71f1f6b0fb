/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts are made detached (fsmount, open_tree), given their attributes, and moved by descriptor onto their targets. A
 * target is found by openat2 inside the root: whatever symlinks an image holds, or somebody swaps in meanwhile, the
 * kernel keeps the way inside.
 *
 * Attributes are only ever added to what a mount has (mount_setattr), so that the flags that a user namespace inherits
 * locked (nosuid, nodev …) need no care; a bind remount would have to repeat them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"

#define PROC_ROOT_INODE 1

int mount_clone(int dirfd, const char *path, bool recursive)
{
	int fd = open_tree(dirfd, path,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0) |
			       (*path ? 0 : AT_EMPTY_PATH));
	return fd < 0 ? -errno : fd;
}

int mount_attach(int mount_fd, int target_fd)
{
	int r = move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return r < 0 ? -errno : 0;
}

int mount_set_attributes(int mount_fd, bool recursive, uint64_t set, uint64_t clear)
{
	struct mount_attr attributes = {.attr_set = set, .attr_clr = clear};
	int r = mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes,
			      sizeof(attributes));
	return r < 0 ? -errno : 0;
}

/* ---- a new file system ---- */

/* The kernel tells why through the descriptor, as "e <text>". */
static int explain(int fs_fd, int errnum, const char *type, struct error *err)
{
	char text[256];
	ssize_t n = read(fs_fd, text, sizeof(text) - 1);
	error_sys(err, errnum, "mount %s", type);
	if (n > 2) {
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		error_advice(err, " (%s)", text + 2);
	}
	return -errnum;
}

static int configure(int fs_fd, const char *source, const struct strv *data)
{
	if (source && fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return -errno;
	for (size_t i = 0; data && i < data->count; i++) {
		const char *word = data->items[i];
		size_t length = strcspn(word, "=");
		auto_free char *key = xstrndup(word, length);
		bool flag = !word[length];
		if (fsconfig(fs_fd, flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, key,
			     flag ? NULL : word + length + 1, 0) < 0)
			return -errno;
	}
	return fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

int mount_new(const char *type, const char *source, const struct strv *data, uint64_t attributes, struct error *err)
{
	auto_close int fs_fd = fsopen(type, FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return error_sys(err, errno, "mount %s", type);
	int r = configure(fs_fd, source, data);
	if (r < 0)
		return explain(fs_fd, -r, type, err);
	int fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int)attributes);
	return fd < 0 ? explain(fs_fd, errno, type, err) : fd;
}

/* ---- what is not ours to mount anew is shown as the host has it ---- */

/* sysfs wants a network namespace, procfs a pid namespace, cgroup2 a cgroup namespace of our user namespace. */
static const char *host_counterpart(const char *type)
{
	if (strcmp(type, "sysfs") == 0)
		return "/sys";
	if (strcmp(type, "proc") == 0)
		return "/proc";
	return strcmp(type, "cgroup2") == 0 ? "/sys/fs/cgroup" : NULL;
}

static bool may_show_host(const struct spec *spec, const char *type)
{
	/* The host's processes are for a container only that shares their pid namespace. */
	return strcmp(type, "proc") != 0 || !spec->namespaces[SPEC_NS_PID].present;
}

static int make_file_system(const struct spec *spec, const struct spec_mount *mount,
			    const struct mount_options *options, struct error *err)
{
	const char *type = strcmp(mount->type, "cgroup") == 0 ? "cgroup2" : mount->type;
	uint64_t attributes = options->set | options->set_recursive;
	if (options->copy_up)
		attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	int fd = mount_new(type, mount->source, &options->data, attributes, err);
	int r = fd >= 0 && options->idmap ? own_idmap(fd, mount, options, err) : 0;
	if (r < 0) {
		close(fd);
		return r;
	}
	const char *host = host_counterpart(type);
	if (fd >= 0 || !host || !may_show_host(spec, type) || (fd != -EPERM && fd != -EBUSY))
		return fd;
	auto_close int clone = mount_clone(AT_FDCWD, host, true);
	if (clone < 0)
		return fd;
	r = mount_set_attributes(clone, true, attributes & ~(uint64_t)MOUNT_ATTR__ATIME, 0);
	if (r < 0)
		return error_sys(err, r, "mount the host's %s", host);
	error_clear(err);
	return TAKE_FD(clone);
}

/* ---- bind mounts ---- */

/* What is locked cannot be cleared ("rw" of what is read-only to us): then it stays, and writing says so. */
static int change_attributes(int fd, bool recursive, uint64_t set, uint64_t clear, struct error *err)
{
	if (!set && !clear)
		return 0;
	int r = mount_set_attributes(fd, recursive, set, clear);
	if (r == -EPERM && clear)
		r = mount_set_attributes(fd, recursive, set & ~(uint64_t)MOUNT_ATTR__ATIME, 0);
	return r < 0 ? error_sys(err, r, "set mount options") : 0;
}

static int clone_source(const struct spec_mount *mount, const struct mount_options *options, struct error *err)
{
	if (!options->subpath)
		return mount_clone(AT_FDCWD, mount->source, options->recursive);
	auto_close int source = open(mount->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (source < 0)
		return -errno;
	auto_close int part = own_subpath(source, options->subpath, err);
	return part < 0 ? part : mount_clone(part, "", options->recursive);
}

int mount_bind_source(const struct spec_mount *mount, struct error *err)
{
	auto_mount_options struct mount_options options = {0};
	int r = mount_options_parse(mount, &options, err);
	if (r < 0)
		return r;
	int fd = clone_source(mount, &options, err);
	if (fd < 0 && err && err->errnum)
		return error_context(err, "bind mount of %s", mount->source);
	if (fd < 0) {
		error_sys(err, fd, "bind mount of %s", mount->source);
		if (fd == -EINVAL && !options.recursive)
			error_advice(err,
				     "; what is mounted below it cannot be left out in a user namespace: use rbind");
	}
	return fd;
}

/* `prepared`: the detached copy, if there is one already. */
static int make_bind(const struct spec_mount *mount, const struct mount_options *options, int prepared,
		     struct error *err)
{
	auto_close int fd = prepared >= 0 ? fcntl(prepared, F_DUPFD_CLOEXEC, 3) : mount_bind_source(mount, err);
	if (fd < 0)
		return prepared >= 0 ? error_sys(err, errno, "bind mount of %s", mount->source) : fd;
	int r;
	if ((r = change_attributes(fd, true, options->set_recursive, options->clear_recursive, err)) < 0 ||
	    (r = change_attributes(fd, false, options->set, options->clear, err)) < 0 ||
	    (options->idmap && (r = own_idmap(fd, mount, options, err)) < 0))
		return r;
	return TAKE_FD(fd);
}

/* `source`: it, when it is there already. */
static int make_overlay(const struct mount_options *options, int source, struct error *err)
{
	auto_close int fd = source >= 0 ? fcntl(source, F_DUPFD_CLOEXEC, 3) : own_overlay(options, err);
	int r = fd < 0 ? fd : change_attributes(fd, false, options->set | options->set_recursive, options->clear, err);
	if (r < 0 || !options->subpath)
		return r < 0 ? r : TAKE_FD(fd);
	auto_close int part = own_subpath(fd, options->subpath, err);
	int clone = part < 0 ? part : mount_clone(part, "", false);
	if (clone == -EINVAL)
		return error_set(err, EINVAL, "a part of an image can be mounted only with Linux 6.15 and later");
	return clone < 0 && part >= 0 ? error_sys(err, clone, "mount %s", options->subpath) : clone;
}

/* ---- propagation ---- */

bool mounts_follow_host(const struct spec *spec)
{
	static const char *const words[] = {"slave", "rslave", "shared", "rshared"};
	for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
		if (spec->rootfs_propagation && strcmp(spec->rootfs_propagation, words[w]) == 0)
			return true;
		for (size_t i = 0; i < spec->mounts_count; i++)
			if (strv_contains(&spec->mounts[i].options, words[w]))
				return true;
	}
	return false;
}

static int set_propagation(int fd, uint64_t type, bool recursive, struct error *err)
{
	struct mount_attr attributes = {.propagation = type};
	if (mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes, sizeof(attributes)) < 0)
		return error_sys(err, errno, "set mount propagation");
	return 0;
}

/* Where the whole namespace was made private there is nothing to do for "private". */
static int propagate(int fd, const struct mount_options *options, bool follow_host, struct error *err)
{
	if (!options->propagation_count)
		return follow_host ? set_propagation(fd, MS_PRIVATE, true, err) : 0;
	for (size_t i = 0; i < options->propagation_count; i++) {
		if (!follow_host && options->propagation[i].type == MS_PRIVATE)
			continue;
		int r = set_propagation(fd, options->propagation[i].type, options->propagation[i].recursive, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- targets ---- */

static int open_target(int root_fd, const char *path, bool directory)
{
	int fd = open_in_root(root_fd, path, O_PATH, 0);
	if (fd != -ENOENT)
		return fd;
	if (directory)
		return mkdirs_in_root(root_fd, path, 0755);
	auto_free char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		auto_close int made = mkdirs_in_root(root_fd, parent, 0755);
		if (made < 0)
			return made;
	}
	auto_close int file = open_in_root(root_fd, path, O_RDONLY | O_CREAT, 0644);
	if (file < 0)
		return file;
	return open_in_root(root_fd, path, O_PATH, 0);
}

/* A mount in procfs could take away the masks of what is below, or feed programs lies about themselves. These files are
 * what lxcfs and the like replace. */
static int check_target(int target, const struct spec_mount *mount, struct error *err)
{
	static const char *const allowed[] = {"/proc/cpuinfo",
					      "/proc/diskstats",
					      "/proc/meminfo",
					      "/proc/stat",
					      "/proc/swaps",
					      "/proc/uptime",
					      "/proc/loadavg",
					      "/proc/slabinfo",
					      "/proc/net/dev",
					      "/proc/sys/kernel/ns_last_pid",
					      "/proc/sys/crypto/fips_enabled"};
	struct statfs fs;
	struct stat st;
	if (fstatfs(target, &fs) < 0 || fstat(target, &st) < 0)
		return error_sys(err, errno, "look at the mount target %s", mount->destination);
	if (fs.f_type != PROC_SUPER_MAGIC)
		return 0;
	if (st.st_ino == PROC_ROOT_INODE && mount->type && strcmp(mount->type, "proc") == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (strcmp(allowed[i], mount->destination) == 0)
			return 0;
	return error_set(err, EPERM, "%s cannot be mounted on because it is inside /proc", mount->destination);
}

static bool is_directory(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool has_data(const struct mount_options *options, const char *key)
{
	return strv_env_get(&options->data, key) != NULL;
}

/* What was said of the file system's root holds, whatever was copied into it. */
static int restore_root(int fd, const struct stat *before, const struct mount_options *options)
{
	uid_t uid = has_data(options, "uid") ? before->st_uid : (uid_t)-1;
	gid_t gid = has_data(options, "gid") ? before->st_gid : (gid_t)-1;
	if ((uid != (uid_t)-1 || gid != (gid_t)-1) && fchown(fd, uid, gid) < 0)
		return -errno;
	return has_data(options, "mode") && fchmod(fd, before->st_mode & 07777) < 0 ? -errno : 0;
}

static int fill_from_below(int mount_fd, int target, const struct mount_options *options, struct error *err)
{
	auto_close int from = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int to = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat before;
	if (from < 0 || to < 0 || fstat(to, &before) < 0)
		return error_sys(err, errno, "copy what is there into the tmpfs");
	int r = tree_copy(from, to, err);
	if (r == 0 && (r = restore_root(to, &before, options)) < 0)
		error_sys(err, r, "set the mode of the tmpfs");
	return r < 0 ? r : change_attributes(mount_fd, false, options->set & MOUNT_ATTR_RDONLY, 0, err);
}

/* The detached mount that is to be attached. */
static int make_mount(const struct spec *spec, const struct spec_mount *mount, const struct mount_options *options,
		      const struct prepared *prepared, struct error *err)
{
	if (options->shared && prepared->shared_count)
		return shared_mount(prepared, (size_t)(mount - spec->mounts), options, err);
	int source = prepared->sources ? prepared->sources[mount - spec->mounts] : -1;
	if (options->lowers.count)
		return make_overlay(options, source, err);
	if (prepared->shm < 0 || strcmp(mount->destination, "/dev/shm") != 0)
		return options->bind ? make_bind(mount, options, source, err)
				     : make_file_system(spec, mount, options, err);
	int fd = fcntl(prepared->shm, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? error_sys(err, errno, "take the other container's /dev/shm") : fd;
}

bool mount_is_own_dev(const struct spec_mount *mount)
{
	return strcmp(mount->destination, "/dev") == 0 && mount->type && strcmp(mount->type, "tmpfs") == 0;
}

static int setup_one(const struct spec *spec, const struct spec_mount *mount, int root_fd,
		     const struct prepared *prepared, bool follow_host, struct error *err)
{
	auto_mount_options struct mount_options options = {0};
	int r = mount_options_parse(mount, &options, err);
	if (r < 0)
		return r;
	if (mount_is_own_dev(mount)) {
		options.set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		options.set_recursive &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	}
	auto_close int fd = make_mount(spec, mount, &options, prepared, err);
	if (fd < 0)
		return fd;
	if ((r = propagate(fd, &options, follow_host, err)) < 0)
		return r;
	bool own = options.fill || (options.chown && !options.shared);
	auto_close int there = own ? open_in_root(root_fd, mount->destination, O_PATH | O_DIRECTORY, 0) : -1;
	auto_close int target = open_target(root_fd, mount->destination, is_directory(fd));
	if (target < 0)
		return error_sys(err, target, "make the mount target");
	if (is_directory(fd) != is_directory(target))
		return error_set(
		    err, ENOTDIR,
		    "not a directory: are you trying to mount a directory onto a file (or the other way round)?");
	if ((r = check_target(target, mount, err)) < 0 ||
	    (options.copy_up && (r = fill_from_below(fd, target, &options, err)) < 0) ||
	    (own && (r = own_prepare(spec, mount, &options, fd, there, prepared, err)) < 0))
		return r;
	r = mount_attach(fd, target);
	return r < 0 ? error_sys(err, r, "attach the mount") : 0;
}

int mounts_setup(const struct spec *spec, int root_fd, const struct prepared *prepared, struct error *err)
{
	bool follow_host = mounts_follow_host(spec);
	for (size_t i = 0; i < spec->mounts_count; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		int r = setup_one(spec, mount, root_fd, prepared, follow_host, err);
		if (r >= 0)
			continue;
		/* A kernel without the controllers' file system, or one whose own is hidden from us: the container goes
		 * without. */
		if (mount->type && strncmp(mount->type, "cgroup", strlen("cgroup")) == 0) {
			error_clear(err);
			continue;
		}
		return error_context(err, "mount %s", mount->destination);
	}
	return 0;
}

int runtime_mount(const struct spec *spec, int root_fd, struct error *err)
{
	static const struct prepared none = PREPARED_INIT;
	return mounts_setup(spec, root_fd, &none, err);
}
