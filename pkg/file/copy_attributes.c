/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pkg/file/copy.h"

/* The xattr calls know no directory descriptors, and none of links; by this path the l… ones reach every kind of entry.
 */
#define ENTRY_MAX (sizeof("/proc/self/fd/-2147483648/") + NAME_MAX)

static void entry_path(char *out, int dirfd, const char *name)
{
	snprintf(out, ENTRY_MAX, "/proc/self/fd/%d/%s", dirfd, name);
}

static int copy_xattr(struct copier *copier, const char *from, const char *to, const char *name)
{
	/* The label of where it is copied to is that place's policy. */
	if (strcmp(name, "security.selinux") == 0)
		return 0;
	/* What makes a directory opaque has taken place in the copy. */
	if (copier->layer && strncmp(name, "user.overlay.", strlen("user.overlay.")) == 0)
		return 0;
	ssize_t length = lgetxattr(from, name, copier->value, sizeof(copier->value));
	if (length < 0)
		return errno == ENODATA ? 0 : -errno;
	/* Another file system, or a namespace without the right to it: the file is worth having all the same. */
	if (lsetxattr(to, name, copier->value, (size_t)length, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM)
		return -errno;
	return 0;
}

static int copy_xattrs(struct copier *copier, int from, int to, const char *name)
{
	char source[ENTRY_MAX], target[ENTRY_MAX];
	entry_path(source, from, name);
	ssize_t length = llistxattr(source, copier->names, sizeof(copier->names));
	if (length < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	if (length == 0)
		return 0;
	entry_path(target, to, name);
	for (const char *at = copier->names; at < copier->names + length; at += strlen(at) + 1) {
		int r = copy_xattr(copier, source, target, at);
		if (r < 0)
			return r;
	}
	return 0;
}

/* In this order: chown takes set-user-ID bits and file capabilities away, the mode may forbid us to set xattrs, and
 * everything sets the times. */
int copy_attributes(struct copier *copier, int from, int to, const char *name, const struct stat *st, struct error *err)
{
	/* A layer of another user's may belong to whom this namespace does not have; then the copy is its root's. */
	if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 && !(copier->layer && errno == EINVAL))
		return error_sys(err, errno, "give %s to %u:%u", name, st->st_uid, st->st_gid);
	int r = copy_xattrs(copier, from, to, name);
	if (r < 0)
		return error_sys(err, r, "copy the extended attributes of %s", name);
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return error_sys(err, errno, "set the mode of %s", name);
	const struct timespec times[] = {st->st_atim, st->st_mtim};
	if (utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, errno, "set the times of %s", name);
	return 0;
}
