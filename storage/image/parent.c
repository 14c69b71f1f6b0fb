/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which image another was made of. Nothing records it: it is seen from layers and history, which whoever builds or
 * commits an image takes over and adds to.
 */
#include <string.h>

#include "storage/image/image.h"

static struct json_object *history_of(struct store *store, struct image *image)
{
	struct json_object *history = NULL;
	if (image_load_config(store, image, NULL) < 0)
		return NULL;
	json_get_array(image->config, "history", &history, NULL);
	return history;
}

static bool layers_begin_with(const struct image *image, const struct image *ancestor)
{
	if (ancestor->layers.count > image->layers.count)
		return false;
	for (size_t i = 0; i < ancestor->layers.count; i++)
		if (strcmp(ancestor->layers.items[i], image->layers.items[i]) != 0)
			return false;
	return true;
}

bool image_is_begun_by(struct store *store, struct image *ancestor, struct image *image, size_t entries)
{
	/* Configurations are read only where the layers fit. */
	if (ancestor == image || entries == 0 || !layers_begin_with(image, ancestor))
		return false;
	struct json_object *history = history_of(store, image), *begin = history_of(store, ancestor);
	if (!history || !begin || json_object_array_length(begin) != entries ||
	    json_object_array_length(history) < entries)
		return false;
	for (size_t i = 0; i < entries; i++)
		if (!json_object_equal(json_object_array_get_idx(history, i), json_object_array_get_idx(begin, i)))
			return false;
	return true;
}

struct image *image_parent(struct store *store, struct image *const *images, size_t count, struct image *image)
{
	struct image *parent = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(images[i]->id, image->id) == 0 || !layers_begin_with(image, images[i]))
			continue;
		struct json_object *begin = history_of(store, images[i]), *history = history_of(store, image);
		size_t entries = begin ? json_object_array_length(begin) : 0;
		if (!history || entries <= longest || entries >= json_object_array_length(history) ||
		    !image_is_begun_by(store, images[i], image, entries))
			continue;
		parent = images[i];
		longest = entries;
	}
	return parent;
}
