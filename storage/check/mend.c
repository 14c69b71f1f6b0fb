/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mending what a recipe knows. Problems come with parents before their children, so that what is made here finds its
 * directory; the times of directories are set when all else is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "pkg/file/file.h"
#include "storage/check/layer.h"
#include "storage/unpack/tree.h"

/* ---- attributes ---- */
static int mend_opaque(const struct layer_check *layer, int dirfd, const struct node *node, const char *path,
		       struct error *err)
{
	bool opaque = node->inode->opaque;
	if (layer->xattrs) {
		int r = opaque ? lsetxattr(path, "user.overlay.opaque", "y", 1, 0) : lremovexattr(path, "user.overlay.opaque");
		return r < 0 && errno != ENODATA && opaque ? error_sys(err, errno, "mark the directory as opaque") : 0;
	}
	auto_free char *file = xasprintf("%s/.wh..wh..opq", node->name);
	if (!opaque)
		return 0;
	auto_close int fd = open_beneath(dirfd, file, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
	return fd < 0 ? error_sys(err, fd, "mark the directory as opaque") : 0;
}

static int mend_xattrs(const struct layer_check *layer, int dirfd, const struct node *node, struct error *err)
{
	const struct inode *inode = node->inode;
	auto_free char *names = NULL;
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, node->name);
	size_t size = xattrs_of(dirfd, node->name, &names);
	for (size_t at = 0; at < size; at += strlen(names + at) + 1)
		if (xattr_is_compared(layer, names + at) && !xattr_is_reserved(names + at))
			lremovexattr(path, names + at);
	for (size_t i = 0; i < inode->xattrs_count; i++) {
		const struct tar_xattr *xattr = &inode->xattrs[i];
		if (lsetxattr(path, xattr->name, xattr->value, xattr->length, 0) < 0 &&
		    xattr_is_compared(layer, xattr->name) && layer->xattrs)
			return error_sys(err, errno, "set the attribute %s", xattr->name);
	}
	return inode->type == INODE_DIRECTORY ? mend_opaque(layer, dirfd, node, path, err) : 0;
}

/* In the order in which nothing takes away what was set before; see storage/unpack/make.c. */
static int mend_attributes(const struct layer_check *layer, int dirfd, const struct node *node, struct error *err)
{
	const struct inode *inode = node->inode;
	if (inode->type == INODE_WHITEOUT)
		return 0;
	if (!layer->single &&
	    fchownat(dirfd, node->name, (uid_t)inode->uid, (gid_t)inode->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, errno, "give it to %lld:%lld", (long long)inode->uid, (long long)inode->gid);
	if (inode->type == INODE_FILE || inode->type == INODE_DIRECTORY) {
		/* Where only one id is, its mode may be what keeps us from it. */
		if (layer->single && fchmodat(dirfd, node->name, 0700, 0) < 0)
			return error_sys(err, errno, "set its mode");
		int r = mend_xattrs(layer, dirfd, node, err);
		if (r < 0)
			return r;
	}
	if (inode->type != INODE_SYMLINK && fchmodat(dirfd, node->name, node_mode(layer, inode), 0) < 0)
		return error_sys(err, errno, "set its mode");
	const struct timespec times[2] = {inode->mtime, inode->mtime};
	if (inode->has_time && utimensat(dirfd, node->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, errno, "set its time");
	return 0;
}

/* ---- making what is missing ---- */
static int make_link(const struct layer_check *layer, int dirfd, const struct node *node, struct error *err)
{
	auto_free char *from = node_path(node->inode->found);
	return linkat(layer->fd, from, dirfd, node->name, 0) < 0 ? error_sys(err, errno, "link it") : 0;
}

static int make_file(const struct layer_check *layer, int dirfd, struct node *node, struct error *err)
{
	struct inode *inode = node->inode;
	if (inode->found && !inode->content_lost)
		return make_link(layer, dirfd, node, err);
	if (inode->size > 0)
		return error_set(err, ENODATA, "its content is lost");
	auto_close int fd = open_beneath(dirfd, node->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_sys(err, fd, "make it");
	inode->found = node;
	inode->content_lost = false;
	return mend_attributes(layer, dirfd, node, err);
}

static int make_whiteout(const struct layer_check *layer, int dirfd, const struct node *node, struct error *err)
{
	auto_free char *name = node_disk_name(layer, node);
	int r = mknodat(dirfd, name, layer->xattrs ? S_IFCHR : S_IFREG | 0644, layer->xattrs ? makedev(0, 0) : 0);
	return r < 0 ? error_sys(err, errno, "make the whiteout") : 0;
}

/* What needs no content. */
static int make_other(const struct layer_check *layer, int dirfd, struct node *node, struct error *err)
{
	struct inode *inode = node->inode;
	if (inode->found)
		return make_link(layer, dirfd, node, err);
	int r = inode->type == INODE_DIRECTORY ? mkdirat(dirfd, node->name, 0700)
		: inode->type == INODE_SYMLINK ? symlinkat(inode->link, dirfd, node->name)
					       : mkfifoat(dirfd, node->name, 0600);
	if (r < 0)
		return error_sys(err, errno, "make it");
	inode->found = node;
	return mend_attributes(layer, dirfd, node, err);
}

static int make_node(const struct layer_check *layer, int dirfd, struct node *node, struct error *err)
{
	switch (node->inode->type) {
	case INODE_FILE:
		return make_file(layer, dirfd, node, err);
	case INODE_WHITEOUT:
		return make_whiteout(layer, dirfd, node, err);
	default:
		return make_other(layer, dirfd, node, err);
	}
}

/* ---- problems ---- */
/* What is there is in the way of what should be, even where that cannot be made any more. */
static int replace(const struct layer_check *layer, int dirfd, struct node *node, struct error *err)
{
	auto_free char *name = node_disk_name(layer, node);
	int r = tree_remove_at(dirfd, name, err);
	return r < 0 ? r : make_node(layer, dirfd, node, err);
}

int layer_mend(struct layer_check *layer, const struct problem *problem, struct error *err)
{
	struct node *node = problem->node;
	auto_close int dirfd = node_open_directory(layer, problem->kind == PROBLEM_EXTRA ? node : node->parent);
	if (dirfd < 0)
		return error_sys(err, dirfd, "open its directory");
	switch (problem->kind) {
	case PROBLEM_EXTRA:
		return tree_remove_at(dirfd, problem->name, err);
	case PROBLEM_MISSING:
		return make_node(layer, dirfd, node, err);
	case PROBLEM_OTHER:
		return replace(layer, dirfd, node, err);
	case PROBLEM_UNLINKED:
		/* Its own content may be the good one, where that of the others is lost. */
		if (node->inode->content_lost)
			return error_set(err, ENODATA, "its content is lost");
		return replace(layer, dirfd, node, err);
	default:
		return mend_attributes(layer, dirfd, node, err);
	}
}
