/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/save/layer.h"

#include <fcntl.h>
#include <string.h>

#include "pkg/digest/digest.h"
#include "pkg/file/file.h"
#include "pkg/stream/compress.h"
#include "storage/layer/layer.h"
#include "storage/layer/original.h"
#include "storage/recipe/recipe.h"

#define CHUNK (256 << 10)

void saving_free(struct saving *saving)
{
	target_close(&saving->target);
	strv_free(&saving->digests);
	strv_free(&saving->layers);
	strv_free(&saving->compressions);
	free(saving->sizes);
}

/* A layer on its way. */
struct passage {
	struct saving *saving;
	struct compressor *compressor; /* NULL: as it is */
	struct digest *digest;
	int64_t written; /* compressed */
	uint64_t done;   /* not compressed */
	size_t item;     /* of the progress */
};

static int take_tar(void *userdata, const void *data, size_t length, struct error *err)
{
	struct passage *passage = userdata;
	passage->done += length;
	if (passage->saving->request->progress)
		progress_update(passage->saving->request->progress, passage->item, passage->done);
	return passage->compressor ? compressor_write(passage->compressor, data, length, err)
				   : target_write(&passage->saving->target, data, length, err);
}

static int open_layer(const struct saving *saving, const char *diff_id, struct passage *passage,
		      struct recipe_totals *ret, struct error *err)
{
	auto_recipe_reader struct recipe_reader *reader = NULL;
	const char *hex = strchr(diff_id, ':') + 1;
	auto_free char *short_id = xstrndup(hex, 12);
	auto_close int fd = layer_open(saving->store, diff_id, err);
	if (fd < 0)
		return fd;
	auto_close int recipe = openat(fd, "recipe", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (recipe < 0)
		return error_sys(err, errno, "open the recipe of layer %s", diff_id);
	int r = recipe_reader_new(recipe, &reader, err);
	if (r == 0)
		r = recipe_read_totals(reader, ret, err);
	if (r < 0)
		return error_context(err, "layer %s", diff_id);
	if (saving->request->progress)
		passage->item = progress_add(saving->request->progress, short_id, "Saving", (uint64_t)ret->tar_size);
	return TAKE_FD(fd);
}

static int save_plain(struct saving *saving, const char *diff_id, int layer_fd, const struct recipe_totals *totals,
		      struct passage *passage, blob_name name, struct error *err)
{
	auto_free char *file = name(diff_id);
	int r = target_begin(&saving->target, file, totals->tar_size, err);
	if (r == 0)
		r = recipe_regenerate(layer_fd, take_tar, passage, err);
	return r < 0 ? r : target_end(&saving->target, err);
}

/* ---- compressed: through the spool ---- */
static int take_compressed(void *userdata, const void *data, size_t length, struct error *err)
{
	struct passage *passage = userdata;
	int r = digest_update(passage->digest, data, length, err);
	if (r < 0)
		return r;
	passage->written += (int64_t)length;
	r = write_all(passage->saving->request->spool_fd, data, length);
	return r < 0 ? error_sys(err, r, "keep the compressed layer") : 0;
}

static int fill_spool(struct saving *saving, int layer_fd, struct passage *passage, char *ret_digest, struct error *err)
{
	auto_digest struct digest *digest = NULL;
	auto_compressor struct compressor *compressor = NULL;
	if (lseek(saving->request->spool_fd, 0, SEEK_SET) < 0 || ftruncate(saving->request->spool_fd, 0) < 0)
		return error_sys(err, errno, "empty the file for compressed layers");
	int r = digest_new(NULL, &digest, err);
	if (r == 0)
		r = compressor_new(STREAM_GZIP, -1, take_compressed, passage, &compressor, err);
	if (r < 0)
		return r;
	passage->digest = digest;
	passage->compressor = compressor;
	r = recipe_regenerate(layer_fd, take_tar, passage, err);
	if (r == 0)
		r = compressor_finish(compressor, err);
	passage->compressor = NULL;
	passage->digest = NULL;
	return r < 0 ? r : digest_finish(digest, ret_digest, err);
}

static int copy_file(struct saving *saving, int fd, const char *file, int64_t size, struct error *err)
{
	auto_free char *buffer = xmalloc(CHUNK);
	int r = target_begin(&saving->target, file, size, err);
	for (int64_t done = 0; r == 0 && done < size;) {
		ssize_t n = pread(fd, buffer, CHUNK, done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_sys(err, n < 0 ? errno : EIO, "read the compressed layer");
		r = target_write(&saving->target, buffer, (size_t)n, err);
		done += n;
	}
	return r < 0 ? r : target_end(&saving->target, err);
}

/* ---- as it came ---- */
static bool is_docker(const struct saving *saving)
{
	return saving->request->format == SAVE_DOCKER_ARCHIVE || saving->request->format == SAVE_DOCKER_DIR;
}

static void take_note(struct saving *saving, const char *diff_id, const char *digest, const char *compression,
		      int64_t size)
{
	strv_add(&saving->layers, diff_id);
	strv_add(&saving->digests, digest);
	strv_add(&saving->compressions, compression);
	saving->sizes = xrealloc(saving->sizes, saving->layers.count * sizeof(*saving->sizes));
	saving->sizes[saving->layers.count - 1] = size;
}

/* Writes the blob that was kept: 1, or 0 when there is none that would do. It is read twice, so that what is damaged is
 * seen before it is in the archive. */
static int write_original(struct saving *saving, const char *diff_id, blob_name name, struct error *err)
{
	auto_layer_blob struct layer_blob blob = {0};
	if (saving->request->format == SAVE_DOCKER_ARCHIVE || !saving->request->originals)
		return 0;
	auto_close int fd = layer_original_open(saving->store, diff_id, &blob, NULL);
	if (fd < 0 || !manifest_layer_type(is_docker(saving), blob.compression) ||
	    layer_original_verify(fd, &blob, NULL) < 0)
		return 0;
	auto_free char *file = name(blob.digest), *short_id = xstrndup(strchr(diff_id, ':') + 1, 12);
	int r = copy_file(saving, fd, file, blob.size, err);
	if (r < 0)
		return error_context(err, "layer %s", diff_id);
	if (saving->request->progress) {
		size_t item = progress_add(saving->request->progress, short_id, "Saving", (uint64_t)blob.size);
		progress_done(saving->request->progress, item, "Saved");
	}
	take_note(saving, diff_id, blob.digest, blob.compression, blob.size);
	return 1;
}

/* ---- the whole ---- */
static int write_layer(struct saving *saving, const char *diff_id, blob_name name, struct error *err)
{
	int written = write_original(saving, diff_id, name, err);
	if (written != 0)
		return written < 0 ? written : 0;
	struct passage passage = {.saving = saving};
	struct recipe_totals totals = {0};
	char digest[DIGEST_TEXT_MAX];
	auto_close int layer_fd = open_layer(saving, diff_id, &passage, &totals, err);
	if (layer_fd < 0)
		return layer_fd;
	int r;
	if (saving->request->compress) {
		r = fill_spool(saving, layer_fd, &passage, digest, err);
		auto_free char *file = r == 0 ? name(digest) : NULL;
		if (r == 0)
			r = copy_file(saving, saving->request->spool_fd, file, passage.written, err);
	} else {
		r = save_plain(saving, diff_id, layer_fd, &totals, &passage, name, err);
	}
	if (r < 0)
		return error_context(err, "layer %s", diff_id);
	if (saving->request->progress)
		progress_done(saving->request->progress, passage.item, "Saved");
	bool compress = saving->request->compress;
	take_note(saving, diff_id, compress ? digest : diff_id,
		  stream_compression_name(compress ? STREAM_GZIP : STREAM_PLAIN),
		  compress ? passage.written : totals.tar_size);
	return 0;
}

int save_layer(struct saving *saving, const char *diff_id, blob_name name, struct descriptor *ret, struct error *err)
{
	size_t index = 0;
	while (index < saving->layers.count && strcmp(saving->layers.items[index], diff_id) != 0)
		index++;
	int r = index == saving->layers.count ? write_layer(saving, diff_id, name, err) : 0;
	if (r < 0)
		return r;
	const char *type = manifest_layer_type(is_docker(saving), saving->compressions.items[index]);
	*ret = (struct descriptor){(char *)type, saving->digests.items[index], saving->sizes[index]};
	return 0;
}
