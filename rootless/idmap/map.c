/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rootless/idmap/decide.h"

/* (uid_t)-1 is no id. */
#define ID_END ((uint64_t)UINT32_MAX)

int64_t id_map_outside(const struct id_map *map, uint32_t id)
{
	for (size_t i = 0; i < map->count; i++)
		if (id >= map->ranges[i].inside && id - map->ranges[i].inside < map->ranges[i].count)
			return (int64_t)map->ranges[i].outside + (id - map->ranges[i].inside);
	return -1;
}

int64_t id_map_inside(const struct id_map *map, uint32_t id)
{
	for (size_t i = 0; i < map->count; i++)
		if (id >= map->ranges[i].outside && id - map->ranges[i].outside < map->ranges[i].count)
			return (int64_t)map->ranges[i].inside + (id - map->ranges[i].outside);
	return -1;
}

/* How many of the `count` ids from `first` on lie before the next range of the map begins; 0 when `first` is in one,
 * and then *ret_skip is how many to leave out. */
static uint64_t free_run(const struct id_map *map, uint64_t first, uint64_t count, uint64_t *ret_skip)
{
	for (size_t i = 0; i < map->count; i++) {
		uint64_t begin = map->ranges[i].outside, end = begin + map->ranges[i].count;
		if (first >= begin && first < end) {
			*ret_skip = end - first < count ? end - first : count;
			return 0;
		}
		if (begin > first && begin - first < count)
			count = begin - first;
	}
	return count;
}

/* Ranges that touch are not made one: newuidmap(1) looks for each of them in subuid(5) as it was given. */
void id_map_append(struct id_map *map, uint64_t outside, uint64_t count)
{
	if (outside >= ID_END)
		return;
	if (count > ID_END - outside)
		count = ID_END - outside;
	while (count && map->count < ID_RANGES_MAX) {
		uint64_t skip = 0;
		uint64_t run = free_run(map, outside, count, &skip);
		if (!run) {
			outside += skip;
			count -= skip;
			continue;
		}
		const struct id_range *last = map->count ? &map->ranges[map->count - 1] : NULL;
		uint64_t inside = last ? (uint64_t)last->inside + last->count : 0;
		if (inside >= ID_END)
			return;
		if (run > ID_END - inside)
			run = ID_END - inside;
		map->ranges[map->count++] = (struct id_range){(uint32_t)inside, (uint32_t)outside, (uint32_t)run};
		outside += run;
		count -= run;
	}
}

int id_map_parse(const char *text, struct id_map *ret)
{
	struct id_map map = {.count = 0};
	for (;;) {
		text += strspn(text, " \t\n");
		if (!*text)
			break;
		struct id_range range;
		int length = 0;
		if (sscanf(text, "%" SCNu32 " %" SCNu32 " %" SCNu32 "%n", &range.inside, &range.outside, &range.count,
			   &length) != 3)
			return -EINVAL;
		/* The kernel takes 340 ranges; who has more than we keep goes on with the first ones. */
		if (map.count < ID_RANGES_MAX)
			map.ranges[map.count++] = range;
		text += length;
	}
	*ret = map;
	return 0;
}

static bool map_equal(const struct id_map *a, const struct id_map *b)
{
	return a->count == b->count && memcmp(a->ranges, b->ranges, a->count * sizeof(a->ranges[0])) == 0;
}

bool id_mapping_equal(const struct id_mapping *a, const struct id_mapping *b)
{
	return map_equal(&a->uids, &b->uids) && map_equal(&a->gids, &b->gids);
}

/* FNV-1a: the key only has to part the few mappings of one user, who would gain nothing by making two collide. */
static uint64_t hash_map(uint64_t hash, const struct id_map *map)
{
	const unsigned char *bytes = (const unsigned char *)map->ranges;
	for (size_t i = 0; i < map->count * sizeof(map->ranges[0]); i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

void id_mapping_key(const struct id_mapping *mapping, char *out)
{
	uint64_t hash = hash_map(hash_map(UINT64_C(0xcbf29ce484222325), &mapping->uids), &mapping->gids);
	snprintf(out, 17, "%016" PRIx64, hash);
}
