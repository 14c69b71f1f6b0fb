/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "storage/image/internal.h"

void image_free(struct image *image)
{
	free(image->manifest_digest);
	free(image->found_name);
	free(image->architecture);
	free(image->os);
	free(image->variant);
	strv_free(&image->names);
	strv_free(&image->digests);
	strv_free(&image->layers);
	json_object_put(image->config);
	free(image);
}

/* ---- what an image is, from its summary or its configuration ---- */

static int get_text(struct json_object *json, const char *key, char **ret, struct error *err)
{
	const char *text;
	int r = json_get_string(json, key, &text, err);
	if (r > 0) {
		free(*ret);
		*ret = xstrdup(text);
	}
	return r;
}

static int get_platform(struct json_object *json, struct image *image, struct error *err)
{
	int r = get_text(json, "architecture", &image->architecture, err);
	if (r >= 0)
		r = get_text(json, "os", &image->os, err);
	if (r >= 0)
		r = get_text(json, "variant", &image->variant, err);
	return r < 0 ? r : 0;
}

static int get_layers(struct json_object *json, const char *key, struct image *image, struct error *err)
{
	auto_strv struct strv layers = STRV_INIT;
	int r = json_get_strv(json, key, &layers, err);
	for (size_t i = 0; r >= 0 && i < layers.count; i++)
		if (!digest_is_valid(layers.items[i]))
			r = error_set(err, EINVAL, "%s[%zu]: \"%s\" is not a digest", key, i, layers.items[i]);
	if (r < 0)
		return r;
	strv_free(&image->layers);
	image->layers = layers;
	layers = STRV_INIT;
	return 0;
}

int image_fill_from_config(struct image *image, struct json_object *config, struct error *err)
{
	struct json_object *rootfs = NULL;
	const char *created;
	int r = get_platform(config, image, err);
	if (r >= 0)
		r = json_get_object(config, "rootfs", &rootfs, err);
	if (r >= 0)
		r = get_layers(rootfs, "diff_ids", image, err);
	if (r >= 0)
		r = json_get_string(config, "created", &created, err);
	/* Go's zero time is out of range: no time at all. */
	if (r > 0 && parse_rfc3339(created, &image->created_ns) < 0)
		image->created_ns = 0;
	return r < 0 ? r : 0;
}

static int fill_from_summary(struct image *image, struct json_object *json, struct error *err)
{
	int r = get_platform(json, image, err);
	if (r >= 0)
		r = get_text(json, "manifest", &image->manifest_digest, err);
	if (r >= 0)
		r = get_layers(json, "layers", image, err);
	if (r >= 0)
		r = json_get_int(json, "created", INT64_MIN, INT64_MAX, &image->created_ns, err);
	if (r >= 0)
		r = json_get_int(json, "size", 0, INT64_MAX, &image->size, err);
	image->is_list = json_object_object_get_ex(json, "index", NULL);
	return r < 0 ? r : 0;
}

int image_read(struct store *store, const char *id, struct image **ret, struct error *err)
{
	auto_image struct image *image = xcalloc(1, sizeof(*image));
	auto_json struct json_object *json = NULL;
	memcpy(image->id, id, sizeof(image->id) - 1);
	auto_free char *path = xasprintf("images/%s", id), *summary = xasprintf("%s/image.json", path);
	struct store_place place = store_find(store, path);
	int r = json_read_at(place.fd, summary, IMAGE_JSON_MAX, &json, err);
	image->read_only = place.read_only;
	if (r == 0)
		r = fill_from_summary(image, json, err);
	if (r < 0) {
		if (faccessat(place.fd, path, F_OK, 0) < 0)
			return -ENOENT;
		if (image_load_config(store, image, NULL) == 0)
			image_fill_from_config(image, image->config, NULL);
		error_clear(err);
	}
	*ret = TAKE_PTR(image);
	return 0;
}

int image_mark_damaged(struct store *store, const char *id, struct error *err)
{
	auto_free char *path = xasprintf("images/%s", id);
	auto_close int fd = openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (renameat(fd, "image.json", fd, "damaged.json") < 0 && errno != ENOENT) || fsync(fd) < 0)
		return error_sys(err, errno, "mark image %.12s as damaged", id);
	return 0;
}

int image_load_config(struct store *store, struct image *image, struct error *err)
{
	if (image->is_list && !image->config)
		image->config = json_object_new_object();
	if (image->config)
		return 0;
	auto_free char *path = xasprintf("images/%s/config", image->id);
	int r = json_read_at(store_find(store, path).fd, path, IMAGE_JSON_MAX, &image->config, err);
	if (r < 0)
		return error_context(err, "the configuration of image %.12s", image->id);
	return 0;
}

/* ---- names ---- */

void image_add_name(struct image *image, const char *name, const struct ref *ref)
{
	strv_add(&image->names, name);
	size_t repository = strcspn(name, "@");
	if (!name[repository])
		repository = (size_t)(strrchr(name, ':') - name);
	/* A list changes under its names. */
	strv_addf(&image->digests, "%.*s@%s", (int)repository, name,
		  image->is_list ? image->manifest_digest : ref->manifest);
	/* The digest of the index through which it was pulled. */
	if (name[repository] == '@')
		strv_add(&image->digests, name);
}

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void sort_unique(struct strv *vector)
{
	if (vector->count < 2)
		return;
	qsort(vector->items, vector->count, sizeof(*vector->items), compare_texts);
	for (size_t i = vector->count; --i > 0;)
		if (strcmp(vector->items[i - 1], vector->items[i]) == 0)
			strv_remove(vector, i);
}

void image_sort_names(struct image *image)
{
	sort_unique(&image->names);
	sort_unique(&image->digests);
}
