/* SPDX-License-Identifier: Apache-2.0 */
#include "rootless/idmap/idmap.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "rootless/idmap/decide.h"

#define MAP_TEXT_MAX 65536

static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static int read_own_map(const char *path, struct id_map *ret, struct error *err)
{
	auto_free char *text = NULL;
	int r = file_read_at(AT_FDCWD, path, MAP_TEXT_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	if (id_map_parse(text, ret) < 0 || ret->count == 0)
		return error_set(err, EIO, "%s makes no sense", path);
	return 0;
}

int id_maps_own(struct id_map *ret_uids, struct id_map *ret_gids, struct error *err)
{
	int r = read_own_map("/proc/self/uid_map", ret_uids, err);
	return r < 0 ? r : read_own_map("/proc/self/gid_map", ret_gids, err);
}

static uint32_t first_free_range(void)
{
	auto_free char *uids = NULL, *gids = NULL;
	const char *texts[2] = {"", ""};
	if (file_read_at(AT_FDCWD, "/etc/subuid", 1 << 22, &uids, NULL, NULL) == 0)
		texts[0] = uids;
	if (file_read_at(AT_FDCWD, "/etc/subgid", 1 << 22, &gids, NULL, NULL) == 0)
		texts[1] = gids;
	return subid_first_free(texts, ARRAY_SIZE(texts));
}

static int look_around(struct id_situation *situation, struct error *err)
{
	int r = id_maps_own(&situation->own_uids, &situation->own_gids, err);
	if (r < 0)
		return r;
	uint64_t capabilities = effective_capabilities();
	const uint64_t setid = 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
	situation->uid = geteuid();
	situation->gid = getegid();
	situation->can_setid = (capabilities & setid) == setid;
	situation->can_setfcap = capabilities >> CAP_SETFCAP & 1;
	const struct id_range *first = &situation->own_uids.ranges[0];
	situation->initial = first->inside == 0 && first->outside == 0 && first->count == UINT32_MAX;
	return 0;
}

int id_mapping_default(int cache_fd, bool refresh, struct id_mapping *ret, struct error *err)
{
	struct id_situation situation = {.uid = 0};
	int r = look_around(&situation, err);
	if (r < 0)
		return r;
	if (id_situation_wants_subordinate(&situation)) {
		r = subid_ask(cache_fd, refresh, situation.uid, &situation.subordinate, err);
		if (r < 0)
			return r;
		newuidmap_problem(situation.programs, sizeof(situation.programs));
		if (!situation.subordinate.uids.count || !situation.subordinate.gids.count)
			situation.free_range = first_free_range();
	}
	return id_mapping_decide(&situation, ret, err);
}
