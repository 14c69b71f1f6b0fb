/* SPDX-License-Identifier: Apache-2.0 */
/* mapping: the ids of a plan; they can change after it was made, when an administrator gives others. */
#include <stdlib.h>
#include <string.h>

#include "libpod/plan/plan.h"

static void copy_ranges(const struct id_map *map, struct spec_id_mapping **ret, size_t *ret_count)
{
	free(*ret);
	*ret = xcalloc(map->count, sizeof(**ret));
	*ret_count = map->count;
	for (size_t i = 0; i < map->count; i++)
		(*ret)[i] =
		    (struct spec_id_mapping){map->ranges[i].inside, map->ranges[i].outside, map->ranges[i].count};
}

/* Those of the container as our own namespace calls them: what the specification has. */
static int compose(const struct plan *plan, const struct id_mapping *shared, struct id_mapping *ret)
{
	*ret = *shared;
	if (!plan->nested)
		return 0;
	int r = id_map_compose(&plan->inner.uids, &shared->uids, &ret->uids);
	return r < 0 ? r : id_map_compose(&plan->inner.gids, &shared->gids, &ret->gids);
}

int plan_set_mapping(struct plan *plan, const struct id_mapping *shared, struct error *err)
{
	struct spec *spec = &plan->spec;
	struct id_mapping composed;
	const struct id_mapping *mapping = &composed;
	if (compose(plan, shared, &composed) < 0)
		return error_set(err, EINVAL,
				 "the ids of the container's user namespace are not among those that you have any more "
				 "(/etc/subuid, /etc/subgid)");
	plan->mapping = *shared;
	copy_ranges(&mapping->uids, &spec->uid_mappings, &spec->uid_mappings_count);
	copy_ranges(&mapping->gids, &spec->gid_mappings, &spec->gid_mappings_count);
	for (size_t i = 0; i < spec->mounts_count; i++) {
		struct spec_mount *mount = &spec->mounts[i];
		if (!mount->type || strcmp(mount->type, "devpts") != 0)
			continue;
		for (size_t j = mount->options.count; j-- > 0;)
			if (text_starts_with(mount->options.items[j], "gid="))
				strv_remove(&mount->options, j);
		/* tty's group where there is one to give: with a single id there is not. */
		if (id_map_outside(&mapping->gids, 5) >= 0)
			strv_add(&mount->options, "gid=5");
	}
	return 0;
}

static bool is_same(const struct id_map *map, const struct spec_id_mapping *old, size_t count)
{
	if (map->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (map->ranges[i].inside != old[i].container_id || map->ranges[i].outside != old[i].host_id ||
		    map->ranges[i].count != old[i].size)
			return false;
	return true;
}

bool plan_moves_ids(const struct plan *plan)
{
	return plan->nested && !(id_map_is_identity(&plan->inner.uids) && id_map_is_identity(&plan->inner.gids));
}

bool plan_has_mapping(const struct plan *plan, const struct id_mapping *shared)
{
	const struct spec *spec = &plan->spec;
	struct id_mapping composed;
	const struct id_mapping *mapping = &composed;
	return compose(plan, shared, &composed) == 0 &&
	       is_same(&mapping->uids, spec->uid_mappings, spec->uid_mappings_count) &&
	       is_same(&mapping->gids, spec->gid_mappings, spec->gid_mappings_count);
}

static bool keeps(const struct id_map *map, const struct spec_id_mapping *old, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t last = old[i].size - 1;
		if (id_map_outside(map, old[i].container_id) != old[i].host_id ||
		    id_map_outside(map, old[i].container_id + last) != (int64_t)old[i].host_id + last)
			return false;
	}
	return true;
}

bool plan_keeps_owners(const struct plan *plan, const struct id_mapping *shared)
{
	const struct spec *spec = &plan->spec;
	struct id_mapping composed;
	const struct id_mapping *mapping = &composed;
	return compose(plan, shared, &composed) == 0 &&
	       keeps(&mapping->uids, spec->uid_mappings, spec->uid_mappings_count) &&
	       keeps(&mapping->gids, spec->gid_mappings, spec->gid_mappings_count);
}
