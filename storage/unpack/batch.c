/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/unpack/batch.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/manifest/manifest.h"

struct staged {
	struct stage stage;
	struct unpack_result result;
};

struct layer_batch {
	struct store *store;
	pthread_mutex_t mutex; /* for all below */
	struct unpacker *unpackers[LAYER_BATCH_MAX], *idle[LAYER_BATCH_MAX];
	size_t unpackers_count, idle_count;
	/* Two descriptors each. Those that are being unpacked when the last one is counted come on top. */
	struct staged *staged[LAYER_BATCH_STAGED_MAX + LAYER_BATCH_MAX];
	size_t count;
	int gate; /* for what takes much memory to decompress; 0: not made yet */
};

struct layer_batch *layer_batch_new(struct store *store)
{
	struct layer_batch *batch = xcalloc(1, sizeof(*batch));
	batch->store = store;
	pthread_mutex_init(&batch->mutex, NULL);
	return batch;
}

static int make_gate(struct layer_batch *batch, struct error *err)
{
	if (batch->gate > 0)
		return 0;
	int fd = memfd_create("decompression", MFD_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "make a file in memory");
	batch->gate = fd;
	return 0;
}

int layer_batch_start(struct layer_batch *batch, size_t count, struct error *err)
{
	int made = make_gate(batch, err);
	if (made < 0)
		return made;
	while (batch->unpackers_count < count && batch->unpackers_count < LAYER_BATCH_MAX) {
		struct unpacker **unpacker = &batch->unpackers[batch->unpackers_count];
		int r = unpacker_start(batch->store, batch->gate, unpacker, err);
		if (r < 0)
			return r;
		batch->idle[batch->idle_count++] = *unpacker;
		batch->unpackers_count++;
	}
	return 0;
}

/* Drops the layer, unless it was placed. */
static void forget(struct unpacker *unpacker, struct staged *staged)
{
	if (staged->stage.fd >= 0)
		unpacker_discard(unpacker, &staged->stage);
	stage_drop(&staged->stage);
	free(staged);
}

static void forget_all(struct layer_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		forget(batch->unpackers[0], batch->staged[i]);
	batch->count = 0;
}

void layer_batch_free(struct layer_batch *batch)
{
	forget_all(batch);
	for (size_t i = 0; i < batch->unpackers_count; i++)
		unpacker_free(batch->unpackers[i]);
	if (batch->gate > 0)
		close(batch->gate);
	pthread_mutex_destroy(&batch->mutex);
	free(batch);
}

static bool is_staged(struct layer_batch *batch, const char *diff_id, struct layer_facts *ret)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct unpack_result *result = &batch->staged[i]->result;
		if (strcmp(result->diff_id, diff_id) != 0)
			continue;
		*ret = (struct layer_facts){.size = result->size, .tar_size = result->tar_size};
		return true;
	}
	return false;
}

static int has(struct layer_batch *batch, const char *diff_id, struct layer_facts *ret, struct error *err)
{
	return is_staged(batch, diff_id, ret) ? 1 : layer_read_facts(batch->store, diff_id, ret, err);
}

int layer_batch_has(struct layer_batch *batch, const char *diff_id, struct layer_facts *ret, struct error *err)
{
	pthread_mutex_lock(&batch->mutex);
	int r = has(batch, diff_id, ret, err);
	pthread_mutex_unlock(&batch->mutex);
	return r;
}

/* An unpacker for this thread alone. */
static int take_unpacker(struct layer_batch *batch, struct unpacker **ret, struct error *err)
{
	pthread_mutex_lock(&batch->mutex);
	int r = batch->count >= LAYER_BATCH_STAGED_MAX ? layer_batch_place(batch, err) : 0;
	if (r == 0 && batch->unpackers_count == 0)
		r = layer_batch_start(batch, 1, err);
	if (r == 0)
		*ret = batch->idle[--batch->idle_count];
	pthread_mutex_unlock(&batch->mutex);
	return r;
}

/* Keeps what was staged, unless it is there already, and gives the unpacker back. */
static int keep(struct layer_batch *batch, struct unpacker *unpacker, struct staged *staged, int r, struct error *err)
{
	struct layer_facts facts;
	pthread_mutex_lock(&batch->mutex);
	if (r == 0)
		r = has(batch, staged->result.diff_id, &facts, err);
	if (r == 0)
		batch->staged[batch->count++] = staged;
	else
		forget(unpacker, staged);
	batch->idle[batch->idle_count++] = unpacker;
	pthread_mutex_unlock(&batch->mutex);
	return r < 0 ? r : 0;
}

/* The blob itself, where the settings want it. A plain tar the recipe gives again. */
static int keep_original(struct layer_batch *batch, const struct unpack_request *request, const struct staged *staged,
			 struct error *err)
{
	const struct unpack_result *result = &staged->result;
	if (!request->original || !batch->store->settings.keep_compressed_blobs || result->compression == STREAM_PLAIN)
		return 0;
	const char *compression = stream_compression_name(result->compression);
	const char *type = request->media_type ? request->media_type : manifest_layer_type(false, compression);
	struct layer_blob blob = {.digest = (char *)result->blob_digest,
				  .size = result->blob_size,
				  .media_type = (char *)(type ? type : MEDIA_TYPE_OCI_LAYER),
				  .compression = (char *)compression};
	return layer_original_keep(staged->stage.fd, request->original, &blob, err);
}

int layer_batch_add(struct layer_batch *batch, const struct unpack_request *request, struct unpack_result *ret,
		    struct error *err)
{
	struct unpacker *unpacker = NULL;
	int r = take_unpacker(batch, &unpacker, err);
	if (r < 0)
		return r;
	struct staged *staged = xcalloc(1, sizeof(*staged));
	staged->stage = STAGE_INIT;
	r = store_stage(batch->store, &staged->stage, err);
	if (r == 0)
		r = unpacker_layer(unpacker, &staged->stage, request, &staged->result, err);
	if (r == 0)
		r = keep_original(batch, request, staged, err);
	struct unpack_result result = staged->result;
	r = keep(batch, unpacker, staged, r, err);
	if (r == 0)
		*ret = result;
	return r;
}

/* Makes the names durable that the layers have got: once for all. */
static int sync_names(struct store *store, struct error *err)
{
	auto_close int fd = openat(store->root_fd, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? error_sys(err, errno, "write %s/layers to the disk", store->root) : 0;
}

int layer_batch_place(struct layer_batch *batch, struct error *err)
{
	if (batch->count == 0)
		return 0;
	int r = unpack_sync(batch->staged[0]->stage.fd, err);
	for (size_t i = 0; r == 0 && i < batch->count; i++) {
		struct staged *staged = batch->staged[i];
		r = layer_place(&staged->stage, staged->result.diff_id, err);
		if (r == -EEXIST) {
			error_clear(err);
			r = 0;
		}
	}
	if (r == 0)
		r = sync_names(batch->store, err);
	if (r == 0)
		forget_all(batch);
	return r;
}
