/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/unpack/pipeline.h"

#include <pthread.h>
#include <string.h>

#include "pkg/text/text.h"

#define SLOTS     8
#define SLOT_SIZE (256 << 10)

struct pipeline {
	struct stream stream; /* first: what the caller reads */
	struct stream *blob;  /* the lowest, counted and hashed; owned by `source` */
	struct stream *source;
	struct digest *blob_digest; /* NULL where it is the tar's */
	enum stream_compression compression;
	int64_t blob_size;
	const char *foreign; /* by its first bytes: a compression that cannot be read */

	pthread_t reader;
	bool has_reader;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* Under the mutex: buffers produced and consumed since the beginning. */
	uint64_t produced, consumed;
	bool ended, abandoned;
	int result; /* of the thread, with its words */
	struct error error;

	unsigned char *slots;
	size_t lengths[SLOTS];
	/* The caller's own. */
	struct digest *tar_digest;
	struct checksum *tar_checksum, *part_checksum; /* of the tar, and of the part of it that is being read */
	bool in_part;
	size_t position; /* in the buffer that is being read; its end: given back at the next call, for it is lent */
	int64_t tar_size;
};

/* ---- what is read of the blob: counted and hashed ---- */
struct lowest {
	struct stream stream;
	struct stream *below;
	struct pipeline *pipeline;
};

static ssize_t lowest_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct lowest *lowest = (struct lowest *)stream;
	struct pipeline *pipeline = lowest->pipeline;
	ssize_t n = stream_read(lowest->below, data, length, err);
	if (n <= 0)
		return n;
	if (pipeline->blob_size == 0)
		pipeline->foreign = stream_foreign_name(data, (size_t)n);
	pipeline->blob_size += n;
	int r = pipeline->blob_digest ? digest_update(pipeline->blob_digest, data, (size_t)n, err) : 0;
	return r < 0 ? r : n;
}

static void lowest_close(struct stream *stream)
{
	stream_close(((struct lowest *)stream)->below);
	free(stream);
}

static struct stream *lowest_stream(struct pipeline *pipeline, struct stream *below)
{
	struct lowest *lowest = xcalloc(1, sizeof(*lowest));
	*lowest = (struct lowest){{lowest_read, NULL, lowest_close}, below, pipeline};
	return &lowest->stream;
}

/* ---- the thread ---- */
static void fail(struct pipeline *pipeline, int result, const struct error *err)
{
	pthread_mutex_lock(&pipeline->mutex);
	if (pipeline->result == 0) {
		pipeline->result = result;
		pipeline->error = *err;
	}
	pipeline->ended = true;
	pthread_cond_broadcast(&pipeline->changed);
	pthread_mutex_unlock(&pipeline->mutex);
}

/* Waits for a free buffer: false when nobody wants one any more. */
static bool wait_for_room(struct pipeline *pipeline)
{
	pthread_mutex_lock(&pipeline->mutex);
	while (!pipeline->abandoned && !pipeline->ended && pipeline->produced - pipeline->consumed >= SLOTS)
		pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
	bool go_on = !pipeline->abandoned && !pipeline->ended;
	pthread_mutex_unlock(&pipeline->mutex);
	return go_on;
}

static void *read_blob(void *argument)
{
	struct pipeline *pipeline = argument;
	struct error err = ERROR_INIT;
	while (wait_for_room(pipeline)) {
		size_t slot = pipeline->produced % SLOTS;
		ssize_t n = stream_read_full(pipeline->source, pipeline->slots + slot * SLOT_SIZE, SLOT_SIZE, &err);
		if (n == 0) /* what lies behind compressed data belongs to the blob too */
			n = stream_drain(pipeline->blob, &err);
		if (n < 0) {
			fail(pipeline, (int)n, &err);
			break;
		}
		pthread_mutex_lock(&pipeline->mutex);
		pipeline->lengths[slot] = (size_t)n;
		if (n > 0)
			pipeline->produced++;
		else
			pipeline->ended = true;
		pthread_cond_broadcast(&pipeline->changed);
		pthread_mutex_unlock(&pipeline->mutex);
	}
	return NULL;
}

/* ---- the caller ---- */
/* Waits until there is a buffer to read: false at the end, or when the thread has failed. */
static bool wait_for_data(struct pipeline *pipeline, int *ret_result)
{
	pthread_mutex_lock(&pipeline->mutex);
	while (pipeline->produced <= pipeline->consumed && !pipeline->ended)
		pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
	bool more = pipeline->produced > pipeline->consumed;
	*ret_result = pipeline->result;
	pthread_mutex_unlock(&pipeline->mutex);
	return more;
}

static void give_back(struct pipeline *pipeline)
{
	pthread_mutex_lock(&pipeline->mutex);
	pipeline->consumed++;
	pthread_cond_broadcast(&pipeline->changed);
	pthread_mutex_unlock(&pipeline->mutex);
	pipeline->position = 0;
}

static ssize_t pipeline_take(struct stream *stream, size_t length, const void **ret, struct error *err)
{
	struct pipeline *pipeline = (struct pipeline *)stream;
	int result = 0;
	if (pipeline->position > 0 && pipeline->position == pipeline->lengths[pipeline->consumed % SLOTS])
		give_back(pipeline);
	if (pipeline->position == 0 && !wait_for_data(pipeline, &result)) {
		if (result >= 0)
			return 0;
		if (err)
			*err = pipeline->error;
		return result;
	}
	size_t slot = pipeline->consumed % SLOTS, left = pipeline->lengths[slot] - pipeline->position;
	const unsigned char *data = pipeline->slots + slot * SLOT_SIZE + pipeline->position;
	if (length > left)
		length = left;
	int r = digest_update(pipeline->tar_digest, data, length, err);
	if (r < 0)
		return r;
	checksum_update(pipeline->tar_checksum, data, length);
	if (pipeline->in_part)
		checksum_update(pipeline->part_checksum, data, length);
	pipeline->position += length;
	pipeline->tar_size += (int64_t)length;
	*ret = data;
	return (ssize_t)length;
}

static ssize_t pipeline_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	const void *lent;
	ssize_t n = pipeline_take(stream, length, &lent, err);
	if (n > 0)
		memcpy(data, lent, (size_t)n);
	return n;
}

void pipeline_part(struct pipeline *pipeline, bool part)
{
	pipeline->in_part = part;
}

void pipeline_end_part(struct pipeline *pipeline, unsigned char *out)
{
	checksum_finish(pipeline->part_checksum, out);
}

struct stream *pipeline_stream(struct pipeline *pipeline)
{
	return &pipeline->stream;
}

static void join(struct pipeline *pipeline)
{
	if (pipeline->has_reader)
		pthread_join(pipeline->reader, NULL);
	pipeline->has_reader = false;
}

static void stop(struct pipeline *pipeline)
{
	pthread_mutex_lock(&pipeline->mutex);
	pipeline->abandoned = true;
	pthread_cond_broadcast(&pipeline->changed);
	pthread_mutex_unlock(&pipeline->mutex);
	join(pipeline);
}

void pipeline_free(struct pipeline *pipeline)
{
	stop(pipeline);
	if (pipeline->source)
		stream_close(pipeline->source);
	if (pipeline->blob_digest)
		digest_free(pipeline->blob_digest);
	if (pipeline->tar_digest)
		digest_free(pipeline->tar_digest);
	if (pipeline->tar_checksum)
		checksum_free(pipeline->tar_checksum);
	if (pipeline->part_checksum)
		checksum_free(pipeline->part_checksum);
	pthread_cond_destroy(&pipeline->changed);
	pthread_mutex_destroy(&pipeline->mutex);
	free(pipeline->slots);
	free(pipeline);
}

static int start_thread(struct pipeline *pipeline, struct error *err)
{
	int r = pthread_create(&pipeline->reader, NULL, read_blob, pipeline);
	pipeline->has_reader = r == 0;
	return r == 0 ? 0 : error_sys(err, r, "start a thread");
}

/* A blob that is not compressed is its own tar, and hashed as that: what was hashed of it so far, its head, need not
 * have been. */
static void forget_blob_digest(struct pipeline *pipeline, const char *blob_digest)
{
	bool same = pipeline->compression == STREAM_PLAIN && !(blob_digest && text_starts_with(blob_digest, "sha512"));
	if (!same)
		return;
	digest_free(pipeline->blob_digest);
	pipeline->blob_digest = NULL;
}

static int open_source(struct pipeline *pipeline, struct stream *blob, const char *blob_digest, int gate,
		       struct error *err)
{
	int r = digest_new(blob_digest, &pipeline->blob_digest, err);
	if (r == 0)
		r = digest_new(NULL, &pipeline->tar_digest, err);
	if (r == 0)
		r = checksum_new(&pipeline->tar_checksum, err);
	if (r == 0)
		r = checksum_new(&pipeline->part_checksum, err);
	if (r < 0) {
		stream_close(blob);
		return r;
	}
	pipeline->blob = lowest_stream(pipeline, blob);
	r = stream_decompress_gated(pipeline->blob, gate, &pipeline->source, &pipeline->compression, err);
	if (r == 0)
		forget_blob_digest(pipeline, blob_digest);
	return r;
}

int pipeline_start(struct stream *blob, const char *blob_digest, int gate, struct pipeline **ret, struct error *err)
{
	auto_pipeline struct pipeline *pipeline = xcalloc(1, sizeof(*pipeline));
	pipeline->stream.read = pipeline_read;
	pipeline->stream.take = pipeline_take;
	pthread_mutex_init(&pipeline->mutex, NULL);
	pthread_cond_init(&pipeline->changed, NULL);
	pipeline->slots = xmalloc((size_t)SLOTS * SLOT_SIZE);
	int r = open_source(pipeline, blob, blob_digest, gate, err);
	if (r == 0)
		r = start_thread(pipeline, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(pipeline);
	return 0;
}

const char *pipeline_odd_compression(const struct pipeline *pipeline)
{
	return pipeline->compression == STREAM_BZIP2 ? stream_compression_name(STREAM_BZIP2) : pipeline->foreign;
}

int pipeline_blob_digest(struct pipeline *pipeline, char *out, struct error *err)
{
	if (pipeline->blob_digest) {
		stop(pipeline);
		int r = stream_drain(pipeline->blob, err);
		return r < 0 ? r : digest_finish(pipeline->blob_digest, out, err);
	}
	unsigned char raw[DIGEST_SHA256_SIZE];
	int r = stream_drain(&pipeline->stream, err);
	if (r == 0)
		r = digest_finish_raw(pipeline->tar_digest, raw, err);
	if (r == 0)
		digest_text(raw, out);
	return r;
}

int pipeline_finish(struct pipeline *pipeline, struct pipeline_sums *ret, struct error *err)
{
	join(pipeline);
	if (pipeline->result < 0) {
		if (err)
			*err = pipeline->error;
		return pipeline->result;
	}
	struct pipeline_sums sums = {
	    .blob_size = pipeline->blob_size, .tar_size = pipeline->tar_size, .compression = pipeline->compression};
	checksum_finish(pipeline->tar_checksum, sums.tar_checksum);
	int r = digest_finish_raw(pipeline->tar_digest, sums.tar_digest, err);
	if (r == 0 && pipeline->blob_digest)
		r = digest_finish(pipeline->blob_digest, sums.blob_digest, err);
	else
		digest_text(sums.tar_digest, sums.blob_digest);
	if (r == 0)
		*ret = sums;
	return r;
}
