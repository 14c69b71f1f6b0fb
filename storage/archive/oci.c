/* SPDX-License-Identifier: Apache-2.0 */
/* OCI image layout: image-spec 1.1, "Image Layout Specification". */
#include <string.h>

#include "storage/archive/kinds.h"

#define INDEX_DEPTH_MAX 4

/* In an OCI layout blobs are sorted by algorithm; in Docker's directories they lie beside the manifest. */
static char *blob_file(const struct image_archive *archive, const char *digest)
{
	const char *colon = strchr(digest, ':');
	return archive->flat ? xstrdup(colon + 1)
			     : xasprintf("blobs/%.*s/%s", (int)(colon - digest), digest, colon + 1);
}

/* Reads a small blob and verifies it. */
static int read_blob(struct image_archive *archive, const struct descriptor *descriptor, const char *what, char **ret,
		     size_t *ret_length, struct error *err)
{
	auto_free char *file = blob_file(archive, descriptor->digest), *data = NULL;
	size_t length = 0;
	int r = archive_source_read(archive->source, file, &data, &length, err);
	if (r == 0 && (int64_t)length != descriptor->size)
		r = error_set(err, EBADMSG, "%s: %s has %zu bytes instead of %lld",
			      archive_source_name(archive->source), what, length, (long long)descriptor->size);
	if (r == 0)
		r = digest_check(data, length, descriptor->digest, what, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(data);
	*ret_length = length;
	return 0;
}

static int read_config(struct image_archive *archive, const struct manifest *manifest, struct archive_image *image,
		       struct strv *diff_ids, struct error *err)
{
	auto_json struct json_object *config = NULL;
	int r = read_blob(archive, &manifest->config, "the image's configuration", &image->config,
			  &image->config_length, err);
	if (r == 0)
		r = json_parse(image->config, image->config_length, "the image's configuration", &config, err);
	if (r == 0)
		r = config_diff_ids(config, diff_ids, err);
	if (r < 0)
		return r;
	if (diff_ids->count != manifest->layers_count)
		return error_set(err, EINVAL, "%s: the manifest has %zu layers, the image's configuration %zu",
				 archive_source_name(archive->source), manifest->layers_count, diff_ids->count);
	return 0;
}

int archive_read_manifest(struct image_archive *archive, const char *text, size_t length, struct archive_image *image,
			  struct error *err)
{
	auto_manifest struct manifest manifest = {0};
	auto_strv struct strv diff_ids = STRV_INIT;
	int r = manifest_parse(text, length, &manifest, err);
	if (r < 0)
		return error_context(err, "%s", archive_source_name(archive->source));
	r = read_config(archive, &manifest, image, &diff_ids, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < diff_ids.count; i++) {
		auto_free char *file = blob_file(archive, manifest.layers[i].digest);
		archive_add_layer(image, file, manifest.layers[i].digest, diff_ids.items[i]);
	}
	return 0;
}

/* The manifest that a descriptor leads to, through indexes for several platforms. */
static int read_manifest(struct image_archive *archive, struct json_object *json, int depth,
			 struct archive_image *image, struct error *err)
{
	auto_descriptor struct descriptor descriptor = {0};
	auto_json struct json_object *document = NULL;
	auto_free char *text = NULL;
	struct json_object *chosen;
	struct platform platform;
	size_t length = 0;
	int r = descriptor_parse(json, "index.json: manifests", &descriptor, err);
	if (r == 0)
		r = read_blob(archive, &descriptor, "the manifest", &text, &length, err);
	if (r == 0)
		r = json_parse(text, length, "the manifest", &document, err);
	if (r < 0)
		return r;
	if (!manifest_is_index(document)) {
		r = archive_read_manifest(archive, text, length, image, err);
		image->manifest = TAKE_PTR(text);
		image->manifest_length = length;
		return r;
	}
	if (depth == INDEX_DEPTH_MAX)
		return error_set(err, EINVAL, "%s: indexes within indexes, %d deep",
				 archive_source_name(archive->source), depth);
	platform_host(&platform);
	r = index_choose(document, &platform, &chosen, err);
	return r < 0 ? error_context(err, "%s", archive_source_name(archive->source))
		     : read_manifest(archive, chosen, depth + 1, image, err);
}

/* The name that a descriptor of index.json gives its image; "" when none. Borrowed. */
static const char *descriptor_name(struct json_object *descriptor)
{
	static const char *const keys[] = {"io.containerd.image.name", "org.opencontainers.image.ref.name"};
	struct json_object *annotations = NULL;
	const char *name = "";
	json_get_object(descriptor, "annotations", &annotations, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_get_string(annotations, keys[i], &name, NULL) > 0 && *name)
			return name;
	return "";
}

/* Of several descriptors with the same name (one image for several platforms) only the best counts; attestations are
 * for no platform. */
static bool is_best(struct json_object *list, size_t index, const struct platform *platform)
{
	struct json_object *descriptor = json_object_array_get_idx(list, index);
	const char *name = descriptor_name(descriptor);
	int match = platform_match(descriptor, platform);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *other = json_object_array_get_idx(list, i);
		struct json_object *their_platform = NULL;
		if (i == index || strcmp(descriptor_name(other), name) != 0 ||
		    json_get_object(other, "platform", &their_platform, NULL) <= 0)
			continue;
		int their_match = platform_match(other, platform);
		if (their_match > match || (their_match == match && i < index))
			return false;
	}
	return true;
}

int archive_read_oci(struct image_archive *archive, struct error *err)
{
	auto_json struct json_object *index = NULL;
	struct json_object *list = NULL;
	struct platform platform;
	platform_host(&platform);
	int r = archive_source_read_json(archive->source, "index.json", &index, err);
	if (r == 0)
		r = json_get_array(index, "manifests", &list, err);
	if (r < 0)
		return error_context(err, "index.json");
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *descriptor = json_object_array_get_idx(list, i);
		const char *name = descriptor_name(descriptor);
		if (!is_best(list, i, &platform))
			continue;
		struct archive_image *image = archive_add_image(archive);
		r = read_manifest(archive, descriptor, 0, image, err);
		if (r == 0 && *name)
			r = archive_add_name(image, name, reference_normalize_local, err);
		if (r < 0)
			return r;
	}
	return 0;
}
