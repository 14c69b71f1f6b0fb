/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/manifest/manifest.h"

#include <string.h>

#include "storage/reference/reference.h"

void descriptor_free(struct descriptor *descriptor)
{
	free(descriptor->media_type);
	free(descriptor->digest);
	*descriptor = (struct descriptor){0};
}

int descriptor_parse(struct json_object *json, const char *name, struct descriptor *ret, struct error *err)
{
	const char *digest = NULL, *media_type = NULL;
	int64_t size;
	if (!json_object_is_type(json, json_type_object))
		return error_set(err, EINVAL, "%s: expected an object", name);
	int digest_there = json_get_string(json, "digest", &digest, err);
	int size_there = digest_there < 0 ? digest_there : json_get_int(json, "size", 0, INT64_MAX, &size, err);
	int r = size_there < 0 ? size_there : json_get_string(json, "mediaType", &media_type, err);
	if (r < 0)
		return error_context(err, "%s", name);
	if (!digest_there || !size_there)
		return error_set(err, EINVAL, "%s: it has no %s", name, digest_there ? "size" : "digest");
	if (!digest_is_valid(digest))
		return error_set(err, EINVAL, "%s: \"%.150s\" is not a digest", name, digest);
	*ret = (struct descriptor){media_type ? xstrdup(media_type) : NULL, xstrdup(digest), size};
	return 0;
}

void manifest_free(struct manifest *manifest)
{
	descriptor_free(&manifest->config);
	for (size_t i = 0; i < manifest->layers_count; i++)
		descriptor_free(&manifest->layers[i]);
	free(manifest->layers);
	*manifest = (struct manifest){0};
}

int manifest_is_index(struct json_object *json)
{
	const char *type = NULL;
	struct json_object *list;
	if (json_get_string(json, "mediaType", &type, NULL) > 0)
		return strcmp(type, MEDIA_TYPE_OCI_INDEX) == 0 ||
		       strcmp(type, "application/vnd.docker.distribution.manifest.list.v2+json") == 0;
	return json_get_array(json, "manifests", &list, NULL) > 0;
}

/* What a manifest's configuration must be for it to be an image that can be run. */
static int check_config_type(const struct descriptor *config, struct error *err)
{
	static const char *const known[] = {MEDIA_TYPE_OCI_CONFIG, MEDIA_TYPE_DOCKER_CONFIG};
	if (!config->media_type)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(config->media_type, known[i]) == 0)
			return 0;
	return error_set(err, EINVAL, "this is not a container image but an artifact of type %.150s",
			 config->media_type);
}

static int check_layer_type(const struct descriptor *layer, struct error *err)
{
	const char *type = layer->media_type ? layer->media_type : "";
	if (strstr(type, "encrypted"))
		return error_set(err, EINVAL, "the image has encrypted layers (%.150s), which coracle cannot open",
				 type);
	if (strstr(type, "foreign"))
		return error_set(err, EINVAL, "the image has layers for Windows that lie elsewhere (%.150s)", type);
	return 0;
}

static int parse_layers(struct json_object *layers, struct manifest *manifest, struct error *err)
{
	size_t count = json_object_array_length(layers);
	if (count > MANIFEST_LAYERS_MAX)
		return error_set(err, EINVAL, "the image has %zu layers; at most %d are possible", count,
				 MANIFEST_LAYERS_MAX);
	manifest->layers = xcalloc(count + 1, sizeof(*manifest->layers));
	for (size_t i = 0; i < count; i++) {
		char name[32];
		snprintf(name, sizeof(name), "layers[%zu]", i);
		int r = descriptor_parse(json_object_array_get_idx(layers, i), name, &manifest->layers[i], err);
		if (r < 0)
			return r;
		manifest->layers_count++;
		r = check_layer_type(&manifest->layers[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

int manifest_parse(const char *text, size_t length, struct manifest *ret, struct error *err)
{
	auto_json struct json_object *json = NULL;
	auto_manifest struct manifest manifest = {0};
	struct json_object *config = NULL, *layers = NULL;
	int64_t version = 0;
	int r = json_parse(text, length, "the manifest", &json, err);
	if (r == 0)
		r = json_get_int(json, "schemaVersion", 0, 100, &version, err);
	if (r < 0)
		return r;
	if (version == 1)
		return error_set(err, EINVAL,
				 "the image has a manifest of Docker's schema 1, which is out of use since 2017");
	if (manifest_is_index(json))
		return error_set(err, EINVAL, "this is an index of images, not an image");
	int config_there = json_get_object(json, "config", &config, err);
	int layers_there = config_there < 0 ? config_there : json_get_array(json, "layers", &layers, err);
	if (layers_there < 0)
		return error_context(err, "the manifest");
	if (!config_there || !layers_there)
		return error_set(err, EINVAL, "the manifest has no %s", config_there ? "layers" : "config");
	r = descriptor_parse(config, "config", &manifest.config, err);
	if (r == 0)
		r = check_config_type(&manifest.config, err);
	if (r == 0)
		r = parse_layers(layers, &manifest, err);
	if (r < 0)
		return error_context(err, "the manifest");
	*ret = manifest;
	manifest = (struct manifest){0};
	return 0;
}

int config_diff_ids(struct json_object *config, struct strv *ret, struct error *err)
{
	struct json_object *rootfs = NULL;
	auto_strv struct strv ids = STRV_INIT;
	int r = json_get_object(config, "rootfs", &rootfs, err);
	if (r > 0)
		r = json_get_strv(rootfs, "diff_ids", &ids, err);
	if (r < 0)
		return error_context(err, "the image's configuration");
	if (ids.count > MANIFEST_LAYERS_MAX)
		return error_set(err, EINVAL, "the image has %zu layers; at most %d are possible", ids.count,
				 MANIFEST_LAYERS_MAX);
	for (size_t i = 0; i < ids.count; i++)
		if (!digest_is_valid(ids.items[i]) || !text_starts_with(ids.items[i], "sha256:"))
			return error_set(
			    err, EINVAL,
			    "the image's configuration has the diff id \"%.150s\", which is no sha256 digest",
			    ids.items[i]);
	strv_add_all(ret, &ids);
	return 0;
}

char *manifest_make(const char *config_digest, size_t config_size, const struct strv *diff_ids,
		    const int64_t *tar_sizes)
{
	auto_json struct json_object *json = json_object_new_object();
	struct json_object *config = json_object_new_object(), *layers = json_object_new_array();
	json_add_int(json, "schemaVersion", 2);
	json_add_string(json, "mediaType", MEDIA_TYPE_OCI_MANIFEST);
	json_add_string(config, "mediaType", MEDIA_TYPE_OCI_CONFIG);
	json_add_string(config, "digest", config_digest);
	json_add_int(config, "size", (int64_t)config_size);
	json_object_object_add(json, "config", config);
	json_object_object_add(json, "layers", layers);
	for (size_t i = 0; i < diff_ids->count; i++) {
		struct json_object *layer = json_object_new_object();
		json_add_string(layer, "mediaType", MEDIA_TYPE_OCI_LAYER);
		json_add_string(layer, "digest", diff_ids->items[i]);
		json_add_int(layer, "size", tar_sizes[i]);
		json_object_array_add(layers, layer);
	}
	return json_text(json, false);
}
