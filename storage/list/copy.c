/* SPDX-License-Identifier: Apache-2.0 */
/* From one repository to another, without the store. */
#include <string.h>

#include "storage/list/internal.h"
#include "storage/pull/source.h"
#include "storage/push/upload.h"

enum {
	TRIES = 3,
	DEPTH_MAX = 4,
	CHUNK = 16 << 20,
};

struct copying {
	const struct pull_request *from;
	const char *source;
	const struct remote *to;
};

static const char *digest_known(void *userdata)
{
	return userdata;
}

/* The registry that takes the bytes checks them: it knows by which digest they are to be found. */
static int send_blob(const struct remote *from, const struct descriptor *blob, const struct remote *to,
		     struct error *err)
{
	int r = -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		auto_stream struct stream *stream = NULL;
		error_clear(err);
		r = registry_blob_open(from->registry, from->repository, blob->digest, blob->size, 0, &stream, err);
		if (r < 0)
			return r;
		struct registry_upload upload = {.source = stream,
						 .size = blob->size,
						 .chunk = CHUNK,
						 .digest = digest_known,
						 .userdata = blob->digest};
		r = registry_blob_upload(to->registry, to->repository, &upload, err);
	}
	return r;
}

static int copy_blob(const struct remote *from, const struct descriptor *blob, const struct remote *to,
		     struct error *err)
{
	int r = registry_blob_head(to->registry, to->repository, blob->digest, NULL, err);
	if (r == 0 && strcmp(from->host, to->host) == 0)
		r = registry_blob_mount(to->registry, to->repository, blob->digest, from->repository, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return send_blob(from, blob, to, err);
}

static int copy_blobs(const struct pull_source *source, const struct remote *to, struct error *err)
{
	auto_manifest struct manifest manifest = {0};
	int r = manifest_parse(source->manifest.text, source->manifest.length, &manifest, err);
	if (r == 0)
		r = copy_blob(&source->remote, &manifest.config, to, err);
	for (size_t i = 0; r == 0 && i < manifest.layers_count; i++)
		r = copy_blob(&source->remote, &manifest.layers[i], to, err);
	return r;
}

static int copy_digest(const struct copying *copying, const char *digest, int depth, struct error *err);

static int copy_index(const struct copying *copying, struct json_object *index, int depth, struct error *err)
{
	struct json_object *manifests = NULL;
	int r = json_get_array(index, "manifests", &manifests, err);
	for (size_t i = 0; r >= 0 && manifests && i < json_object_array_length(manifests); i++) {
		auto_descriptor struct descriptor descriptor = {0};
		r = descriptor_parse(json_object_array_get_idx(manifests, i), "the index: manifests", &descriptor, err);
		if (r == 0)
			r = copy_digest(copying, descriptor.digest, depth + 1, err);
	}
	return r < 0 ? r : 0;
}

static int copy_digest(const struct copying *copying, const char *digest, int depth, struct error *err)
{
	auto_pull_source struct pull_source source = {0};
	auto_json struct json_object *json = NULL;
	auto_free char *name = xasprintf("%s@%s", copying->source, digest);
	struct pull_request request = *copying->from;
	request.name = name;
	if (depth > DEPTH_MAX)
		return error_set(err, EINVAL, "indexes within indexes, %d deep", DEPTH_MAX);
	int r = pull_source_find_any(&request, &source, err);
	if (r == 0)
		r = json_parse(source.manifest.text, source.manifest.length, "the manifest", &json, err);
	if (r < 0)
		return r;
	const struct remote *to = copying->to;
	if (strcmp(source.remote.host, to->host) == 0 && strcmp(source.remote.repository, to->repository) == 0)
		return 0;
	r = manifest_is_index(json) ? copy_index(copying, json, depth, err) : copy_blobs(&source, to, err);
	return r < 0 ? r
		     : registry_manifest_put(to->registry, to->repository, digest, source.manifest.media_type,
					     source.manifest.text, source.manifest.length, err);
}

int list_copy(const struct pull_request *from, const char *source, const char *digest, const struct remote *to,
	      struct error *err)
{
	return copy_digest(&(struct copying){from, source, to}, digest, 0, err);
}
