/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/volumes/volumes.h"

#include <errno.h>
#include <string.h>

static char *name_in(const char *entry)
{
	return xstrndup(entry, strcspn(entry, ":"));
}

static void add_names(const struct container *container, struct strv *ret)
{
	auto_strv struct strv names = STRV_INIT;
	for (size_t i = 0; i < container->volumes.count; i++) {
		auto_free char *name = name_in(container->volumes.items[i]);
		if (!strv_contains(&names, name))
			strv_add(&names, name);
	}
	strv_add_all(ret, &names);
}

int volumes_used(struct store *store, struct strv *ret, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(store, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		if (container_read_listed(store, ids.items[i], &container, NULL) >= 0)
			add_names(container, ret);
	}
	return r < 0 ? r : 0;
}

int volumes_users(struct store *store, const char *name, struct strv *ret, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(store, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		auto_strv struct strv names = STRV_INIT;
		if (container_read_listed(store, ids.items[i], &container, NULL) >= 0)
			add_names(container, &names);
		if (strv_contains(&names, name))
			strv_add(ret, ids.items[i]);
	}
	return r < 0 ? r : 0;
}

static int remove_locked(struct store *store, const char *name, struct error *err)
{
	auto_strv struct strv users = STRV_INIT;
	int r = volumes_users(store, name, &users, err);
	if (r < 0)
		return r;
	if (users.count)
		return error_set(err, EBUSY,
				 "volume %s is in use by container %.12s: remove that first, or give --force", name,
				 users.items[0]);
	return volume_remove(store, name, err);
}

int volumes_remove(struct store *store, const char *name, struct error *err)
{
	auto_close int lock = store_lock_volumes(store, LOCK_MODE_EXCLUSIVE, err);
	return lock < 0 ? lock : remove_locked(store, name, err);
}

int volumes_left_by(struct store *store, const struct container *container, struct strv *ret, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	int r = 0;
	add_names(container, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		auto_volume struct volume volume = {0};
		auto_strv struct strv users = STRV_INIT;
		if (volume_read(store, names.items[i], &volume, NULL) < 0 || !volume.anonymous)
			continue;
		r = volumes_users(store, names.items[i], &users, err);
		if (r == 0 && users.count <= 1)
			strv_add(ret, names.items[i]);
	}
	return r;
}

int volumes_remove_unused(struct store *store, const struct strv *names, struct error *err)
{
	if (names->count == 0)
		return 0;
	auto_close int lock = store_lock_volumes(store, LOCK_MODE_EXCLUSIVE, err);
	int r = lock < 0 ? lock : 0;
	for (size_t i = 0; r == 0 && i < names->count; i++) {
		r = remove_locked(store, names->items[i], err);
		if (r == -EBUSY || r == -ENOENT) {
			error_clear(err);
			r = 0;
		}
	}
	return r;
}
