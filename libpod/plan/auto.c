/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auto: --userns auto, ids that no other container has.
 *
 * Which are taken, the records of the containers say. From looking there until the new container's own record is in the
 * store a lock is held (plan_lock_ids()), so that of two that start at once one sees the other; starts of other
 * containers know nothing of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libpod/plan/plan_internal.h"
#include "pkg/lock/lock.h"

int plan_lock_ids(struct store *store, struct error *err)
{
	auto_close int lock = lock_file_open(store->lock_fd >= 0 ? store->lock_fd : store->root_fd, "ids.lock", err);
	int r = lock < 0 ? lock : lock_take(lock, LOCK_MODE_EXCLUSIVE, err);
	if (r < 0)
		return r;
	return TAKE_FD(lock);
}

struct used {
	struct id_range *ranges;
	size_t count;
};

static void used_free(struct used *used)
{
	free(used->ranges);
}

static void add_used(struct used *used, const struct strv *map)
{
	struct id_map parsed = {.count = 0};
	for (size_t i = 0; i < map->count; i++)
		(void)id_map_add_text(&parsed, map->items[i]);
	used->ranges = xrealloc(used->ranges, (used->count + parsed.count) * sizeof(*used->ranges));
	memcpy(used->ranges + used->count, parsed.ranges, parsed.count * sizeof(*used->ranges));
	used->count += parsed.count;
}

static int find_used(struct store *store, struct used *uids, struct used *gids, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(store, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		/* One that has just been removed needs none. */
		if (container_read(store, ids.items[i], &container, NULL) < 0 || !container->userns ||
		    !text_starts_with(container->userns, "auto"))
			continue;
		add_used(uids, &container->uid_map);
		add_used(gids, &container->gid_map);
	}
	return r;
}

/* What is forced has its ids; what it leaves of 0 to size - 1 gets the first that are free. */
static int assign(struct used *used, uint32_t available, uint32_t size, struct strv *map, struct error *err)
{
	struct id_map forced = {.count = 0};
	uint32_t count = 0, first = 0;
	for (size_t i = 0; i < map->count; i++)
		if (id_map_add_text(&forced, map->items[i]) < 0)
			return error_set(
			    err, EINVAL,
			    "--userns auto: %s is not CONTAINER:FROM:COUNT, or has ids that another mapping has",
			    map->items[i]);
	add_used(used, map);
	for (uint32_t id = 0; id < size; id++)
		count += id_map_outside(&forced, id) < 0;
	if (count && id_map_find_free(used->ranges, used->count, available, count, &first) < 0)
		return error_set(err, ENOSPC,
				 "--userns auto: of the %u ids that you have no %u in a row are free: remove "
				 "containers that have some, ask for fewer (size=), or get more (subuid(5))",
				 available, count);
	for (uint32_t id = 0; id < size;) {
		uint32_t end = id;
		while (end < size && id_map_outside(&forced, end) < 0)
			end++;
		if (end > id)
			strv_addf(map, "%u:%u:%u", id, first, end - id);
		first += end - id;
		id = end;
		while (id < size && id_map_outside(&forced, id) >= 0)
			id++;
	}
	return 0;
}

static int parse(const char *options, int64_t *size, struct container *container, struct error *err)
{
	auto_strv struct strv words = STRV_INIT;
	if (*options)
		strv_split(&words, options, ',');
	for (size_t i = 0; i < words.count; i++) {
		const char *word = words.items[i];
		if (text_starts_with(word, "uidmapping="))
			strv_add(&container->uid_map, word + strlen("uidmapping="));
		else if (text_starts_with(word, "gidmapping="))
			strv_add(&container->gid_map, word + strlen("gidmapping="));
		else if (!text_starts_with(word, "size=") ||
			 parse_int64(word + strlen("size="), "size", 1, UINT32_MAX - 1, size, NULL) < 0)
			return error_set(err, EINVAL,
					 "--userns auto:%s: there are size=COUNT, uidmapping=CONTAINER:FROM:COUNT and "
					 "gidmapping=CONTAINER:FROM:COUNT",
					 options);
	}
	return 0;
}

int plan_auto_ids(struct store *store, const char *options, uint32_t smallest, struct plan *plan, struct error *err)
{
	CLEANUP(used_free) struct used uids = {0}, gids = {0};
	struct container *container = plan->container;
	int64_t size = smallest;
	int r = parse(options, &size, container, err);
	if (r < 0)
		return r;
	if ((r = find_used(store, &uids, &gids, err)) < 0 ||
	    (r = assign(&uids, id_map_size(&plan->mapping.uids), (uint32_t)size, &container->uid_map, err)) < 0 ||
	    (r = assign(&gids, id_map_size(&plan->mapping.gids), (uint32_t)size, &container->gid_map, err)) < 0)
		return r;
	return 0;
}
