/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/push/push.h"

#include <string.h>

#include "pkg/file/file.h"
#include "pkg/stream/compress.h"
#include "storage/layer/hold.h"
#include "storage/push/layers.h"
#include "storage/push/sign.h"
#include "storage/push/upload.h"

/* What is pushed, and where to. */
struct work {
	const struct push_request *request;
	struct store *store;
	struct image *image;
	struct reference target;
	struct remote remote;
	char *manifest, *config;
	size_t manifest_length, config_length;
	struct manifest parsed;
	bool docker; /* the new manifest is of Docker's schema 2 */
	struct descriptor *layers;
};

static void work_free(struct work *work)
{
	if (work->layers)
		push_descriptors_free(work->layers, work->image->layers.count);
	if (work->image)
		image_free(work->image);
	reference_free(&work->target);
	remote_close(&work->remote);
	manifest_free(&work->parsed);
	free(work->manifest);
	free(work->config);
}

/* ---- the image ---- */
static bool is_docker(const struct work *work)
{
	auto_json struct json_object *json = NULL;
	const char *type = "";
	return json_parse(work->manifest, work->manifest_length, "the manifest", &json, NULL) == 0 &&
	       json_get_string(json, "mediaType", &type, NULL) > 0 && strcmp(type, MEDIA_TYPE_DOCKER_MANIFEST) == 0;
}

static int choose_format(struct work *work, struct error *err)
{
	const struct push_request *request = work->request;
	bool zstd = request->compression == STREAM_ZSTD;
	if (!request->format) {
		work->docker = is_docker(work) && !zstd;
		return 0;
	}
	work->docker = strcmp(request->format, "v2s2") == 0;
	return work->docker && zstd
		   ? error_set(err, EINVAL,
			       "Docker's format v2s2 has no layers compressed with zstd; give --format oci")
		   : 0;
}

static int read_image(struct work *work, struct error *err)
{
	int r = image_find_instance(work->store, work->request->name, &work->image, err);
	if (r < 0)
		return r;
	if (!work->image->manifest_digest)
		return error_set(err, EINVAL,
				 "image %.12s is damaged: nothing says which manifest it has; pull it again",
				 work->image->id);
	auto_free char *manifest =
	    xasprintf("images/%s/manifests/%s", work->image->id, strchr(work->image->manifest_digest, ':') + 1);
	auto_free char *config = xasprintf("images/%s/config", work->image->id);
	r = file_read_at(store_find(work->store, manifest).fd, manifest, MANIFEST_SIZE_MAX, &work->manifest,
			 &work->manifest_length, err);
	if (r == 0)
		r = file_read_at(store_find(work->store, config).fd, config, MANIFEST_SIZE_MAX, &work->config,
				 &work->config_length, err);
	if (r == 0)
		r = manifest_parse(work->manifest, work->manifest_length, &work->parsed, err);
	return r < 0 ? r : choose_format(work, err);
}

/* ---- where to ---- */
static int take_repository(struct reference *target, const char *text, struct error *err)
{
	if (target->tag || target->digest)
		return error_set(err, EINVAL, "\"%s\" is not a repository alone", text);
	reference_normalize_docker(target);
	free(target->tag);
	target->tag = NULL;
	return 0;
}

static int choose_target(struct work *work, struct error *err)
{
	const char *text = work->request->destination ? work->request->destination : work->image->found_name;
	if (!text)
		return error_set(
		    err, EINVAL,
		    "image %.12s was not given by a name; say where it is to go: coracle push %s DESTINATION",
		    work->image->id, work->request->name);
	int r = remote_name(text, &text, err);
	if (r == 0)
		r = reference_parse(text, &work->target, err);
	if (r < 0)
		return r;
	if (work->request->untagged)
		return take_repository(&work->target, text, err);
	if (work->request->destination && work->target.digest)
		return error_set(err, EINVAL, "an image cannot be pushed to a digest: \"%s\"; give a tag", text);
	reference_normalize_docker(&work->target);
	return 0;
}

static int open_target(struct work *work, struct error *err)
{
	const struct push_request *request = work->request;
	const struct remote_options options = {
	    request->authfile,   request->username, request->password,     request->certificate_directory,
	    request->tls_verify, request->retries,  request->retry_delay_s};
	return remote_open_target(&work->target, &options, &work->remote, err);
}

/* ---- the manifest ---- */
/* Whether the image's own manifest says what is there now. */
static bool is_unchanged(const struct work *work)
{
	if (work->docker != is_docker(work) || work->parsed.layers_count != work->image->layers.count)
		return false;
	for (size_t i = 0; i < work->parsed.layers_count; i++)
		if (strcmp(work->parsed.layers[i].digest, work->layers[i].digest) != 0)
			return false;
	return true;
}

static struct json_object *descriptor_json(const char *media_type, const struct descriptor *descriptor)
{
	struct json_object *json = json_object_new_object();
	json_add_string(json, "mediaType", media_type);
	json_add_int(json, "size", descriptor->size);
	json_add_string(json, "digest", descriptor->digest);
	return json;
}

/* Members that say something of the image and not of its blobs stay; Docker's format has none of them. */
static void keep_annotations(const struct work *work, struct json_object *json)
{
	auto_json struct json_object *old = NULL;
	struct json_object *annotations = NULL;
	if (!work->docker && json_parse(work->manifest, work->manifest_length, "the manifest", &old, NULL) == 0 &&
	    json_get_object(old, "annotations", &annotations, NULL) > 0)
		json_object_object_add(json, "annotations", json_object_get(annotations));
}

static void make_manifest(struct work *work)
{
	auto_json struct json_object *json = json_object_new_object();
	struct json_object *layers = json_object_new_array();
	json_add_int(json, "schemaVersion", 2);
	json_add_string(json, "mediaType", work->docker ? MEDIA_TYPE_DOCKER_MANIFEST : MEDIA_TYPE_OCI_MANIFEST);
	json_object_object_add(
	    json, "config",
	    descriptor_json(work->docker ? MEDIA_TYPE_DOCKER_CONFIG : MEDIA_TYPE_OCI_CONFIG, &work->parsed.config));
	for (size_t i = 0; i < work->image->layers.count; i++)
		json_object_array_add(layers, descriptor_json(work->layers[i].media_type, &work->layers[i]));
	json_object_object_add(json, "layers", layers);
	keep_annotations(work, json);
	free(work->manifest);
	work->manifest = json_text(json, false);
	work->manifest_length = strlen(work->manifest);
}

static int put_manifest(struct work *work, char *ret_digest, struct error *err)
{
	auto_json struct json_object *json = NULL;
	const char *type = MEDIA_TYPE_OCI_MANIFEST;
	if (!is_unchanged(work))
		make_manifest(work);
	int r = json_parse(work->manifest, work->manifest_length, "the manifest", &json, err);
	if (r == 0)
		r = digest_of(work->manifest, work->manifest_length, ret_digest, err);
	if (r < 0)
		return r;
	json_get_string(json, "mediaType", &type, NULL);
	return registry_manifest_put(work->remote.registry, work->remote.repository,
				     work->target.tag ? work->target.tag : ret_digest, type, work->manifest,
				     work->manifest_length, err);
}

/* ---- the whole ---- */
static int push_blobs(struct work *work, struct error *err)
{
	const struct push_request *request = work->request;
	struct push_layers layers = {.store = work->store,
				     .remote = &work->remote,
				     .diff_ids = &work->image->layers,
				     .manifest = &work->parsed,
				     .docker = work->docker,
				     .compression = request->compression,
				     .level = request->compression_level,
				     .force_compression = request->force_compression,
				     .progress = request->progress};
	int r = push_layers(&layers, &work->layers, err);
	return r < 0 ? r
		     : push_memory(&work->remote, work->parsed.config.digest, work->config, work->config_length, err);
}

static int push(struct work *work, char *ret_digest, struct error *err)
{
	int r = push_blobs(work, err);
	if (r == 0)
		r = put_manifest(work, ret_digest, err);
	if (r == 0 && work->request->sign_by_sigstore)
		r = push_signature(&work->remote, &work->target, ret_digest, work->request->sign_by_sigstore,
				   work->request->passphrase_file, err);
	return r;
}

/* What is pushed is read now, or held: *ret_lock is to be kept only where that cannot be. */
static int take_image(struct work *work, struct store *holding, int *ret_lock, struct error *err)
{
	auto_close int lock = store_lock(work->store, LOCK_MODE_SHARED, err);
	int r = lock < 0 ? lock : read_image(work, err);
	if (r == 0)
		r = layers_hold(holding, &work->image->layers, err);
	if (r == 0)
		*ret_lock = TAKE_FD(lock);
	return r < 0 ? r : 0;
}

int image_push(struct store *store, const struct push_request *request, char *ret_digest, struct error *err)
{
	CLEANUP(work_free) struct work work = {.request = request, .store = store};
	auto_holding struct store *holding = store;
	auto_close int lock = -1;
	int r = compressor_check_level(request->compression, request->compression_level, err);
	if (r == 0)
		r = take_image(&work, holding, &lock, err);
	if (r == 0)
		r = choose_target(&work, err);
	if (r == 0)
		r = open_target(&work, err);
	if (r < 0)
		return r;
	r = push(&work, ret_digest, err);
	if (r < 0) {
		auto_free char *name = reference_text(&work.target);
		return error_context(err, "%s", name);
	}
	return 0;
}
