/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "storage/image/internal.h"

struct list {
	struct image **images;
	size_t count, capacity;
};

static void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		image_free(list->images[i]);
	free(list->images);
}

static void list_take(struct list *list, struct image *image)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 64;
		list->images = xrealloc(list->images, list->capacity * sizeof(struct image *));
	}
	list->images[list->count++] = image;
}

static int read_place(struct store *store, const struct store_place *place, struct list *list, struct error *err)
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
		struct image *image;
		int r = image_read(store, entry->d_name, &image, err);
		if (r == 0)
			list_take(list, image);
		else if (r != -ENOENT) /* it may be removed just now */
			return r;
	}
	return 0;
}

static int compare_ids(const void *left, const void *right)
{
	const struct image *const *a = left, *const *b = right;
	return strcmp((*a)->id, (*b)->id);
}

/* What is in several places is listed once. */
static void drop_doubles(struct list *list)
{
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++) {
		if (count > 0 && strcmp(list->images[count - 1]->id, list->images[i]->id) == 0)
			image_free(list->images[i]);
		else
			list->images[count++] = list->images[i];
	}
	list->count = count;
}

static int read_all(struct store *store, struct list *list, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < store_places(store); i++) {
		struct store_place place;
		if (store_place(store, i, &place))
			r = read_place(store, &place, list, err);
	}
	if (r == 0 && list->count)
		qsort(list->images, list->count, sizeof(struct image *), compare_ids);
	drop_doubles(list);
	return r;
}

static int compare_age(const void *left, const void *right)
{
	const struct image *const *a = left, *const *b = right;
	if ((*a)->created_ns != (*b)->created_ns)
		return (*a)->created_ns > (*b)->created_ns ? -1 : 1;
	return strcmp((*a)->id, (*b)->id);
}

static int add_name(void *context, const char *name, const struct ref *ref)
{
	struct list *list = context;
	struct image wanted, *key = &wanted;
	memcpy(wanted.id, ref->id, sizeof(wanted.id));
	struct image **found = bsearch(&key, list->images, list->count, sizeof(struct image *), compare_ids);
	if (found)
		image_add_name(*found, name, ref);
	return 0;
}

int image_list(struct store *store, struct image ***ret, size_t *ret_count, struct error *err)
{
	CLEANUP(list_free) struct list list = {0};
	int r = read_all(store, &list, err);
	if (r < 0)
		return r;
	r = refs_walk(store, add_name, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++)
		image_sort_names(list.images[i]);
	if (list.count)
		qsort(list.images, list.count, sizeof(struct image *), compare_age);
	*ret = list.images;
	*ret_count = list.count;
	list = (struct list){0};
	return 0;
}

void image_list_free(struct image **images, size_t count)
{
	struct list list = {.images = images, .count = count};
	list_free(&list);
}
