/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sysctls, masked and read-only paths. What masks comes from the host (its /dev/null, checked to be the null device)
 * and from a tmpfs of our own, never from the image; what is masked is found inside the root by openat2, through
 * whatever links lead there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"

/* Whether a path that is not there, or lies behind what is no directory, is as good as masked. */
static bool is_absent(int error)
{
	return error == -ENOENT || error == -ENOTDIR;
}

static int clone_null(void)
{
	struct stat st;
	auto_close int fd = mount_clone(AT_FDCWD, "/dev/null", false);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return -ENODEV;
	int r = mount_set_attributes(fd, false, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0);
	return r < 0 ? r : TAKE_FD(fd);
}

/* The first masked directory gets an empty tmpfs, all others clones of it: a mount can be cloned once it is attached.
 */
static int clone_empty(int *first, struct error *err)
{
	if (*first >= 0) {
		int fd = mount_clone(*first, "", false);
		return fd < 0 ? error_sys(err, fd, "clone the empty directory") : fd;
	}
	auto_strv struct strv data = STRV_INIT;
	strv_add(&data, "mode=555");
	int fd = mount_new("tmpfs", "tmpfs", &data,
			   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	if (fd < 0)
		return fd;
	*first = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fd;
}

static int mask(int root_fd, const char *path, int *empty, struct error *err)
{
	struct stat st;
	auto_close int target = open_in_root(root_fd, path, O_PATH, 0);
	if (is_absent(target))
		return 0;
	if (target < 0 || fstat(target, &st) < 0)
		return error_sys(err, target < 0 ? target : errno, "find it");
	auto_close int cover = S_ISDIR(st.st_mode) ? clone_empty(empty, err) : clone_null();
	if (cover < 0)
		return S_ISDIR(st.st_mode) ? cover : error_sys(err, cover, "the host's /dev/null");
	int r = mount_attach(cover, target);
	return r < 0 ? error_sys(err, r, "attach the cover") : 0;
}

static int make_read_only(int root_fd, const char *path, struct error *err)
{
	auto_close int target = open_in_root(root_fd, path, O_PATH, 0);
	if (is_absent(target))
		return 0;
	if (target < 0)
		return error_sys(err, target, "find it");
	auto_close int cover = mount_clone(target, "", true);
	if (cover < 0)
		return error_sys(err, cover, "clone it");
	int r = mount_set_attributes(cover, true, MOUNT_ATTR_RDONLY, 0);
	if (r >= 0)
		r = mount_attach(cover, target);
	return r < 0 ? error_sys(err, r, "lay the read-only mount over it") : 0;
}

int paths_setup(const struct spec *spec, int root_fd, struct error *err)
{
	auto_close int empty = -1;
	int r;
	for (size_t i = 0; i < spec->readonly_paths.count; i++)
		if ((r = make_read_only(root_fd, spec->readonly_paths.items[i], err)) < 0)
			return error_context(err, "read-only path %s", spec->readonly_paths.items[i]);
	for (size_t i = 0; i < spec->masked_paths.count; i++)
		if ((r = mask(root_fd, spec->masked_paths.items[i], &empty, err)) < 0)
			return error_context(err, "masked path %s", spec->masked_paths.items[i]);
	return 0;
}

/* "net.ipv4.ip_forward" and "net/ipv4/ip_forward" are the same; in the first, a '/' stands for a dot of a name
 * (eth0/100). */
static char *sysctl_path(const char *assignment)
{
	char *path = xasprintf("proc/sys/%.*s", (int)strcspn(assignment, "="), assignment);
	char *name = path + strlen("proc/sys/");
	if (name[strcspn(name, "./")] == '.')
		for (char *c = name; *c; c++)
			*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return path;
}

static int set_sysctl(int root_fd, const char *assignment)
{
	struct statfs fs;
	auto_free char *path = sysctl_path(assignment);
	const char *value = strchr(assignment, '=') + 1;
	auto_close int fd = open_in_root(root_fd, path, O_WRONLY, 0);
	if (fd < 0)
		return fd;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == PROC_SUPER_MAGIC ? write_all(fd, value, strlen(value)) : -ENOENT;
}

int sysctls_setup(const struct spec *spec, int root_fd, struct error *err)
{
	for (size_t i = 0; i < spec->sysctl.count; i++) {
		int r = set_sysctl(root_fd, spec->sysctl.items[i]);
		if (r < 0)
			return error_sys(err, r, "sysctl %s", spec->sysctl.items[i]);
	}
	return 0;
}
