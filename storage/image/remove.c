/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing an image: its names first, so that nobody finds it any more, then the image, then its layers. What a kill in
 * between leaves is whole: an image without a name, or layers without an image, which image_remove_unused_layers finds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "storage/image/internal.h"

int image_refuse_read_only(struct store *store, const struct image *image, struct error *err)
{
	auto_free char *path = xasprintf("images/%s", image->id);
	return error_set(
	    err, EROFS,
	    "image %.12s lies in the additional image store %s, which is only read: who fills it can remove it",
	    image->id, store_find(store, path).root);
}

static int remove_names(struct store *store, struct image *image, struct strv *ret_untagged, struct error *err)
{
	while (image->names.count) {
		const char *text = image->names.items[0];
		auto_reference struct reference name = {0};
		int r = reference_parse(text, &name, err);
		if (r == 0)
			r = image_untag(store, &name, err);
		if (r < 0 && r != -ENOENT && r != -EROFS)
			return r;
		if (r != -EROFS)
			strv_add(ret_untagged, text);
		strv_remove(&image->names, 0);
	}
	return 0;
}

int image_layers_in_use(struct store *store, struct strv *ret, struct error *err)
{
	struct image **images;
	size_t count;
	int r = image_list(store, &images, &count, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		if (!images[i]->read_only)
			strv_add_all(ret, &images[i]->layers);
	image_list_free(images, count);
	return 0;
}

static int remove_layer(struct store *store, const char *hex, struct strv *ret_deleted, struct error *err)
{
	auto_free char *path = xasprintf("layers/%s", hex);
	int r = store_trash(store, path, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		strv_addf(ret_deleted, "sha256:%s", hex);
	return r;
}

/* After a power cut an image must not be back without its layers. */
static int sync_images(struct store *store, struct error *err)
{
	auto_close int fd = openat(store->root_fd, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return error_sys(err, errno, "write %s/images to the disk", store->root);
	return 0;
}

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static bool is_used(const struct strv *sorted, const char *diff_id)
{
	return sorted->count && bsearch(&diff_id, sorted->items, sorted->count, sizeof(*sorted->items), compare_texts);
}

static int layers_in_use_sorted(struct store *store, struct strv *ret, struct error *err)
{
	int r = image_layers_in_use(store, ret, err);
	if (r == 0 && ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_texts);
	return r;
}

static int remove_one(struct store *store, struct image *image, struct strv *ret_untagged, struct error *err)
{
	if (image->read_only)
		return image_refuse_read_only(store, image, err);
	int r = remove_names(store, image, ret_untagged, err);
	if (r < 0)
		return r;
	auto_free char *path = xasprintf("images/%s", image->id);
	r = store_trash(store, path, err);
	return r == -ENOENT ? 0 : r;
}

int images_remove(struct store *store, struct image *const *images, size_t count, struct strv *ret_untagged,
		  struct strv *ret_deleted, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = remove_one(store, images[i], ret_untagged, err);
	auto_strv struct strv used = STRV_INIT;
	if (r == 0)
		r = sync_images(store, err);
	if (r == 0)
		r = layers_in_use_sorted(store, &used, err);
	for (size_t i = 0; i < count; i++)
		for (size_t j = images[i]->layers.count; r == 0 && j-- > 0;)
			if (!is_used(&used, images[i]->layers.items[j]))
				r = remove_layer(store, strchr(images[i]->layers.items[j], ':') + 1, ret_deleted, err);
	if (r == 0)
		error_clear(err);
	return r;
}

int image_remove(struct store *store, struct image *image, struct strv *ret_untagged, struct strv *ret_deleted,
		 struct error *err)
{
	return images_remove(store, &image, 1, ret_untagged, ret_deleted, err);
}

int image_remove_unused_layers(struct store *store, const struct strv *keep, struct strv *ret_deleted,
			       struct error *err)
{
	auto_strv struct strv used = STRV_INIT;
	int r = layers_in_use_sorted(store, &used, err);
	if (r < 0)
		return r;
	int fd = openat(store->root_fd, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		r = error_sys(err, errno, "read %s/layers", store->root);
		cleanup_close(&fd);
		return r;
	}
	for (struct dirent *entry; r == 0 && (entry = readdir(directory));) {
		if (strlen(entry->d_name) != 64 || !text_is_hex(entry->d_name, 64))
			continue;
		auto_free char *diff_id = xasprintf("sha256:%s", entry->d_name);
		if (!is_used(&used, diff_id) && !strv_contains(keep, diff_id))
			r = remove_layer(store, entry->d_name, ret_deleted, err);
	}
	return r;
}
