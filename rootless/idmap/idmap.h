/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap: which ids a container of this user can have.
 *
 * With subordinate ids (subuid(5), through libsubid, so that directory services answer too) the container's 0 is the
 * user and 1… are the subordinate range. Without a range, or without newuidmap(1), there is single-id mode: only 0,
 * which is the user. Root (also root inside another container) gets what its own namespace has: the subordinate range
 * of its name if there is one, otherwise a part of the ids that it finds mapped, and never the host's 0 for a
 * container's 0 when it is the host's root.
 *
 * libsubid loads name service modules and is therefore asked by a program of its own, coracle-subid; its answer is
 * kept in <root>/cache/subid, valid while /etc/subuid, /etc/subgid and /etc/nsswitch.conf are what they were (device,
 * inode, size, mtime). An answer that newuidmap(1) refuses is asked for again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/error/error.h"

#define ID_RANGES_MAX 32

struct id_range {
	uint32_t inside;  /* first id in the namespace */
	uint32_t outside; /* first id in the parent namespace */
	uint32_t count;
};

struct id_map {
	struct id_range ranges[ID_RANGES_MAX];
	size_t count;
};

struct id_mapping {
	struct id_map uids;
	struct id_map gids;
	bool single;           /* one id only */
	bool direct;           /* may be written to /proc/PID/uid_map without newuidmap(1) */
	char reason[256];      /* why single: in words, with the way to get ranges; "" otherwise */
};

/* The mapping that containers of this user get by default. `cache_fd`: the directory for the kept answer (-1: none).
 * `refresh`: do not believe it. Lack of ranges is no error: it gives single-id mode and a reason. */
int id_mapping_default(int cache_fd, bool refresh, struct id_mapping *ret, struct error *err);

/* The ids that our own user namespace has, `outside` as its parent calls them. */
int id_maps_own(struct id_map *ret_uids, struct id_map *ret_gids, struct error *err);
/* The id in the parent namespace, or -1 when `id` is not mapped. */
int64_t id_map_outside(const struct id_map *map, uint32_t id);
/* The id in the namespace, or -1. */
int64_t id_map_inside(const struct id_map *map, uint32_t id);
/* A short text that is equal for equal mappings: 16 hex digits. `out` has 17 bytes. */
void id_mapping_key(const struct id_mapping *mapping, char *out);
bool id_mapping_equal(const struct id_mapping *a, const struct id_mapping *b);

/*
 * Maps of a user namespace below the one that the containers share (keep-id, auto …): their `outside` are ids of that
 * one, which has 0 to id_map_size() - 1.
 */
uint32_t id_map_size(const struct id_map *map);
/* "inside:outside:count", in the words of newuidmap(1); appended. -EINVAL: it is none, or has an id that the map has
 * already; -E2BIG: the map is full. */
int id_map_add_text(struct id_map *map, const char *text);
/* What `inner`, below `outer`, is seen from outside of both. -EINVAL: `outer` has not all of its ids; -E2BIG. */
int id_map_compose(const struct id_map *inner, const struct id_map *outer, struct id_map *ret);
/* The same map with its ranges parted where those of `outer` end, as the kernel wants to be told it. The same errors. */
int id_map_part(const struct id_map *inner, const struct id_map *outer, struct id_map *ret);
/* Whether every id has the same number inside and outside. */
bool id_map_is_identity(const struct id_map *map);
/* The lowest `count` ids outside, among 1 to `size` - 1, that none of the used ranges has. -ENOSPC: there are not so many in a row. */
int id_map_find_free(const struct id_range *used, size_t used_count, uint32_t size, uint32_t count, uint32_t *ret);
