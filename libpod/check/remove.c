/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "libpod/check/check.h"
#include "libpod/control/control.h"
#include "storage/image/image.h"

/* One that cannot be read has at least a lock and a directory. */
static int remove_container(struct check *check, const char *id, struct error *err)
{
	auto_container struct container *container = NULL;
	int r = container_read(check->store, id, &container, NULL) == 0 ? control_remove(check->store, container, true, 0, err)
									: container_remove(check->store, id, err);
	if (r < 0 && r != -ENOENT)
		return r;
	auto_free char *subject = xasprintf("container %.12s", id);
	check_found(check, CHECK_MENDED, subject, "removed");
	return 0;
}

static int remove_users(struct check *check, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(check->store, &ids, err);
	for (size_t i = 0; r == 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		if (container_read(check->store, ids.items[i], &container, NULL) == 0 &&
		    strv_contains(&check->damaged_images, container->image_id))
			r = remove_container(check, ids.items[i], err);
	}
	return r;
}

static int remove_images(struct check *check, struct error *err)
{
	auto_strv struct strv untagged = STRV_INIT, deleted = STRV_INIT;
	auto_close int lock = store_lock(check->store, LOCK_MODE_EXCLUSIVE, err);
	int r = lock < 0 ? lock : 0;
	for (size_t i = 0; r == 0 && i < check->damaged_images.count; i++) {
		auto_image struct image *image = NULL;
		r = image_find(check->store, check->damaged_images.items[i], &image, err);
		if (r == 0)
			r = image_remove(check->store, image, &untagged, &deleted, err);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		auto_free char *subject = xasprintf("image %.12s", check->damaged_images.items[i]);
		check_found(check, CHECK_MENDED, subject, "removed");
	}
	return r;
}

int check_remove_damaged(struct check *check, const struct strv *containers, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < containers->count; i++)
		r = remove_container(check, containers->items[i], err);
	if (r == 0)
		r = remove_users(check, err);
	return r == 0 ? remove_images(check, err) : r;
}
