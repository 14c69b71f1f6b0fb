/* SPDX-License-Identifier: Apache-2.0 */
/* OCI image specification, "Image Configuration". */
#include "src/transport/commit_config.h"

#include <signal.h>
#include <string.h>

#include "pkg/process/process.h"
#include "src/transport/change.h"
#include "storage/manifest/manifest.h"

static struct json_object *member_object(struct json_object *object, const char *key)
{
	struct json_object *member = NULL;
	if (!json_object_object_get_ex(object, key, &member) || !json_object_is_type(member, json_type_object)) {
		member = json_object_new_object();
		json_object_object_add(object, key, member);
	}
	return member;
}

/* ---- what the container was run with ---- */
/* Whether the user may have set the variable, as far as the command line tells. */
static bool was_given(const struct container *container, const char *key)
{
	auto_free char *assignment = xasprintf("%s=", key);
	for (size_t i = 0; i < container->create_command.count; i++)
		if (strstr(container->create_command.items[i], assignment))
			return true;
	return false;
}

/* Variables that every container is given anew have no place in an image. */
static void set_environment(struct json_object *config, const struct commit_config *request)
{
	static const char *const own[] = {"container", "TERM", "HOSTNAME", "HOME"};
	auto_strv struct strv environment = STRV_INIT, before = STRV_INIT;
	json_get_strv(config, "Env", &before, NULL);
	strv_add_all(&environment, request->environment);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!strv_env_get(&before, own[i]) && !was_given(request->container, own[i]))
			strv_env_unset(&environment, own[i]);
	json_add_strv(config, "Env", &environment);
}

static void set_list(struct json_object *config, const char *key, const struct strv *list)
{
	if (list->count)
		json_add_strv(config, key, list);
	else
		json_object_object_del(config, key);
}

static void add_keys(struct json_object *config, const char *key, const struct strv *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		json_object_object_add(member_object(config, key), keys->items[i], json_object_new_object());
}

static void add_published(struct json_object *config, const struct container *container)
{
	auto_strv struct strv ports = STRV_INIT;
	for (size_t i = 0; i < container->ports_count; i++)
		for (unsigned int j = 0; j < container->ports[i].range; j++)
			strv_addf(&ports, "%u/%s", container->ports[i].container_port + j,
				  container->ports[i].protocol);
	add_keys(config, "ExposedPorts", &ports);
}

/* "SOURCE:DESTINATION[:OPTIONS]" */
static void add_volumes(struct json_object *config, const struct container *container)
{
	auto_strv struct strv paths = STRV_INIT;
	for (size_t i = 0; i < container->binds.count; i++) {
		auto_strv struct strv parts = STRV_INIT;
		strv_split(&parts, container->binds.items[i], ':');
		strv_add(&paths, parts.items[parts.count > 1]);
	}
	add_keys(config, "Volumes", &paths);
}

static void set_members(struct json_object *config, const struct commit_config *request)
{
	const struct container *container = request->container;
	const char *stop_signal = signal_to_name(container->stop_signal);
	set_environment(config, request);
	set_list(config, "Cmd", &container->command);
	set_list(config, "Entrypoint", &container->entrypoint);
	if (!text_is_empty(container->user))
		json_add_string(config, "User", container->user);
	if (!text_is_empty(container->working_dir))
		json_add_string(config, "WorkingDir", container->working_dir);
	if (stop_signal && container->stop_signal != SIGTERM)
		json_add_string(config, "StopSignal", stop_signal);
	for (size_t i = 0; i < container->labels.count; i++) {
		auto_free char *key = xstrdup(container->labels.items[i]);
		key[strcspn(key, "=")] = '\0';
		json_add_string(member_object(config, "Labels"), key, strv_env_get(&container->labels, key));
	}
	add_keys(config, "ExposedPorts", &container->exposed);
	add_published(config, container);
	if (request->volumes)
		add_volumes(config, container);
}

/* ---- the whole ---- */
static void set_platform(struct json_object *config)
{
	struct platform platform;
	platform_host(&platform);
	json_add_string(config, "architecture", platform.architecture);
	json_add_string(config, "os", platform.os);
	if (*platform.variant)
		json_add_string(config, "variant", platform.variant);
}

int commit_config_make(const struct commit_config *request, struct json_object **ret, struct error *err)
{
	auto_json struct json_object *config = NULL;
	char created[TEXT_STAMP_MAX];
	if (request->base && json_object_deep_copy(request->base, &config, NULL) < 0)
		return error_sys(err, ENOMEM, "copy the configuration of the image");
	if (!config) {
		config = json_object_new_object();
		set_platform(config);
	}
	set_members(member_object(config, "config"), request);
	for (size_t i = 0; i < request->changes->count; i++) {
		int r = change_apply(member_object(config, "config"), request->changes->items[i], err);
		if (r < 0)
			return r;
	}
	json_add_string(config, "created", format_rfc3339_nano(created, time_now_ns()));
	json_object_object_del(config, "author");
	json_object_object_del(config, "comment");
	json_add_string(config, "author", request->author);
	json_add_string(config, "comment", request->message);
	*ret = TAKE_PTR(config);
	return 0;
}

void commit_config_add_layer(struct json_object *config, const struct commit_config *request,
			     const struct strv *diff_ids, bool squash)
{
	const struct container *container = request->container;
	struct json_object *rootfs = json_object_new_object(), *entry = json_object_new_object(), *history = NULL;
	const char *created = NULL;
	auto_strv struct strv arguments = STRV_INIT;
	strv_add_all(&arguments, &container->entrypoint);
	strv_add_all(&arguments, &container->command);
	auto_free char *created_by = strv_join(&arguments, " ");
	auto_free char *from =
	    xasprintf("FROM %s", container->image_name ? container->image_name : container->image_id);
	json_add_string(rootfs, "type", "layers");
	json_add_strv(rootfs, "diff_ids", diff_ids);
	json_object_object_add(config, "rootfs", rootfs);
	if (json_get_string(config, "created", &created, NULL) > 0)
		json_add_string(entry, "created", created);
	json_add_string(entry, "created_by", created_by);
	json_add_string(entry, "author", request->author);
	json_add_string(entry, "comment", request->message ? request->message : from);
	if (squash || json_get_array(config, "history", &history, NULL) <= 0) {
		history = json_object_new_array();
		json_object_object_add(config, "history", history);
	}
	json_object_array_add(history, entry);
}
