/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/capability.h>

#include "libpod/spec/spec.h"

/* A number beyond what int64_t holds (RLIM_INFINITY). */
static void add_uint64(struct json_object *object, const char *key, uint64_t number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

static struct json_object *add_object(struct json_object *object, const char *key)
{
	struct json_object *member = json_object_new_object();
	json_object_object_add(object, key, member);
	return member;
}

static struct json_object *add_array(struct json_object *object, const char *key)
{
	struct json_object *member = json_object_new_array();
	json_object_object_add(object, key, member);
	return member;
}

static struct json_object *append_object(struct json_object *array)
{
	struct json_object *item = json_object_new_object();
	json_object_array_add(array, item);
	return item;
}

static void add_strv_if_any(struct json_object *object, const char *key, const struct strv *vector)
{
	if (vector->count)
		json_add_strv(object, key, vector);
}

static void add_capability_set(struct json_object *object, const char *key, uint64_t set)
{
	struct json_object *names = add_array(object, key);
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if (set & (1ULL << i))
			json_object_array_add(names, json_object_new_string(capability_name(i)));
}

static void write_capabilities(struct json_object *process, const struct spec_capabilities *capabilities)
{
	if (!capabilities->present)
		return;
	struct json_object *object = add_object(process, "capabilities");
	add_capability_set(object, "bounding", capabilities->bounding);
	add_capability_set(object, "effective", capabilities->effective);
	add_capability_set(object, "inheritable", capabilities->inheritable);
	add_capability_set(object, "permitted", capabilities->permitted);
	add_capability_set(object, "ambient", capabilities->ambient);
}

static void write_user(struct json_object *object, const struct spec_process *process)
{
	struct json_object *user = add_object(object, "user");
	json_add_int(user, "uid", process->uid);
	json_add_int(user, "gid", process->gid);
	if (process->umask >= 0)
		json_add_int(user, "umask", process->umask);
	if (!process->additional_gids_count)
		return;
	struct json_object *gids = add_array(user, "additionalGids");
	for (size_t i = 0; i < process->additional_gids_count; i++)
		json_object_array_add(gids, json_object_new_int64(process->additional_gids[i]));
}

static void write_process(struct json_object *config, const struct spec_process *process)
{
	if (!process->present)
		return;
	struct json_object *object = add_object(config, "process");
	json_add_bool(object, "terminal", process->terminal);
	if (process->rows || process->columns) {
		struct json_object *size = add_object(object, "consoleSize");
		json_add_int(size, "height", process->rows);
		json_add_int(size, "width", process->columns);
	}
	write_user(object, process);
	json_add_strv(object, "args", &process->args);
	json_add_strv(object, "env", &process->env);
	json_add_string(object, "cwd", process->cwd);
	write_capabilities(object, &process->capabilities);
	struct json_object *rlimits = process->rlimits_count ? add_array(object, "rlimits") : NULL;
	for (size_t i = 0; i < process->rlimits_count; i++) {
		struct json_object *item = append_object(rlimits);
		json_add_string(item, "type", rlimit_name(process->rlimits[i].resource));
		add_uint64(item, "hard", process->rlimits[i].hard);
		add_uint64(item, "soft", process->rlimits[i].soft);
	}
	json_add_bool(object, "noNewPrivileges", process->no_new_privileges);
	if (process->has_oom_score_adj)
		json_add_int(object, "oomScoreAdj", process->oom_score_adj);
	json_add_string(object, "apparmorProfile", process->apparmor_profile);
	json_add_string(object, "selinuxLabel", process->selinux_label);
}

static void write_mounts(struct json_object *config, const struct spec *spec)
{
	struct json_object *mounts = add_array(config, "mounts");
	for (size_t i = 0; i < spec->mounts_count; i++) {
		struct json_object *item = append_object(mounts);
		json_add_string(item, "destination", spec->mounts[i].destination);
		json_add_string(item, "type", spec->mounts[i].type);
		json_add_string(item, "source", spec->mounts[i].source);
		add_strv_if_any(item, "options", &spec->mounts[i].options);
	}
}

static void write_hooks(struct json_object *config, const struct spec *spec)
{
	struct json_object *hooks = NULL;
	for (int kind = 0; kind < SPEC_HOOK_COUNT; kind++) {
		const struct spec_hooks *list = &spec->hooks[kind];
		if (!list->count)
			continue;
		if (!hooks)
			hooks = add_object(config, "hooks");
		struct json_object *array = add_array(hooks, hook_name((enum spec_hook_kind)kind));
		for (size_t i = 0; i < list->count; i++) {
			struct json_object *item = append_object(array);
			json_add_string(item, "path", list->items[i].path);
			add_strv_if_any(item, "args", &list->items[i].args);
			add_strv_if_any(item, "env", &list->items[i].env);
			if (list->items[i].timeout)
				json_add_int(item, "timeout", list->items[i].timeout);
		}
	}
}

static void write_namespaces(struct json_object *object, const struct spec *spec)
{
	struct json_object *namespaces = add_array(object, "namespaces");
	for (int i = 0; i < SPEC_NS_COUNT; i++) {
		if (!spec->namespaces[i].present)
			continue;
		struct json_object *item = append_object(namespaces);
		json_add_string(item, "type", namespace_name((enum spec_namespace)i));
		json_add_string(item, "path", spec->namespaces[i].path);
	}
}

static void write_mappings(struct json_object *object, const char *key, const struct spec_id_mapping *mappings,
			   size_t count)
{
	struct json_object *array = count ? add_array(object, key) : NULL;
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = append_object(array);
		json_add_int(item, "containerID", mappings[i].container_id);
		json_add_int(item, "hostID", mappings[i].host_id);
		json_add_int(item, "size", mappings[i].size);
	}
}

static void write_devices(struct json_object *object, const struct spec *spec)
{
	struct json_object *devices = spec->devices_count ? add_array(object, "devices") : NULL;
	for (size_t i = 0; i < spec->devices_count; i++) {
		const struct spec_device *device = &spec->devices[i];
		struct json_object *item = append_object(devices);
		json_add_string(item, "path", device->path);
		json_add_string(item, "type", (const char[]){device->type, '\0'});
		if (device->type != 'p') {
			json_add_int(item, "major", device->major);
			json_add_int(item, "minor", device->minor);
		}
		json_add_int(item, "fileMode", device->mode);
		json_add_int(item, "uid", device->uid);
		json_add_int(item, "gid", device->gid);
	}
}

static void write_time_offsets(struct json_object *object, const struct spec *spec)
{
	if (!spec->time_offset_monotonic_s && !spec->time_offset_boottime_s)
		return;
	struct json_object *offsets = add_object(object, "timeOffsets");
	json_add_int(add_object(offsets, "monotonic"), "secs", spec->time_offset_monotonic_s);
	json_add_int(add_object(offsets, "boottime"), "secs", spec->time_offset_boottime_s);
}

static void write_linux(struct json_object *config, const struct spec *spec)
{
	struct json_object *object = add_object(config, "linux");
	write_mappings(object, "uidMappings", spec->uid_mappings, spec->uid_mappings_count);
	write_mappings(object, "gidMappings", spec->gid_mappings, spec->gid_mappings_count);
	write_namespaces(object, spec);
	write_devices(object, spec);
	json_add_string(object, "cgroupsPath", spec->cgroups_path);
	if (spec->resources)
		json_object_object_add(object, "resources", json_object_get(spec->resources));
	json_add_string(object, "rootfsPropagation", spec->rootfs_propagation);
	if (spec->personality)
		json_add_string(add_object(object, "personality"), "domain", spec->personality);
	add_strv_if_any(object, "maskedPaths", &spec->masked_paths);
	add_strv_if_any(object, "readonlyPaths", &spec->readonly_paths);
	if (spec->sysctl.count)
		json_add_map(object, "sysctl", &spec->sysctl);
	write_time_offsets(object, spec);
	/* json-c prints such a number as the text that came with it: the profile, twenty kilobytes long, is neither
	 * parsed nor printed again at every start. */
	if (spec->seccomp)
		json_object_object_add(object, "seccomp", json_object_new_double_s(0, spec->seccomp));
}

char *spec_write(const struct spec *spec)
{
	auto_json struct json_object *config = json_object_new_object();
	json_add_string(config, "ociVersion", spec->oci_version ? spec->oci_version : OCI_VERSION);
	write_process(config, &spec->process);
	if (spec->root_path) {
		struct json_object *root = add_object(config, "root");
		json_add_string(root, "path", spec->root_path);
		json_add_bool(root, "readonly", spec->root_readonly);
	}
	json_add_string(config, "hostname", spec->hostname);
	json_add_string(config, "domainname", spec->domainname);
	write_mounts(config, spec);
	write_hooks(config, spec);
	if (spec->annotations.count)
		json_add_map(config, "annotations", &spec->annotations);
	write_linux(config, spec);
	return json_text(config, false);
}
