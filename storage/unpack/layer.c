/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/unpack/layer.h"

#include <fcntl.h>
#include <string.h>

#include "pkg/file/file.h"
#include "storage/unpack/pipeline.h"
#include "storage/unpack/tree.h"

/* The content of a file this large is sent on its way to the disk at once, while the next ones are being unpacked. */
#define WRITE_EARLY (64 << 10)

struct work {
	struct tree tree;
	struct recipe_writer *recipe;
	struct tar_reader *tar;
	struct pipeline *pipeline; /* sums up one file after another */
	struct recipe_totals totals;
};

static int take_raw(void *userdata, const void *data, size_t length, struct error *err)
{
	struct work *work = userdata;
	return recipe_write_raw(work->recipe, data, length, err);
}

/* ---- the content of files ---- */
/* The next piece of it, which belongs to the file's checksum. */
static ssize_t take_content(struct work *work, size_t length, const void **ret, struct error *err)
{
	pipeline_part(work->pipeline, true);
	ssize_t n = tar_take_content(work->tar, length, ret, err);
	pipeline_part(work->pipeline, false);
	return n;
}

static int write_at(int fd, const char *data, size_t length, int64_t offset, struct error *err)
{
	while (length > 0) {
		ssize_t n = pwrite(fd, data, length, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "write it");
		data += n;
		offset += n;
		length -= (size_t)n;
	}
	return 0;
}

static int write_extent(struct work *work, int fd, struct tar_extent extent, struct error *err)
{
	while (extent.length > 0) {
		const void *data = NULL;
		ssize_t n = take_content(work, (size_t)extent.length, &data, err);
		if (n < 0)
			return (int)n;
		int r = write_at(fd, data, (size_t)n, extent.offset, err);
		if (r < 0)
			return r;
		extent.offset += n;
		extent.length -= n;
	}
	return 0;
}

static int write_content(struct work *work, int fd, const struct tar_entry *entry, struct error *err)
{
	if (!entry->extents)
		return write_extent(work, fd, (struct tar_extent){0, entry->size}, err);
	for (size_t i = 0; i < entry->extents_count; i++) {
		int r = write_extent(work, fd, entry->extents[i], err);
		if (r < 0)
			return r;
	}
	return ftruncate(fd, entry->size) < 0 ? error_sys(err, errno, "make it %lld bytes long", (long long)entry->size)
					      : 0;
}

static int unpack_file(struct work *work, const struct spot *spot, const struct tar_entry *entry, struct error *err)
{
	auto_close int fd = tree_create_file(&work->tree, spot, err);
	if (fd < 0)
		return fd;
	int r = write_content(work, fd, entry, err);
	if (r == 0)
		r = tree_finish_file(&work->tree, fd, entry, err);
	if (r == 0 && entry->stored >= WRITE_EARLY)
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return r;
}

/* The content of what is not in the tree (whiteouts) goes to the recipe. */
static int record_content(struct work *work, struct error *err)
{
	for (;;) {
		const void *data = NULL;
		ssize_t n = take_content(work, SIZE_MAX, &data, err);
		if (n <= 0)
			return (int)n;
		int r = recipe_write_raw(work->recipe, data, (size_t)n, err);
		if (r < 0)
			return r;
	}
}

/* ---- entries ---- */
static int place_entry(struct work *work, const struct tar_entry *entry, const char *path, struct recipe_entry *record,
		       struct error *err)
{
	auto_spot struct spot spot = {.parent_fd = -1};
	enum whiteout kind;
	int r = whiteout_classify(path, &kind, err);
	if (r < 0)
		return r;
	if (kind == WHITEOUT_IGNORED)
		return record_content(work, err);
	if (*path == '\0' && entry->type != TAR_DIRECTORY)
		return error_set(err, EBADMSG, "the archive has an entry without a name that is not a directory");
	r = tree_find(&work->tree, path, &spot, err);
	if (r < 0)
		return r;
	if (kind != WHITEOUT_NONE) {
		r = whiteout_place(&work->tree, &spot, kind, err);
		return r < 0 ? r : record_content(work, err);
	}
	if (strcmp(spot.place, path) != 0)
		record->place = TAKE_PTR(spot.place);
	if (entry->type != TAR_FILE)
		return tree_make(&work->tree, &spot, entry, err);
	record->in_tree = true;
	work->totals.size += entry->size;
	return unpack_file(work, &spot, entry, err);
}

/* Places an entry and writes its record; `path` is clean. */
static int unpack_entry(struct work *work, const struct tar_entry *entry, char *path, struct error *err)
{
	/* A copy of the entry with another path; it owns nothing but `place`. */
	struct recipe_entry record = {.tar = *entry};
	record.tar.path = path;
	int r = place_entry(work, entry, path, &record, err);
	if (r < 0)
		r = error_context(err, "unpack %.250s", *path ? path : "/");
	if (r == 0 && entry->type == TAR_FILE) {
		record.sum.kind = RECIPE_SUM_CHECKSUM;
		pipeline_end_part(work->pipeline, record.sum.value);
	}
	if (r == 0)
		r = recipe_write_entry(work->recipe, &record, err);
	work->totals.entries++;
	free(record.place);
	return r;
}

static int unpack_entries(struct work *work, struct error *err)
{
	const struct tar_entry *entry;
	int r;
	while ((r = tar_next(work->tar, &entry, err)) > 0) {
		auto_free char *path = NULL;
		r = tree_clean_path(entry->path, &path, err);
		if (r == 0)
			r = unpack_entry(work, entry, path, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : tar_finish(work->tar, err);
}

/* The second pass: entries made directories younger than they are. */
static int finish_directories(struct work *work, int recipe_fd, struct error *err)
{
	auto_recipe_reader struct recipe_reader *reader = NULL;
	const struct recipe_entry *entry;
	int r = recipe_reader_new(recipe_fd, &reader, err);
	while (r >= 0 && (r = recipe_next_entry(reader, &entry, err)) > 0)
		if (entry->tar.type == TAR_DIRECTORY)
			r = tree_finish_directory(&work->tree, entry->place ? entry->place : entry->tar.path,
						  &entry->tar, err);
	return r;
}

/* ---- the whole ---- */
static int is_another(const struct pipeline *pipeline, const char *digest, const char *wanted, struct error *err)
{
	const char *odd = pipeline_odd_compression(pipeline);
	if (odd)
		return error_set(err, EBADMSG,
				 "what came is not the layer: it is compressed with %s, which OCI images do not have, and "
				 "its digest is %s, not %s",
				 odd, digest, wanted);
	return error_set(err, EBADMSG, "the layer is damaged: its digest is %s, not %s", digest, wanted);
}

/* What cannot be unpacked may be another blob than is meant: that explains whatever was wrong with it. */
static int explain(struct pipeline *pipeline, const char *blob_digest, int r, struct error *err)
{
	char digest[DIGEST_TEXT_MAX];
	if (r != -EBADMSG)
		return r;
	if (blob_digest && pipeline_blob_digest(pipeline, digest, NULL) == 0 && strcmp(digest, blob_digest) != 0)
		return is_another(pipeline, digest, blob_digest, err);
	const char *odd = pipeline_odd_compression(pipeline);
	if (odd && strcmp(odd, stream_compression_name(STREAM_BZIP2)) != 0)
		return error_set(err, EBADMSG,
				 "the layer is compressed with %s, which OCI images do not have; whoever made the image "
				 "has to make it again with gzip or zstd",
				 odd);
	return r;
}

static int check_sums(const struct pipeline *pipeline, const struct pipeline_sums *sums, const char *blob_digest, const char *diff_id,
		      struct unpack_result *result, struct error *err)
{
	digest_text(sums->tar_digest, result->diff_id);
	memcpy(result->blob_digest, sums->blob_digest, sizeof(result->blob_digest));
	result->blob_size = sums->blob_size;
	result->tar_size = sums->tar_size;
	result->compression = sums->compression;
	if (blob_digest && strcmp(blob_digest, result->blob_digest) != 0)
		return is_another(pipeline, result->blob_digest, blob_digest, err);
	if (diff_id && strcmp(diff_id, result->diff_id) != 0)
		return error_set(err, EBADMSG,
				 "the layer is not the one that the image means: the digest of its tar is %s, not %s",
				 result->diff_id, diff_id);
	return 0;
}

static int run(struct work *work, struct pipeline *pipeline, const struct unpack_target *target,
	       const char *blob_digest, const char *diff_id, struct unpack_result *ret, struct error *err)
{
	struct pipeline_sums sums = {0};
	struct unpack_result result = {0};
	int r = tree_open(&work->tree, err);
	if (r == 0)
		r = unpack_entries(work, err);
	r = r < 0 ? explain(pipeline, blob_digest, r, err) : pipeline_finish(pipeline, &sums, err);
	if (r == 0)
		r = check_sums(pipeline, &sums, blob_digest, diff_id, &result, err);
	if (r < 0)
		return r;
	memcpy(work->totals.diff_id, sums.tar_digest, sizeof(sums.tar_digest));
	work->totals.sum.kind = RECIPE_SUM_CHECKSUM;
	memcpy(work->totals.sum.value, sums.tar_checksum, sizeof(sums.tar_checksum));
	work->totals.tar_size = sums.tar_size;
	r = recipe_write_end(work->recipe, &work->totals, err);
	if (r == 0)
		r = finish_directories(work, target->recipe_fd, err);
	if (r < 0)
		return r;
	result.size = work->totals.size;
	*ret = result;
	return 0;
}

void unpack_discard(int dirfd)
{
	auto_closedir DIR *directory = NULL;
	int fd = reopen_fd(dirfd, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !(directory = fdopendir(fd)))
		return;
	for (struct dirent *entry; (entry = readdir(directory));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			tree_remove_at(dirfd, entry->d_name, NULL);
}

int unpack_layer(const struct unpack_target *target, struct stream *blob, const char *blob_digest, const char *diff_id,
		 struct unpack_result *ret, bool *ret_xattrs, struct error *err)
{
	auto_pipeline struct pipeline *pipeline = NULL;
	auto_recipe_writer struct recipe_writer *recipe = NULL;
	auto_tar_reader struct tar_reader *tar = NULL;
	struct work work = {.tree = TREE_INIT};
	int r = pipeline_start(blob, blob_digest, target->gate, &pipeline, err);
	if (r == 0)
		r = recipe_writer_new(target->recipe_fd, &recipe, err);
	if (r < 0)
		return r;
	tar = tar_reader_new(pipeline_stream(pipeline), take_raw, &work);
	work.tree.root_fd = target->diff_fd;
	work.tree.kept_fd = target->kept_fd;
	work.tree.mapping = target->mapping;
	work.tree.recipe = work.recipe = recipe;
	work.tar = tar;
	work.pipeline = pipeline;
	r = run(&work, pipeline, target, blob_digest, diff_id, ret, err);
	if (r == 0)
		*ret_xattrs = work.tree.xattrs;
	tree_close(&work.tree);
	if (r < 0) {
		unpack_discard(target->diff_fd);
		unpack_discard(target->kept_fd);
	}
	return r;
}
