/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's tree beside the contents it began with. Directories are opened one at a time, by their path from the
 * tree's root, and read whole: so descriptors and stack are bounded by the length of a path.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "pkg/file/file.h"
#include "storage/contents/internal.h"

struct comparison {
	const struct changed_tree *tree;
	struct changes *changes;
};

/* An open directory of the tree and what the contents have at its place. */
struct directory {
	const char *path;
	const struct contents_node *base; /* a directory; NULL: none */
	bool complete;                    /* what is not in it is not there: it is opaque, or the tree is a whole one */
	int fd;
	struct strv names; /* sorted */
};

static void directory_close(struct directory *directory)
{
	cleanup_close(&directory->fd);
	strv_free(&directory->names);
}

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static bool is_opaque(int fd)
{
	static const char *const names[] = {"user.overlay.opaque", "user.fuseoverlayfs.opaque"};
	char value;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (fgetxattr(fd, names[i], &value, 1) == 1 && value == 'y')
			return true;
	return faccessat(fd, ".wh..wh..opq", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* 1; 0 when it is gone. */
static int directory_open(const struct comparison *comparison, struct directory *directory, struct error *err)
{
	directory->fd = open_beneath(comparison->tree->fd, *directory->path ? directory->path : ".",
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (directory->fd == -ENOENT || directory->fd == -ENOTDIR || directory->fd == -ELOOP)
		return 0;
	int copy = directory->fd < 0 ? directory->fd : reopen_fd(directory->fd, O_RDONLY | O_DIRECTORY);
	if (copy < 0)
		return error_sys(err, copy, "open /%.250s", directory->path);
	auto_closedir DIR *stream = fdopendir(copy);
	if (!stream) {
		close(copy);
		return error_sys(err, errno, "read /%.250s", directory->path);
	}
	for (struct dirent *entry; (entry = readdir(stream));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strv_add(&directory->names, entry->d_name);
	if (directory->names.count > 1)
		qsort(directory->names.items, directory->names.count, sizeof(char *), compare_texts);
	directory->complete = comparison->tree->whole || is_opaque(directory->fd);
	return 1;
}

static char *path_in(const struct directory *directory, const char *name)
{
	return xasprintf("%s%s%s", directory->path, *directory->path ? "/" : "", name);
}

/* ---- what is gone ---- */
static void add_deleted(struct comparison *comparison, const struct directory *directory, const char *name)
{
	changes_add(comparison->changes, CHANGE_DELETED, path_in(directory, name));
}

/* Devices of an image are never on disk. */
static bool is_device(const struct contents_node *node)
{
	return node->facts.type == TAR_CHARACTER_DEVICE || node->facts.type == TAR_BLOCK_DEVICE;
}

/* What hides a name of the lower layers: its name; NULL: not a whiteout, which `status` is of. */
static const char *hidden_name(const char *name, const struct tar_entry *facts)
{
	if (facts->type == TAR_CHARACTER_DEVICE && facts->device_major == 0 && facts->device_minor == 0)
		return name;
	return text_starts_with(name, ".wh.") && facts->type == TAR_FILE ? name + strlen(".wh.") : NULL;
}

/* ---- what is there ---- */
/* In single-id mode the owner is what it was, and so is the mode unless it was changed: on disk its owner has access,
 * always. */
static void correct(const struct comparison *comparison, const struct contents_node *base, struct tar_entry *facts)
{
	if (!comparison->tree->single)
		return;
	bool same_type = base && base->there && base->facts.type == facts->type;
	facts->uid = same_type ? base->facts.uid : 0;
	facts->gid = same_type ? base->facts.gid : 0;
	if (same_type && facts->mode == (base->facts.mode | (facts->type == TAR_DIRECTORY ? 0700U : 0400U)))
		facts->mode = base->facts.mode;
}

/* On disk may be less than the recipe has: what the namespace or the file system does not take. */
static bool has_new_xattrs(const struct tar_entry *facts, const struct tar_entry *base)
{
	for (size_t i = 0; i < facts->xattrs_count; i++) {
		const struct tar_xattr *mine = &facts->xattrs[i];
		bool known = false;
		for (size_t j = 0; j < base->xattrs_count && !known; j++)
			known = strcmp(mine->name, base->xattrs[j].name) == 0 &&
				mine->length == base->xattrs[j].length &&
				memcmp(mine->value, base->xattrs[j].value, mine->length) == 0;
		if (!known)
			return true;
	}
	return false;
}

static bool is_same(const struct contents_node *base, const struct tar_entry *facts)
{
	const struct tar_entry *was = &base->facts;
	if (was->type != facts->type || was->uid != facts->uid || was->gid != facts->gid ||
	    (was->mode != facts->mode && was->type != TAR_SYMLINK) || has_new_xattrs(facts, was))
		return false;
	if (facts->type == TAR_DIRECTORY)
		return true;
	if (was->link && strcmp(was->link, facts->link) != 0)
		return false;
	return was->size == facts->size && was->mtime_s == facts->mtime_s &&
	       (was->mtime_ns == facts->mtime_ns || was->mtime_ns == 0 || facts->mtime_ns == 0);
}

/* What the runtime made to mount something on, or a directory above that. */
static bool is_mount_point(const struct comparison *comparison, const char *path, const struct tar_entry *facts)
{
	const struct strv *points = comparison->tree->mount_points;
	size_t length = strlen(path);
	for (size_t i = 0; points && facts->size == 0 && i < points->count; i++) {
		const char *point = points->items[i];
		if (strncmp(point, path, length) != 0)
			continue;
		if (point[length] == '\0' ? facts->type == TAR_FILE || facts->type == TAR_DIRECTORY
					  : point[length] == '/' && facts->type == TAR_DIRECTORY)
			return true;
	}
	return false;
}

static int compare_directory(struct comparison *comparison, const char *path, const struct contents_node *base,
			     struct error *err);

static int compare_entry(struct comparison *comparison, const char *path, const struct contents_node *base,
			 struct tar_entry *facts, const struct stat *st,
			 struct error *err) /* NOLINT(misc-no-recursion) */
{
	size_t first = comparison->changes->count;
	bool mount_point = !base && is_mount_point(comparison, path, facts);
	correct(comparison, base, facts);
	bool same = base && is_same(base, facts), directory = facts->type == TAR_DIRECTORY;
	/* An upper directory has files that were changed, if only for a moment; and directories on the way to them. */
	bool maybe_not = mount_point || (same && (directory || comparison->tree->whole));
	if (maybe_not && !directory)
		return 0;
	struct change *change = changes_add(comparison->changes, base ? CHANGE_CHANGED : CHANGE_ADDED, xstrdup(path));
	change->facts = *facts;
	*facts = (struct tar_entry){0};
	change->file = st->st_ino;
	change->linked = !directory && st->st_nlink > 1;
	if (!directory)
		return 0;
	int r = compare_directory(comparison, path, base && base->facts.type == TAR_DIRECTORY ? base : NULL, err);
	if (maybe_not && comparison->changes->count == first + 1)
		changes_truncate(comparison->changes, first);
	return r;
}

static int compare_name(struct comparison *comparison, const struct directory *directory, const char *name,
			struct error *err) /* NOLINT(misc-no-recursion) */
{
	struct tar_entry facts = {0};
	struct stat st;
	auto_free char *path = path_in(directory, name);
	const struct contents_node *base = directory->base ? contents_child(directory->base, name, strlen(name)) : NULL;
	int r = facts_read(directory->fd, name, &facts, &st, err);
	if (r < 0)
		return r == -ENOENT ? 0 : error_context(err, "/%.250s", path);
	const char *hidden = hidden_name(name, &facts);
	if (!hidden && !text_starts_with(name, ".wh."))
		r = compare_entry(comparison, path, base, &facts, &st, err);
	else if (hidden && directory->base && !directory->complete &&
		 contents_child(directory->base, hidden, strlen(hidden)))
		add_deleted(comparison, directory, hidden);
	tar_entry_clear(&facts);
	return r;
}

static bool has_name(const struct strv *sorted, const char *name)
{
	return sorted->count && bsearch(&name, sorted->items, sorted->count, sizeof(char *), compare_texts);
}

/* A name that is there as a whiteout is not there. */
static bool is_present(const struct directory *directory, const char *name)
{
	struct stat st;
	return has_name(&directory->names, name) && !(fstatat(directory->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
						      S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
}

/* The children of the contents that a complete directory has no more. */
static void add_missing(struct comparison *comparison, const struct directory *directory)
{
	for (size_t i = 0; directory->base && i < directory->base->count; i++) {
		const struct contents_node *child = directory->base->children[i];
		if (!is_device(child) && !is_present(directory, child->name))
			add_deleted(comparison, directory, child->name);
	}
}

static int compare_directory(struct comparison *comparison, const char *path, const struct contents_node *base,
			     struct error *err) /* NOLINT(misc-no-recursion) */
{
	CLEANUP(directory_close) struct directory directory = {.path = path, .base = base, .fd = -1};
	int r = directory_open(comparison, &directory, err);
	if (r <= 0)
		return r;
	if (directory.complete)
		add_missing(comparison, &directory);
	for (size_t i = 0; r >= 0 && i < directory.names.count; i++)
		r = compare_name(comparison, &directory, directory.names.items[i], err);
	return r < 0 ? r : 0;
}

/* ---- the order of paths: a directory, then all below it ---- */
static int compare_paths(const void *left, const void *right)
{
	const unsigned char *a = (const unsigned char *)((const struct change *)left)->path,
			    *b = (const unsigned char *)((const struct change *)right)->path;
	while (*a && *a == *b) {
		a++;
		b++;
	}
	int x = *a == '/' ? 1 : *a ? *a + 1 : 0, y = *b == '/' ? 1 : *b ? *b + 1 : 0;
	return x - y;
}

int changes_find(const struct contents *contents, const struct changed_tree *tree, struct changes *ret,
		 struct error *err)
{
	auto_changes struct changes changes = {0};
	struct comparison comparison = {tree, &changes};
	int r = compare_directory(&comparison, "", contents->root, err);
	if (r < 0)
		return r;
	if (changes.count > 1)
		qsort(changes.items, changes.count, sizeof(*changes.items), compare_paths);
	*ret = changes;
	changes = (struct changes){0};
	return 0;
}
