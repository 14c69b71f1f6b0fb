/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "storage/contents/internal.h"

/* What overlay file systems, and the machine's own policies, keep beside a file is not the file's. */
static bool is_foreign(const char *name)
{
	static const char *const prefixes[] = {"user.overlay.",    "trusted.",         "user.fuseoverlayfs.",
					       "user.containers.", "security.selinux", "security.ima",
					       "security.evm",     "security.apparmor"};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (text_starts_with(name, prefixes[i]))
			return true;
	return false;
}

static int compare_xattrs(const void *left, const void *right)
{
	const struct tar_xattr *a = left, *b = right;
	return strcmp(a->name, b->name);
}

/* Those that cannot be read are left out. */
static void read_xattrs(int dirfd, const char *name, struct tar_entry *facts)
{
	/* The xattr calls know no directory descriptors, and the l… ones reach a link itself. */
	char path[sizeof("/proc/self/fd/-2147483648/") + NAME_MAX + 1], names[XATTR_LIST_MAX];
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	ssize_t length = llistxattr(path, names, sizeof(names));
	for (ssize_t i = 0; i < length; i += (ssize_t)strlen(names + i) + 1) {
		if (is_foreign(names + i))
			continue;
		auto_free char *value = xmalloc(XATTR_SIZE_MAX);
		ssize_t size = lgetxattr(path, names + i, value, XATTR_SIZE_MAX);
		if (size < 0)
			continue;
		facts->xattrs = xrealloc(facts->xattrs, (facts->xattrs_count + 1) * sizeof(*facts->xattrs));
		facts->xattrs[facts->xattrs_count++] =
		    (struct tar_xattr){xstrdup(names + i), xrealloc(TAKE_PTR(value), (size_t)size + 1), (size_t)size};
	}
	if (facts->xattrs_count > 1)
		qsort(facts->xattrs, facts->xattrs_count, sizeof(*facts->xattrs), compare_xattrs);
}

static int read_link(int dirfd, const char *name, char **ret, struct error *err)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(dirfd, name, target, sizeof(target));
	if (length < 0)
		return errno == ENOENT ? -ENOENT : error_sys(err, errno, "read the link %.250s", name);
	if (length == sizeof(target))
		return error_sys(err, ENAMETOOLONG, "read the link %.250s", name);
	*ret = xstrndup(target, (size_t)length);
	return 0;
}

/* 0: nothing that an archive can have (a socket). */
static enum tar_type type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return TAR_FILE;
	case S_IFDIR:
		return TAR_DIRECTORY;
	case S_IFLNK:
		return TAR_SYMLINK;
	case S_IFCHR:
		return TAR_CHARACTER_DEVICE;
	case S_IFBLK:
		return TAR_BLOCK_DEVICE;
	case S_IFIFO:
		return TAR_FIFO;
	default:
		return 0;
	}
}

int facts_read(int dirfd, const char *name, struct tar_entry *ret, struct stat *ret_status, struct error *err)
{
	struct stat st;
	if (fstatat(dirfd, *name ? name : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -ENOENT : error_sys(err, errno, "look at %.250s", name);
	struct tar_entry facts = {
	    .type = type_of(st.st_mode),
	    .mode = st.st_mode & 07777,
	    .uid = st.st_uid,
	    .gid = st.st_gid,
	    .mtime_s = st.st_mtim.tv_sec,
	    .mtime_ns = (uint32_t)st.st_mtim.tv_nsec,
	    .size = S_ISREG(st.st_mode) ? st.st_size : 0,
	    .device_major = major(st.st_rdev),
	    .device_minor = minor(st.st_rdev),
	};
	if (!facts.type) /* a socket: nobody listens to it any more where it is unpacked */
		return -ENOENT;
	int r = facts.type == TAR_SYMLINK ? read_link(dirfd, name, &facts.link, err) : 0;
	if (r < 0)
		return r;
	read_xattrs(dirfd, *name ? name : ".", &facts);
	*ret = facts;
	if (ret_status)
		*ret_status = st;
	return 0;
}
