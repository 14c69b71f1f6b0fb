/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is inside the module: the decision as a pure function of what was found out about the machine, so that every
 * case of it can be tested on any machine; and the parts that find it out.
 */
#pragma once

#include "rootless/idmap/idmap.h"

/* What subuid(5) and subgid(5) say of a user. Of the ranges only `outside` and `count` mean something. */
struct subid_answer {
	char user[256]; /* name, or the number where there is no name */
	struct id_map uids;
	struct id_map gids;
};

struct id_situation {
	uint32_t uid, gid;
	bool initial;     /* our user namespace is the machine's first one */
	bool can_setid;   /* CAP_SETUID and CAP_SETGID in our namespace: maps may be written directly */
	bool can_setfcap; /* CAP_SETFCAP, without which our namespace's 0 may not be mapped (user_namespaces(7)) */
	struct id_map own_uids, own_gids; /* what our namespace has itself */
	struct subid_answer subordinate;
	char programs[200];  /* why newuidmap and newgidmap are of no use; "" when they are */
	uint32_t free_range; /* first id that no line of /etc/subuid and /etc/subgid gives away */
};

/* Whether the decision looks at the subordinate ids at all: finding them out may cost a program. */
bool id_situation_wants_subordinate(const struct id_situation *situation);
int id_mapping_decide(const struct id_situation *situation, struct id_mapping *ret, struct error *err);

/* Appends `count` ids from `outside` on, without those that the map has already; what does not fit any more is left
 * out. */
void id_map_append(struct id_map *map, uint64_t outside, uint64_t count);
/* Reads the kernel's or coracle-subid's lines of numbers; -EINVAL when they are none. */
int id_map_parse(const char *text, struct id_map *ret);

/* subid.c: asks coracle-subid, or the kept answer. */
int subid_ask(int cache_fd, bool refresh, uint32_t uid, struct subid_answer *ret, struct error *err);
int subid_parse(const char *text, struct subid_answer *ret);
/* The first multiple of 65536 from 100000 on that lies behind every range in the texts of subuid(5) files. */
uint32_t subid_first_free(const char *const *texts, size_t count);

/* Says in `out` why newuidmap(1) and newgidmap(1) cannot serve us; "" when they can. */
void newuidmap_problem(char *out, size_t size);
