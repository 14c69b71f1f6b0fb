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
	struct digest *blob_digest, *tar_digest; /* the second is NULL where there is no second thread */
	enum stream_compression compression;
	int64_t blob_size;

	pthread_t reader, hasher;
	bool has_reader, has_hasher;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* Under the mutex: buffers produced, hashed and consumed since the beginning. */
	uint64_t produced, hashed, consumed;
	bool ended, abandoned;
	int result; /* of the first thread or the second, with its words */
	struct error error;

	unsigned char *slots;
	size_t lengths[SLOTS];
	/* The caller's own. */
	size_t position;
	int64_t tar_size;
};

/* ---- counting what is read of the blob ---- */
struct counter {
	struct stream stream;
	struct stream *below;
	int64_t *count;
};

static ssize_t counter_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct counter *counter = (struct counter *)stream;
	ssize_t n = stream_read(counter->below, data, length, err);
	if (n > 0)
		*counter->count += n;
	return n;
}

static void counter_close(struct stream *stream)
{
	stream_close(((struct counter *)stream)->below);
	free(stream);
}

static struct stream *count_stream(struct stream *below, int64_t *count)
{
	struct counter *counter = xcalloc(1, sizeof(*counter));
	*counter = (struct counter){{counter_read, NULL, counter_close}, below, count};
	return &counter->stream;
}

/* ---- the first thread ---- */
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
	while (!pipeline->abandoned && !pipeline->ended &&
	       (pipeline->produced - pipeline->consumed >= SLOTS ||
		(pipeline->has_hasher && pipeline->produced - pipeline->hashed >= SLOTS)))
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

/* ---- the second thread ---- */
/* Waits until more than `seen` buffers are there: false at the end. */
static bool wait_for_data(struct pipeline *pipeline, uint64_t seen)
{
	while (pipeline->produced <= seen && !pipeline->ended && !pipeline->abandoned)
		pthread_cond_wait(&pipeline->changed, &pipeline->mutex);
	return pipeline->produced > seen && !pipeline->abandoned;
}

static void *hash_tar(void *argument)
{
	struct pipeline *pipeline = argument;
	struct error err = ERROR_INIT;
	int r = 0;
	pthread_mutex_lock(&pipeline->mutex);
	while (r == 0 && wait_for_data(pipeline, pipeline->hashed)) {
		size_t slot = pipeline->hashed % SLOTS;
		pthread_mutex_unlock(&pipeline->mutex);
		r = digest_update(pipeline->tar_digest, pipeline->slots + slot * SLOT_SIZE, pipeline->lengths[slot],
				  &err);
		pthread_mutex_lock(&pipeline->mutex);
		pipeline->hashed++;
		pthread_cond_broadcast(&pipeline->changed);
	}
	pthread_mutex_unlock(&pipeline->mutex);
	if (r < 0)
		fail(pipeline, r, &err);
	return NULL;
}

/* ---- the caller ---- */
static ssize_t pipeline_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct pipeline *pipeline = (struct pipeline *)stream;
	if (pipeline->position == 0) {
		pthread_mutex_lock(&pipeline->mutex);
		bool more = wait_for_data(pipeline, pipeline->consumed);
		int result = pipeline->result;
		pthread_mutex_unlock(&pipeline->mutex);
		if (!more) {
			if (result < 0 && err)
				*err = pipeline->error;
			return result;
		}
	}
	size_t slot = pipeline->consumed % SLOTS, left = pipeline->lengths[slot] - pipeline->position;
	if (length > left)
		length = left;
	memcpy(data, pipeline->slots + slot * SLOT_SIZE + pipeline->position, length);
	pipeline->position += length;
	pipeline->tar_size += (int64_t)length;
	if (length == left) {
		pthread_mutex_lock(&pipeline->mutex);
		pipeline->consumed++;
		pthread_cond_broadcast(&pipeline->changed);
		pthread_mutex_unlock(&pipeline->mutex);
		pipeline->position = 0;
	}
	return (ssize_t)length;
}

struct stream *pipeline_stream(struct pipeline *pipeline)
{
	return &pipeline->stream;
}

static void join(struct pipeline *pipeline)
{
	if (pipeline->has_reader)
		pthread_join(pipeline->reader, NULL);
	if (pipeline->has_hasher)
		pthread_join(pipeline->hasher, NULL);
	pipeline->has_reader = pipeline->has_hasher = false;
}

void pipeline_free(struct pipeline *pipeline)
{
	pthread_mutex_lock(&pipeline->mutex);
	pipeline->abandoned = true;
	pthread_cond_broadcast(&pipeline->changed);
	pthread_mutex_unlock(&pipeline->mutex);
	join(pipeline);
	if (pipeline->source)
		stream_close(pipeline->source);
	if (pipeline->blob_digest)
		digest_free(pipeline->blob_digest);
	if (pipeline->tar_digest)
		digest_free(pipeline->tar_digest);
	pthread_cond_destroy(&pipeline->changed);
	pthread_mutex_destroy(&pipeline->mutex);
	free(pipeline->slots);
	free(pipeline);
}

static int start_threads(struct pipeline *pipeline, struct error *err)
{
	pipeline->has_hasher = pipeline->tar_digest != NULL;
	int r = pthread_create(&pipeline->reader, NULL, read_blob, pipeline);
	pipeline->has_reader = r == 0;
	if (r == 0 && pipeline->tar_digest) {
		r = pthread_create(&pipeline->hasher, NULL, hash_tar, pipeline);
		pipeline->has_hasher = r == 0;
	}
	return r == 0 ? 0 : error_sys(err, r, "start a thread");
}

static int open_source(struct pipeline *pipeline, struct stream *blob, const char *blob_digest, struct error *err)
{
	int r = digest_new(blob_digest, &pipeline->blob_digest, err);
	if (r < 0) {
		stream_close(blob);
		return r;
	}
	r = stream_hash(count_stream(blob, &pipeline->blob_size), pipeline->blob_digest, &pipeline->blob, err);
	if (r == 0)
		r = stream_decompress(pipeline->blob, &pipeline->source, &pipeline->compression, err);
	if (r < 0)
		return r;
	bool same = pipeline->compression == STREAM_PLAIN && !(blob_digest && text_starts_with(blob_digest, "sha512"));
	return same ? 0 : digest_new(NULL, &pipeline->tar_digest, err);
}

int pipeline_start(struct stream *blob, const char *blob_digest, struct pipeline **ret, struct error *err)
{
	auto_pipeline struct pipeline *pipeline = xcalloc(1, sizeof(*pipeline));
	pipeline->stream.read = pipeline_read;
	pthread_mutex_init(&pipeline->mutex, NULL);
	pthread_cond_init(&pipeline->changed, NULL);
	pipeline->slots = xmalloc((size_t)SLOTS * SLOT_SIZE);
	int r = open_source(pipeline, blob, blob_digest, err);
	if (r == 0)
		r = start_threads(pipeline, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(pipeline);
	return 0;
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
	unsigned char raw[DIGEST_SHA256_SIZE];
	int r;
	if (pipeline->tar_digest) {
		r = digest_finish_raw(pipeline->tar_digest, sums.tar_digest, err);
		if (r == 0)
			r = digest_finish(pipeline->blob_digest, sums.blob_digest, err);
	} else {
		r = digest_finish_raw(pipeline->blob_digest, raw, err);
		memcpy(sums.tar_digest, raw, sizeof(raw));
		digest_text(raw, sums.blob_digest);
	}
	if (r == 0)
		*ret = sums;
	return r;
}
