/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whiteouts: OCI image specification, "Image Layer Filesystem Changeset", and their form on disk, docs/architecture.md.
 *
 * "Whiteout files MUST only apply to resources in lower/parent layers": where this layer itself has the name, a file
 * already hides what is below, and a directory becomes opaque, in whichever order the archive has the two.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "pkg/file/file.h"
#include "storage/unpack/tree.h"

static const char prefix[] = ".wh.", own_prefix[] = ".wh..wh.", opaque_name[] = ".wh..wh..opq";

int whiteout_classify(const char *path, enum whiteout *ret, struct error *err)
{
	for (const char *part = path; *part;) {
		size_t n = strcspn(part, "/");
		bool last = part[n] == '\0';
		if (strncmp(part, own_prefix, strlen(own_prefix)) == 0) {
			*ret = last && strcmp(part, opaque_name) == 0 ? WHITEOUT_OPAQUE : WHITEOUT_IGNORED;
			return 0;
		}
		if (strncmp(part, prefix, strlen(prefix)) == 0) {
			const char *hidden = part + strlen(prefix);
			if (!last || !*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
				return error_set(err, EBADMSG, "the archive has a malformed whiteout: %.250s", path);
			*ret = WHITEOUT_FILE;
			return 0;
		}
		part += n + !last;
	}
	*ret = WHITEOUT_NONE;
	return 0;
}

bool whiteout_is_device(const struct stat *status)
{
	return S_ISCHR(status->st_mode) && status->st_rdev == makedev(0, 0);
}

static int make_empty_file(int parent_fd, const char *name, struct error *err)
{
	auto_close int fd = open_beneath(parent_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
	return fd < 0 ? error_sys(err, fd, "make a whiteout") : 0;
}

int whiteout_make_opaque(struct tree *tree, int directory_fd, struct error *err)
{
	if (!tree->xattrs)
		return make_empty_file(directory_fd, opaque_name, err);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", directory_fd); /* the descriptor is O_PATH */
	if (setxattr(path, "user.overlay.opaque", "y", 1, 0) < 0)
		return error_sys(err, errno, "mark a directory as opaque");
	return 0;
}

static int hide(struct tree *tree, const struct spot *spot, struct error *err)
{
	const char *hidden = spot->name + strlen(prefix);
	struct stat status;
	if (fstatat(spot->parent_fd, hidden, &status, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISDIR(status.st_mode))
			return 0;
		auto_close int fd = open_beneath(spot->parent_fd, hidden, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
		return fd < 0 ? error_sys(err, fd, "open a directory of the layer")
			      : whiteout_make_opaque(tree, fd, err);
	}
	if (!tree->xattrs)
		return make_empty_file(spot->parent_fd, spot->name, err);
	if (mknodat(spot->parent_fd, hidden, S_IFCHR, makedev(0, 0)) < 0)
		return error_sys(err, errno, "make a whiteout");
	return 0;
}

int whiteout_place(struct tree *tree, const struct spot *spot, enum whiteout kind, struct error *err)
{
	switch (kind) {
	case WHITEOUT_FILE:
		return hide(tree, spot, err);
	case WHITEOUT_OPAQUE:
		return whiteout_make_opaque(tree, spot->parent_fd, err);
	default:
		return 0;
	}
}
