/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the container gets at what is mounted into it. Its ids are others on the host, and it has none of the user's
 * further groups: what the user can read himself may be closed to it, and the kernel's "Permission denied" does not say
 * why. So it is looked at before, as the host sees it.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/plan/plan_internal.h"
#include "pkg/message/message.h"

enum {
	MAY_ENTER = 1,
	MAY_READ = 4,
};

/* Who asks: ids as the host has them. */
struct asker {
	const struct plan *plan;
	int64_t uid, gid;
	bool root;   /* with all rights over what belongs to ids of the container */
	bool groups; /* the user's further groups are kept */
};

static int64_t outside(const struct spec_id_mapping *maps, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (id >= maps[i].container_id && id - maps[i].container_id < maps[i].size)
			return (int64_t)maps[i].host_id + (id - maps[i].container_id);
	return -1;
}

static bool is_mapped(const struct spec_id_mapping *maps, size_t count, uint32_t host_id)
{
	for (size_t i = 0; i < count; i++)
		if (host_id >= maps[i].host_id && host_id - maps[i].host_id < maps[i].size)
			return true;
	return false;
}

static bool may(const struct asker *asker, const struct stat *st, unsigned int want)
{
	const struct spec *spec = &asker->plan->spec;
	unsigned int mode = st->st_mode;
	if (asker->root && is_mapped(spec->uid_mappings, spec->uid_mappings_count, st->st_uid) &&
	    is_mapped(spec->gid_mappings, spec->gid_mappings_count, st->st_gid))
		return true;
	if (asker->uid == st->st_uid)
		return (mode >> 6) & want;
	/* Which of them it was does not matter here: the user is there already. */
	if (asker->gid == st->st_gid || asker->groups)
		return ((mode >> 3) | mode) & want;
	for (size_t i = 0; i < spec->process.additional_gids_count; i++)
		if (outside(spec->gid_mappings, spec->gid_mappings_count, spec->process.additional_gids[i]) ==
		    st->st_gid)
			return (mode >> 3) & want;
	return mode & want;
}

/* The way there is walked by who mounts: the container's root, or the root of the namespace that it shares. */
static int check_way(const struct asker *mounter, const char *source, const char *destination, struct error *err)
{
	auto_free char *path = xstrdup(source);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct stat st;
		*slash = '\0';
		bool closed = stat(path, &st) == 0 && !may(mounter, &st, MAY_ENTER);
		if (closed)
			return error_set(err, EACCES,
					 "mount %s: the way to %s leads through %s, which belongs to %u:%u on the host "
					 "and has the mode %04o; you get there by one of your "
					 "groups, which a container has only with --group-add keep-groups",
					 destination, source, path, st.st_uid, st.st_gid, st.st_mode & 07777);
		*slash = '/';
	}
	return 0;
}

/* What is said is no error: a program need not look at all that is mounted. */
static void check_end(const struct asker *process, const char *source, const char *destination)
{
	struct stat st;
	const struct spec_process *spec = &process->plan->spec.process;
	if (stat(source, &st) < 0 || may(process, &st, S_ISDIR(st.st_mode) ? MAY_ENTER : MAY_READ))
		return;
	bool own = st.st_uid == geteuid() ||
		   is_mapped(process->plan->spec.uid_mappings, process->plan->spec.uid_mappings_count, st.st_uid);
	auto_free char *keep = xasprintf(
	    "--userns=keep-id:uid=%u,gid=%u makes the container's user you, and U (-v ...:U) gives the files to it",
	    spec->uid, spec->gid);
	message_warn("%s: the container's user %u is %lld on the host, and may not %s %s, which belongs to %u:%u there "
		     "and has the mode %04o; %s",
		     destination, spec->uid, (long long)process->uid, S_ISDIR(st.st_mode) ? "enter" : "read", source,
		     st.st_uid, st.st_gid, st.st_mode & 07777,
		     own ? keep : "only its owner, or the machine's root, can open it to you");
}

/* A volume that a container with other ids has filled: it can be looked at, and not be written. */
static void check_volume(const struct plan *plan, const char *source, const char *destination)
{
	const struct spec *spec = &plan->spec;
	struct stat st;
	if (stat(source, &st) < 0 || is_mapped(spec->uid_mappings, spec->uid_mappings_count, st.st_uid))
		return;
	for (size_t i = 0; i < spec->mounts_count; i++)
		if (strcmp(spec->mounts[i].destination, destination) == 0 && strv_contains(&spec->mounts[i].options, "ro"))
			return;
	message_warn("%s: the volume belongs to %u:%u on the host, an id that this container's user namespace does not have, so that it cannot write there; "
		     "U (-v ...:U) gives it to the container's user, and the --userns that it was filled with has that id",
		     destination, st.st_uid, st.st_gid);
}

static bool is_given(const struct spec *spec, const char *destination)
{
	for (size_t i = 0; i < spec->mounts_count; i++)
		if (strcmp(spec->mounts[i].destination, destination) == 0)
			return strv_contains(&spec->mounts[i].options, "x-coracle.chown") ||
			       strv_contains(&spec->mounts[i].options, "x-coracle.fill");
	return false;
}

int plan_reach(const struct create_options *options, const struct plan *plan, struct error *err)
{
	const struct spec *spec = &plan->spec;
	bool groups = strv_contains(&options->group_add, "keep-groups");
	struct asker mounter = {plan, outside(spec->uid_mappings, spec->uid_mappings_count, 0),
				outside(spec->gid_mappings, spec->gid_mappings_count, 0), true, groups};
	struct asker process = {plan, outside(spec->uid_mappings, spec->uid_mappings_count, spec->process.uid),
				outside(spec->gid_mappings, spec->gid_mappings_count, spec->process.gid),
				spec->process.uid == 0, groups};
	/* A single id goes by any name. */
	if (plan->mapping.single && !plan->nested) {
		process.uid = geteuid();
		process.gid = getegid();
	}
	for (size_t i = 0; i < plan->container->mounts.count; i++) {
		auto_strv struct strv parts = STRV_INIT;
		strv_split(&parts, plan->container->mounts.items[i], '\t');
		if (parts.count != 3 || *parts.items[2] != '/' || is_given(spec, parts.items[1]))
			continue;
		int r = plan->nested ? 0 : check_way(&mounter, parts.items[2], parts.items[1], err);
		if (r < 0)
			return r;
		check_end(&process, parts.items[2], parts.items[1]);
		if (plan->nested && strcmp(parts.items[0], "volume") == 0)
			check_volume(plan, parts.items[2], parts.items[1]);
	}
	return 0;
}
