/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/inspect/inspect.h"
#include "libpod/inspect/internal.h"

#include <fcntl.h>
#include <string.h>

#include "libpod/container/dependencies.h"
#include "libpod/limits/limits.h"
#include "libpod/spec/spec.h"
#include "libpod/secret/secret.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "pkg/template/template.h"
#include "storage/layer/layer.h"


static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void add_time(struct json_object *object, const char *key, int64_t ns)
{
	char stamp[TEXT_STAMP_MAX];
	json_add_string(object, key, ns ? format_rfc3339_local(stamp, ns) : "0001-01-01T00:00:00Z");
}

static void add_map(struct json_object *object, const char *key, const struct strv *pairs)
{
	json_add_map(object, key, pairs);
	template_mark_map(json_object_object_get(object, key));
}

static void add_path(struct json_object *object, const char *key, struct store *store, const struct container *container, const char *name)
{
	auto_free char *path = xasprintf("%s/containers/%s/%s", store->root, container->id, name);
	json_add_string(object, key, path);
}

/* Which file of ours is there: that of another container where its network is shared. */
static void add_shared_path(struct json_object *object, const char *key, struct store *store, const struct container *container,
			    const struct spec *spec, const char *name)
{
	auto_free char *target = xasprintf("/%s", name), *ours = xasprintf("%s/containers/", store->root);
	for (size_t i = 0; i < spec->mounts_count; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		if (strcmp(mount->destination, target) == 0 && mount->source && text_starts_with(mount->source, ours)) {
			json_add_string(object, key, mount->source);
			return;
		}
	}
	add_path(object, key, store, container, name);
}

static struct json_object *state_object(const struct container_state *state)
{
	struct json_object *object = json_object_new_object();
	bool alive = state->status != CONTAINER_CREATED && state->status != CONTAINER_EXITED;
	json_add_string(object, "OciVersion", OCI_VERSION);
	json_add_string(object, "Status", container_status_name(state->status));
	/* docker: one that is restarting is running, too. */
	json_add_bool(object, "Running", state->status == CONTAINER_RUNNING || state->status == CONTAINER_STOPPING || state->status == CONTAINER_RESTARTING);
	json_add_bool(object, "Paused", state->status == CONTAINER_PAUSED);
	json_add_bool(object, "Restarting", state->status == CONTAINER_RESTARTING);
	json_add_bool(object, "OOMKilled", state->oom_killed);
	json_add_bool(object, "Dead", false);
	json_add_int(object, "Pid", alive ? state->pid : 0);
	json_add_int(object, "ConmonPid", alive ? state->monitor_pid : 0);
	json_add_int(object, "ExitCode", state->exit_code);
	json_add_string(object, "Error", state->error);
	add_time(object, "StartedAt", state->started_ns);
	add_time(object, "FinishedAt", state->finished_ns);
	return object;
}

static struct json_object *capabilities_array(uint64_t set)
{
	struct json_object *array = json_object_new_array();
	for (int capability = 0; capability_name(capability); capability++)
		if (set & (1ULL << capability))
			json_object_array_add(array, json_object_new_string(capability_name(capability)));
	return array;
}

static struct json_object *graph_driver(struct store *store, const struct container *container)
{
	struct json_object *object = json_object_new_object(), *data = json_object_new_object();
	json_add_string(object, "Name", container->driver);
	struct strbuf lower = STRBUF_INIT;
	for (size_t i = container->layers.count; i-- > 0;) {
		auto_free char *path = NULL;
		if (layer_tree_path(store, container->layers.items[i], &path, NULL) == 0)
			strbuf_printf(&lower, "%s%s", lower.length ? ":" : "", path);
	}
	json_add_string(data, "LowerDir", strbuf_text(&lower));
	strbuf_free(&lower);
	add_path(data, "UpperDir", store, container, "upper");
	add_path(data, "WorkDir", store, container, "work");
	json_object_object_add(object, "Data", template_mark_map(data));
	return object;
}

static struct json_object *exposed_object(const struct container *container)
{
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < container->exposed.count; i++)
		json_object_object_add(object, container->exposed.items[i], json_object_new_object());
	return template_mark_map(object);
}

/* Of those that are files, as podman has it; never what is in them. */
static struct json_object *secrets_array(const struct container *container)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < container->secrets.count; i++) {
		auto_secret_use struct secret_use use = {0};
		if (secret_use_read(container->secrets.items[i], &use, NULL) < 0 || use.env)
			continue;
		struct json_object *object = json_object_new_object();
		json_add_string(object, "Name", use.name);
		json_add_string(object, "ID", use.id);
		json_add_int(object, "UID", use.uid);
		json_add_int(object, "GID", use.gid);
		json_add_int(object, "Mode", use.mode);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *config_object(const struct container *container, const struct spec *spec)
{
	struct json_object *object = json_object_new_object();
	json_add_string(object, "Hostname", or_empty(container->hostname));
	json_add_string(object, "Domainname", or_empty(spec->domainname));
	json_add_string(object, "User", or_empty(container->user));
	json_add_bool(object, "AttachStdin", container->open_stdin && !container->detached);
	json_add_bool(object, "AttachStdout", !container->detached);
	json_add_bool(object, "AttachStderr", !container->detached);
	json_object_object_add(object, "ExposedPorts", exposed_object(container));
	json_add_bool(object, "Tty", container->terminal);
	json_add_bool(object, "OpenStdin", container->open_stdin);
	json_add_bool(object, "StdinOnce", container->stdin_once);
	json_add_strv(object, "Env", &spec->process.env);
	json_add_strv(object, "Cmd", &container->command);
	if (container->healthcheck)
		json_object_object_add(object, "Healthcheck", json_object_get(container->healthcheck));
	json_add_string(object, "Image", container->image_name);
	json_object_object_add(object, "Volumes", NULL);
	json_add_string(object, "WorkingDir", or_empty(container->working_dir));
	json_add_strv(object, "Entrypoint", &container->entrypoint);
	json_object_object_add(object, "OnBuild", NULL);
	add_map(object, "Labels", &container->labels);
	add_map(object, "Annotations", &container->annotations);
	json_add_string(object, "StopSignal", or_empty(signal_to_name(container->stop_signal)));
	json_add_int(object, "StopTimeout", container->stop_timeout_s);
	if (container->systemd)
		json_add_bool(object, "SystemdMode", true);
	json_add_int(object, "Timeout", container->timeout_s);
	json_add_strv(object, "CreateCommand", &container->create_command);
	auto_free char *umask = spec->process.umask >= 0 ? xasprintf("%04o", spec->process.umask) : xstrdup("0022");
	json_add_string(object, "Umask", umask);
	if (container->secrets.count)
		json_object_object_add(object, "Secrets", secrets_array(container));
	return object;
}

static struct json_object *tmpfs_object(const struct container *container)
{
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < container->tmpfs.count; i++) {
		const char *text = container->tmpfs.items[i];
		auto_free char *path = xstrndup(text, strcspn(text, ":"));
		json_add_string(object, path, text[strlen(path)] ? text + strlen(path) + 1 : "");
	}
	return template_mark_map(object);
}

static struct json_object *ulimits_array(const struct spec *spec)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < spec->process.rlimits_count; i++) {
		const struct spec_rlimit *limit = &spec->process.rlimits[i];
		struct json_object *object = json_object_new_object();
		json_add_string(object, "Name", rlimit_name(limit->resource));
		json_object_object_add(object, "Soft", json_object_new_int64((int64_t)limit->soft));
		json_object_object_add(object, "Hard", json_object_new_int64((int64_t)limit->hard));
		json_object_array_add(array, object);
	}
	return array;
}

static const char *userns_mode(const struct container *container)
{
	const char *mode = or_empty(container->userns);
	if (text_starts_with(mode, "container:") || text_starts_with(mode, "ns:"))
		return mode;
	return container->uid_map.count ? "private" : "";
}

static struct json_object *id_mappings(const struct container *container)
{
	struct json_object *object = json_object_new_object();
	json_add_strv(object, "UidMap", &container->uid_map);
	json_add_strv(object, "GidMap", &container->gid_map);
	return object;
}

static struct json_object *host_config_object(struct store *store, const struct container *container, const struct spec *spec)
{
	struct json_object *object = json_object_new_object(), *log = json_object_new_object(), *restart = json_object_new_object();
	json_object_object_add(object, "Devices", inspect_devices(container));
	json_add_strv(object, "Binds", &container->binds);
	json_add_string(object, "CgroupMode", container->cgroup_mode ? container->cgroup_mode : "private");
	json_add_string(object, "ContainerIDFile", or_empty(container->cid_file));
	json_add_string(log, "Type", container->log_driver);
	struct json_object *log_config = json_object_new_object();
	char shown_size[TEXT_STAMP_MAX];
	auto_free char *files = xasprintf("%lld", (long long)container->log_max_files);
	auto_free char *size = xasprintf("%lld", (long long)container->log_max_size);
	if (container->log_max_size) {
		json_add_string(log_config, "max-size", size);
		json_add_string(log_config, "max-file", files);
	}
	json_object_object_add(log, "Config", template_mark_map(log_config));
	json_object_object_add(object, "LogConfig", log);
	json_add_string(object, "NetworkMode", container->network);
	json_object_object_add(object, "PortBindings", inspect_ports(container, false));
	json_add_string(restart, "Name", container->restart_policy);
	json_add_int(restart, "MaximumRetryCount", container->restart_max);
	json_object_object_add(object, "RestartPolicy", restart);
	json_add_bool(object, "AutoRemove", container->remove);
	json_add_strv(object, "CapAdd", &container->cap_add);
	json_add_strv(object, "CapDrop", &container->cap_drop);
	json_add_strv(object, "Dns", &container->dns);
	json_add_strv(object, "DnsOptions", &container->dns_options);
	json_add_strv(object, "DnsSearch", &container->dns_search);
	json_add_strv(object, "ExtraHosts", &container->add_hosts);
	json_add_string(object, "IpcMode", container->ipc_mode ? container->ipc_mode : "shareable");
	json_add_int(object, "OomScoreAdj", spec->process.has_oom_score_adj ? spec->process.oom_score_adj : 0);
	json_add_string(object, "PidMode", container->pid_mode ? container->pid_mode : "private");
	json_add_bool(object, "Privileged", container->privileged);
	json_add_string(object, "ClientAddress", container->client_address ? container->client_address : "tcp");
	json_add_bool(object, "PublishAllPorts", container->publish_all);
	json_add_bool(object, "ReadonlyRootfs", container->read_only);
	json_add_strv(object, "SecurityOpt", &container->security_options);
	json_object_object_add(object, "Tmpfs", tmpfs_object(container));
	json_add_string(object, "UTSMode", container->uts_mode ? container->uts_mode : "private");
	json_add_string(object, "UsernsMode", userns_mode(container));
	if (container->uid_map.count)
		json_object_object_add(object, "IDMappings", id_mappings(container));
	json_add_int(object, "ShmSize", container->shm_size);
	json_add_string(object, "Runtime", "coracle");
	json_object_object_add(object, "Ulimits", ulimits_array(spec));
	json_add_bool(object, "Init", container->init);
	json_add_string(object, "CgroupParent", or_empty(container->cgroup_parent));
	json_add_string(object, "Cgroups", container->cgroups ? container->cgroups : "default");
	limits_inspect(spec->resources, object);
	inspect_add_others(container, spec, object);
	auto_free char *log_path = xasprintf("%s/containers/%s/%s-json.log", store->root, container->id, container->id);
	json_add_string(log, "Path", log_path);
	json_add_string(log, "Size", container->log_max_size ? format_human_size(shown_size, (uint64_t)container->log_max_size) : "0B");
	json_add_string(log, "Tag", "");
	return object;
}

static void add_container_members(struct store *store, const struct container_entry *entry, const struct spec *spec, struct json_object *object)
{
	const struct container *container = entry->container;
	json_add_string(object, "Id", container->id);
	add_time(object, "Created", container->created_ns);
	auto_strv struct strv args = STRV_INIT;
	for (size_t i = 1; i < spec->process.args.count; i++)
		strv_add(&args, spec->process.args.items[i]);
	json_add_string(object, "Path", spec->process.args.count ? spec->process.args.items[0] : "");
	json_add_strv(object, "Args", &args);
	json_object_object_add(object, "State", state_object(&entry->state));
	json_add_string(object, "Image", container->image_id);
	json_add_string(object, "ImageDigest", or_empty(container->image_digest));
	json_add_string(object, "ImageName", container->image_name);
	json_add_string(object, "Rootfs", or_empty(container->rootfs));
	add_shared_path(object, "ResolvConfPath", store, container, spec, "etc/resolv.conf");
	add_shared_path(object, "HostnamePath", store, container, spec, "etc/hostname");
	add_shared_path(object, "HostsPath", store, container, spec, "etc/hosts");
	add_path(object, "OCIConfigPath", store, container, "config.json");
	auto_free char *log_path = xasprintf("%s/containers/%s/%s-json.log", store->root, container->id, container->id);
	json_add_string(object, "LogPath", log_path);
	json_add_string(object, "OCIRuntime", "coracle");
	json_add_string(object, "PidFile", or_empty(container->pid_file));
	json_add_string(object, "ConmonPidFile", or_empty(container->monitor_pid_file));
	json_add_string(object, "Name", container->name);
	json_add_string(object, "Namespace", "");
	json_add_string(object, "Pod", "");
	json_add_bool(object, "IsInfra", false);
	json_object_object_add(object, "ExecIDs", json_object_new_array());
	auto_free char *directory = xasprintf("%s/containers/%s", store->root, container->id);
	json_add_string(object, "StaticDir", directory);
	auto_strv struct strv dependencies = STRV_INIT;
	container_dependencies(container, &dependencies);
	json_add_strv(object, "Dependencies", &dependencies);
	json_add_int(object, "RestartCount", entry->state.restart_count);
	json_add_string(object, "Driver", container->driver);
	json_add_string(object, "MountLabel", "");
	json_add_string(object, "ProcessLabel", or_empty(spec->process.selinux_label));
	json_add_string(object, "AppArmorProfile", or_empty(spec->process.apparmor_profile));
	json_object_object_add(object, "EffectiveCaps", capabilities_array(spec->process.capabilities.effective));
	json_object_object_add(object, "BoundingCaps", capabilities_array(spec->process.capabilities.bounding));
	json_object_object_add(object, "GraphDriver", graph_driver(store, container));
	json_object_object_add(object, "Mounts", inspect_mounts(container, spec));
	json_object_object_add(object, "NetworkSettings", inspect_network_settings(store, container));
	json_object_object_add(object, "Config", config_object(container, spec));
	json_object_object_add(object, "HostConfig", host_config_object(store, container, spec));
}

int inspect_container(struct store *store, const struct container_entry *entry, struct json_object **ret, struct error *err)
{
	auto_close int dir = container_open(store, entry->container->id, err);
	if (dir < 0)
		return dir;
	auto_free char *text = NULL;
	size_t length;
	auto_spec struct spec spec;
	spec_init(&spec);
	int r = file_read_at(dir, "config.json", SPEC_TEXT_MAX, &text, &length, err);
	if (r < 0 || (r = spec_read(text, length, "config.json", &spec, err)) < 0)
		return error_context(err, "container %s", entry->container->name);
	*ret = json_object_new_object();
	add_container_members(store, entry, &spec, *ret);
	return 0;
}
