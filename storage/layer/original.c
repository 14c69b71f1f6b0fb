/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/layer/original.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/json/json.h"
#include "pkg/stream/stream.h"
#include "storage/layer/layer.h"
#include "storage/reference/reference.h"

#define NAME     "blob"
#define JSON     "layer.json"
#define JSON_MAX ((size_t)1024 * 1024)
#define CHUNK    (256 << 10)

void layer_blob_free(struct layer_blob *blob)
{
	free(blob->digest);
	free(blob->media_type);
	free(blob->compression);
	free(blob->repository);
	*blob = (struct layer_blob){0};
}

/* ---- what is kept ---- */
/* 1, or 0 when none is. */
static int describe(struct json_object *json, struct layer_blob *ret, struct error *err)
{
	struct json_object *member = NULL;
	const char *digest = NULL, *type = NULL, *compression = NULL;
	int64_t size = -1;
	int r = json_get_object(json, NAME, &member, err);
	if (r <= 0)
		return r;
	if ((r = json_get_string(member, "digest", &digest, err)) < 0 ||
	    (r = json_get_string(member, "mediaType", &type, err)) < 0 ||
	    (r = json_get_string(member, "compression", &compression, err)) < 0 ||
	    (r = json_get_int(member, "size", 0, INT64_MAX, &size, err)) < 0)
		return r;
	if (!digest || !digest_is_valid(digest) || !type || !compression || size < 0)
		return error_set(err, EINVAL, "layer.json does not say what the kept blob is");
	*ret = (struct layer_blob){xstrdup(digest), size, xstrdup(type), xstrdup(compression), NULL};
	return 1;
}

int layer_original_open_at(int layer_fd, struct layer_blob *ret, struct error *err)
{
	auto_json struct json_object *json = NULL;
	auto_layer_blob struct layer_blob blob = {0};
	int r = json_read_at(layer_fd, JSON, JSON_MAX, &json, err);
	if (r == 0)
		r = describe(json, &blob, err);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	int fd = openat(layer_fd, NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open the kept blob");
	*ret = blob;
	blob = (struct layer_blob){0};
	return fd;
}

int layer_original_open(struct store *store, const char *diff_id, struct layer_blob *ret, struct error *err)
{
	auto_close int layer = layer_open(store, diff_id, err);
	return layer < 0 ? layer : layer_original_open_at(layer, ret, err);
}

int layer_original_verify(int fd, const struct layer_blob *blob, struct error *err)
{
	auto_stream struct stream *stream = NULL;
	auto_digest struct digest *digest = NULL;
	char found[DIGEST_TEXT_MAX];
	int r = digest_new(blob->digest, &digest, err);
	if (r == 0)
		r = stream_open_fd(fd, 0, -1, "the kept blob", &stream, err);
	if (r == 0)
		r = stream_hash(TAKE_PTR(stream), digest, &stream, err);
	if (r == 0)
		r = stream_drain(stream, err);
	if (r == 0)
		r = digest_finish(digest, found, err);
	if (r == 0 && strcmp(found, blob->digest) != 0)
		r = error_set(err, EBADMSG, "the kept blob has not got its digest any more");
	return r;
}

/* ---- keeping it ---- */
static int copy(int layer_fd, const struct layer_original_source *source, struct error *err)
{
	auto_free char *buffer = xmalloc(CHUNK);
	auto_close int fd = openat(layer_fd, NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_sys(err, errno, "make the layer's blob");
	for (int64_t done = 0; source->length < 0 || done < source->length;) {
		int64_t left = source->length < 0 ? CHUNK : source->length - done;
		ssize_t n = pread(source->fd, buffer, left < CHUNK ? (size_t)left : CHUNK, source->offset + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "read the layer's blob");
		if (n == 0)
			break;
		int r = write_all(fd, buffer, (size_t)n);
		if (r < 0)
			return error_sys(err, r, "keep the layer's blob");
		done += n;
	}
	return 0;
}

static int take(int layer_fd, const struct layer_original_source *source, struct error *err)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", source->fd);
	/* For each layer but the first that came as this blob there is no other link. */
	if (source->whole && fchmod(source->fd, 0644) == 0 &&
	    linkat(AT_FDCWD, path, layer_fd, NAME, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return copy(layer_fd, source, err);
}

static int write_json(int layer_fd, struct json_object *json, struct error *err)
{
	auto_free char *text = json_text(json, false);
	return file_write_at(layer_fd, JSON, text, strlen(text), 0644, 0, err);
}

int layer_original_keep(int layer_fd, const struct layer_original_source *source, const struct layer_blob *blob,
			struct error *err)
{
	auto_json struct json_object *json = NULL;
	int r = json_read_at(layer_fd, JSON, JSON_MAX, &json, err);
	if (r == 0)
		r = take(layer_fd, source, err);
	if (r < 0)
		return r;
	struct json_object *member = json_object_new_object();
	json_add_string(member, "digest", blob->digest);
	json_add_int(member, "size", blob->size);
	json_add_string(member, "mediaType", blob->media_type);
	json_add_string(member, "compression", blob->compression);
	json_object_object_add(json, NAME, member);
	return write_json(layer_fd, json, err);
}

/* First nobody looks for it, then it goes: a kill in between leaves a file that the check finds. */
int layer_original_drop(int layer_fd, struct error *err)
{
	auto_json struct json_object *json = NULL;
	int r = json_read_at(layer_fd, JSON, JSON_MAX, &json, err);
	if (r == 0) {
		json_object_object_del(json, NAME);
		r = write_json(layer_fd, json, err);
	}
	if (r == 0 && unlinkat(layer_fd, NAME, 0) < 0 && errno != ENOENT)
		r = error_sys(err, errno, "remove the kept blob");
	return r;
}
