/* SPDX-License-Identifier: Apache-2.0 */
/* docker-archive: Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format". */
#include <string.h>

#include "storage/archive/kinds.h"

/* A configuration named by its digest, as all that tools write are, has to have it. */
static int check_config_name(const char *file, const char *data, size_t length, struct error *err)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	size_t hex = strspn(name, "0123456789abcdef");
	if (hex != 64 || (name[hex] != '\0' && strcmp(name + hex, ".json") != 0))
		return 0;
	auto_free char *digest = xasprintf("sha256:%.64s", name);
	return digest_check(data, length, digest, "the image's configuration", err);
}

static int read_config(struct image_archive *archive, struct json_object *item, struct archive_image *image,
		       struct strv *diff_ids, struct error *err)
{
	auto_json struct json_object *config = NULL;
	const char *file = NULL;
	int r = json_get_string(item, "Config", &file, err);
	if (r == 0)
		r = error_set(err, EINVAL, "it has no Config");
	if (r > 0)
		r = archive_source_read(archive->source, file, &image->config, &image->config_length, err);
	if (r == 0)
		r = check_config_name(file, image->config, image->config_length, err);
	if (r == 0)
		r = json_parse(image->config, image->config_length, file, &config, err);
	return r < 0 ? r : config_diff_ids(config, diff_ids, err);
}

static int read_layers(struct json_object *item, struct archive_image *image, const struct strv *diff_ids,
		       struct error *err)
{
	auto_strv struct strv files = STRV_INIT;
	int r = json_get_strv(item, "Layers", &files, err);
	if (r < 0)
		return r;
	if (files.count != diff_ids->count)
		return error_set(err, EINVAL, "it has %zu layers, its configuration %zu", files.count, diff_ids->count);
	for (size_t i = 0; i < files.count; i++)
		archive_add_layer(image, files.items[i], NULL, diff_ids->items[i]);
	return 0;
}

static int read_item(struct image_archive *archive, struct json_object *item, struct error *err)
{
	auto_strv struct strv diff_ids = STRV_INIT, tags = STRV_INIT;
	if (!json_object_is_type(item, json_type_object))
		return error_set(err, EINVAL, "expected an object");
	struct archive_image *image = archive_add_image(archive);
	int r = read_config(archive, item, image, &diff_ids, err);
	if (r == 0)
		r = read_layers(item, image, &diff_ids, err);
	if (r == 0)
		r = json_get_strv(item, "RepoTags", &tags, err);
	for (size_t i = 0; r >= 0 && i < tags.count; i++)
		r = archive_add_name(image, tags.items[i], reference_normalize_docker, err);
	return r < 0 ? r : 0;
}

/* A directory of one image: containers-transports(5), dir:. */
static int read_directory(struct image_archive *archive, char *text, size_t length, struct error *err)
{
	struct archive_image *image = archive_add_image(archive);
	archive->flat = true;
	int r = archive_read_manifest(archive, text, length, image, err);
	if (r < 0)
		return r;
	image->manifest = xstrndup(text, length);
	image->manifest_length = length;
	return 0;
}

int archive_read_docker(struct image_archive *archive, struct error *err)
{
	auto_json struct json_object *list = NULL;
	auto_free char *text = NULL;
	size_t length = 0;
	int r = archive_source_read(archive->source, "manifest.json", &text, &length, err);
	if (r < 0)
		return r;
	r = json_parse(text, length, "manifest.json", &list, err);
	if (r < 0)
		return error_context(err, "%s", archive_source_name(archive->source));
	if (json_object_is_type(list, json_type_object))
		return read_directory(archive, text, length, err);
	if (!json_object_is_type(list, json_type_array))
		return error_set(err, EINVAL, "%s: manifest.json: expected an array",
				 archive_source_name(archive->source));
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		r = read_item(archive, json_object_array_get_idx(list, i), err);
		if (r < 0)
			return error_context(err, "%s: manifest.json[%zu]", archive_source_name(archive->source), i);
	}
	return 0;
}
