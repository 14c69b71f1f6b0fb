/* SPDX-License-Identifier: Apache-2.0 */
/* Making what an entry says, at a spot that tree_find() gave. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "pkg/file/file.h"
#include "storage/unpack/tree.h"

/* Hard links to devices are recognised as long as there are not more devices than this. */
#define DEVICES_MAX 4096

/* ---- owner, mode, time, xattrs ---- */
static int check_owner(const struct id_map *map, int64_t id, const char *what, struct error *err)
{
	if (id < 0 || id >= UINT32_MAX)
		return error_set(err, EBADMSG, "it belongs to the impossible %s %lld", what, (long long)id);
	if (id_map_outside(map, (uint32_t)id) >= 0)
		return 0;
	int64_t last = 0;
	for (size_t i = 0; i < map->count; i++)
		if ((int64_t)map->ranges[i].inside + map->ranges[i].count - 1 > last)
			last = (int64_t)map->ranges[i].inside + map->ranges[i].count - 1;
	return error_set(
	    err, EINVAL,
	    "it belongs to %s %lld, but this user's containers have only the ids up to %lld; a larger range of "
	    "subordinate ids helps: usermod --add-sub%ss FIRST-LAST USER",
	    what, (long long)id, (long long)last, what);
}

static int set_owner(struct tree *tree, int fd, const char *name, int flags, const struct tar_entry *entry,
		     struct error *err)
{
	if (!tree->mapping)
		return 0;
	int r = check_owner(&tree->mapping->uids, entry->uid, "uid", err);
	if (r == 0)
		r = check_owner(&tree->mapping->gids, entry->gid, "gid", err);
	if (r < 0)
		return r;
	if (fchownat(fd, name, (uid_t)entry->uid, (gid_t)entry->gid, flags) < 0)
		return error_sys(err, errno, "give it to %lld:%lld", (long long)entry->uid, (long long)entry->gid);
	return 0;
}

/* What the owner needs so that coracle itself can read files and enter directories where no other privilege lets it. */
static mode_t usable_mode(const struct tree *tree, const struct tar_entry *entry)
{
	if (tree->mapping)
		return entry->mode;
	return entry->mode | (entry->type == TAR_DIRECTORY ? 0700 : 0400);
}

static void entry_times(const struct tar_entry *entry, struct timespec times[2])
{
	times[0] = times[1] = (struct timespec){.tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns};
}

bool xattr_is_reserved(const char *name)
{
	static const char *const prefixes[] = {"user.overlay.", "trusted.overlay.", "user.fuseoverlayfs.",
					       "user.containers."};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (text_starts_with(name, prefixes[i]))
			return true;
	return false;
}

/* Those that this namespace or file system does not take are left out, as other tools do; the recipe has them. */
static int set_xattrs(int fd, const struct tar_entry *entry, struct error *err)
{
	for (size_t i = 0; i < entry->xattrs_count; i++) {
		const struct tar_xattr *xattr = &entry->xattrs[i];
		if (xattr_is_reserved(xattr->name) || fsetxattr(fd, xattr->name, xattr->value, xattr->length, 0) == 0)
			continue;
		/* ext4 says ENOSPC of what is more than a file may have, too. */
		if (errno == ENOSPC && entry->xattrs_count > 1)
			return error_set(err, ENOSPC,
					 "set its attribute %s: the disk is full, or the file has more attributes than the file "
					 "system takes (%zu)",
					 xattr->name, entry->xattrs_count);
		if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
			return error_sys(err, errno, "set its attribute %s", xattr->name);
	}
	return 0;
}

/* The owner first, whose change takes set-user-ID bits and capabilities away; the mode last, which may forbid setting
 * xattrs. */
static int dress(struct tree *tree, int fd, const struct tar_entry *entry, struct error *err)
{
	int r = set_owner(tree, fd, "", AT_EMPTY_PATH, entry, err);
	if (r == 0)
		r = set_xattrs(fd, entry, err);
	if (r < 0)
		return r;
	return fchmod(fd, usable_mode(tree, entry)) < 0 ? error_sys(err, errno, "set its mode") : 0;
}

/* ---- files ---- */
int tree_create_file(struct tree *tree, const struct spot *spot, struct error *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	enum tree_former former;
	int fd = tree->xattrs ? openat(spot->parent_fd, spot->name, flags, 0600) : -1;
	if (fd < 0 && (errno == EEXIST || !tree->xattrs)) {
		int r = tree_clear(tree, spot, false, &former, err);
		if (r < 0)
			return r;
		fd = openat(spot->parent_fd, spot->name, flags, 0600);
	}
	return fd < 0 ? error_sys(err, errno, "make it") : fd;
}

int tree_finish_file(struct tree *tree, int fd, const struct tar_entry *entry, struct error *err)
{
	struct timespec times[2];
	entry_times(entry, times);
	int r = dress(tree, fd, entry, err);
	if (r < 0)
		return r;
	return futimens(fd, times) < 0 ? error_sys(err, errno, "set its time") : 0;
}

/* ---- directories ---- */
static int make_directory(struct tree *tree, const struct spot *spot, const struct tar_entry *entry, struct error *err)
{
	enum tree_former former = TREE_DIRECTORY;
	bool root = *spot->name == '\0';
	if (!root) {
		int r = tree_clear(tree, spot, true, &former, err);
		if (r < 0)
			return r;
		if (former != TREE_DIRECTORY && mkdirat(spot->parent_fd, spot->name, 0700) < 0)
			return error_sys(err, errno, "make it");
	}
	auto_close int fd =
	    open_beneath(spot->parent_fd, root ? "." : spot->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return error_sys(err, fd, "open it");
	int r = former == TREE_WHITEOUT ? whiteout_make_opaque(tree, fd, err) : 0;
	return r < 0 ? r : dress(tree, fd, entry, err);
}

int tree_finish_directory(struct tree *tree, const char *place, const struct tar_entry *entry, struct error *err)
{
	struct timespec times[2];
	entry_times(entry, times);
	auto_close int fd = open_beneath(tree->root_fd, *place ? place : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV)
		return 0; /* something else took its place later */
	if (fd < 0)
		return error_sys(err, fd, "open %s", place);
	return futimens(fd, times) < 0 ? error_sys(err, errno, "set the time of %s", place) : 0;
}

/* ---- links ---- */
static int link_to(struct tree *tree, const struct spot *spot, int target_fd, const char *target_name,
		   struct error *err)
{
	enum tree_former former;
	int r = tree->xattrs ? linkat(target_fd, target_name, spot->parent_fd, spot->name, 0) : -1;
	if (r < 0 && (errno == EEXIST || !tree->xattrs)) {
		r = tree_clear(tree, spot, false, &former, err);
		if (r < 0)
			return r;
		r = linkat(target_fd, target_name, spot->parent_fd, spot->name, 0);
	}
	return r < 0 ? error_sys(err, errno, "link it") : 0;
}

static bool is_skipped_device(struct tree *tree, int fd, const char *name)
{
	auto_free char *place = tree->devices.count > 0 ? tree_place_of(tree, fd, name, NULL) : NULL;
	return place && strv_contains(&tree->devices, place);
}

static int make_hard_link(struct tree *tree, const struct spot *spot, const char *link, struct error *err)
{
	auto_free char *path = NULL;
	auto_close int fd = -1;
	const char *name = NULL;
	struct stat target = {0}, present;
	enum whiteout kind = WHITEOUT_NONE;
	int r = tree_clean_path(link, &path, err);
	if (r == 0)
		r = whiteout_classify(path, &kind, err);
	if (r < 0)
		return r;
	r = tree_find_existing(tree, path, &fd, &name);
	if (r == 0 && *name && fstatat(fd, name, &target, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == -ENOENT && fd >= 0 && is_skipped_device(tree, fd, name))
		return 0;
	if (r == -ENOENT || r == -ENOTDIR ||
	    (r == 0 && (!*name || kind != WHITEOUT_NONE || whiteout_is_device(&target))))
		return error_set(err, EBADMSG, "it is a hard link to %.250s, which the archive does not have", link);
	if (r < 0)
		return error_sys(err, r, "find %.250s, to which it is a hard link", link);
	if (S_ISDIR(target.st_mode))
		return error_set(err, EBADMSG, "it is a hard link to %.250s, which is a directory", link);
	if (fstatat(spot->parent_fd, spot->name, &present, AT_SYMLINK_NOFOLLOW) == 0 &&
	    present.st_ino == target.st_ino && present.st_dev == target.st_dev)
		return 0;
	return link_to(tree, spot, fd, name, err);
}

static int make_symlink(const struct spot *spot, const char *link, struct error *err)
{
	if (!*link)
		return error_set(err, EBADMSG, "it is a symlink to nothing");
	return symlinkat(link, spot->parent_fd, spot->name) < 0 ? error_sys(err, errno, "make the symlink") : 0;
}

static int dress_node(struct tree *tree, const struct spot *spot, const struct tar_entry *entry, struct error *err)
{
	struct timespec times[2];
	entry_times(entry, times);
	int r = set_owner(tree, spot->parent_fd, spot->name, AT_SYMLINK_NOFOLLOW, entry, err);
	if (r < 0)
		return r;
	/* Nobody else is here: what was made is still what the name says. */
	if (entry->type == TAR_FIFO && fchmodat(spot->parent_fd, spot->name, usable_mode(tree, entry), 0) < 0)
		return error_sys(err, errno, "set its mode");
	if (utimensat(spot->parent_fd, spot->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, errno, "set its time");
	return 0;
}

int tree_make(struct tree *tree, const struct spot *spot, const struct tar_entry *entry, struct error *err)
{
	enum tree_former former;
	if (entry->type == TAR_DIRECTORY)
		return make_directory(tree, spot, entry, err);
	if (entry->type == TAR_HARD_LINK)
		return make_hard_link(tree, spot, entry->link, err);
	int r = tree_clear(tree, spot, false, &former, err);
	if (r < 0)
		return r;
	switch (entry->type) {
	case TAR_SYMLINK:
		r = make_symlink(spot, entry->link, err);
		break;
	case TAR_FIFO:
		r = mkfifoat(spot->parent_fd, spot->name, 0600) < 0 ? error_sys(err, errno, "make it") : 0;
		break;
	default: /* devices */
		if (tree->devices.count < DEVICES_MAX)
			strv_add(&tree->devices, spot->place);
		return 0;
	}
	return r < 0 ? r : dress_node(tree, spot, entry, err);
}
