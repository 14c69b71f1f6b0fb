/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/push/layers.h"

#include <pthread.h>
#include <string.h>

#include "pkg/parallel/parallel.h"
#include "storage/layer/original.h"
#include "storage/push/packer.h"

enum {
	LOOKS_MAX = 8,    /* at the same time, waiting for the network */
	PACKERS_MAX = 4,  /* about 12 MB of memory each */
	UPLOAD_TRIES = 3, /* each with the layer made anew */
};

struct layer {
	const char *diff_id;
	const struct layer *same;          /* an earlier one with the same diff id */
	const struct descriptor *original; /* in the image's manifest */
	struct layer_blobs known;
	struct descriptor found; /* there; its digest is NULL until then */
	size_t item;
};

struct work {
	const struct push_layers *request;
	struct layer *layers;
	size_t count;
	char *target; /* "host/repository" */
	struct layer **missing;
	size_t missing_count;

	pthread_mutex_t mutex; /* of the idle packers */
	struct packer *packers[PACKERS_MAX], *idle[PACKERS_MAX];
	size_t packers_count, idle_count;
};

static void tell_done(const struct work *work, const struct layer *layer, const char *state)
{
	if (work->request->progress)
		progress_done(work->request->progress, layer->item, state);
}

/* ---- what is there ---- */
/* Whether the new manifest could have the layer in this form. */
static bool is_welcome(const struct push_layers *request, const struct layer_blob *blob)
{
	if (request->force_compression && strcmp(blob->compression, stream_compression_name(request->compression)) != 0)
		return false;
	return manifest_layer_type(request->docker, blob->compression) != NULL;
}

static void take(struct layer *layer, const struct layer_blob *blob, bool docker)
{
	layer->found = (struct descriptor){
	    .media_type = xstrdup(manifest_layer_type(docker, blob->compression)),
	    .digest = xstrdup(blob->digest),
	    .size = blob->size,
	};
}

static void note(const struct work *work, const struct layer *layer, const struct layer_blob *blob)
{
	struct layer_blob here = *blob;
	here.repository = work->target;
	layer_blobs_note(work->request->store, layer->diff_id, &here, NULL);
}

/* 1: it has been mounted. `from` is a repository where it was seen, of any registry. */
static int mount(const struct work *work, const struct layer_blob *blob, struct error *err)
{
	const struct remote *remote = work->request->remote;
	size_t host = strlen(remote->host);
	if (strncmp(blob->repository, remote->host, host) != 0 || blob->repository[host] != '/' ||
	    strcmp(blob->repository, work->target) == 0)
		return 0;
	return registry_blob_mount(remote->registry, remote->repository, blob->digest, blob->repository + host + 1,
				   err);
}

/* Looks for one of the layer's blobs: those with this digest, in whichever repositories. */
static int find_blob(const struct work *work, struct layer *layer, const char *digest, struct error *err)
{
	const struct remote *remote = work->request->remote;
	const struct layer_blob *found = NULL;
	const char *state = "Layer already exists";
	for (size_t i = 0; i < layer->known.count && !found; i++)
		if (strcmp(layer->known.items[i].digest, digest) == 0 &&
		    is_welcome(work->request, &layer->known.items[i]))
			found = &layer->known.items[i];
	if (!found)
		return 0;
	int r = registry_blob_head(remote->registry, remote->repository, digest, NULL, err);
	for (size_t i = layer->known.count; r == 0 && i-- > 0;) {
		if (strcmp(layer->known.items[i].digest, digest) != 0)
			continue;
		r = mount(work, &layer->known.items[i], err);
		state = "Mounted";
	}
	if (r <= 0)
		return r;
	take(layer, found, work->request->docker);
	note(work, layer, found);
	tell_done(work, layer, state);
	return 1;
}

static int find_layer(void *userdata, size_t index, struct error *err)
{
	struct work *work = userdata;
	struct layer *layer = &work->layers[index];
	if (layer->same)
		return 0;
	layer_blobs_read(work->request->store, layer->diff_id, &layer->known);
	auto_strv struct strv digests = STRV_INIT;
	if (layer->original)
		strv_add(&digests, layer->original->digest);
	for (size_t i = layer->known.count; i-- > 0;)
		if (!strv_contains(&digests, layer->known.items[i].digest))
			strv_add(&digests, layer->known.items[i].digest);
	int r = 0;
	for (size_t i = 0; r == 0 && i < digests.count; i++)
		r = find_blob(work, layer, digests.items[i], err);
	return r < 0 ? r : 0;
}

/* ---- what is not ---- */
static struct packer *take_packer(struct work *work)
{
	pthread_mutex_lock(&work->mutex);
	struct packer *packer = work->idle[--work->idle_count];
	pthread_mutex_unlock(&work->mutex);
	return packer;
}

static void give_back(struct work *work, struct packer *packer)
{
	pthread_mutex_lock(&work->mutex);
	work->idle[work->idle_count++] = packer;
	pthread_mutex_unlock(&work->mutex);
}

/* What goes up, and what it was in the end. */
struct upload {
	struct stream stream; /* first: what is read is measured */
	struct stream *packed;
	struct digest *digest;
	int64_t size;
	char text[DIGEST_TEXT_MAX];
	const char *expected; /* NULL: what comes out is what it is */
	bool damaged;
	struct progress *progress; /* NULL: none */
	size_t item;
};

static ssize_t upload_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct upload *upload = (struct upload *)stream;
	ssize_t n = stream_read(upload->packed, data, length, err);
	if (n <= 0)
		return n;
	upload->size += n;
	int r = digest_update(upload->digest, data, (size_t)n, err);
	return r < 0 ? r : n;
}

static const char *upload_digest(void *userdata)
{
	struct upload *upload = userdata;
	if (digest_finish(upload->digest, upload->text, NULL) < 0)
		return NULL;
	upload->damaged = upload->expected && strcmp(upload->expected, upload->text) != 0;
	/* The registry sees that what came has not got this digest, and does not take it. */
	return upload->damaged ? upload->expected : upload->text;
}

static void upload_progress(void *userdata, int64_t sent)
{
	struct upload *upload = userdata;
	if (upload->progress)
		progress_update(upload->progress, upload->item, (uint64_t)sent);
}

/* Takes the stream. */
static int send_stream(const struct remote *remote, struct stream *stream, struct upload *upload, struct error *err)
{
	auto_digest struct digest *digest = NULL;
	auto_stream struct stream *packed = stream;
	int r = digest_new(upload->expected, &digest, err);
	if (r < 0)
		return r;
	upload->stream = (struct stream){.read = upload_read};
	upload->packed = packed;
	upload->digest = digest;
	upload->size = 0;
	struct registry_upload registry_upload = {.source = &upload->stream,
						  .size = -1,
						  .digest = upload_digest,
						  .userdata = upload,
						  .progress = upload_progress};
	return registry_blob_upload(remote->registry, remote->repository, &registry_upload, err);
}

static int send_packed(const struct remote *remote, struct packer *packer, const char *diff_id, struct upload *upload,
		       struct error *err)
{
	struct stream *packed;
	int r = packer_open(packer, diff_id, &packed, err);
	return r < 0 ? r : send_stream(remote, packed, upload, err);
}

/* Sends the blob as which the layer came, where it was kept: 1; 0 when there is none that would do, or it is damaged.
 */
static int send_original(const struct work *work, struct layer *layer, struct upload *upload, struct layer_blob *ret,
			 struct error *err)
{
	auto_layer_blob struct layer_blob blob = {0};
	auto_close int fd = layer_original_open(work->request->store, layer->diff_id, &blob, NULL);
	if (fd < 0 || !is_welcome(work->request, &blob))
		return 0;
	upload->expected = blob.digest;
	int r = -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < UPLOAD_TRIES; i++) {
		struct stream *stream;
		error_clear(err);
		r = stream_open_fd(fd, 0, blob.size, "the kept blob", &stream, err);
		if (r == 0)
			r = send_stream(work->request->remote, stream, upload, err);
	}
	upload->expected = NULL;
	if (r < 0 && upload->damaged) {
		error_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	*ret = blob;
	blob = (struct layer_blob){0};
	return 1;
}

static int pack_layer(struct work *work, struct layer *layer, struct upload *upload, struct layer_blob *ret,
		      struct error *err)
{
	const char *compression = stream_compression_name(work->request->compression);
	struct packer *packer = take_packer(work);
	int r = -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < UPLOAD_TRIES; i++) {
		error_clear(err);
		r = send_packed(work->request->remote, packer, layer->diff_id, upload, err);
	}
	give_back(work, packer);
	if (r < 0)
		return r;
	*ret = (struct layer_blob){xstrdup(upload->text), upload->size,
				   xstrdup(manifest_layer_type(work->request->docker, compression)),
				   xstrdup(compression), NULL};
	return 0;
}

static int send_layer(void *userdata, size_t index, struct error *err)
{
	struct work *work = userdata;
	const struct push_layers *request = work->request;
	struct layer *layer = work->missing[index];
	struct upload upload = {.progress = request->progress, .item = layer->item};
	auto_layer_blob struct layer_blob blob = {0};
	if (request->progress)
		progress_state(request->progress, layer->item, "Pushing", 0);
	int r = send_original(work, layer, &upload, &blob, err);
	if (r == 0)
		r = pack_layer(work, layer, &upload, &blob, err);
	if (r < 0)
		return error_context(err, "layer %.19s", layer->diff_id);
	take(layer, &blob, request->docker);
	note(work, layer, &blob);
	tell_done(work, layer, "Pushed");
	return 0;
}

static int send_missing(struct work *work, struct error *err)
{
	size_t threads = parallel_threads(2, PACKERS_MAX);
	for (size_t i = 0; i < work->count; i++)
		if (!work->layers[i].same && !work->layers[i].found.digest)
			work->missing[work->missing_count++] = &work->layers[i];
	if (threads > work->missing_count)
		threads = work->missing_count;
	while (work->packers_count < threads) {
		struct packer **packer = &work->packers[work->packers_count];
		int r =
		    packer_start(work->request->store, work->request->compression, work->request->level, packer, err);
		if (r < 0)
			return r;
		work->packers_count++;
		work->idle[work->idle_count++] = *packer;
	}
	return parallel_run(work->missing_count, threads, send_layer, work, err);
}

/* ---- the whole ---- */
static void set_up(struct work *work)
{
	const struct push_layers *request = work->request;
	bool known = request->manifest->layers_count == work->count;
	for (size_t i = 0; i < work->count; i++) {
		struct layer *layer = &work->layers[i];
		layer->diff_id = request->diff_ids->items[i];
		layer->original = known ? &request->manifest->layers[i] : NULL;
		for (size_t j = 0; j < i && !layer->same; j++)
			if (strcmp(work->layers[j].diff_id, layer->diff_id) == 0)
				layer->same = &work->layers[j];
		char name[13];
		snprintf(name, sizeof(name), "%s", strchr(layer->diff_id, ':') + 1);
		if (request->progress && !layer->same)
			layer->item = progress_add(request->progress, name, "Preparing", 0);
	}
}

static struct descriptor *take_found(struct work *work)
{
	struct descriptor *descriptors = xcalloc(work->count + 1, sizeof(*descriptors));
	for (size_t i = 0; i < work->count; i++) {
		const struct layer *layer = work->layers[i].same ? work->layers[i].same : &work->layers[i];
		descriptors[i] = (struct descriptor){xstrdup(layer->found.media_type), xstrdup(layer->found.digest),
						     layer->found.size};
	}
	return descriptors;
}

static void work_free(struct work *work)
{
	for (size_t i = 0; i < work->packers_count; i++)
		packer_free(work->packers[i]);
	for (size_t i = 0; i < work->count; i++) {
		layer_blobs_free(&work->layers[i].known);
		descriptor_free(&work->layers[i].found);
	}
	pthread_mutex_destroy(&work->mutex);
	free(work->layers);
	free((void *)work->missing);
	free(work->target);
}

int push_layers(const struct push_layers *request, struct descriptor **ret, struct error *err)
{
	size_t count = request->diff_ids->count;
	CLEANUP(work_free) struct work work = {.request = request, .count = count};
	work.layers = xcalloc(count + 1, sizeof(*work.layers));
	work.missing = xcalloc(count + 1, sizeof(struct layer *));
	work.target = xasprintf("%s/%s", request->remote->host, request->remote->repository);
	pthread_mutex_init(&work.mutex, NULL);
	set_up(&work);
	int r = parallel_run(count, LOOKS_MAX, find_layer, &work, err);
	if (r == 0)
		r = send_missing(&work, err);
	if (r < 0)
		return r;
	*ret = take_found(&work);
	return 0;
}

void push_descriptors_free(struct descriptor *descriptors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		descriptor_free(&descriptors[i]);
	free(descriptors);
}
