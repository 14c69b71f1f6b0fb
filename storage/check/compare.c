/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a layer and what they stand for, beside what the recipe says: a directory at a time, on all processors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <string.h>
#include <sys/xattr.h>

#include "pkg/file/file.h"
#include "storage/check/layer.h"
#include "storage/unpack/tree.h"

static const char hidden_prefix[] = ".wh.", opaque_file[] = ".wh..wh..opq", opaque_xattr[] = "user.overlay.opaque";

/* ---- names ---- */
char *node_disk_name(const struct layer_check *layer, const struct node *node)
{
	bool hidden = node->inode->type == INODE_WHITEOUT && !layer->xattrs;
	return xasprintf("%s%s", hidden ? hidden_prefix : "", node->name);
}

int node_open_directory(const struct layer_check *layer, const struct node *node)
{
	auto_free char *path = node_path(node);
	return open_beneath(layer->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

static struct node *node_by_disk_name(const struct layer_check *layer, const struct node *directory, const char *name)
{
	if (layer->xattrs || !text_starts_with(name, hidden_prefix)) {
		struct node *node = node_child(directory, name);
		return node && (layer->xattrs || node->inode->type != INODE_WHITEOUT) ? node : NULL;
	}
	struct node *node = node_child(directory, name + strlen(hidden_prefix));
	return node && node->inode->type == INODE_WHITEOUT ? node : NULL;
}

/* ---- attributes ---- */
mode_t node_mode(const struct layer_check *layer, const struct inode *inode)
{
	mode_t mode = inode->mode | (layer->single ? inode->type == INODE_DIRECTORY ? 0700 : 0400 : 0);
	bool opened = layer->shared && (inode->type == INODE_DIRECTORY || inode->type == INODE_FILE);
	mode_t kind = inode->type == INODE_DIRECTORY ? S_IFDIR : S_IFREG;
	return opened ? mode_readable_by_all(mode | kind) & 07777 : mode;
}

bool times_equal(const struct timespec *wanted, const struct timespec *found)
{
	/* What a file system of 32 bits cannot hold it makes something else of. */
	if (wanted->tv_sec < INT32_MIN || wanted->tv_sec > INT32_MAX)
		return true;
	for (long step = 1; step <= 1000000000; step *= 10)
		if (wanted->tv_sec == found->tv_sec && wanted->tv_nsec / step * step == found->tv_nsec)
			return true;
	return false;
}

bool xattr_is_compared(const struct layer_check *layer, const char *name)
{
	return text_starts_with(name, "user.") || (!layer->single && strcmp(name, "security.capability") == 0);
}

static void xattr_path(char *out, size_t size, int dirfd, const char *name)
{
	snprintf(out, size, "/proc/self/fd/%d/%s", dirfd, name);
}

char *xattr_of(int dirfd, const char *name, const char *xattr, size_t *ret_length)
{
	char path[PATH_MAX];
	xattr_path(path, sizeof(path), dirfd, name);
	ssize_t size = lgetxattr(path, xattr, NULL, 0);
	auto_free char *value = size < 0 ? NULL : xmalloc((size_t)size + 1);
	if (!value || (size = lgetxattr(path, xattr, value, (size_t)size)) < 0)
		return NULL;
	*ret_length = (size_t)size;
	return TAKE_PTR(value);
}

size_t xattrs_of(int dirfd, const char *name, char **ret)
{
	char path[PATH_MAX];
	xattr_path(path, sizeof(path), dirfd, name);
	ssize_t size = llistxattr(path, NULL, 0);
	if (size <= 0)
		return 0;
	auto_free char *names = xmalloc((size_t)size);
	size = llistxattr(path, names, (size_t)size);
	if (size <= 0)
		return 0;
	*ret = TAKE_PTR(names);
	return (size_t)size;
}

static const struct tar_xattr *wanted_xattr(const struct inode *inode, const char *name)
{
	for (size_t i = 0; i < inode->xattrs_count; i++)
		if (strcmp(inode->xattrs[i].name, name) == 0)
			return &inode->xattrs[i];
	return NULL;
}

static void compare_xattrs(struct layer_check *layer, int dirfd, struct node *node)
{
	const struct inode *inode = node->inode;
	auto_free char *names = NULL;
	size_t size = xattrs_of(dirfd, node->name, &names);
	bool opaque = false;
	for (size_t at = 0; at < size; at += strlen(names + at) + 1) {
		const char *name = names + at;
		if (strcmp(name, opaque_xattr) == 0)
			opaque = true;
		else if (xattr_is_compared(layer, name) && !wanted_xattr(inode, name))
			layer_problem(layer, PROBLEM_ATTRIBUTES, node, NULL, "it has the attribute %s, and should not",
				      name);
	}
	if (layer->xattrs && opaque != inode->opaque)
		layer_problem(layer, PROBLEM_ATTRIBUTES, node, NULL, inode->opaque
				? "it hides nothing of the layers below, and should"
				: "it hides what the layers below have, and should not");
	for (size_t i = 0; i < inode->xattrs_count; i++) {
		const struct tar_xattr *wanted = &inode->xattrs[i];
		size_t length;
		if (!xattr_is_compared(layer, wanted->name))
			continue;
		auto_free char *value = xattr_of(dirfd, node->name, wanted->name, &length);
		if (!value && layer->xattrs)
			layer_problem(layer, PROBLEM_ATTRIBUTES, node, NULL, "the attribute %s is missing", wanted->name);
		else if (value && (length != wanted->length || memcmp(value, wanted->value, length) != 0))
			layer_problem(layer, PROBLEM_ATTRIBUTES, node, NULL, "the attribute %s is not what it was",
				      wanted->name);
	}
}

static void compare_owner(struct layer_check *layer, struct node *node, const struct stat *st)
{
	const struct inode *inode = node->inode;
	int64_t uid = layer->single ? (int64_t)geteuid() : inode->uid;
	/* In single-id mode the group is what a directory with a set-group-ID bit gives. */
	int64_t gid = layer->single || inode->implied ? (int64_t)st->st_gid : inode->gid;
	if (st->st_uid != uid || st->st_gid != gid)
		layer_problem(layer, PROBLEM_ATTRIBUTES, node, NULL, "it belongs to %u:%u, not to %lld:%lld", st->st_uid,
			      st->st_gid, (long long)uid, (long long)gid);
}

static void compare_attributes(struct layer_check *layer, int dirfd, struct node *node, const struct stat *st)
{
	const struct inode *inode = node->inode;
	/* A new directory has the set-group-ID bit of the one that it is made in. */
	mode_t bits = inode->implied ? 0777 : 07777, mode = node_mode(layer, inode);
	if (inode->type == INODE_WHITEOUT || layer->foreign)
		return;
	compare_owner(layer, node, st);
	if (inode->type != INODE_SYMLINK && (st->st_mode & bits) != mode)
		layer_problem(layer, PROBLEM_ATTRIBUTES, node, NULL, "its mode is %04o, not %04o", st->st_mode & bits,
			      mode);
	if (inode->has_time && inode->type != INODE_DIRECTORY && !times_equal(&inode->mtime, &st->st_mtim))
		layer_problem(layer, PROBLEM_ATTRIBUTES, node, NULL, "its time of modification is not what it was");
	if (inode->type == INODE_FILE || inode->type == INODE_DIRECTORY)
		compare_xattrs(layer, dirfd, node);
}

/* ---- entries ---- */
static bool has_type(const struct layer_check *layer, const struct inode *inode, const struct stat *st)
{
	switch (inode->type) {
	case INODE_DIRECTORY:
		return S_ISDIR(st->st_mode);
	case INODE_FILE:
		return S_ISREG(st->st_mode);
	case INODE_SYMLINK:
		return S_ISLNK(st->st_mode);
	case INODE_FIFO:
		return S_ISFIFO(st->st_mode);
	default:
		return layer->xattrs ? whiteout_is_device(st) : S_ISREG(st->st_mode);
	}
}

static bool same_link(int dirfd, const struct node *node)
{
	char link[PATH_MAX];
	ssize_t n = readlinkat(dirfd, node->name, link, sizeof(link));
	return n >= 0 && (size_t)n == strlen(node->inode->link) && memcmp(link, node->inode->link, (size_t)n) == 0;
}

static void compare_entry(struct layer_check *layer, int dirfd, struct node *node, const char *disk_name)
{
	struct stat st;
	if (fstatat(dirfd, disk_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	node->device = st.st_dev;
	node->number = st.st_ino;
	node->state = NODE_OTHER;
	if (!has_type(layer, node->inode, &st)) {
		layer_problem(layer, PROBLEM_OTHER, node, NULL, "something else is there");
	} else if (node->inode->type == INODE_SYMLINK && !same_link(dirfd, node)) {
		layer_problem(layer, PROBLEM_OTHER, node, NULL, "it does not lead to %s", node->inode->link);
	} else {
		node->state = NODE_THERE;
		compare_attributes(layer, dirfd, node, &st);
	}
}

static bool is_expected(const struct layer_check *layer, const struct node *directory, const char *name)
{
	static const char *const top[] = {"recipe", "layer.json", "damaged.json", "blob", "blobs"};
	for (size_t i = 0; !directory->parent && i < ARRAY_SIZE(top); i++)
		if (strcmp(name, top[i]) == 0)
			return true;
	return !layer->xattrs && directory->inode->opaque && strcmp(name, opaque_file) == 0;
}

/* ---- directories ---- */
static void compare_opaque_file(struct layer_check *layer, int dirfd, struct node *directory)
{
	if (!layer->xattrs && directory->inode->opaque && faccessat(dirfd, opaque_file, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		layer_problem(layer, PROBLEM_ATTRIBUTES, directory, NULL,
			      "it hides nothing of the layers below, and should");
}

static int compare_names(struct layer_check *layer, struct node *directory, struct error *err)
{
	int fd = node_open_directory(layer, directory);
	/* Its parent says so already. */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	/* As its mode is, which is a finding of its own. */
	directory->unreadable = fd == -EACCES && (layer->single || layer->foreign);
	if (directory->unreadable)
		return 0;
	if (fd < 0)
		return error_sys(err, fd, "open a directory of the layer");
	auto_closedir DIR *stream = fdopendir(fd);
	if (!stream) {
		close(fd);
		return error_sys(err, errno, "read a directory of the layer");
	}
	errno = 0;
	for (struct dirent *entry; (entry = readdir(stream)); errno = 0) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		struct node *node = node_by_disk_name(layer, directory, name);
		if (node)
			compare_entry(layer, fd, node, name);
		else if (!is_expected(layer, directory, name))
			layer_problem(layer, PROBLEM_EXTRA, directory, name, "it is there, and should not be");
	}
	if (errno != 0)
		return error_sys(err, errno, "read a directory of the layer");
	compare_opaque_file(layer, fd, directory);
	return 0;
}

static void compare_directory(struct layer_check *layer, size_t index)
{
	struct error err = ERROR_INIT;
	struct node *node = index == 0 ? layer->model->top : layer->nodes[index - 1];
	if (node->inode->type == INODE_DIRECTORY && compare_names(layer, node, &err) < 0)
		layer_failed(layer, &err);
}

/* ---- what is seen only when all directories were read ---- */
static void compare_links(struct layer_check *layer)
{
	for (size_t i = 0; i < layer->nodes_count; i++) {
		struct node *node = layer->nodes[i];
		struct inode *inode = node->inode;
		if (node->parent->unreadable) {
			node->unreadable = layer->incomplete = true;
			continue;
		}
		if (node->state == NODE_MISSING)
			layer_problem(layer, PROBLEM_MISSING, node, NULL, "it is missing");
		else if (node->state == NODE_THERE && !inode->found)
			inode->found = node;
		else if (node->state == NODE_THERE &&
			 (inode->found->device != node->device || inode->found->number != node->number))
			layer_problem(layer, PROBLEM_UNLINKED, node, NULL, "it is not the same file as %s any more",
				      inode->found->name);
	}
}

void layer_compare(struct layer_check *layer)
{
	layer_parallel(layer, layer->nodes_count + 1, compare_directory);
	compare_links(layer);
}

static bool time_is_wrong(const struct layer_check *layer, const struct node *node)
{
	struct stat st;
	const struct inode *inode = node->inode;
	if (inode->type != INODE_DIRECTORY || !inode->has_time || node->state != NODE_THERE)
		return false;
	auto_close int fd = node_open_directory(layer, node);
	return fd >= 0 && fstat(fd, &st) == 0 && !times_equal(&inode->mtime, &st.st_mtim);
}

void layer_compare_times(struct layer_check *layer)
{
	for (size_t i = 0; i < layer->nodes_count; i++)
		if (time_is_wrong(layer, layer->nodes[i]))
			layer_problem(layer, PROBLEM_ATTRIBUTES, layer->nodes[i], NULL,
				      "its time of modification is not what it was");
}

void layer_mend_times(struct layer_check *layer)
{
	for (size_t i = 0; i < layer->nodes_count; i++) {
		const struct inode *inode = layer->nodes[i]->inode;
		if (inode->type != INODE_DIRECTORY || !inode->has_time)
			continue;
		auto_close int fd = node_open_directory(layer, layer->nodes[i]);
		if (fd >= 0)
			futimens(fd, (struct timespec[2]){inode->mtime, inode->mtime});
	}
}
