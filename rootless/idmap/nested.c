/* SPDX-License-Identifier: Apache-2.0 */
/* nested: maps of a user namespace below another. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "rootless/idmap/idmap.h"

uint32_t id_map_size(const struct id_map *map)
{
	const struct id_range *last = map->count ? &map->ranges[map->count - 1] : NULL;
	return last ? last->inside + last->count : 0;
}

static bool overlap(uint64_t a, uint64_t a_count, uint64_t b, uint64_t b_count)
{
	return a < b + b_count && b < a + a_count;
}

/* (uid_t)-1 is no id; and no id has two names, as the kernel wants it. */
static bool fits(const struct id_map *map, const struct id_range *range)
{
	if (!range->count || (uint64_t)range->inside + range->count > UINT32_MAX ||
	    (uint64_t)range->outside + range->count > UINT32_MAX)
		return false;
	for (size_t i = 0; i < map->count; i++)
		if (overlap(range->inside, range->count, map->ranges[i].inside, map->ranges[i].count) ||
		    overlap(range->outside, range->count, map->ranges[i].outside, map->ranges[i].count))
			return false;
	return true;
}

static int add(struct id_map *map, uint32_t inside, uint32_t outside, uint32_t count)
{
	if (map->count == ID_RANGES_MAX)
		return -E2BIG;
	map->ranges[map->count++] = (struct id_range){inside, outside, count};
	return 0;
}

int id_map_add_text(struct id_map *map, const char *text)
{
	struct id_range range;
	int end = -1;
	if (sscanf(text, "%" SCNu32 ":%" SCNu32 ":%" SCNu32 "%n", &range.inside, &range.outside, &range.count, &end) !=
		3 ||
	    text[end] || !fits(map, &range))
		return -EINVAL;
	return add(map, range.inside, range.outside, range.count);
}

/* One range of the inner map, as often as ranges of the outer one part it; seen from outside of that, or from inside.
 */
static int part_range(struct id_range range, const struct id_map *outer, bool from_outside, struct id_map *ret)
{
	while (range.count) {
		const struct id_range *found = NULL;
		for (size_t i = 0; i < outer->count && !found; i++)
			if (overlap(range.outside, 1, outer->ranges[i].inside, outer->ranges[i].count))
				found = &outer->ranges[i];
		if (!found)
			return -EINVAL;
		uint32_t offset = range.outside - found->inside, count = found->count - offset;
		if (count > range.count)
			count = range.count;
		int r = add(ret, range.inside, from_outside ? found->outside + offset : range.outside, count);
		if (r < 0)
			return r;
		range = (struct id_range){range.inside + count, range.outside + count, range.count - count};
	}
	return 0;
}

static int part(const struct id_map *inner, const struct id_map *outer, bool from_outside, struct id_map *ret)
{
	struct id_map map = {.count = 0};
	for (size_t i = 0; i < inner->count; i++) {
		int r = part_range(inner->ranges[i], outer, from_outside, &map);
		if (r < 0)
			return r;
	}
	*ret = map;
	return 0;
}

int id_map_compose(const struct id_map *inner, const struct id_map *outer, struct id_map *ret)
{
	return part(inner, outer, true, ret);
}

int id_map_part(const struct id_map *inner, const struct id_map *outer, struct id_map *ret)
{
	return part(inner, outer, false, ret);
}

bool id_map_is_identity(const struct id_map *map)
{
	for (size_t i = 0; i < map->count; i++)
		if (map->ranges[i].inside != map->ranges[i].outside)
			return false;
	return true;
}

int id_map_find_free(const struct id_range *used, size_t used_count, uint32_t size, uint32_t count, uint32_t *ret)
{
	uint64_t first = 1;
	for (size_t i = 0; i < used_count;) {
		if (!overlap(first, count, used[i].outside, used[i].count)) {
			i++;
			continue;
		}
		/* Behind it, and all the others once more. */
		first = (uint64_t)used[i].outside + used[i].count;
		i = 0;
	}
	if (first + count > size)
		return -ENOSPC;
	*ret = (uint32_t)first;
	return 0;
}
