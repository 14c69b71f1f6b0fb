/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/save/save.h"

#include <string.h>

#include "pkg/digest/digest.h"
#include "pkg/file/file.h"
#include "storage/layer/squash.h"
#include "storage/save/layer.h"

/* ---- images ---- */
int save_image_read(struct store *store, const struct image *image, struct save_image *ret, struct error *err)
{
	auto_free char *path = xasprintf("images/%s/config", image->id);
	int r =
	    file_read_at(store_find(store, path).fd, path, MANIFEST_SIZE_MAX, &ret->config, &ret->config_length, err);
	if (r < 0)
		return error_context(err, "the configuration of image %.12s", image->id);
	if (image->manifest_digest) {
		auto_free char *manifest =
		    xasprintf("images/%s/manifests/%s", image->id, strchr(image->manifest_digest, ':') + 1);
		file_read_at(store_find(store, manifest).fd, manifest, MANIFEST_SIZE_MAX, &ret->manifest,
			     &ret->manifest_length, NULL);
	}
	memcpy(ret->id, image->id, sizeof(ret->id));
	strv_add_all(&ret->layers, &image->layers);
	return 0;
}

void save_image_free(struct save_image *image)
{
	free(image->config);
	free(image->manifest);
	strv_free(&image->layers);
	strv_free(&image->names);
}

/* ---- docker-archive: Docker Image Specification v1.2 ---- */
static char *archive_layer_name(const char *digest)
{
	return xasprintf("%s.tar", strchr(digest, ':') + 1);
}

static int save_docker_item(struct saving *saving, const struct save_image *image, struct json_object *list,
			    struct error *err)
{
	auto_free char *config = xasprintf("%s.json", image->id);
	auto_strv struct strv files = STRV_INIT;
	int r = target_add(&saving->target, config, image->config, image->config_length, err);
	for (size_t i = 0; r == 0 && i < image->layers.count; i++) {
		struct descriptor layer;
		r = save_layer(saving, image->layers.items[i], archive_layer_name, &layer, err);
		strv_take(&files, archive_layer_name(image->layers.items[i]));
	}
	if (r < 0)
		return r;
	struct json_object *item = json_object_new_object();
	json_add_string(item, "Config", config);
	json_add_strv(item, "RepoTags", &image->names);
	json_add_strv(item, "Layers", &files);
	json_object_array_add(list, item);
	return 0;
}

static int save_docker_archive(struct saving *saving, struct error *err)
{
	auto_json struct json_object *list = json_object_new_array();
	int r = 0;
	for (size_t i = 0; r == 0 && i < saving->request->count; i++)
		r = save_docker_item(saving, &saving->request->images[i], list, err);
	if (r < 0)
		return r;
	auto_free char *text = json_text(list, false);
	return target_add(&saving->target, "manifest.json", text, strlen(text), err);
}

/* ---- what has a manifest ---- */
/* Whether the image's own manifest says what was written. */
static bool is_unchanged(const struct save_image *image, bool docker, const struct descriptor *layers)
{
	auto_manifest struct manifest manifest = {0};
	if (!image->manifest || manifest_parse(image->manifest, image->manifest_length, &manifest, NULL) < 0 ||
	    manifest.layers_count != image->layers.count ||
	    docker != (manifest.config.media_type &&
		       strcmp(manifest.config.media_type, MEDIA_TYPE_DOCKER_CONFIG) == 0))
		return false;
	for (size_t i = 0; i < manifest.layers_count; i++)
		if (strcmp(manifest.layers[i].digest, layers[i].digest) != 0)
			return false;
	return true;
}

/* Writes layers and configuration, and makes the manifest; malloc'd. */
static int save_blobs(struct saving *saving, const struct save_image *image, bool docker, blob_name name, char **ret,
		      struct error *err)
{
	char digest[DIGEST_TEXT_MAX];
	auto_free struct descriptor *layers = xcalloc(image->layers.count + 1, sizeof(*layers));
	int r = 0;
	for (size_t i = 0; r == 0 && i < image->layers.count; i++)
		r = save_layer(saving, image->layers.items[i], name, &layers[i], err);
	if (r == 0)
		r = digest_of(image->config, image->config_length, digest, err);
	if (r < 0)
		return r;
	auto_free char *file = name(digest);
	r = target_add(&saving->target, file, image->config, image->config_length, err);
	if (r < 0)
		return r;
	const char *type = docker ? MEDIA_TYPE_DOCKER_CONFIG : MEDIA_TYPE_OCI_CONFIG;
	struct descriptor config = {(char *)type, digest, (int64_t)image->config_length};
	*ret = is_unchanged(image, docker, layers) ? xstrndup(image->manifest, image->manifest_length)
						   : manifest_write(docker, &config, layers, image->layers.count);
	return 0;
}

/* ---- OCI: image-spec 1.1, "Image Layout Specification" ---- */
static char *layout_blob_name(const char *digest)
{
	return xasprintf("blobs/sha256/%s", strchr(digest, ':') + 1);
}

static void add_to_index(struct json_object *manifests, const char *digest, size_t size, const char *name)
{
	struct json_object *descriptor = json_object_new_object(), *annotations = json_object_new_object();
	json_add_string(descriptor, "mediaType", MEDIA_TYPE_OCI_MANIFEST);
	json_add_string(descriptor, "digest", digest);
	json_add_int(descriptor, "size", (int64_t)size);
	json_add_string(annotations, "org.opencontainers.image.ref.name", name);
	if (name)
		json_object_object_add(descriptor, "annotations", annotations);
	else
		json_object_put(annotations);
	json_object_array_add(manifests, descriptor);
}

static int save_oci(struct saving *saving, struct error *err)
{
	static const char layout[] = "{\"imageLayoutVersion\": \"1.0.0\"}";
	const struct save_image *image = &saving->request->images[0];
	auto_json struct json_object *index = json_object_new_object();
	struct json_object *manifests = json_object_new_array();
	auto_free char *manifest = NULL;
	char digest[DIGEST_TEXT_MAX];
	json_add_int(index, "schemaVersion", 2);
	json_object_object_add(index, "manifests", manifests);
	int r = target_add(&saving->target, "oci-layout", layout, strlen(layout), err);
	if (r == 0)
		r = save_blobs(saving, image, false, layout_blob_name, &manifest, err);
	if (r == 0)
		r = digest_of(manifest, strlen(manifest), digest, err);
	if (r != 0)
		return r;
	auto_free char *file = layout_blob_name(digest);
	r = target_add(&saving->target, file, manifest, strlen(manifest), err);
	for (size_t i = 0; i < image->names.count; i++)
		add_to_index(manifests, digest, strlen(manifest), image->names.items[i]);
	if (image->names.count == 0)
		add_to_index(manifests, digest, strlen(manifest), NULL);
	auto_free char *text = json_text(index, false);
	return r < 0 ? r : target_add(&saving->target, "index.json", text, strlen(text), err);
}

/* ---- docker-dir: containers-transports(5), dir: ---- */
static char *directory_blob_name(const char *digest)
{
	return xstrdup(strchr(digest, ':') + 1);
}

static int save_docker_directory(struct saving *saving, struct error *err)
{
	static const char version[] = "Directory Transport Version: 1.1\n";
	auto_free char *manifest = NULL;
	int r = target_add(&saving->target, "version", version, strlen(version), err);
	if (r == 0)
		r = save_blobs(saving, &saving->request->images[0], true, directory_blob_name, &manifest, err);
	return r != 0 ? r : target_add(&saving->target, "manifest.json", manifest, strlen(manifest), err);
}

int image_save(struct store *store, const struct save_request *request, struct error *err)
{
	static int (*const formats[])(struct saving * saving, struct error * err) = {
	    [SAVE_DOCKER_ARCHIVE] = save_docker_archive,
	    [SAVE_OCI_ARCHIVE] = save_oci,
	    [SAVE_OCI_DIR] = save_oci,
	    [SAVE_DOCKER_DIR] = save_docker_directory,
	};
	bool directory = request->format == SAVE_OCI_DIR || request->format == SAVE_DOCKER_DIR;
	CLEANUP(saving_free) struct saving saving = {.store = store, .request = request, .target = TARGET_INIT};
	auto_revealed struct revealed revealed = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < request->count; i++)
		r = layers_reveal(store, &request->images[i].layers, &revealed, err);
	if (r == 0)
		r = target_open(request->fd, directory, &saving.target, err);
	if (r == 0)
		r = formats[request->format](&saving, err);
	return r < 0 ? r : target_finish(&saving.target, err);
}
