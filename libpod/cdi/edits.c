/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "libpod/cdi/internal.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef int (*item_function)(struct json_object *item, struct spec *spec, struct error *err);

static int each(struct json_object *edits, const char *key, item_function function, struct spec *spec,
		struct error *err)
{
	struct json_object *items = NULL;
	int r = json_get_array(edits, key, &items, err);
	for (size_t i = 0; r > 0 && i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);
		r = json_object_is_type(item, json_type_object) ? function(item, spec, err)
								: error_set(err, EINVAL, "expected an object");
		if (r < 0)
			return error_context(err, "%s[%zu]", key, i);
		r = 1;
	}
	return r < 0 ? r : 0;
}

static int edit_node(struct json_object *item, struct spec *spec, struct error *err)
{
	const char *path = NULL, *host = NULL;
	struct stat st;
	int r;
	if ((r = json_get_string(item, "path", &path, err)) < 0 ||
	    (r = json_get_string(item, "hostPath", &host, err)) < 0)
		return r;
	if (text_is_empty(path) || *path != '/')
		return error_set(err, EINVAL, "path is missing, or not absolute");
	host = host ? host : path;
	if (stat(host, &st) < 0)
		return error_sys(err, errno, "the device node %s", host);
	spec_add_mount(spec, path, "bind", host, OPTIONS("bind", "rprivate", "nosuid", "noexec"));
	return 0;
}

static int edit_mount(struct json_object *item, struct spec *spec, struct error *err)
{
	const char *host = NULL, *path = NULL, *type = NULL;
	auto_strv struct strv options = STRV_INIT;
	int r;
	if ((r = json_get_string(item, "hostPath", &host, err)) < 0 ||
	    (r = json_get_string(item, "containerPath", &path, err)) < 0 ||
	    (r = json_get_string(item, "type", &type, err)) < 0 ||
	    (r = json_get_strv(item, "options", &options, err)) < 0)
		return r;
	if (text_is_empty(host) || text_is_empty(path) || *path != '/')
		return error_set(err, EINVAL, "hostPath or containerPath is missing, or not absolute");
	for (size_t i = 0; i < options.count; i++)
		if (text_starts_with(options.items[i], "x-coracle."))
			return error_set(err, EINVAL, "the option %s is not for others", options.items[i]);
	struct spec_mount *mount = spec_add_mount(spec, path, type ? type : "bind", host, NULL);
	strv_add_all(&mount->options, &options);
	if (!type && !strv_contains(&options, "bind") && !strv_contains(&options, "rbind"))
		strv_add(&mount->options, "rbind");
	return 0;
}

static int edit_hook(struct json_object *item, struct spec *spec, struct error *err)
{
	const char *name = NULL, *path = NULL;
	struct spec_hook hook = {0};
	enum spec_hook_kind kind;
	int r;
	if ((r = json_get_string(item, "hookName", &name, err)) < 0 ||
	    (r = json_get_string(item, "path", &path, err)) < 0)
		return r;
	if (!name || text_is_empty(path) || *path != '/')
		return error_set(err, EINVAL, "hookName or path is missing, or the path is not absolute");
	if (strcmp(name, hook_name(SPEC_HOOK_CREATE_CONTAINER)) == 0)
		kind = SPEC_HOOK_CREATE_CONTAINER;
	else if (strcmp(name, hook_name(SPEC_HOOK_START_CONTAINER)) == 0)
		kind = SPEC_HOOK_START_CONTAINER;
	else
		return error_set(err, EOPNOTSUPP, "a hook %s is not run here, only createContainer and startContainer",
				 name);
	r = json_get_int(item, "timeout", 0, INT32_MAX, &hook.timeout, err);
	if (r >= 0)
		r = json_get_strv(item, "args", &hook.args, err);
	if (r >= 0)
		r = json_get_strv(item, "env", &hook.env, err);
	if (r < 0) {
		strv_free(&hook.args);
		strv_free(&hook.env);
		return r;
	}
	hook.path = xstrdup(path);
	struct spec_hooks *hooks = &spec->hooks[kind];
	hooks->items = xrealloc(hooks->items, (hooks->count + 1) * sizeof(*hooks->items));
	hooks->items[hooks->count++] = hook;
	return 0;
}

static int add_groups(struct json_object *edits, struct spec_process *process, struct error *err)
{
	struct json_object *groups = NULL;
	int r = json_get_array(edits, "additionalGids", &groups, err);
	for (size_t i = 0; r > 0 && i < json_object_array_length(groups); i++) {
		int64_t gid = json_object_get_int64(json_object_array_get_idx(groups, i));
		if (gid <= 0 || gid >= UINT32_MAX)
			return error_set(err, EINVAL, "additionalGids[%zu]: not a group", i);
		size_t size = (process->additional_gids_count + 1) * sizeof(*process->additional_gids);
		process->additional_gids = xrealloc(process->additional_gids, size);
		process->additional_gids[process->additional_gids_count++] = (uint32_t)gid;
	}
	return r < 0 ? r : 0;
}

int cdi_edit(struct json_object *edits, struct spec *spec, struct error *err)
{
	auto_strv struct strv env = STRV_INIT;
	int r = json_get_strv(edits, "env", &env, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < env.count; i++) {
		if (!strchr(env.items[i], '='))
			return error_set(err, EINVAL, "env[%zu]: not KEY=value", i);
		strv_env_set(&spec->process.env, env.items[i]);
	}
	if ((r = each(edits, "deviceNodes", edit_node, spec, err)) < 0 ||
	    (r = each(edits, "mounts", edit_mount, spec, err)) < 0 ||
	    (r = each(edits, "hooks", edit_hook, spec, err)) < 0)
		return r;
	return add_groups(edits, &spec->process, err);
}
