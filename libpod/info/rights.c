/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rights: what the kernel and the administrator let this user do, and in plain words what follows from it and how more is had.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpod/info/info_internal.h"
#include "libpod/plan/plan.h"
#include "pkg/process/process.h"
#include "rootless/cgroup/cgroup.h"
#include "rootless/userns/userns.h"

/* ---- ids ---- */
static struct json_object *map_array(const struct id_map *map)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < map->count; i++) {
		struct json_object *range = json_object_new_object();
		json_add_int(range, "container_id", map->ranges[i].inside);
		json_add_int(range, "host_id", map->ranges[i].outside);
		json_add_int(range, "size", map->ranges[i].count);
		json_object_array_add(array, range);
	}
	return array;
}

static int add_ids(struct store *store, struct json_object *host, struct error *err)
{
	struct id_mapping mapping;
	int r = store_mapping(store, &mapping, err);
	if (r < 0)
		return r;
	struct json_object *object = json_object_new_object();
	json_object_object_add(object, "gidmap", map_array(&mapping.gids));
	json_object_object_add(object, "uidmap", map_array(&mapping.uids));
	json_object_object_add(host, "idMappings", object);
	json_add_string(host, "idMode", mapping.single ? "single id" : "subordinate ids");
	if (mapping.single) {
		auto_free char *advice = xasprintf("every file and process of a container is yours; its user, root or another, is you under that name, and other users are only shown: %s", mapping.reason);
		json_add_string(host, "idModeAdvice", advice);
	}
	return 0;
}

/* ---- user namespaces, by trying ---- */
static void add_user_namespaces(struct json_object *host)
{
	struct error err = ERROR_INIT;
	pid_t pid = process_clone(CLONE_NEWUSER, NULL);
	if (pid == 0) /* AppArmor lets the namespace be made, and gives no rights in it */
		_exit(unshare(CLONE_NEWNS) < 0 ? errno : 0);
	int errnum = pid < 0 ? -pid : 0, status = 0;
	if (pid > 0 && process_wait(pid, &status) == 0)
		errnum = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	if (errnum)
		userns_explain(errnum, &err);
	json_add_string(host, "userNamespaces", errnum ? err.text : "available");
}

/* ---- cgroups ---- */
static struct json_object *controllers(const char *place)
{
	struct json_object *array = json_object_new_array();
	auto_free char *path = xasprintf("%s/cgroup.controllers", place);
	auto_free char *line = info_read_line(path);
	for (char *rest = line, *word; rest && (word = strsep(&rest, " "));)
		if (*word)
			json_object_array_add(array, json_object_new_string(word));
	return array;
}

static void add_cgroups(struct json_object *host)
{
	char place[PATH_MAX];
	int r = cgroup_find_parent(place, sizeof(place));
	json_add_string(host, "cgroupManager", "cgroupfs");
	json_add_string(host, "cgroupVersion", r == -ENOENT ? "v1" : "v2");
	json_object_object_add(host, "cgroupControllers", r < 0 ? json_object_new_array() : controllers(place));
	if (r == 0)
		json_add_string(host, "cgroup", place);
	else if (r == -ENOENT)
		json_add_string(host, "cgroupAdvice",
				"there is no version 2 tree, so containers get no cgroup; an administrator boots with systemd.unified_cgroup_hierarchy=1");
	else
		json_add_string(host, "cgroupAdvice",
				"no cgroup here is yours, so containers get none; in a session of systemd, start coracle with: systemd-run --user --scope "
				"-p Delegate=yes coracle …");
}

/* ---- security modules ---- */
static bool file_begins(const char *path, char first)
{
	auto_free char *line = info_read_line(path);
	return line && *line == first;
}

static char *default_capabilities(void)
{
	static const struct strv none = STRV_INIT;
	struct spec_capabilities capabilities = {0};
	auto_strv struct strv names = STRV_INIT;
	plan_capabilities(0, false, &none, &none, &capabilities, NULL);
	for (int capability = 0; capability_name(capability); capability++)
		if (capabilities.bounding & (1ULL << capability))
			strv_add(&names, capability_name(capability));
	return strv_join(&names, ",");
}

static void add_security(struct json_object *host)
{
	struct json_object *object = json_object_new_object();
	auto_free char *capabilities = default_capabilities();
	json_add_bool(object, "apparmorEnabled", file_begins("/sys/module/apparmor/parameters/enabled", 'Y'));
	json_add_string(object, "capabilities", capabilities);
	json_add_bool(object, "rootless", geteuid() != 0);
	json_add_bool(object, "seccompEnabled", access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0);
	json_add_string(object, "seccompProfilePath", "");
	json_add_bool(object, "selinuxEnabled", access("/sys/fs/selinux/enforce", F_OK) == 0);
	json_object_object_add(host, "security", object);
}

int info_rights(struct store *store, struct json_object *host, struct error *err)
{
	int r = add_ids(store, host, err);
	if (r < 0)
		return r;
	add_user_namespaces(host);
	add_cgroups(host);
	add_security(host);
	return 0;
}
