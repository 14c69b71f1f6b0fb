/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tar becomes a tree. On the host nothing is written outside of the destination's directory (openat2
 * RESOLVE_BENEATH), in a container nothing outside of its root; what is last in a path is never followed. Directories
 * get their modes and times when all is in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "libpod/copy/internal.h"
#include "pkg/file/file.h"
#include "pkg/tar/tar.h"

#define CHUNK (256 << 10)

/* A directory that is still to get its mode and time. */
struct late {
	char *path; /* from where unpacking begins */
	mode_t mode;
	struct timespec mtime;
};

struct unpacker {
	const struct copy_end *to;
	const struct copy_options *options;
	const struct copy_target *target;
	bool stream;
	bool plain;        /* a volume: owners as they are, whatever they are */
	char *parent_path; /* the last one that was opened */
	int parent;
	struct late *late;
	size_t late_count;
	char *buffer;
};

static void unpacker_close(struct unpacker *unpacker)
{
	for (size_t i = 0; i < unpacker->late_count; i++)
		free(unpacker->late[i].path);
	free(unpacker->late);
	free(unpacker->parent_path);
	free(unpacker->buffer);
	cleanup_close(&unpacker->parent);
}

/* ---- where ---- */
/* The entry's path below the target's directory; NULL: nothing that could be made ("..", or the directory itself). */
static char *place_of(const struct unpacker *unpacker, const char *path)
{
	auto_strv struct strv parts = STRV_INIT, kept = STRV_INIT;
	strv_split(&parts, path, '/');
	for (size_t i = 0; i < parts.count; i++) {
		if (strcmp(parts.items[i], "..") == 0)
			return NULL;
		if (*parts.items[i] && strcmp(parts.items[i], ".") != 0)
			strv_add(&kept, parts.items[i]);
	}
	if (!unpacker->stream && kept.count) {
		strv_remove(&kept, 0); /* the prefix */
		if (*unpacker->target->name) {
			auto_free char *rest = strv_join(&kept, "/");
			return xasprintf("%s%s%s", unpacker->target->name, *rest ? "/" : "", rest);
		}
	}
	return kept.count ? strv_join(&kept, "/") : NULL;
}

static int open_below(const struct unpacker *unpacker, const char *path, int flags)
{
	const struct copy_end *to = unpacker->to;
	if (!*path)
		path = ".";
	if (to->host || unpacker->plain)
		return open_beneath(unpacker->target->directory, path, flags, 0);
	auto_free char *whole = xasprintf("%s/%s", unpacker->target->path, path);
	return open_in_root(to->root, whole, flags, 0);
}

static int give_new_directory(const struct unpacker *unpacker, int parent, const char *name)
{
	const struct copy_end *to = unpacker->to;
	if (to->host || to->one_id || unpacker->plain)
		return 0;
	return fchownat(parent, name, to->uid, to->gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Archives need not name the directories that their entries are in. */
static int make_parents(struct unpacker *unpacker, const char *path)
{
	auto_free char *prefix = xstrdup(path);
	int parent = open_below(unpacker, "", O_PATH | O_DIRECTORY);
	for (char *name = prefix, *end; parent >= 0; name = end + 1) {
		end = strchrnul(name, '/');
		bool last = !*end;
		*end = '\0';
		auto_close int above = parent;
		parent = open_below(unpacker, prefix, O_PATH | O_DIRECTORY);
		if (parent == -ENOENT) {
			int r = mkdirat(above, name, 0755) < 0 && errno != EEXIST
				    ? -errno
				    : give_new_directory(unpacker, above, name);
			parent = r < 0 ? r : open_below(unpacker, prefix, O_PATH | O_DIRECTORY);
		}
		if (last)
			break;
		*end = '/';
	}
	return parent;
}

/* The directory that the entry is to be in, borrowed, and its name there. */
static int open_parent(struct unpacker *unpacker, const char *place, const char **ret_name)
{
	const char *slash = strrchr(place, '/');
	auto_free char *path = slash ? xstrndup(place, (size_t)(slash - place)) : xstrdup("");
	*ret_name = slash ? slash + 1 : place;
	if (unpacker->parent_path && strcmp(unpacker->parent_path, path) == 0)
		return unpacker->parent;
	cleanup_close(&unpacker->parent);
	unpacker->parent = open_below(unpacker, path, O_PATH | O_DIRECTORY);
	if (unpacker->parent == -ENOENT && *path)
		unpacker->parent = make_parents(unpacker, path);
	free(unpacker->parent_path);
	unpacker->parent_path = unpacker->parent < 0 ? NULL : TAKE_PTR(path);
	return unpacker->parent;
}

/* ---- owner, mode, time ---- */
static int set_owner(const struct unpacker *unpacker, int fd, const char *name, int flags,
		     const struct tar_entry *entry)
{
	const struct copy_end *to = unpacker->to;
	if (to->host || to->one_id)
		return 0;
	bool keep = unpacker->options->keep_owners || unpacker->plain;
	uid_t uid = keep ? (uid_t)entry->uid : to->uid;
	gid_t gid = keep ? (gid_t)entry->gid : to->gid;
	return fchownat(fd, name, uid, gid, flags) < 0 ? -errno : 0;
}

static struct timespec time_of(const struct tar_entry *entry)
{
	return (struct timespec){.tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns};
}

/* Those that are not allowed here are left out. */
static void set_xattrs(int fd, const struct tar_entry *entry)
{
	for (size_t i = 0; i < entry->xattrs_count; i++)
		if (!text_starts_with(entry->xattrs[i].name, "user.overlay."))
			fsetxattr(fd, entry->xattrs[i].name, entry->xattrs[i].value, entry->xattrs[i].length, 0);
}

/* ---- what is there already ---- */
/* Makes way. -EEXIST with words where it must not. */
static int make_way(const struct unpacker *unpacker, int parent, const char *name, struct error *err)
{
	struct stat st;
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "look at %s", name);
	if (S_ISDIR(st.st_mode) && !unpacker->options->overwrite)
		return error_set(err, EISDIR,
				 "%s: the directory %s would have to make way for what is none; --overwrite allows it",
				 unpacker->to->shown, name);
	return tree_remove_at(parent, name, err);
}

/* ---- kinds ---- */
static int copy_content(struct unpacker *unpacker, struct tar_reader *tar, int fd, const struct tar_entry *entry,
			struct error *err)
{
	struct tar_extent whole = {0, entry->size};
	const struct tar_extent *extents = entry->extents ? entry->extents : &whole;
	size_t count = entry->extents ? entry->extents_count : 1;
	for (size_t i = 0; i < count; i++) {
		int64_t left = extents[i].length;
		if (lseek(fd, extents[i].offset, SEEK_SET) < 0)
			return error_sys(err, errno, "write %s", entry->path);
		while (left > 0) {
			ssize_t n = tar_read_content(tar, unpacker->buffer, left < CHUNK ? (size_t)left : CHUNK, err);
			if (n <= 0)
				return n < 0 ? (int)n
					     : error_set(err, EBADMSG, "the archive ends in the middle of %s",
							 entry->path);
			int r = write_all(fd, unpacker->buffer, (size_t)n);
			if (r < 0)
				return error_sys(err, r, "write %s", entry->path);
			left -= n;
		}
	}
	return ftruncate(fd, entry->size) < 0 ? error_sys(err, errno, "write %s", entry->path) : 0;
}

/* Something is mounted on it (/etc/hosts): it gets the content as it is. */
static int open_mounted(int parent, const char *name)
{
	struct stat st;
	int fd = openat(parent, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(fd, 0) == 0)
		return fd;
	close(fd);
	return -EBUSY;
}

static int make_file(struct unpacker *unpacker, struct tar_reader *tar, int parent, const char *name,
		     const struct tar_entry *entry, struct error *err)
{
	int r = make_way(unpacker, parent, name, err);
	if (r < 0 && r != -EBUSY)
		return r;
	auto_close int fd = r == -EBUSY
				? open_mounted(parent, name)
				: openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(err, r == -EBUSY ? fd : errno, "make %s", name);
	error_clear(err);
	const struct timespec times[2] = {time_of(entry), time_of(entry)};
	if ((r = copy_content(unpacker, tar, fd, entry, err)) < 0)
		return r;
	if ((r = set_owner(unpacker, fd, "", AT_EMPTY_PATH, entry)) < 0)
		return error_sys(err, r, "give %s to its owner", name);
	set_xattrs(fd, entry);
	if (fchmod(fd, entry->mode & 07777) < 0 || futimens(fd, times) < 0)
		return error_sys(err, errno, "set mode and time of %s", name);
	return 0;
}

static void remember(struct unpacker *unpacker, const char *place, const struct tar_entry *entry)
{
	unpacker->late = xrealloc(unpacker->late, (unpacker->late_count + 1) * sizeof(*unpacker->late));
	unpacker->late[unpacker->late_count++] = (struct late){xstrdup(place), entry->mode & 07777, time_of(entry)};
}

static int make_directory(struct unpacker *unpacker, int parent, const char *name, const char *place,
			  const struct tar_entry *entry, struct error *err)
{
	struct stat st;
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode)) {
		if (!unpacker->options->overwrite)
			return error_set(err, ENOTDIR,
					 "%s: %s would have to make way for a directory; --overwrite allows it",
					 unpacker->to->shown, name);
		if (unlinkat(parent, name, 0) < 0)
			return error_sys(err, errno, "remove %s", name);
	}
	if (mkdirat(parent, name, 0700) < 0)
		return errno == EEXIST ? 0 : error_sys(err, errno, "make the directory %s", name);
	int r = set_owner(unpacker, parent, name, AT_SYMLINK_NOFOLLOW, entry);
	if (r < 0)
		return error_sys(err, r, "give the directory %s to its owner", name);
	remember(unpacker, place, entry);
	return 0;
}

static int make_hard_link(struct unpacker *unpacker, int parent, const char *name, const struct tar_entry *entry,
			  struct error *err)
{
	auto_free char *place = place_of(unpacker, entry->link);
	if (!place)
		return error_set(err, EBADMSG, "%s is a link to outside of the archive", entry->path);
	auto_close int fd = open_below(unpacker, place, O_PATH | O_NOFOLLOW);
	char path[sizeof("/proc/self/fd/-2147483648")];
	int r = fd < 0 ? error_sys(err, fd, "link to %s", place) : make_way(unpacker, parent, name, err);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, parent, name, AT_SYMLINK_FOLLOW) < 0 ? error_sys(err, errno, "link %s", name) : 0;
}

static int make_special(struct unpacker *unpacker, int parent, const char *name, const struct tar_entry *entry,
			struct error *err)
{
	int r = make_way(unpacker, parent, name, err);
	if (r < 0)
		return r;
	const struct timespec times[2] = {time_of(entry), time_of(entry)};
	if (entry->type == TAR_SYMLINK)
		r = symlinkat(entry->link, parent, name);
	else if (entry->type == TAR_FIFO)
		r = mkfifoat(parent, name, entry->mode & 0777);
	else
		return error_set(err, EPERM, "%s would be a device, which only the machine's root can make", name);
	if (r < 0)
		return error_sys(err, errno, "make %s", name);
	if ((r = set_owner(unpacker, parent, name, AT_SYMLINK_NOFOLLOW, entry)) < 0)
		return error_sys(err, r, "give %s to its owner", name);
	utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int unpack_entry(struct unpacker *unpacker, struct tar_reader *tar, const struct tar_entry *entry,
			struct error *err)
{
	const char *name;
	auto_free char *place = place_of(unpacker, entry->path);
	if (!place)
		return entry->type == TAR_DIRECTORY
			   ? 0
			   : error_set(err, EBADMSG, "the archive has the impossible name %s", entry->path);
	int parent = open_parent(unpacker, place, &name);
	if (parent < 0)
		return error_sys(err, parent, "%s: open the directory of %s", unpacker->to->shown, place);
	switch (entry->type) {
	case TAR_FILE:
		return make_file(unpacker, tar, parent, name, entry, err);
	case TAR_DIRECTORY:
		return make_directory(unpacker, parent, name, place, entry, err);
	case TAR_HARD_LINK:
		return make_hard_link(unpacker, parent, name, entry, err);
	default:
		return make_special(unpacker, parent, name, entry, err);
	}
}

/* The deeper ones first, whose making changed the time of those above. */
static int finish_directories(struct unpacker *unpacker, struct error *err)
{
	for (size_t i = unpacker->late_count; i-- > 0;) {
		const struct late *late = &unpacker->late[i];
		const struct timespec times[2] = {late->mtime, late->mtime};
		auto_close int fd = open_below(unpacker, late->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		if (fd < 0) /* exchanged or made unreadable by who lives there */
			continue;
		if (fchmod(fd, late->mode) < 0 || futimens(fd, times) < 0)
			return error_sys(err, errno, "set mode and time of the directory %s", late->path);
	}
	return 0;
}

static int unpack_all(struct unpacker *unpacker, int in, struct error *err)
{
	auto_stream struct stream *raw = NULL, *plain = NULL;
	int r = stream_open_fd(in, -1, -1, "the archive", &raw, err);
	if (r < 0 || (r = stream_decompress(TAKE_PTR(raw), &plain, NULL, err)) < 0)
		return r;
	auto_tar_reader struct tar_reader *tar = tar_reader_new(plain, NULL, NULL);
	const struct tar_entry *entry;
	unpacker->buffer = xmalloc(CHUNK);
	while ((r = tar_next(tar, &entry, err)) > 0)
		if ((r = unpack_entry(unpacker, tar, entry, err)) < 0)
			return r;
	if (r == 0)
		r = tar_finish(tar, err);
	return r < 0 ? r : finish_directories(unpacker, err);
}

int copy_directory_in(int dirfd, int tar_fd, struct error *err)
{
	static const struct copy_end to = {.shown = "the volume"};
	static const struct copy_options options = {.overwrite = true};
	struct copy_target target = {.directory = dirfd, .path = (char *)".", .name = (char *)""};
	CLEANUP(unpacker_close)
	struct unpacker unpacker = {
	    .to = &to, .options = &options, .target = &target, .stream = true, .plain = true, .parent = -1};
	return unpack_all(&unpacker, tar_fd, err);
}

int copy_unpack(const struct copy_end *to, const struct copy_options *options, bool stream, int in, struct error *err)
{
	struct copy_header header = {.is_directory = true, .contents = true};
	auto_copy_target struct copy_target target = {.directory = -1};
	/* No header: the source was not found, and that is said there. */
	if (!stream && read_full(in, &header, sizeof(header)) != sizeof(header))
		return 0;
	header.name[sizeof(header.name) - 1] = '\0';
	int r = copy_find_target(to, &header, &target, err);
	if (r < 0)
		return r;
	if (stream && *target.name)
		return error_set(err, ENOENT, "%s: an archive can be unpacked only into a directory that is there",
				 to->shown);
	CLEANUP(unpacker_close)
	struct unpacker unpacker = {.to = to, .options = options, .target = &target, .stream = stream, .parent = -1};
	return unpack_all(&unpacker, in, err);
}
