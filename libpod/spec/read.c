/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading config.json. Members that the specification does not know are skipped, as it demands; members that it knows
 * and this executor does not carry out are refused in refuse_unsupported(), so that nobody believes in a protection or
 * a limit that is not there.
 */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "libpod/spec/spec.h"

/* Each get_… is the json_get_… of its type with 0 for "not there", which leaves the default. */
static int get_text(struct json_object *object, const char *key, char **ret, struct error *err)
{
	const char *text;
	int r = json_get_string(object, key, &text, err);
	if (r > 0) {
		free(*ret);
		*ret = xstrdup(text);
	}
	return r < 0 ? r : 0;
}

static int need_text(struct json_object *object, const char *key, char **ret, struct error *err)
{
	int r = get_text(object, key, ret, err);
	if (r == 0 && !*ret)
		return error_set(err, EINVAL, "%s is missing", key);
	return r;
}

static int get_u32(struct json_object *object, const char *key, uint32_t *ret, struct error *err)
{
	int64_t number;
	int r = json_get_int(object, key, 0, UINT32_MAX, &number, err);
	if (r > 0)
		*ret = (uint32_t)number;
	return r < 0 ? r : 0;
}

/* Calls `read` for each object in the array `key`. */
typedef int (*read_item)(struct json_object *item, struct spec *spec, void *context, struct error *err);

static int read_items(struct json_object *object, const char *key, read_item read, struct spec *spec, void *context,
		      struct error *err)
{
	struct json_object *array;
	int r = json_get_array(object, key, &array, err);
	if (r <= 0)
		return r;
	size_t count = json_object_array_length(array);
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		if (!json_object_is_type(item, json_type_object))
			return error_set(err, EINVAL, "%s[%zu]: expected an object", key, i);
		r = read(item, spec, context, err);
		if (r < 0)
			return error_context(err, "%s[%zu]", key, i);
	}
	return 0;
}

/* ---- process ---- */

static int read_capability_set(struct json_object *object, const char *key, uint64_t *ret, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	int r = json_get_strv(object, key, &names, err);
	if (r <= 0)
		return r;
	uint64_t set = 0;
	for (size_t i = 0; i < names.count; i++) {
		int capability = capability_from_name(names.items[i]);
		if (capability < 0 || !text_starts_with(names.items[i], "CAP_"))
			return error_set(err, EINVAL, "%s: unknown capability '%s'", key, names.items[i]);
		set |= 1ULL << capability;
	}
	*ret = set;
	return 0;
}

static int read_capabilities(struct json_object *process, struct spec_capabilities *ret, struct error *err)
{
	struct json_object *object;
	int r = json_get_object(process, "capabilities", &object, err);
	if (r <= 0)
		return r;
	ret->present = true;
	if ((r = read_capability_set(object, "bounding", &ret->bounding, err)) < 0 ||
	    (r = read_capability_set(object, "effective", &ret->effective, err)) < 0 ||
	    (r = read_capability_set(object, "inheritable", &ret->inheritable, err)) < 0 ||
	    (r = read_capability_set(object, "permitted", &ret->permitted, err)) < 0 ||
	    (r = read_capability_set(object, "ambient", &ret->ambient, err)) < 0)
		return error_context(err, "capabilities");
	return 0;
}

static int read_rlimit(struct json_object *item, struct spec *spec, void *context, struct error *err)
{
	(void)spec;
	struct spec_process *process = context;
	auto_free char *type = NULL;
	int r = need_text(item, "type", &type, err);
	if (r < 0)
		return r;
	int resource = rlimit_from_name(type);
	if (resource < 0 || !text_starts_with(type, "RLIMIT_"))
		return error_set(err, EINVAL, "type: unknown resource limit '%s'", type);
	for (size_t i = 0; i < process->rlimits_count; i++)
		if (process->rlimits[i].resource == resource)
			return error_set(err, EINVAL, "type: %s is given twice", type);
	uint64_t soft, hard;
	if ((r = json_get_uint64(item, "soft", &soft, err)) < 0)
		return r;
	if (r == 0)
		return error_set(err, EINVAL, "soft is missing");
	if ((r = json_get_uint64(item, "hard", &hard, err)) < 0)
		return r;
	if (r == 0)
		return error_set(err, EINVAL, "hard is missing");
	spec_process_add_rlimit(process, resource, soft, hard);
	return 0;
}

static int read_additional_gids(struct json_object *user, struct spec_process *ret, struct error *err)
{
	struct json_object *array;
	int r = json_get_array(user, "additionalGids", &array, err);
	if (r <= 0)
		return r;
	size_t count = json_object_array_length(array);
	if (count > NGROUPS_MAX)
		return error_set(err, EINVAL, "additionalGids: more than %d groups", NGROUPS_MAX);
	free(ret->additional_gids);
	ret->additional_gids = xcalloc(count + 1, sizeof(*ret->additional_gids));
	ret->additional_gids_count = count;
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		int64_t gid = json_object_is_type(item, json_type_int) ? json_object_get_int64(item) : -1;
		if (gid < 0 || gid > UINT32_MAX)
			return error_set(err, EINVAL, "additionalGids[%zu]: expected a group id", i);
		ret->additional_gids[i] = (uint32_t)gid;
	}
	return 0;
}

static int read_user(struct json_object *process, struct spec_process *ret, struct error *err)
{
	struct json_object *user;
	int r = json_get_object(process, "user", &user, err);
	if (r <= 0)
		return r;
	int64_t umask = -1;
	if ((r = get_u32(user, "uid", &ret->uid, err)) < 0 || (r = get_u32(user, "gid", &ret->gid, err)) < 0 ||
	    (r = json_get_int(user, "umask", 0, 0777, &umask, err)) < 0 ||
	    (r = read_additional_gids(user, ret, err)) < 0)
		return error_context(err, "user");
	ret->umask = (int)umask;
	return 0;
}

static int read_console_size(struct json_object *process, struct spec_process *ret, struct error *err)
{
	struct json_object *size;
	int r = json_get_object(process, "consoleSize", &size, err);
	if (r <= 0)
		return r;
	int64_t rows = 0, columns = 0;
	if ((r = json_get_int(size, "height", 0, UINT16_MAX, &rows, err)) < 0 ||
	    (r = json_get_int(size, "width", 0, UINT16_MAX, &columns, err)) < 0)
		return error_context(err, "consoleSize");
	ret->rows = (uint16_t)rows;
	ret->columns = (uint16_t)columns;
	return 0;
}

/* Refuses the members of `object` that are named, where they say anything. */
static int refuse(struct json_object *object, const char *const *keys, struct error *err)
{
	for (; *keys; keys++) {
		struct json_object *value;
		if (!json_object_object_get_ex(object, *keys, &value) || !value)
			continue;
		if (json_object_is_type(value, json_type_object) && json_object_object_length(value) == 0)
			continue;
		if (json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0)
			continue;
		if (json_object_is_type(value, json_type_string) && json_object_get_string_len(value) == 0)
			continue;
		return error_set(err, ENOTSUP, "%s is not supported", *keys);
	}
	return 0;
}

static int read_process_object(struct json_object *process, struct spec_process *ret, struct error *err)
{
	static const char *const unsupported[] = {"commandLine", "ioPriority", "scheduler", "execCPUAffinity", NULL};
	ret->present = true;
	int r;
	if ((r = json_get_strv(process, "args", &ret->args, err)) < 0 ||
	    (r = json_get_strv(process, "env", &ret->env, err)) < 0 ||
	    (r = need_text(process, "cwd", &ret->cwd, err)) < 0 ||
	    (r = json_get_bool(process, "terminal", &ret->terminal, err)) < 0 ||
	    (r = read_console_size(process, ret, err)) < 0 || (r = read_user(process, ret, err)) < 0 ||
	    (r = json_get_bool(process, "noNewPrivileges", &ret->no_new_privileges, err)) < 0 ||
	    (r = read_capabilities(process, &ret->capabilities, err)) < 0 ||
	    (r = read_items(process, "rlimits", read_rlimit, NULL, ret, err)) < 0 ||
	    (r = get_text(process, "apparmorProfile", &ret->apparmor_profile, err)) < 0 ||
	    (r = get_text(process, "selinuxLabel", &ret->selinux_label, err)) < 0 ||
	    (r = refuse(process, unsupported, err)) < 0)
		return r;
	int64_t score;
	r = json_get_int(process, "oomScoreAdj", -1000, 1000, &score, err);
	if (r > 0) {
		ret->has_oom_score_adj = true;
		ret->oom_score_adj = (int)score;
	}
	return r < 0 ? r : 0;
}

static int read_process(struct json_object *config, struct spec *spec, struct error *err)
{
	struct json_object *process;
	int r = json_get_object(config, "process", &process, err);
	if (r > 0 && (r = read_process_object(process, &spec->process, err)) < 0)
		error_context(err, "process");
	return r;
}

/* ---- root, mounts, hooks ---- */

static int read_root(struct json_object *config, struct spec *spec, struct error *err)
{
	struct json_object *root;
	int r = json_get_object(config, "root", &root, err);
	if (r <= 0)
		return r;
	if ((r = need_text(root, "path", &spec->root_path, err)) < 0 ||
	    (r = json_get_bool(root, "readonly", &spec->root_readonly, err)) < 0)
		return error_context(err, "root");
	return 0;
}

static int read_mount(struct json_object *item, struct spec *spec, void *context, struct error *err)
{
	(void)context;
	static const char *const unsupported[] = {"uidMappings", "gidMappings", NULL};
	const char *destination = NULL, *type = NULL, *source = NULL;
	int r;
	if ((r = json_get_string(item, "destination", &destination, err)) < 0 ||
	    (r = json_get_string(item, "type", &type, err)) < 0 ||
	    (r = json_get_string(item, "source", &source, err)) < 0 || (r = refuse(item, unsupported, err)) < 0)
		return r;
	if (!destination)
		return error_set(err, EINVAL, "destination is missing");
	struct spec_mount *mount = spec_add_mount(spec, destination, type, source, NULL);
	return json_get_strv(item, "options", &mount->options, err);
}

static int read_hook(struct json_object *item, struct spec *spec, void *context, struct error *err)
{
	(void)spec;
	struct spec_hooks *hooks = context;
	hooks->items = xrealloc(hooks->items, (hooks->count + 1) * sizeof(*hooks->items));
	struct spec_hook *hook = &hooks->items[hooks->count++];
	*hook = (struct spec_hook){0};
	int r;
	if ((r = need_text(item, "path", &hook->path, err)) < 0 ||
	    (r = json_get_strv(item, "args", &hook->args, err)) < 0 ||
	    (r = json_get_strv(item, "env", &hook->env, err)) < 0)
		return r;
	return json_get_int(item, "timeout", 1, INT32_MAX, &hook->timeout, err);
}

static int read_hooks(struct json_object *config, struct spec *spec, struct error *err)
{
	struct json_object *hooks;
	int r = json_get_object(config, "hooks", &hooks, err);
	for (int i = 0; r > 0 && i < SPEC_HOOK_COUNT; i++)
		if (read_items(hooks, hook_name((enum spec_hook_kind)i), read_hook, spec, &spec->hooks[i], err) < 0)
			return error_context(err, "hooks");
	return r;
}

/* ---- linux ---- */

static int read_namespace(struct json_object *item, struct spec *spec, void *context, struct error *err)
{
	(void)context;
	auto_free char *type = NULL;
	int r = need_text(item, "type", &type, err);
	if (r < 0)
		return r;
	int which = namespace_from_name(type);
	if (which < 0)
		return error_set(err, EINVAL, "type: unknown namespace '%s'", type);
	struct spec_namespace_entry *entry = &spec->namespaces[which];
	if (entry->present)
		return error_set(err, EINVAL, "type: namespace '%s' is given twice", type);
	entry->present = true;
	return get_text(item, "path", &entry->path, err);
}

struct mapping_list {
	struct spec_id_mapping **items;
	size_t *count;
};

static int read_mapping(struct json_object *item, struct spec *spec, void *context, struct error *err)
{
	(void)spec;
	struct mapping_list *list = context;
	struct spec_id_mapping mapping = {0};
	int r;
	if ((r = get_u32(item, "containerID", &mapping.container_id, err)) < 0 ||
	    (r = get_u32(item, "hostID", &mapping.host_id, err)) < 0 ||
	    (r = get_u32(item, "size", &mapping.size, err)) < 0)
		return r;
	if (mapping.size == 0)
		return error_set(err, EINVAL, "size: expected a number from 1 to %" PRIu32, UINT32_MAX);
	*list->items = xrealloc(*list->items, (*list->count + 1) * sizeof(**list->items));
	(*list->items)[(*list->count)++] = mapping;
	return 0;
}

static int read_device(struct json_object *item, struct spec *spec, void *context, struct error *err)
{
	(void)context;
	const char *path = NULL, *type = NULL;
	int64_t major = 0, minor = 0, mode = 0666;
	int r;
	if ((r = json_get_string(item, "path", &path, err)) < 0 ||
	    (r = json_get_string(item, "type", &type, err)) < 0 ||
	    (r = json_get_int(item, "major", 0, UINT32_MAX, &major, err)) < 0 ||
	    (r = json_get_int(item, "minor", 0, UINT32_MAX, &minor, err)) < 0 ||
	    (r = json_get_int(item, "fileMode", 0, INT32_MAX, &mode, err)) < 0)
		return r;
	if (!path || !type)
		return error_set(err, EINVAL, "%s is missing", path ? "type" : "path");
	if (!*type || type[1] || !strchr("cbup", *type))
		return error_set(err, EINVAL, "type: expected c, b, u or p, not '%s'", type);
	struct spec_device *device = spec_add_device(spec, path, *type, major, minor, (uint32_t)mode & 07777);
	if ((r = json_get_int(item, "uid", 0, UINT32_MAX, &device->uid, err)) < 0 ||
	    (r = json_get_int(item, "gid", 0, UINT32_MAX, &device->gid, err)) < 0)
		return r;
	return 0;
}

static int read_time_offset(struct json_object *offsets, const char *clock, int64_t *ret, struct error *err)
{
	struct json_object *offset;
	int64_t nanoseconds = 0;
	int r = json_get_object(offsets, clock, &offset, err);
	if (r <= 0)
		return r;
	if ((r = json_get_int(offset, "secs", INT32_MIN, INT32_MAX, ret, err)) < 0 ||
	    (r = json_get_int(offset, "nanosecs", 0, 999999999, &nanoseconds, err)) < 0)
		return error_context(err, "%s", clock);
	if (nanoseconds)
		return error_set(err, ENOTSUP, "%s: nanosecs is not supported", clock);
	return 0;
}

static int read_time_offsets(struct json_object *object, struct spec *spec, struct error *err)
{
	struct json_object *offsets;
	int r = json_get_object(object, "timeOffsets", &offsets, err);
	if (r <= 0)
		return r;
	if ((r = read_time_offset(offsets, "monotonic", &spec->time_offset_monotonic_s, err)) < 0 ||
	    (r = read_time_offset(offsets, "boottime", &spec->time_offset_boottime_s, err)) < 0)
		return error_context(err, "timeOffsets");
	return 0;
}

/* config-linux.md, "Personality": flags are not defined there. */
static int read_personality(struct json_object *object, struct spec *spec, struct error *err)
{
	static const char *const unsupported[] = {"flags", NULL};
	struct json_object *personality;
	int r = json_get_object(object, "personality", &personality, err);
	if (r <= 0)
		return r;
	if ((r = get_text(personality, "domain", &spec->personality, err)) < 0 || (r = refuse(personality, unsupported, err)) < 0)
		return error_context(err, "personality");
	return spec->personality ? 0 : error_set(err, EINVAL, "personality: domain is missing");
}

/* Kept as they came: they are read by those who know them. */
static int read_resources_and_seccomp(struct json_object *object, struct spec *spec, struct error *err)
{
	struct json_object *resources, *seccomp;
	int r = json_get_object(object, "resources", &resources, err);
	if (r > 0)
		spec->resources = json_object_get(resources);
	if (r < 0 || (r = json_get_object(object, "seccomp", &seccomp, err)) <= 0)
		return r;
	spec->has_seccomp = true;
	spec->seccomp = json_text(seccomp, false);
	return 0;
}

static int read_linux_object(struct json_object *object, struct spec *spec, struct error *err)
{
	static const char *const unsupported[] = {"intelRdt", "mountLabel", "netDevices", "memoryPolicy", NULL};
	struct mapping_list uids = {&spec->uid_mappings, &spec->uid_mappings_count};
	struct mapping_list gids = {&spec->gid_mappings, &spec->gid_mappings_count};
	int r;
	if ((r = read_items(object, "namespaces", read_namespace, spec, NULL, err)) < 0 ||
	    (r = read_items(object, "uidMappings", read_mapping, spec, &uids, err)) < 0 ||
	    (r = read_items(object, "gidMappings", read_mapping, spec, &gids, err)) < 0 ||
	    (r = read_items(object, "devices", read_device, spec, NULL, err)) < 0 ||
	    (r = get_text(object, "cgroupsPath", &spec->cgroups_path, err)) < 0 ||
	    (r = get_text(object, "rootfsPropagation", &spec->rootfs_propagation, err)) < 0 ||
	    (r = json_get_strv(object, "maskedPaths", &spec->masked_paths, err)) < 0 ||
	    (r = json_get_strv(object, "readonlyPaths", &spec->readonly_paths, err)) < 0 ||
	    (r = json_get_map(object, "sysctl", &spec->sysctl, err)) < 0 ||
	    (r = read_personality(object, spec, err)) < 0 ||
	    (r = read_time_offsets(object, spec, err)) < 0 || (r = read_resources_and_seccomp(object, spec, err)) < 0)
		return r;
	return refuse(object, unsupported, err);
}

static int read_linux(struct json_object *config, struct spec *spec, struct error *err)
{
	struct json_object *object;
	int r = json_get_object(config, "linux", &object, err);
	if (r > 0 && (r = read_linux_object(object, spec, err)) < 0)
		error_context(err, "linux");
	return r;
}

static int read_config(struct json_object *config, struct spec *spec, struct error *err)
{
	static const char *const unsupported[] = {"solaris", "windows", "vm", "zos", "freebsd", NULL};
	int r;
	if (!json_object_is_type(config, json_type_object))
		return error_set(err, EINVAL, "expected an object");
	if ((r = need_text(config, "ociVersion", &spec->oci_version, err)) < 0 ||
	    (r = get_text(config, "hostname", &spec->hostname, err)) < 0 ||
	    (r = get_text(config, "domainname", &spec->domainname, err)) < 0 ||
	    (r = json_get_map(config, "annotations", &spec->annotations, err)) < 0 ||
	    (r = read_process(config, spec, err)) < 0 || (r = read_root(config, spec, err)) < 0 ||
	    (r = read_items(config, "mounts", read_mount, spec, NULL, err)) < 0 ||
	    (r = read_hooks(config, spec, err)) < 0 || (r = read_linux(config, spec, err)) < 0)
		return r;
	return refuse(config, unsupported, err);
}

int spec_read(const char *text, size_t length, const char *name, struct spec *ret, struct error *err)
{
	auto_json struct json_object *config = NULL;
	int r = json_parse(text, length, name, &config, err);
	if (r < 0)
		return r;
	auto_spec struct spec spec;
	spec_init(&spec);
	r = read_config(config, &spec, err);
	if (r < 0)
		return error_context(err, "%s", name);
	*ret = spec;
	spec_init(&spec);
	return 0;
}

int spec_process_read(const char *text, size_t length, const char *name, struct spec_process *ret, struct error *err)
{
	auto_json struct json_object *object = NULL;
	int r = json_parse(text, length, name, &object, err);
	if (r < 0)
		return r;
	struct spec_process process = {.umask = -1};
	r = json_object_is_type(object, json_type_object) ? read_process_object(object, &process, err)
							  : error_set(err, EINVAL, "expected an object");
	if (r < 0) {
		spec_process_free(&process);
		return error_context(err, "%s", name);
	}
	*ret = process;
	return 0;
}
