/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree becomes a tar. It may change meanwhile: what vanishes was never there, what is shortened gets zeros. What the
 * kernel makes up while it is read (/proc, /sys) has no size that means anything: it is read before its header is
 * written.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libpod/copy/internal.h"
#include "pkg/file/file.h"
#include "pkg/file/walk.h"
#include "storage/contents/contents.h"

#define CHUNK (256 << 10)
#define MADE_UP_MAX (16 << 20)

struct packer {
	struct tar_writer *tar;
	const struct copy_end *from;
	const char *prefix; /* "": entries begin with their own names */
	void *links;        /* tsearch(3) tree of struct link */
	char *buffer;
};

/* The first name of a file that has several. */
struct link {
	dev_t device;
	ino_t inode;
	char *path;
};

static int compare_links(const void *left, const void *right)
{
	const struct link *a = left, *b = right;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

static void free_link(void *link)
{
	free(((struct link *)link)->path);
	free(link);
}

static void packer_close(struct packer *packer)
{
	if (packer->tar)
		tar_writer_free(packer->tar);
	tdestroy(packer->links, free_link);
	free(packer->buffer);
}

/* The path under which the file is in the archive already, or NULL. */
static const char *first_name(struct packer *packer, const struct stat *st, const char *path)
{
	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return NULL;
	struct link *link = xcalloc(1, sizeof(*link));
	*link = (struct link){st->st_dev, st->st_ino, NULL};
	struct link **found = tsearch(link, &packer->links, compare_links);
	if (found && *found != link) {
		free(link);
		return (*found)->path;
	}
	if (found)
		link->path = xstrdup(path);
	else
		free(link);
	return NULL;
}

static int write_content(struct packer *packer, int fd, int64_t size, const char *name, struct error *err)
{
	while (size > 0) {
		ssize_t n = read(fd, packer->buffer, size < CHUNK ? (size_t)size : CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "read %s", name);
		if (n == 0)
			return tar_write_hole(packer->tar, size, err);
		int r = tar_write_content(packer->tar, packer->buffer, (size_t)n, err);
		if (r < 0)
			return r;
		size -= n;
	}
	return 0;
}

static bool is_made_up(int fd)
{
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return false;
	switch ((unsigned long)fs.f_type & 0xffffffff) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP2_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

/* What cannot be read there is empty, as many files are that only say "no": it is no reason to end the copy of a tree. */
static void read_made_up(struct packer *packer, int fd, struct strbuf *ret)
{
	while (ret->length < MADE_UP_MAX) {
		ssize_t n = read(fd, packer->buffer, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		strbuf_add(ret, packer->buffer, (size_t)n);
	}
}

static int64_t id_inside(const struct id_map *map, int64_t id)
{
	int64_t inside = id_map_inside(map, (uint32_t)id);
	return inside < 0 ? 0 : inside;
}

/* `path` as it is in the archive. 1: there is nothing of this name any more. */
static int pack_entry(struct packer *packer, int dirfd, const char *name, const char *path, struct error *err)
{
	struct tar_entry entry = {0};
	struct stat st;
	int r = facts_read(dirfd, name, &entry, &st, err);
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	auto_close int fd = -1;
	auto_strbuf struct strbuf made_up = STRBUF_INIT;
	bool is_read = false;
	if (entry.type == TAR_FILE) {
		fd = openat(dirfd, name ? name : ".", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		r = fd < 0 ? -errno : fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -ENOENT;
		entry.size = st.st_size;
		if (r == 0 && (is_read = is_made_up(fd))) {
			read_made_up(packer, fd, &made_up);
			entry.size = (int64_t)made_up.length;
		}
	}
	const char *first = r < 0 ? NULL : first_name(packer, &st, path);
	if (first) {
		entry.type = TAR_HARD_LINK;
		free(entry.link);
		entry.link = xstrdup(first);
		entry.size = 0;
	}
	if (packer->from->mapping) {
		entry.uid = id_inside(&packer->from->mapping->uids, entry.uid);
		entry.gid = id_inside(&packer->from->mapping->gids, entry.gid);
	}
	entry.path = xasprintf("%s%s", path, entry.type == TAR_DIRECTORY ? "/" : "");
	if (r < 0)
		r = r == -ENOENT
			? 1
			: error_sys(err, r, "open %s",
				    path + (strcmp(packer->prefix, COPY_PREFIX) == 0 ? strlen(COPY_PREFIX "/") : 0));
	else
		r = tar_write_entry(packer->tar, &entry, err);
	if (r == 0 && entry.type == TAR_FILE)
		r = is_read ? tar_write_content(packer->tar, made_up.data, made_up.length, err)
			    : write_content(packer, fd, entry.size, name, err);
	tar_entry_clear(&entry);
	return r;
}

static char *archive_path(const struct walk *walk, const char *name)
{
	const struct packer *packer = walk->context;
	struct strbuf path = STRBUF_INIT;
	if (*packer->prefix)
		strbuf_printf(&path, "%s/", packer->prefix);
	walk_path(walk, name, &path);
	return strbuf_take(&path);
}

static int pack_file(struct walk *walk, struct walk_level *at, const char *name, unsigned char type, struct error *err)
{
	(void)type;
	auto_free char *path = archive_path(walk, name);
	int r = pack_entry(walk->context, at->fd, name, path, err);
	return r < 0 ? r : 0;
}

static int pack_directory(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level,
			  struct error *err)
{
	(void)level;
	auto_free char *path = archive_path(walk, name);
	int r = pack_entry(walk->context, at->fd, name, path, err);
	return r < 0 ? r : 0;
}

static int leave_directory(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level,
			   struct error *err)
{
	(void)walk, (void)at, (void)name, (void)level, (void)err;
	return 0;
}

static int pack_tree(struct packer *packer, int directory, struct error *err)
{
	static const struct visitor visitor = {
	    .file = pack_file, .enter = pack_directory, .leave = leave_directory, .may_vanish = true};
	return walk_tree(&visitor, packer, directory, NULL, -1, err);
}

static int open_packer(struct packer *packer, int out, struct error *err)
{
	packer->buffer = xmalloc(CHUNK);
	return tar_writer_new(out, &packer->tar, err);
}

int copy_directory_out(int dirfd, int tar_fd, struct error *err)
{
	static const struct copy_end from = {0};
	CLEANUP(packer_close) struct packer packer = {.from = &from, .prefix = ""};
	int r = open_packer(&packer, tar_fd, err);
	if (r == 0)
		r = pack_entry(&packer, dirfd, ".", ".", err);
	if (r >= 0)
		r = pack_tree(&packer, dirfd, err);
	return r < 0 ? r : tar_writer_finish(packer.tar, err);
}

/* ---- finding the source ---- */
struct source {
	int parent; /* -1 where it is the root itself */
	char *name;
	int directory; /* readable; -1: it is none */
	struct copy_header header;
};

static void source_close(struct source *source)
{
	cleanup_close(&source->parent);
	cleanup_close(&source->directory);
	free(source->name);
}

static int not_there(const struct copy_end *from, int r, struct error *err)
{
	return error_sys(err, r, "%s", from->shown);
}

/* The path without what stands for itself at its end: "/a/b/." and "/a/b/" are "/a/b". */
static char *bare(const char *path, bool *ret_contents, bool *ret_directory)
{
	size_t length = strlen(path);
	*ret_contents = *ret_directory = false;
	for (;;) {
		if (length > 1 && path[length - 1] == '/') {
			length--;
			*ret_directory = true;
		} else if (length > 1 && path[length - 1] == '.' && path[length - 2] == '/') {
			length--;
			*ret_contents = *ret_directory = true;
		} else {
			return xstrndup(path, length);
		}
	}
}

/* What a link at the end of the path leads to, at last; so that the entry itself can be found in its directory. */
static int resolve(const struct copy_end *end, char **path)
{
	char target[PATH_MAX];
	for (int i = 0; i < 40; i++) {
		char *slash = strrchr(*path, '/');
		auto_free char *parent = xstrndup(*path, slash == *path ? 1 : (size_t)(slash - *path));
		auto_close int fd = open_in_root(end->root, parent, O_PATH | O_DIRECTORY, 0);
		ssize_t length = fd < 0 || !slash[1] ? -1 : readlinkat(fd, slash + 1, target, sizeof(target) - 1);
		if (length < 0)
			return 0;
		target[length] = '\0';
		char *next = *target == '/' ? xstrdup(target) : xasprintf("%s/%s", parent, target);
		free(*path);
		*path = next;
		bool contents, directory;
		auto_free char *clean = bare(*path, &contents, &directory);
		free(*path);
		*path = TAKE_PTR(clean);
	}
	return -ELOOP;
}

static int find_source(const struct copy_end *from, bool follow, struct source *ret, struct error *err)
{
	bool contents, directory;
	auto_free char *path = bare(from->path, &contents, &directory), *given = xstrdup(path);
	int r = follow || directory ? resolve(from, &path) : 0;
	if (r < 0)
		return not_there(from, r, err);
	const char *slash = strrchr(path, '/'), *own = strrchr(given, '/');
	auto_free char *parent = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	ret->parent = open_in_root(from->root, parent, O_PATH | O_DIRECTORY, 0);
	if (ret->parent < 0)
		return not_there(from, ret->parent, err);
	ret->name = xstrdup(slash[1] ? slash + 1 : ".");
	struct stat st;
	if (fstatat(ret->parent, ret->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return not_there(from, errno, err);
	if (directory && !S_ISDIR(st.st_mode))
		return not_there(from, ENOTDIR, err);
	if (S_ISDIR(st.st_mode)) {
		ret->directory =
		    openat(ret->parent, ret->name, O_RDONLY | O_DIRECTORY | (slash[1] ? O_NOFOLLOW : 0) | O_CLOEXEC);
		if (ret->directory < 0)
			return not_there(from, errno, err);
	}
	ret->header = (struct copy_header){.is_directory = S_ISDIR(st.st_mode), .contents = contents || !own[1]};
	snprintf(ret->header.name, sizeof(ret->header.name), "%s", own[1] ? own + 1 : ".");
	return 0;
}

int copy_pack(const struct copy_end *from, const struct copy_options *options, bool stream, int out, struct error *err)
{
	CLEANUP(source_close) struct source source = {.parent = -1, .directory = -1};
	CLEANUP(packer_close) struct packer packer = {.from = from, .prefix = COPY_PREFIX};
	int r = find_source(from, options->follow_link, &source, err);
	if (r < 0)
		return r;
	if (stream)
		packer.prefix = source.header.contents ? "." : source.header.name;
	else if ((r = write_all(out, &source.header, sizeof(source.header))) < 0)
		return error_sys(err, r, "write the archive");
	if ((r = open_packer(&packer, out, err)) < 0 ||
	    (r = pack_entry(&packer, source.parent, source.name, packer.prefix, err)) < 0)
		return r;
	if (source.directory >= 0 && (r = pack_tree(&packer, source.directory, err)) < 0)
		return r;
	return tar_writer_finish(packer.tar, err);
}
