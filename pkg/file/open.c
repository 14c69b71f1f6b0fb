/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/text/text.h"

/* The kernel answers EAGAIN when something in the tree was renamed while it looked at a `..`. Who renames without end
 * to hold us up gets an error at last. */
#define RENAME_RACES_MAX 100

static int open_resolved(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	/* Unlike open(2), openat2(2) refuses a mode that it would not use. */
	bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
	    .flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
	    .mode = creates ? mode : 0,
	    .resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	for (int i = 0; i < RENAME_RACES_MAX; i++) {
		long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	return open_resolved(dirfd, path, flags, mode, RESOLVE_BENEATH);
}

int open_in_root(int dirfd, const char *path, int flags, mode_t mode)
{
	return open_resolved(dirfd, path, flags, mode, RESOLVE_IN_ROOT);
}

int reopen_fd(int fd, int flags)
{
	char path[sizeof("/proc/self/fd/-2147483648")];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int opened = open(path, flags | O_CLOEXEC);
	return opened < 0 ? -errno : opened;
}

/* As many symlinks to nowhere as are followed on the way of one path. */
#define DANGLING_MAX 8

static int make_in_root(int dirfd, const char *path, mode_t mode, int dangling);

/* Makes the directory `prefix` names, whose last component `name` (a part of it) was not found in `parent`, and opens
 * it. */
static int make_component(int dirfd, int parent, const char *prefix, const char *name, mode_t mode, int dangling)
{
	if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
		return -errno;
	int fd = open_in_root(dirfd, prefix, O_PATH | O_DIRECTORY, 0);
	if (fd != -ENOENT)
		return fd;

	/* There is a link to nowhere, as /var/run is before anybody made /run. */
	char target[PATH_MAX];
	if (dangling >= DANGLING_MAX)
		return -ELOOP;
	ssize_t length = readlinkat(parent, name, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	auto_free char *path =
	    *target == '/' ? xstrdup(target) : xasprintf("%.*s/%s", (int)(name - prefix), prefix, target);
	return make_in_root(dirfd, path, mode, dangling + 1);
}

static int make_in_root(int dirfd, const char *path, mode_t mode, int dangling)
{
	int found = open_in_root(dirfd, path, O_PATH | O_DIRECTORY, 0);
	if (found != -ENOENT || !*path)
		return found;
	auto_free char *prefix = xstrdup(path);
	auto_close int parent = open_in_root(dirfd, "/", O_PATH | O_DIRECTORY, 0);
	char *name = prefix;
	while (parent >= 0) {
		name += strspn(name, "/");
		if (!*name)
			break;
		char *end = strchrnul(name, '/');
		char kept = *end;
		*end = '\0';
		int fd = open_in_root(dirfd, prefix, O_PATH | O_DIRECTORY, 0);
		if (fd == -ENOENT)
			fd = make_component(dirfd, parent, prefix, name, mode, dangling);
		*end = kept;
		name = end;
		if (fd < 0)
			return fd;
		close(parent);
		parent = fd;
	}
	return TAKE_FD(parent);
}

int mkdirs_in_root(int dirfd, const char *path, mode_t mode)
{
	return make_in_root(dirfd, path, mode, 0);
}

static bool is_directory(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* 0 when the directory was made or is there. */
static int make_directory(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	return is_directory(path) ? 0 : -ENOTDIR;
}

int mkdirs(const char *path, mode_t mode, struct error *err)
{
	if (is_directory(path))
		return 0;
	auto_free char *prefix = xstrdup(path);
	char *end = prefix + strlen(prefix);
	int r;
	/* Back to what is there, so that nothing is asked of directories above it … */
	while ((r = make_directory(prefix, mode)) == -ENOENT) {
		char *slash = strrchr(prefix, '/');
		if (!slash || slash == prefix)
			break;
		*slash = '\0';
	}
	/* … and forth again, a component at a time. */
	for (char *at = prefix + strlen(prefix); r == 0 && at < end; at += strlen(at)) {
		*at = '/';
		r = make_directory(prefix, mode);
	}
	if (r < 0)
		return error_sys(err, r, "make the directory %s", prefix);
	return 0;
}
