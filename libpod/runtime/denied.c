/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why "Permission denied": in a container that is often a matter of ids, which are others there than on the host, where
 * the user sees his files. So it is said what is closed, whose that is on the host, who asked, and what helps. Asked in
 * the container's root, with the rights of who was refused.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"

#define OVERFLOW_ID 65534

static int64_t outside(const struct spec_id_mapping *maps, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (id >= maps[i].container_id && id - maps[i].container_id < maps[i].size)
			return (int64_t)maps[i].host_id + (id - maps[i].container_id);
	return -1;
}

/* What is closed on the way, or its end: its path in `closed`. */
static int find_closed(const char *path, char closed[PATH_MAX], struct stat *ret)
{
	size_t length = strlen(path);
	if (*path != '/' || length >= PATH_MAX)
		return -EINVAL;
	snprintf(closed, PATH_MAX, "/");
	if (stat(closed, ret) < 0)
		return -errno;
	for (size_t end = 1; end <= length; end++) {
		if (path[end] != '/' && path[end])
			continue;
		char part[PATH_MAX];
		struct stat st;
		snprintf(part, sizeof(part), "%.*s", (int)end, path);
		if (stat(part, &st) < 0)
			return errno == EACCES ? 0 : -errno; /* the one before it is closed */
		*ret = st;
		memcpy(closed, part, sizeof(part));
	}
	return 0;
}

void denied_explain(const struct spec *spec, const struct spec_process *process, const char *path, struct error *err)
{
	char closed[PATH_MAX], owner[96];
	struct stat st;
	if (!err || err->errnum != EACCES || find_closed(path, closed, &st) < 0)
		return;
	unsigned int mode = st.st_mode & 07777;
	if (!(mode & 0111)) {
		error_advice(err, "; %s has the mode %04o: nobody may %s it", closed, mode,
			     S_ISDIR(st.st_mode) ? "enter" : "execute");
		return;
	}
	int64_t uid = outside(spec->uid_mappings, spec->uid_mappings_count, st.st_uid),
		gid = outside(spec->gid_mappings, spec->gid_mappings_count, st.st_gid);
	int64_t asker = outside(spec->uid_mappings, spec->uid_mappings_count, process->uid);
	bool single = spec->uid_mappings_count == 1 && spec->uid_mappings[0].size == 1;
	/* Others than the owner and his group are refused by the owner's will; where there is but one id it is not for
	 * its number. */
	if (single || asker < 0 || !(mode & 0110))
		return;
	if (uid < 0 || st.st_uid == OVERFLOW_ID)
		snprintf(owner, sizeof(owner), "an id of the host that the container does not have");
	else
		snprintf(owner, sizeof(owner), "%lld:%lld on the host", (long long)uid, (long long)gid);
	error_advice(err,
		     "; %s belongs to %s and has the mode %04o, and the container's user %u is %lld there: U (-v "
		     "...:U) gives files of yours to that user, and "
		     "--userns=keep-id:uid=%u,gid=%u makes it you",
		     closed, owner, mode, process->uid, (long long)asker, process->uid, process->gid);
}
