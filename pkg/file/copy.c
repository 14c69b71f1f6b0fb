/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying a tree. The target is a directory of our own that nobody else writes to; the source may change meanwhile, and
 * gives a copy of one state or another of each file then, but never leads out of itself.
 *
 * Directories get their attributes when all below them is there: the mode could keep us out, and the times would not
 * last.
 */
#include "pkg/file/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/file/walk.h"

/* ---- files with several names ---- */

struct link {
	dev_t device;
	ino_t inode;
	char *path; /* of the first copy, from the root of the copy */
};

static int compare_links(const void *left, const void *right)
{
	const struct link *a = left, *b = right;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static void free_link(void *link)
{
	free(((struct link *)link)->path);
	free(link);
}

static void remember_link(struct walk *walk, const char *name, const struct stat *st)
{
	struct copier *copier = walk->context;
	struct strbuf path = STRBUF_INIT;
	walk_path(walk, name, &path);
	struct link *link = xmalloc(sizeof(*link));
	*link = (struct link){.device = st->st_dev, .inode = st->st_ino, .path = strbuf_take(&path)};
	void *found = tsearch(link, &copier->links, compare_links);
	/* No memory; or it is there already and could not be linked to. Then this one is a file of its own. */
	if (!found || *(struct link **)found != link)
		free_link(link);
}

/* Gives the copy of another name of this inode the name too. False when there is none that can take it: too long a
 * path, too many names. */
static bool try_link(struct copier *copier, int to, const char *name, const struct stat *st)
{
	const struct link wanted = {.device = st->st_dev, .inode = st->st_ino};
	void *found = tfind(&wanted, &copier->links, compare_links);
	if (!found)
		return false;
	auto_close int fd = open_beneath(copier->root, (*(struct link **)found)->path, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return false;
	char path[sizeof("/proc/self/fd/-2147483648")];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, to, name, AT_SYMLINK_FOLLOW) == 0;
}

/* ---- layers: what is there already is covered, and what a layer hides is removed ---- */

#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

/* Whether the entry stands for something that is gone: a device 0:0, or, where a file system has no such things, a file ".wh.<name>". */
static const char *whiteout_of(const char *name, const struct stat *st)
{
	if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0))
		return name;
	if (strncmp(name, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) == 0)
		return name + strlen(WHITEOUT_PREFIX);
	return NULL;
}

/* Whether the directory hides all that lower layers have in it. */
static bool is_opaque(int fd)
{
	char value;
	return (fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y') ||
	       faccessat(fd, WHITEOUT_OPAQUE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* 1 when the entry was a whiteout, which has now taken place. */
static int make_way(int to, const char *name, const struct stat *st, struct error *err)
{
	const char *gone = whiteout_of(name, st);
	bool marker = strcmp(name, WHITEOUT_OPAQUE) == 0;
	int r = marker ? 0 : tree_remove_at(to, gone ? gone : name, err);
	return r < 0 ? r : gone != NULL;
}

/* ---- entries by their kind ---- */

static int copy_regular(struct copier *copier, int from, int to, const char *name, struct stat *st)
{
	auto_close int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (source < 0 || fstat(source, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode))
		return -ESTALE;
	auto_close int target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (target < 0)
		return -errno;
	int r = copy_content(copier, source, target, st);
	if (close(TAKE_FD(target)) < 0 && r == 0)
		r = -errno;
	return r;
}

static int copy_symlink(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from, name, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

/* 1 when it was left out: a user namespace lets nobody make devices, except the whiteouts of overlayfs (0:0). */
static int copy_node(int to, const char *name, const struct stat *st)
{
	if (mknodat(to, name, st->st_mode, st->st_rdev) == 0)
		return 0;
	bool device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
	return errno == EPERM && device ? 1 : -errno;
}

static int copy_file(struct walk *walk, struct walk_level *at, const char *name, unsigned char type, struct error *err)
{
	struct copier *copier = walk->context;
	struct stat st;
	int r;
	(void)type;
	if (fstatat(at->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, errno, "copy %s", name);
	if (copier->layer && (r = make_way(at->mirror, name, &st, err)) != 0)
		return r < 0 ? r : 0;
	if (st.st_nlink > 1 && try_link(copier, at->mirror, name, &st))
		return 0;
	if (S_ISREG(st.st_mode))
		r = copy_regular(copier, at->fd, at->mirror, name, &st);
	else if (S_ISLNK(st.st_mode))
		r = copy_symlink(at->fd, at->mirror, name);
	else
		r = copy_node(at->mirror, name, &st);
	if (r < 0)
		return error_sys(err, r, "copy %s", name);
	if (r > 0)
		return 0;
	r = copy_attributes(copier, at->fd, at->mirror, name, &st, err);
	if (r == 0 && st.st_nlink > 1)
		remember_link(walk, name, &st);
	return r;
}

static int begin_directory(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level,
			   struct error *err)
{
	const struct copier *copier = walk->context;
	struct stat st;
	if (copier->layer && fstatat(at->mirror, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (!S_ISDIR(st.st_mode) || is_opaque(level->fd))) {
		int r = tree_remove_at(at->mirror, name, err);
		if (r < 0)
			return r;
	}
	if (mkdirat(at->mirror, name, 0700) < 0 && !(copier->layer && errno == EEXIST))
		return error_sys(err, errno, "make the directory %s", name);
	level->mirror = openat(at->mirror, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (level->mirror < 0)
		return error_sys(err, errno, "open the directory %s", name);
	return 0;
}

static int end_directory(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level,
			 struct error *err)
{
	struct stat st;
	if (fstat(level->fd, &st) < 0)
		return error_sys(err, errno, "copy the directory %s", name);
	return copy_attributes(walk->context, at->fd, at->mirror, name, &st, err);
}

static int copy_tree(int from, int to, bool layer, struct error *err)
{
	static const struct visitor visitor = {.file = copy_file, .enter = begin_directory, .leave = end_directory};
	auto_free struct copier *copier = xmalloc(sizeof(*copier));
	copier->no_reflink = copier->no_copy_range = false;
	copier->layer = layer;
	copier->root = to;
	copier->links = NULL;
	int r = walk_tree(&visitor, copier, from, NULL, to, err);
	tdestroy(copier->links, free_link);
	if (r < 0)
		return r;
	struct stat st;
	if (fstat(from, &st) < 0)
		return error_sys(err, errno, "copy a directory");
	return copy_attributes(copier, from, to, ".", &st, err);
}

int tree_copy(int from, int to, struct error *err)
{
	return copy_tree(from, to, false, err);
}

int tree_copy_layer(int from, int to, struct error *err)
{
	return copy_tree(from, to, true, err);
}
