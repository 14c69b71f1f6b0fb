/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/pull/layers.h"

#include <string.h>

#include "pkg/parallel/parallel.h"
#include "storage/layer/blobs.h"
#include "storage/pull/feed.h"

/* In front of them others may be working on theirs, and the store may lose what it had: but not for ever. */
#define ROUNDS_MAX 100

struct layer {
	const struct descriptor *blob;
	const char *diff_id;
	size_t item; /* of the progress */
	bool fetched;
	enum stream_compression compression; /* once it was fetched */
	struct partial partial;
};

struct work {
	const struct layers_request *request;
	struct layer_batch *batch;
	struct layer *layers;
	size_t count;

	struct layer *claimed[LAYER_BATCH_STAGED_MAX]; /* of this round, largest first */
	size_t claimed_count;
	atomic_bool stop; /* one has failed: the others need not go on */
};

/* ---- progress ---- */
static void tell_state(const struct work *work, const struct layer *layer, const char *state)
{
	if (work->request->progress)
		progress_state(work->request->progress, layer->item, state, 0);
}

static void tell_done(const struct work *work, const struct layer *layer, const char *state)
{
	if (work->request->progress)
		progress_done(work->request->progress, layer->item, state);
}

/* ---- one layer ---- */
/* What to say when the feeding failed, the unpacking, or both: the registry's failure explains the other, but that
 * nobody wanted its bytes does not. */
static int judge(int fed, int unpacked, const struct error *feed_error, struct error *err)
{
	if (fed == 0 || (fed == -EPIPE && unpacked < 0))
		return unpacked;
	if (err)
		*err = *feed_error;
	return fed;
}

static int fetch_once(struct work *work, struct layer *layer, struct error *err)
{
	struct error feed_error = ERROR_INIT;
	struct unpack_result result;
	struct feed feed = {.remote = work->request->remote,
			    .blob = layer->blob,
			    .partial = &layer->partial,
			    .progress = work->request->progress,
			    .item = layer->item,
			    .stop = &work->stop};
	/* The child may read it, and no more. */
	auto_close int file = partial_open_for_reading(&layer->partial, err);
	if (file < 0)
		return file;
	int growth = feed_start(&feed, err);
	if (growth < 0)
		return growth;
	auto_free char *name = xasprintf("layer %.19s", layer->blob->digest);
	struct layer_original_source original = {.fd = layer->partial.fd, .length = layer->blob->size, .whole = true};
	struct unpack_request request = {.fd = file,
					 .growing = true,
					 .growth = growth,
					 .name = name,
					 .blob_digest = layer->blob->digest,
					 .diff_id = layer->diff_id,
					 .original = &original,
					 .media_type = layer->blob->media_type};
	int unpacked = layer_batch_add(work->batch, &request, &result, err);
	close(growth);
	int fed = feed_join(&feed, &feed_error);
	if (unpacked == 0)
		layer->compression = result.compression;
	return judge(fed, unpacked, &feed_error, err);
}

static int fetch_layer(struct work *work, struct layer *layer, struct error *err)
{
	bool resumed = layer->partial.length > 0;
	int r = fetch_once(work, layer, err);
	if (r == -EBADMSG) {
		int emptied = partial_empty(&layer->partial, err);
		if (emptied < 0)
			return emptied;
		if (resumed) {
			error_clear(err);
			r = fetch_once(work, layer, err);
		}
	}
	if (r == -EBADMSG)
		partial_empty(&layer->partial, NULL);
	if (r < 0)
		return error_context(err, "layer %.19s", layer->blob->digest);
	layer->fetched = true;
	return 0;
}

/* ---- a round ---- */
static int fetch_claimed_one(void *userdata, size_t index, struct error *err)
{
	struct work *work = userdata;
	int r = fetch_layer(work, work->claimed[index], err);
	if (r < 0)
		work->stop = true;
	return r;
}

static int compare_sizes(const void *left, const void *right)
{
	const struct layer *const *a = left, *const *b = right;
	return ((*a)->blob->size < (*b)->blob->size) - ((*a)->blob->size > (*b)->blob->size);
}

static int fetch_claimed(struct work *work, struct error *err)
{
	/* Two at least: one may be waiting for the network. */
	size_t threads = parallel_threads(2, LAYER_BATCH_MAX);
	if (threads > work->claimed_count)
		threads = work->claimed_count;
	qsort(work->claimed, work->claimed_count, sizeof(struct layer *), compare_sizes);
	int r = layer_batch_start(work->batch, threads, err);
	return r < 0 ? r : parallel_run(work->claimed_count, threads, fetch_claimed_one, work, err);
}

static int is_there(struct work *work, const struct layer *layer, struct error *err)
{
	struct layer_facts facts;
	return layer_batch_has(work->batch, layer->diff_id, &facts, err);
}

static int claim(struct work *work, struct layer *layer, bool wait, struct error *err)
{
	int r = partial_claim(work->request->store, layer->blob->digest, layer->blob->size, wait, &layer->partial, err);
	if (r == 0)
		tell_state(work, layer, "Waiting for another process");
	if (r <= 0)
		return r;
	/* It may have come while the lock was being waited for. */
	r = is_there(work, layer, err);
	if (r == 0)
		work->claimed[work->claimed_count++] = layer;
	else
		partial_release(&layer->partial, r > 0);
	return r < 0 ? r : 1;
}

/* Claims what is missing: how many layers are missing. */
static int claim_missing(struct work *work, struct error *err)
{
	struct layer *first = NULL;
	int missing = 0;
	work->claimed_count = 0;
	for (size_t i = 0; i < work->count && work->claimed_count < LAYER_BATCH_STAGED_MAX; i++) {
		struct layer *layer = &work->layers[i];
		int r = is_there(work, layer, err);
		if (r > 0)
			tell_done(work, layer, layer->fetched ? "Pull complete" : "Already exists");
		if (r == 0) {
			missing++;
			first = first ? first : layer;
			r = claim(work, layer, false, err);
		}
		if (r < 0)
			return r;
	}
	if (missing == 0 || work->claimed_count > 0)
		return missing;
	int r = claim(work, first, true, err);
	return r < 0 ? r : missing;
}

static int release_one(void *userdata, size_t index, struct error *err)
{
	struct work *work = userdata;
	(void)err;
	partial_release(&work->claimed[index]->partial, true);
	return 0;
}

static void release(struct work *work, bool done)
{
	/* To give the space of large files back takes its time. Without threads they go one after the other. */
	if (done && work->claimed_count > 1)
		parallel_run(work->claimed_count, parallel_threads(1, LAYER_BATCH_MAX), release_one, work, NULL);
	for (size_t i = 0; i < work->claimed_count; i++)
		partial_release(&work->claimed[i]->partial, done);
	work->claimed_count = 0;
}

/* What was fetched is placed, and whether all is there now: 1 and the lock under which it is, or 0. */
static int place(struct work *work, int *ret_lock, struct error *err)
{
	auto_close int lock = store_lock(work->request->store, LOCK_MODE_SHARED, err);
	int r = lock < 0 ? lock : layer_batch_place(work->batch, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < work->claimed_count; i++)
		tell_done(work, work->claimed[i], "Pull complete");
	release(work, true);
	for (size_t i = 0; i < work->count; i++) {
		r = is_there(work, &work->layers[i], err);
		if (r <= 0)
			return r;
	}
	*ret_lock = TAKE_FD(lock);
	return 1;
}

static int run_rounds(struct work *work, int *ret_lock, struct error *err)
{
	for (int i = 0; i < ROUNDS_MAX; i++) {
		int r = claim_missing(work, err);
		if (r >= 0 && work->claimed_count > 0)
			r = fetch_claimed(work, err);
		if (r >= 0)
			r = place(work, ret_lock, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return error_set(err, EBUSY, "other processes remove the image's layers as fast as they come; try again");
}

/* ---- the whole ---- */
/* Which blob has become which layer is believed only of what was unpacked, here or earlier: a manifest alone may claim
 * anything, and what is noted is what a push will name. */
static void note_blob(struct store *store, const struct layer *layer, char *repository)
{
	auto_layer_blobs struct layer_blobs known = {0};
	const struct descriptor *blob = layer->blob;
	struct layer_blob noted = {.digest = blob->digest, .size = blob->size, .repository = repository};
	layer_blobs_read(store, layer->diff_id, &known);
	for (size_t i = 0; i < known.count; i++)
		if (strcmp(known.items[i].digest, blob->digest) == 0) {
			noted.media_type = known.items[i].media_type;
			noted.compression = known.items[i].compression;
		}
	if (layer->fetched) {
		noted.compression = (char *)stream_compression_name(layer->compression);
		noted.media_type = blob->media_type ? blob->media_type : (char *)MEDIA_TYPE_OCI_LAYER;
	}
	/* A push that does not know it has more to do; nothing else is lost. */
	if (noted.media_type)
		layer_blobs_note(store, layer->diff_id, &noted, NULL);
}

static void note_blobs(const struct work *work)
{
	const struct remote *remote = work->request->remote;
	auto_free char *repository = xasprintf("%s/%s", remote->host, remote->repository);
	for (size_t i = 0; i < work->count; i++)
		note_blob(work->request->store, &work->layers[i], repository);
}

static int sum_sizes(struct work *work, int64_t *ret_size, struct error *err)
{
	int64_t size = 0;
	for (size_t i = 0; i < work->count; i++) {
		struct layer_facts facts = {0};
		int r = layer_batch_has(work->batch, work->layers[i].diff_id, &facts, err);
		if (r < 0)
			return r;
		size += facts.size;
	}
	*ret_size = size;
	return 0;
}

static struct layer *layers_of(const struct layers_request *request)
{
	const struct manifest *manifest = request->manifest;
	struct layer *layers = xcalloc(manifest->layers_count + 1, sizeof(*layers));
	for (size_t i = 0; i < manifest->layers_count; i++) {
		const char *hex = strchr(manifest->layers[i].digest, ':') + 1;
		char name[13];
		snprintf(name, sizeof(name), "%s", hex);
		layers[i] = (struct layer){
		    .blob = &manifest->layers[i], .diff_id = request->diff_ids->items[i], .partial = PARTIAL_INIT};
		if (request->progress)
			layers[i].item = progress_add(request->progress, name, "Pulling fs layer", 0);
	}
	return layers;
}

int layers_fetch(const struct layers_request *request, int *ret_lock, int64_t *ret_size, struct error *err)
{
	auto_layer_batch struct layer_batch *batch = layer_batch_new(request->store);
	auto_free struct layer *layers = layers_of(request);
	struct work work = {.request = request, .batch = batch, .layers = layers, .count = request->diff_ids->count};
	auto_close int lock = -1;
	int r = run_rounds(&work, &lock, err);
	release(&work, false);
	if (r == 0)
		r = sum_sizes(&work, ret_size, err);
	if (r < 0)
		return r;
	note_blobs(&work);
	*ret_lock = TAKE_FD(lock);
	return 0;
}
