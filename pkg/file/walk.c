/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/walk.h"

/* Levels that are held open below the top. */
#define OPEN_LEVELS  16
#define FIRST_LEVELS 32
#define ENTRIES_SIZE 32768
#define OPEN_FLAGS   (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- opening ---- */

/* chmod that cannot be led elsewhere by a link put in the place of the directory. */
static int open_up(int dirfd, const char *name)
{
	char path[sizeof("/proc/self/fd/-2147483648")];
	auto_close int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, 0700) < 0 ? -errno : 0;
}

static int open_directory(const struct visitor *visitor, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, OPEN_FLAGS);
	if (fd < 0 && errno == EACCES && visitor->open_up) {
		int r = open_up(dirfd, name);
		if (r < 0)
			return r;
		fd = openat(dirfd, name, OPEN_FLAGS);
	}
	return fd < 0 ? -errno : fd;
}

/* ---- levels ---- */

static struct walk_level *current(struct walk *walk)
{
	return &walk->levels[walk->depth - 1];
}

static struct walk_level *push(struct walk *walk, struct walk_level level)
{
	if (walk->depth == walk->capacity) {
		walk->capacity = walk->capacity ? 2 * walk->capacity : FIRST_LEVELS;
		walk->levels = xrealloc(walk->levels, walk->capacity * sizeof(*walk->levels));
	}
	walk->levels[walk->depth++] = level;
	return current(walk);
}

static void close_level(struct walk_level *level)
{
	cleanup_close(&level->fd);
	cleanup_close(&level->mirror);
	level->fd = level->mirror = -1;
}

static int suspend_directory(int *fd, dev_t *device, ino_t *inode)
{
	struct stat st;
	if (*fd < 0)
		return 0;
	if (fstat(*fd, &st) < 0)
		return -errno;
	*device = st.st_dev;
	*inode = st.st_ino;
	close(*fd);
	*fd = -1;
	return 0;
}

/* Closes the level that a new one pushes out of the window. The top stays open: it is the caller's. */
static int suspend(struct walk *walk)
{
	if (walk->depth <= OPEN_LEVELS + 1)
		return 0;
	struct walk_level *level = &walk->levels[walk->depth - 1 - OPEN_LEVELS];
	int r = suspend_directory(&level->fd, &level->device, &level->inode);
	return r < 0 ? r : suspend_directory(&level->mirror, &level->mirror_device, &level->mirror_inode);
}

static int resume_directory(const struct visitor *visitor, int child, dev_t device, ino_t inode)
{
	int fd = openat(child, "..", OPEN_FLAGS);
	/* `..` needs the search permission of the child itself. */
	if (fd < 0 && errno == EACCES && visitor->open_up && fchmod(child, 0700) == 0)
		fd = openat(child, "..", OPEN_FLAGS);
	if (fd < 0)
		return -errno;
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && (st.st_dev != device || st.st_ino != inode))
		r = -ESTALE;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* Opens `level` again, if it is closed, from its child. */
static int resume(struct walk *walk, struct walk_level *level, const struct walk_level *child)
{
	if (level->fd == -1) {
		level->fd = resume_directory(walk->visitor, child->fd, level->device, level->inode);
		if (level->fd < 0)
			return level->fd;
	}
	if (level->mirror == -1 && child->mirror >= 0) {
		level->mirror =
		    resume_directory(walk->visitor, child->mirror, level->mirror_device, level->mirror_inode);
		if (level->mirror < 0)
			return level->mirror;
	}
	return 0;
}

/* ---- reading ---- */

static unsigned char type_of(int dirfd, const char *name)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_REG; /* gone, or the visitor meets the same error */
	return IFTODT(st.st_mode);
}

static int visit_entry(struct walk *walk, const struct dirent64 *entry, struct error *err)
{
	const char *name = entry->d_name;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	struct walk_level *at = current(walk);
	unsigned char type = entry->d_type == DT_UNKNOWN ? type_of(at->fd, name) : entry->d_type;
	if (type != DT_DIR)
		return walk->visitor->file(walk, at, name, type, err);
	strbuf_add(&walk->names, name, strlen(name) + 1);
	return 0;
}

static int read_directory(struct walk *walk, struct error *err)
{
	int fd = current(walk)->fd;
	for (;;) {
		ssize_t length = getdents64(fd, walk->entries, ENTRIES_SIZE);
		if (length < 0 && errno == ENOENT && walk->visitor->may_vanish)
			return 0;
		if (length < 0)
			return error_sys(err, errno, "read a directory");
		if (length == 0)
			return 0;
		const struct dirent64 *entry;
		for (ssize_t at = 0; at < length; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(const void *)(walk->entries + at);
			int r = visit_entry(walk, entry, err);
			if (r < 0)
				return r;
		}
	}
}

/* ---- down and up ---- */

/* Where the last of the names begins, which end before `end`. */
static size_t last_name(const struct walk *walk, size_t end)
{
	const char *before = end > 1 ? memrchr(walk->names.data, '\0', end - 1) : NULL;
	return before ? (size_t)(before - walk->names.data) + 1 : 0;
}

static int descend(struct walk *walk, struct error *err)
{
	struct walk_level *at = current(walk);
	struct walk_level level = {.mirror = -1, .names = walk->names.length};
	level.name = last_name(walk, walk->names.length);
	const char *name = walk->names.data + level.name;
	level.fd = open_directory(walk->visitor, at->fd, name);
	if (level.fd == -ENOENT && walk->visitor->may_vanish) {
		strbuf_truncate(&walk->names, level.name);
		return 0;
	}
	if (level.fd < 0)
		return error_sys(err, level.fd, "open the directory %s", name);
	int r = walk->visitor->enter ? walk->visitor->enter(walk, at, name, &level, err) : 0;
	push(walk, level);
	if (r < 0)
		return r;
	r = suspend(walk);
	if (r < 0)
		return error_sys(err, r, "look at a directory");
	return read_directory(walk, err);
}

static int ascend(struct walk *walk, struct error *err)
{
	struct walk_level *level = current(walk), *above = level - 1;
	const char *name = walk->names.data + level->name;
	int r = resume(walk, above, level);
	if (r < 0)
		return error_sys(err, r, "go back up from the directory %s", name);
	r = walk->visitor->leave(walk, above, name, level, err);
	close_level(level);
	walk->depth--;
	if (r == 0)
		strbuf_truncate(&walk->names, level->name);
	return r < 0 ? r : 0;
}

static int run(struct walk *walk, struct error *err)
{
	for (;;) {
		int r;
		if (walk->names.length > current(walk)->names)
			r = descend(walk, err);
		else if (walk->depth > 1)
			r = ascend(walk, err);
		else
			return 0;
		if (r < 0)
			return r;
	}
}

int walk_tree(const struct visitor *visitor, void *context, int dirfd, const char *name, int mirror, struct error *err)
{
	auto_close int top = -1;
	auto_free char *entries = xmalloc(ENTRIES_SIZE);
	struct walk walk = {.visitor = visitor, .context = context, .entries = entries};
	int r = 0;
	if (name) {
		push(&walk, (struct walk_level){.fd = dirfd, .mirror = mirror});
		strbuf_add(&walk.names, name, strlen(name) + 1);
	} else {
		/* Opened anew: what we get may be O_PATH, and has a position that is the caller's. */
		top = openat(dirfd, ".", OPEN_FLAGS);
		if (top < 0)
			return error_sys(err, errno, "open a directory");
		push(&walk, (struct walk_level){.fd = top, .mirror = mirror});
		r = read_directory(&walk, err);
	}
	if (r == 0)
		r = run(&walk, err);
	while (walk.depth > 1) {
		close_level(current(&walk));
		walk.depth--;
	}
	free(walk.levels);
	strbuf_free(&walk.names);
	return r;
}

void walk_path(const struct walk *walk, const char *name, struct strbuf *path)
{
	for (size_t i = 1; i < walk->depth; i++) {
		strbuf_puts(path, walk->names.data + walk->levels[i].name);
		strbuf_putc(path, '/');
	}
	strbuf_puts(path, name);
}
