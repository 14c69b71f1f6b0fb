/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/archive/source.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/file/file.h"
#include "pkg/stream/stream.h"
#include "pkg/tar/tar.h"

#define MEMBERS_MAX 65536
#define LINKS_MAX   8
#define COPY_SIZE   (256 << 10)

struct member {
	char *name; /* clean */
	char *link; /* NULL: a file */
	int64_t offset, length;
};

struct archive_source {
	char *name;
	int fd; /* of the archive, of the copy, or of the directory */
	bool directory;
	struct stage stage;     /* where the copy lies */
	struct member *members; /* by name */
	size_t count, capacity;
};

void blob_close(struct blob *blob)
{
	if (blob->owned)
		cleanup_close(&blob->fd);
}

const char *archive_source_name(const struct archive_source *source)
{
	return source->name;
}

void archive_source_free(struct archive_source *source)
{
	for (size_t i = 0; i < source->count; i++) {
		free(source->members[i].name);
		free(source->members[i].link);
	}
	free(source->members);
	cleanup_close(&source->fd);
	stage_drop(&source->stage);
	free(source->name);
	free(source);
}
DEFINE_CLEANUP(struct archive_source *, archive_source_free)

/* ---- the table of contents ---- */
/* "./a//b/" → "a/b"; names with `..` stay as they are and are never found. */
static char *clean_name(const char *name)
{
	char *clean = xmalloc(strlen(name) + 1), *out = clean;
	while (*name) {
		size_t n = strcspn(name, "/");
		if (n > 0 && !(n == 1 && *name == '.')) {
			if (out > clean)
				*out++ = '/';
			memcpy(out, name, n);
			out += n;
		}
		name += n + (name[n] == '/');
	}
	*out = '\0';
	return clean;
}

/* What a symlink in the archive means: relative to where it lies, with `..` taken back. */
static char *resolve_link(const char *name, const char *target)
{
	const char *slash = strrchr(name, '/');
	auto_strv struct strv parts = STRV_INIT, kept = STRV_INIT;
	auto_free char *joined = xasprintf("%.*s/%s", *target != '/' && slash ? (int)(slash - name) : 0, name, target);
	strv_split(&parts, joined, '/');
	for (size_t i = 0; i < parts.count; i++) {
		if (strcmp(parts.items[i], "..") == 0 && kept.count > 0)
			strv_remove(&kept, kept.count - 1);
		else if (*parts.items[i] && strcmp(parts.items[i], ".") != 0)
			strv_add(&kept, parts.items[i]);
	}
	return strv_join(&kept, "/");
}

static int add_member(struct archive_source *source, const struct tar_entry *entry, int64_t offset, struct error *err)
{
	if (source->count >= MEMBERS_MAX)
		return error_set(err, EFBIG, "it has more than %d files", MEMBERS_MAX);
	if (entry->extents)
		return error_set(err, EINVAL,
				 "it was packed with sparse files; pack it anew without that (tar without -S)");
	if (source->count == source->capacity) {
		source->capacity = source->capacity ? source->capacity * 2 : 64;
		source->members = xrealloc(source->members, source->capacity * sizeof(*source->members));
	}
	char *name = clean_name(entry->path), *link = NULL;
	if (entry->type == TAR_SYMLINK)
		link = resolve_link(name, entry->link);
	else if (entry->type == TAR_HARD_LINK)
		link = clean_name(entry->link);
	source->members[source->count++] = (struct member){name, link, offset, entry->size};
	return 0;
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int r = strcmp(x->name, y->name);
	return r != 0 ? r : (x->offset < y->offset) - (x->offset > y->offset); /* the last of the same name first */
}

static const struct member *find_member(const struct archive_source *source, const char *name)
{
	size_t low = 0, high = source->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(source->members[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < source->count && strcmp(source->members[low].name, name) == 0 ? &source->members[low] : NULL;
}

/* ---- the copy of what cannot be read twice ---- */
/* Gives the copy a place that goes with the process. */
static int make_copy_file(struct store *store, struct archive_source *source, struct error *err)
{
	int r = store_stage(store, &source->stage, err);
	if (r < 0)
		return r;
	int fd = openat(source->stage.fd, "archive", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(err, errno, "make a file for the archive");
	unlinkat(source->stage.fd, "archive", 0);
	cleanup_close(&source->fd);
	source->fd = fd;
	return 0;
}

struct copying {
	struct progress *progress;
	size_t item;
	int64_t position;
};

static int copy_content(struct tar_reader *tar, int fd, char *buffer, struct copying *copying, struct error *err)
{
	for (;;) {
		ssize_t n = tar_read_content(tar, buffer, COPY_SIZE, err);
		if (n <= 0)
			return (int)n;
		int r = write_all(fd, buffer, (size_t)n);
		if (r < 0)
			return error_sys(err, r, "keep the archive's content");
		copying->position += n;
		progress_update(copying->progress, copying->item, (uint64_t)copying->position);
	}
}

/* Reads all entries; with `copying` (NULL: not) the content of files goes to the source's own file. */
static int read_members(struct archive_source *source, struct stream *stream, struct copying *copying,
			struct error *err)
{
	auto_tar_reader struct tar_reader *tar = tar_reader_new(stream, NULL, NULL);
	auto_free char *buffer = copying ? xmalloc(COPY_SIZE) : NULL;
	const struct tar_entry *entry;
	int r;
	while ((r = tar_next(tar, &entry, err)) > 0) {
		if (entry->type != TAR_FILE && entry->type != TAR_SYMLINK && entry->type != TAR_HARD_LINK)
			continue;
		r = add_member(source, entry, copying ? copying->position : tar_position(tar), err);
		if (r == 0 && copying && entry->type == TAR_FILE)
			r = copy_content(tar, source->fd, buffer, copying, err);
		if (r < 0)
			return r;
	}
	/* Whoever writes to the pipe shall not get a broken one. */
	if (r == 0 && copying)
		r = tar_finish(tar, err);
	if (r == 0 && source->count > 0)
		qsort(source->members, source->count, sizeof(*source->members), compare_members);
	return r;
}

/* Every file must lie within the archive: a truncated one is found here, and not in the middle of the work. */
static int check_length(const struct archive_source *source, int64_t size, struct error *err)
{
	for (size_t i = 0; i < source->count; i++)
		if (!source->members[i].link && source->members[i].offset > size - source->members[i].length)
			return error_set(err, EBADMSG, "the archive ends in the middle: it is truncated");
	return 0;
}

static int read_tar(struct store *store, struct archive_source *source, const struct stat *status,
		    struct progress *progress, struct error *err)
{
	bool seekable = S_ISREG(status->st_mode);
	enum stream_compression compression = STREAM_PLAIN;
	auto_stream struct stream *stream = NULL;
	struct stream *file;
	int64_t begin = seekable ? lseek(source->fd, 0, SEEK_CUR) : -1;
	auto_close int input = -1;
	int r = stream_open_fd(source->fd, begin, -1, source->name, &file, err);
	if (r == 0)
		r = stream_decompress(file, &stream, &compression, err);
	if (r < 0)
		return r;
	if (seekable && compression == STREAM_PLAIN && begin == 0) {
		r = read_members(source, stream, NULL, err);
		return r < 0 ? r : check_length(source, status->st_size, err);
	}
	input = TAKE_FD(source->fd); /* the stream reads from it still */
	struct copying copying = {.progress = progress};
	copying.item = progress_add(progress, "archive", "Reading", 0);
	r = make_copy_file(store, source, err);
	if (r == 0)
		r = read_members(source, stream, &copying, err);
	if (r == 0)
		progress_done(progress, copying.item, "Read");
	return r;
}

int archive_source_open(struct store *store, const char *path, struct progress *progress, struct archive_source **ret,
			struct error *err)
{
	bool standard_input = !path || strcmp(path, "-") == 0;
	CLEANUP(archive_source_freep) struct archive_source *source = xcalloc(1, sizeof(*source));
	struct stat status;
	source->stage = STAGE_INIT;
	source->name = xstrdup(standard_input ? "standard input" : path);
	source->fd =
	    standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (source->fd < 0 || fstat(source->fd, &status) < 0)
		return error_sys(err, errno, "open %s", source->name);
	source->directory = S_ISDIR(status.st_mode);
	int r = source->directory ? 0 : read_tar(store, source, &status, progress, err);
	if (r < 0)
		return error_context(err, "%s", source->name);
	*ret = TAKE_PTR(source);
	return 0;
}

/* ---- files ---- */
bool archive_source_is_directory(const struct archive_source *source)
{
	return source->directory;
}

static int find_in_directory(struct archive_source *source, const char *name, struct blob *ret, struct error *err)
{
	struct stat status;
	auto_close int fd = open_beneath(source->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return error_sys(err, fd, "open %s/%s", source->name, name);
	if (fstat(fd, &status) < 0)
		return error_sys(err, errno, "stat %s/%s", source->name, name);
	if (!S_ISREG(status.st_mode))
		return error_set(err, EINVAL, "%s/%s is not a regular file", source->name, name);
	*ret = (struct blob){TAKE_FD(fd), true, 0, status.st_size};
	return 1;
}

int archive_source_find(struct archive_source *source, const char *name, struct blob *ret, struct error *err)
{
	if (source->directory)
		return find_in_directory(source, name, ret, err);
	auto_free char *clean = clean_name(name);
	const struct member *member = find_member(source, clean);
	for (int links = 0; member && member->link; links++) {
		if (links == LINKS_MAX)
			return error_set(err, ELOOP, "%s: too many links at %.250s", source->name, name);
		member = find_member(source, member->link);
	}
	if (!member)
		return 0;
	*ret = (struct blob){source->fd, false, member->offset, member->length};
	return 1;
}

int archive_source_read(struct archive_source *source, const char *name, char **ret, size_t *ret_length,
			struct error *err)
{
	auto_blob struct blob blob = {.fd = -1};
	auto_stream struct stream *stream = NULL;
	int r = archive_source_find(source, name, &blob, err);
	if (r <= 0)
		return r < 0 ? r : error_set(err, ENOENT, "%s: there is no %.250s in it", source->name, name);
	if (blob.length > MANIFEST_SIZE_MAX)
		return error_set(err, EFBIG, "%s: %.250s has %lld bytes; at most %d are taken", source->name, name,
				 (long long)blob.length, MANIFEST_SIZE_MAX);
	r = stream_open_fd(blob.fd, blob.offset, blob.length, name, &stream, err);
	if (r < 0)
		return r;
	auto_free char *data = xmalloc((size_t)blob.length + 1);
	ssize_t n = stream_read_full(stream, data, (size_t)blob.length, err);
	if (n < 0)
		return (int)n;
	if (n < blob.length)
		return error_set(err, EBADMSG, "%s is truncated: %.250s ends early", source->name, name);
	data[n] = '\0';
	*ret = TAKE_PTR(data);
	*ret_length = (size_t)n;
	return 0;
}

int archive_source_read_json(struct archive_source *source, const char *name, struct json_object **ret,
			     struct error *err)
{
	auto_free char *data = NULL;
	size_t length = 0;
	int r = archive_source_read(source, name, &data, &length, err);
	if (r < 0)
		return r;
	r = json_parse(data, length, name, ret, err);
	return r < 0 ? error_context(err, "%s", source->name) : 0;
}
