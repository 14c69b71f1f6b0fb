/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: which mapping, for whom. user_namespaces(7) has the kernel's rules.
 *
 *	who                                        the container's ids                       written by
 *	a user with subordinate ids                himself as 0, then the ranges             newuidmap(1)
 *	a user without, or without newuidmap(1)    himself as 0                              us: it needs no privilege
 *	root of the machine, with ranges           the ranges: 0 is an unprivileged id       us, or newuidmap(1)
 *	root of the machine, without               a high range that nobody is given         us
 *	CAP_SETUID, inside another container       himself as 0, then all that it has        us
 *
 * Root of the machine never becomes a container's root: who broke out of such a container would own the machine.
 * Inside another container that danger is the outer container's to bound, and its root has nothing but itself to
 * give.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "pkg/cleanup/cleanup.h"
#include "rootless/idmap/decide.h"

/* Beyond what useradd(8) and systemd hand out (UIDS-GIDS.md: 1879048192 to 2147352575 is unused), below 2^31, where
 * programs that keep ids in an int go wrong. */
#define ROOT_RANGE       UINT32_C(1879048192)
#define ROOT_RANGE_COUNT 65536

static bool is_root_of_machine(const struct id_situation *situation)
{
	return situation->initial && situation->uid == 0;
}

bool id_situation_wants_subordinate(const struct id_situation *situation)
{
	return situation->initial || !situation->can_setid;
}

static int map_root_of_machine(const struct id_situation *situation, struct id_mapping *mapping, struct error *err)
{
	const struct subid_answer *subordinate = &situation->subordinate;
	mapping->direct = situation->can_setid;
	if (subordinate->uids.count && subordinate->gids.count && (mapping->direct || !*situation->programs)) {
		for (size_t i = 0; i < subordinate->uids.count; i++)
			id_map_append(&mapping->uids, subordinate->uids.ranges[i].outside,
				      subordinate->uids.ranges[i].count);
		for (size_t i = 0; i < subordinate->gids.count; i++)
			id_map_append(&mapping->gids, subordinate->gids.ranges[i].outside,
				      subordinate->gids.ranges[i].count);
		return 0;
	}
	if (!mapping->direct)
		return error_set(
		    err, EPERM,
		    "root without the capabilities CAP_SETUID and CAP_SETGID cannot give a container any ids: "
		    "run as an ordinary user, or give root subordinate ids (usermod --add-subuids "
		    "%" PRIu32 "-%" PRIu32 " --add-subgids %" PRIu32 "-%" PRIu32 " root)",
		    situation->free_range, situation->free_range + 65535, situation->free_range,
		    situation->free_range + 65535);
	id_map_append(&mapping->uids, ROOT_RANGE, ROOT_RANGE_COUNT);
	id_map_append(&mapping->gids, ROOT_RANGE, ROOT_RANGE_COUNT);
	return 0;
}

static void append_mapped(struct id_map *map, const struct id_map *own, bool with_zero)
{
	for (size_t i = 0; i < own->count; i++) {
		const struct id_range *range = &own->ranges[i];
		bool skip = range->inside == 0 && !with_zero;
		id_map_append(map, (uint64_t)range->inside + skip, (uint64_t)range->count - skip);
	}
}

static int map_privileged(const struct id_situation *situation, struct id_mapping *mapping, struct error *err)
{
	if (situation->uid == 0 && !situation->can_setfcap)
		return error_set(err, EPERM,
				 "root of this container has no CAP_SETFCAP and cannot be root of a further one; "
				 "start the outer container with --cap-add SETFCAP");
	mapping->direct = true;
	id_map_append(&mapping->uids, situation->uid, 1);
	id_map_append(&mapping->gids, situation->gid, 1);
	append_mapped(&mapping->uids, &situation->own_uids, situation->can_setfcap);
	append_mapped(&mapping->gids, &situation->own_gids, true);
	if (mapping->uids.count > 1 && mapping->gids.count > 1)
		return 0;
	mapping->single = true;
	snprintf(mapping->reason, sizeof(mapping->reason),
		 "the container that this runs in has a single id itself; start it with subordinate ids");
	return 0;
}

/* Of a range, the part that our own namespace has: the rest would make the kernel refuse all of it. */
static void append_clipped(struct id_map *map, const struct id_range *range, const struct id_map *own)
{
	for (size_t i = 0; i < own->count; i++) {
		uint64_t begin = range->outside, end = begin + range->count;
		uint64_t own_begin = own->ranges[i].inside, own_end = own_begin + own->ranges[i].count;
		if (begin < own_begin)
			begin = own_begin;
		if (end > own_end)
			end = own_end;
		if (begin < end)
			id_map_append(map, begin, end - begin);
	}
}

static void explain_no_ranges(const struct id_situation *situation, struct id_mapping *mapping)
{
	const struct subid_answer *subordinate = &situation->subordinate;
	char uids[64] = "", gids[64] = "";
	uint32_t first = situation->free_range, last = first + 65535;
	if (!subordinate->uids.count)
		snprintf(uids, sizeof(uids), " --add-subuids %" PRIu32 "-%" PRIu32, first, last);
	if (!subordinate->gids.count)
		snprintf(gids, sizeof(gids), " --add-subgids %" PRIu32 "-%" PRIu32, first, last);
	snprintf(mapping->reason, sizeof(mapping->reason),
		 "no subordinate ids for user %.64s in %s; ask your administrator to run: usermod%s%s %.64s",
		 subordinate->user,
		 *uids && *gids ? "/etc/subuid and /etc/subgid"
		 : *uids        ? "/etc/subuid"
				: "/etc/subgid",
		 uids, gids, subordinate->user);
}

static void map_user(const struct id_situation *situation, struct id_mapping *mapping)
{
	const struct subid_answer *subordinate = &situation->subordinate;
	id_map_append(&mapping->uids, situation->uid, 1);
	id_map_append(&mapping->gids, situation->gid, 1);
	struct id_mapping own = *mapping;
	own.single = own.direct = true;
	if (!subordinate->uids.count || !subordinate->gids.count) {
		explain_no_ranges(situation, &own);
		*mapping = own;
		return;
	}
	if (*situation->programs && !situation->can_setid) {
		snprintf(own.reason, sizeof(own.reason), "%s", situation->programs);
		*mapping = own;
		return;
	}
	for (size_t i = 0; i < subordinate->uids.count; i++)
		append_clipped(&mapping->uids, &subordinate->uids.ranges[i], &situation->own_uids);
	for (size_t i = 0; i < subordinate->gids.count; i++)
		append_clipped(&mapping->gids, &subordinate->gids.ranges[i], &situation->own_gids);
	mapping->direct = situation->can_setid;
	if (mapping->uids.count > 1 && mapping->gids.count > 1)
		return;
	snprintf(own.reason, sizeof(own.reason),
		 "the subordinate ids of user %.64s are not there in the container that this runs in",
		 subordinate->user);
	*mapping = own;
}

int id_mapping_decide(const struct id_situation *situation, struct id_mapping *ret, struct error *err)
{
	struct id_mapping mapping = {.single = false};
	int r = 0;
	if (is_root_of_machine(situation))
		r = map_root_of_machine(situation, &mapping, err);
	else if (!situation->initial && situation->can_setid)
		r = map_privileged(situation, &mapping, err);
	else
		map_user(situation, &mapping);
	if (r < 0)
		return r;
	*ret = mapping;
	return 0;
}
