/* SPDX-License-Identifier: Apache-2.0 */
/* From a manifest list (storage/list) to one of its images. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/image/internal.h"

static int find_manifest_in(const struct store_place *place, const char *manifest_digest, char *ret_id,
			    struct error *err)
{
	int fd = openat(place->fd, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		int r = error_sys(err, errno, "read %s/images", place->root);
		cleanup_close(&fd);
		return r;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (strlen(entry->d_name) != 64 || !text_is_hex(entry->d_name, 64))
			continue;
		auto_free char *path =
		    xasprintf("%s/manifests/%s", entry->d_name, manifest_digest + strcspn(manifest_digest, ":") + 1);
		if (faccessat(fd, path, F_OK, 0) < 0)
			continue;
		memcpy(ret_id, entry->d_name, 65);
		return 1;
	}
	return 0;
}

int image_find_manifest(struct store *store, const char *manifest_digest, char *ret_id, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < store_places(store); i++) {
		struct store_place place;
		if (store_place(store, i, &place))
			r = find_manifest_in(&place, manifest_digest, ret_id, err);
	}
	return r;
}

int image_instance(struct store *store, const char *id, const struct platform *platform, char *ret_id,
		   char **ret_manifest_digest, struct error *err)
{
	auto_json struct json_object *json = NULL;
	auto_descriptor struct descriptor descriptor = {0};
	auto_free char *path = xasprintf("images/%s/image.json", id);
	struct json_object *index = NULL, *chosen;
	int r = json_read_at(store_find(store, path).fd, path, IMAGE_JSON_MAX, &json, err);
	if (r == 0)
		r = json_get_object(json, "index", &index, err);
	if (r <= 0)
		return r < 0 ? r : error_set(err, ENOENT, "image %.12s has no configuration", id);
	r = index_choose(index, platform, &chosen, err);
	if (r == 0)
		r = descriptor_parse(chosen, "manifests", &descriptor, err);
	if (r == 0)
		r = image_find_manifest(store, descriptor.digest, ret_id, err);
	if (r == 0)
		r = error_set(err, ENOENT, "its image for %s/%s, %s, is not here", platform->os, platform->architecture,
			      descriptor.digest);
	if (r < 0)
		return error_context(err, "the list %.12s", id);
	*ret_manifest_digest = TAKE_PTR(descriptor.digest);
	return 0;
}

int image_find_instance(struct store *store, const char *name, struct image **ret, struct error *err)
{
	auto_image struct image *list = NULL, *image = NULL;
	auto_free char *digest = NULL;
	struct platform host;
	char id[65];
	int r = image_find(store, name, &list, err);
	if (r < 0)
		return r;
	if (!list->is_list) {
		*ret = TAKE_PTR(list);
		return 0;
	}
	platform_host(&host);
	r = image_instance(store, list->id, &host, id, &digest, err);
	if (r == 0)
		r = image_find(store, id, &image, err);
	if (r < 0 || !image)
		return r;
	free(image->manifest_digest);
	image->manifest_digest = TAKE_PTR(digest);
	image->found_name = TAKE_PTR(list->found_name);
	*ret = TAKE_PTR(image);
	return 0;
}
