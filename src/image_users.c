/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image_users.h"

#include <errno.h>
#include <string.h>

#include "libpod/filter/filter.h"
#include "storage/mounted/mounted.h"

int image_users(struct store *store, const struct image *image, struct strv *ret, struct error *err)
{
	auto_container_list struct container_list list = {0};
	int r = container_select(store, &(struct container_selection){.all = true}, &list, err);
	for (size_t i = 0; r >= 0 && i < list.count; i++)
		if (!image || strcmp(list.items[i].container->image_id, image->id) == 0 ||
		    strv_contains(&list.items[i].container->mounted_images, image->id))
			strv_add(ret, list.items[i].container->id);
	return r;
}

int image_untag_text(struct store *store, const char *text, struct error *err)
{
	auto_reference struct reference name = {0};
	int r = reference_parse(text, &name, err);
	return r < 0 ? r : image_untag(store, &name, err);
}

int image_remove_unused(struct store *store, const char *given, struct error *err)
{
	auto_image struct image *image = NULL;
	auto_strv struct strv users = STRV_INIT, untagged = STRV_INIT, deleted = STRV_INIT;
	auto_close int lock = store_lock(store, LOCK_MODE_EXCLUSIVE, err);
	if (lock < 0)
		return lock;
	int r = image_find(store, given, &image, err);
	if (r == -ENOENT) {
		error_clear(err);
		return 0;
	}
	if (r == 0 && image->names.count > 1 && image->found_name && strv_contains(&image->names, image->found_name))
		return image_untag_text(store, image->found_name, err);
	if (r < 0 || (r = image_users(store, image, &users, err)) < 0)
		return r;
	if (users.count || image->read_only)
		return 0;
	if ((r = image_unmount(store, image->id, false, err)) < 0)
		return r;
	return images_remove(store, &image, 1, &untagged, &deleted, err);
}
