/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.json: one table of members drives writing, reading and freeing, so that they cannot disagree.
 *
 * Lists read the records of all containers. So the file is two objects, each on a line: what lists show, and the rest; and what is empty is not
 * written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libpod/container/networks.h"
#include "libpod/container/record.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

#define RECORD_MAX (16 << 20)

#define MEMBER(key, kind, field) {key, offsetof(struct container, field), kind, false}
#define LISTED(key, kind, field) {key, offsetof(struct container, field), kind, true}

const struct record_member record_members[] = {
    LISTED("name", STRING, name),
    LISTED("imageId", STRING, image_id),
    LISTED("imageName", STRING, image_name),
    MEMBER("imageDigest", STRING, image_digest),
    MEMBER("rootfs", STRING, rootfs),
    MEMBER("rootfsOverlay", BOOLEAN, rootfs_overlay),
    MEMBER("layers", VECTOR, layers),
    LISTED("created", INTEGER64, created_ns),
    MEMBER("driver", STRING, driver),
    MEMBER("mappingKey", STRING, mapping_key),
    MEMBER("createCommand", VECTOR, create_command),
    LISTED("command", VECTOR, command),
    LISTED("entrypoint", VECTOR, entrypoint),
    LISTED("labels", MAP, labels),
    MEMBER("annotations", MAP, annotations),
    MEMBER("exposed", VECTOR, exposed),
    LISTED("network", STRING, network),
    MEMBER("networkOptions", STRING, network_options),
    MEMBER("clientAddress", STRING, client_address),
    MEMBER("dns", VECTOR, dns),
    MEMBER("dnsSearch", VECTOR, dns_search),
    MEMBER("dnsOptions", VECTOR, dns_options),
    MEMBER("addHosts", VECTOR, add_hosts),
    MEMBER("hostname", STRING, hostname),
    LISTED("remove", BOOLEAN, remove),
    MEMBER("terminal", BOOLEAN, terminal),
    MEMBER("openStdin", BOOLEAN, open_stdin),
    MEMBER("stdinOnce", BOOLEAN, stdin_once),
    MEMBER("init", BOOLEAN, init),
    MEMBER("initPath", STRING, init_path),
    MEMBER("systemd", BOOLEAN, systemd),
    MEMBER("privileged", BOOLEAN, privileged),
    MEMBER("readOnly", BOOLEAN, read_only),
    MEMBER("publishAll", BOOLEAN, publish_all),
    MEMBER("detached", BOOLEAN, detached),
    MEMBER("detachKeys", STRING, detach_keys),
    MEMBER("stopSignal", INTEGER, stop_signal),
    MEMBER("stopTimeout", INTEGER64, stop_timeout_s),
    MEMBER("timeout", INTEGER64, timeout_s),
    MEMBER("logDriver", STRING, log_driver),
    MEMBER("logMaxSize", INTEGER64, log_max_size),
    MEMBER("logMaxFiles", INTEGER64, log_max_files),
    MEMBER("restartPolicy", STRING, restart_policy),
    MEMBER("restartMax", INTEGER64, restart_max),
    MEMBER("securityOptions", VECTOR, security_options),
    MEMBER("capAdd", VECTOR, cap_add),
    MEMBER("groupAdd", VECTOR, group_add),
    MEMBER("volumesFrom", VECTOR, volumes_from),
    MEMBER("capDrop", VECTOR, cap_drop),
    LISTED("binds", VECTOR, binds),
    MEMBER("tmpfs", VECTOR, tmpfs),
    LISTED("mounts", VECTOR, mounts),
    LISTED("volumes", VECTOR, volumes),
    MEMBER("devices", VECTOR, devices),
    MEMBER("mountedImages", VECTOR, mounted_images),
    MEMBER("userns", STRING, userns),
    MEMBER("uidMap", VECTOR, uid_map),
    MEMBER("gidMap", VECTOR, gid_map),
    MEMBER("requires", VECTOR, requires),
    MEMBER("passwdLines", VECTOR, passwd_lines),
    MEMBER("groupLines", VECTOR, group_lines),
    MEMBER("secrets", VECTOR, secrets),
    MEMBER("pidMode", STRING, pid_mode),
    MEMBER("ipcMode", STRING, ipc_mode),
    MEMBER("utsMode", STRING, uts_mode),
    MEMBER("cgroupMode", STRING, cgroup_mode),
    MEMBER("cgroups", STRING, cgroups),
    MEMBER("cgroupParent", STRING, cgroup_parent),
    MEMBER("cgroupManager", STRING, cgroup_manager),
    MEMBER("user", STRING, user),
    MEMBER("workingDir", STRING, working_dir),
    MEMBER("shmSize", INTEGER64, shm_size),
    MEMBER("pidFile", STRING, pid_file),
    MEMBER("monitorPidFile", STRING, monitor_pid_file),
    LISTED("cidFile", STRING, cid_file),
};
const size_t record_members_count = ARRAY_SIZE(record_members);

void *record_field(struct container *container, const struct record_member *member)
{
	return (char *)container + member->offset;
}

static const void *field_of(const struct container *container, const struct record_member *member)
{
	return (const char *)container + member->offset;
}

struct container *container_new(void)
{
	struct container *container = xcalloc(1, sizeof(*container));
	container->stop_signal = 15;
	container->stop_timeout_s = 10;
	return container;
}

void container_free(struct container *container)
{
	if (!container)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(record_members); i++) {
		if (record_members[i].kind == STRING)
			free(*(char **)record_field(container, &record_members[i]));
		else if (record_members[i].kind == VECTOR || record_members[i].kind == MAP)
			strv_free(record_field(container, &record_members[i]));
	}
	free(container->ports);
	container_networks_free(container);
	json_object_put(container->healthcheck);
	free(container);
}

/* ---- writing ---- */
static struct json_object *ports_json(const struct container *container)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < container->ports_count; i++) {
		const struct container_port *port = &container->ports[i];
		struct json_object *object = json_object_new_object();
		json_add_string(object, "protocol", port->protocol);
		json_add_string(object, "hostIp", port->host_ip);
		json_add_int(object, "hostPort", port->host_port);
		json_add_int(object, "containerPort", port->container_port);
		json_add_int(object, "range", port->range);
		json_object_array_add(array, object);
	}
	return array;
}

/* What a reader has without being told: a list or a map without members, false, and a zero that a new container has too. */
static bool is_default(const struct container *container, const struct container *fresh, const struct record_member *member)
{
	const void *at = field_of(container, member), *default_at = field_of(fresh, member);
	switch (member->kind) {
	case VECTOR:
	case MAP:
		return ((const struct strv *)at)->count == 0;
	case BOOLEAN:
		return !*(const bool *)at;
	case INTEGER:
		return *(const int *)at == 0 && *(const int *)default_at == 0;
	case INTEGER64:
		return *(const int64_t *)at == 0 && *(const int64_t *)default_at == 0;
	default:
		return false;
	}
}

static void add_member(struct json_object *object, const struct container *container, const struct record_member *member)
{
	const void *at = field_of(container, member);
	switch (member->kind) {
	case STRING:
		json_add_string(object, member->key, *(char *const *)at);
		break;
	case VECTOR:
		json_add_strv(object, member->key, at);
		break;
	case MAP:
		json_add_map(object, member->key, at);
		break;
	case BOOLEAN:
		json_add_bool(object, member->key, *(const bool *)at);
		break;
	case INTEGER:
		json_add_int(object, member->key, *(const int *)at);
		break;
	case INTEGER64:
		json_add_int(object, member->key, *(const int64_t *)at);
		break;
	}
}

static void add_line(struct strbuf *out, struct json_object *object)
{
	auto_free char *text = json_text(object, false);
	strbuf_puts(out, text);
	strbuf_putc(out, '\n');
}

int container_lock_record(int dirfd, struct error *err)
{
	while (flock(dirfd, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_sys(err, errno, "lock a container's record");
	return 0;
}

int container_write(int dirfd, const struct container *container, struct error *err)
{
	auto_json struct json_object *listed = json_object_new_object(), *rest = json_object_new_object();
	auto_container struct container *fresh = container_new();
	json_add_string(listed, "id", container->id);
	for (size_t i = 0; i < ARRAY_SIZE(record_members); i++)
		if (!is_default(container, fresh, &record_members[i]))
			add_member(record_members[i].listed ? listed : rest, container, &record_members[i]);
	if (container->ports_count)
		json_object_object_add(listed, "ports", ports_json(container));
	if (container->networks_count)
		json_object_object_add(listed, "networks", container_networks_json(container));
	if (container->healthcheck)
		json_object_object_add(rest, "healthcheck", json_object_get(container->healthcheck));
	auto_strbuf struct strbuf text = STRBUF_INIT;
	add_line(&text, listed);
	add_line(&text, rest);
	/* What cannot be read could not be removed either. */
	if (text.length > RECORD_MAX)
		return error_set(err, E2BIG, "the command line and the labels are too long: as JSON they may have %d bytes", RECORD_MAX);
	/* Root's, too, is read by the monitor, which is the root of containers. */
	return file_write_at(dirfd, RECORD_FILE, strbuf_text(&text), text.length, 0600, FILE_AS_DIRECTORY, err);
}

/* ---- reading ---- */
static int get_member(struct json_object *object, struct container *container, const struct record_member *member,
		      struct error *err)
{
	void *at = record_field(container, member);
	const char *text = NULL;
	int64_t number = 0;
	int r = 0;
	switch (member->kind) {
	case STRING:
		r = json_get_string(object, member->key, &text, err);
		if (r > 0)
			*(char **)at = xstrdup(text);
		break;
	case VECTOR:
		r = json_get_strv(object, member->key, at, err);
		break;
	case MAP:
		r = json_get_map(object, member->key, at, err);
		break;
	case BOOLEAN:
		r = json_get_bool(object, member->key, at, err);
		break;
	case INTEGER:
		r = json_get_int(object, member->key, INT32_MIN, INT32_MAX, &number, err);
		if (r > 0)
			*(int *)at = (int)number;
		break;
	case INTEGER64:
		r = json_get_int(object, member->key, INT64_MIN, INT64_MAX, at, err);
		break;
	}
	return r;
}

static int get_text(struct json_object *object, const char *key, char *out, size_t size, struct error *err)
{
	const char *text = NULL;
	int r = json_get_string(object, key, &text, err);
	if (r < 0)
		return r;
	size_t length = r ? strlen(text) : size;
	if (length >= size)
		return error_set(err, EINVAL, "%s is missing or too long", key);
	memcpy(out, text, length + 1);
	return 0;
}

static int get_uint16(struct json_object *object, const char *key, uint16_t *ret, struct error *err)
{
	int64_t number = 0;
	int r = json_get_int(object, key, 0, UINT16_MAX, &number, err);
	if (r > 0)
		*ret = (uint16_t)number;
	return r < 0 ? r : 0;
}

static int get_port(struct json_object *object, struct container_port *port, struct error *err)
{
	int r = get_text(object, "protocol", port->protocol, sizeof(port->protocol), err);
	if (r == 0)
		r = get_text(object, "hostIp", port->host_ip, sizeof(port->host_ip), err);
	if (r == 0)
		r = get_uint16(object, "hostPort", &port->host_port, err);
	if (r == 0)
		r = get_uint16(object, "containerPort", &port->container_port, err);
	if (r == 0)
		r = get_uint16(object, "range", &port->range, err);
	return r;
}

int record_ports_parse(struct json_object *object, struct container *container, struct error *err)
{
	struct json_object *array = NULL;
	int r = json_get_array(object, "ports", &array, err);
	if (r <= 0)
		return r;
	size_t count = json_object_array_length(array);
	container->ports = count ? xcalloc(count, sizeof(*container->ports)) : NULL;
	container->ports_count = count;
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		if (!json_object_is_type(item, json_type_object))
			return error_set(err, EINVAL, "ports[%zu]: expected an object", i);
		r = get_port(item, &container->ports[i], err);
		if (r < 0)
			return error_context(err, "ports[%zu]", i);
	}
	return 0;
}

static int parse_listed(struct json_object *object, struct container *container, struct error *err)
{
	int r = get_text(object, "id", container->id, sizeof(container->id), err);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(record_members); i++)
		if (record_members[i].listed)
			r = get_member(object, container, &record_members[i], err);
	if (r >= 0)
		r = record_ports_parse(object, container, err);
	return r < 0 ? r : container_networks_parse(object, container, err);
}

static int parse_rest(struct json_object *object, struct container *container, struct error *err)
{
	struct json_object *healthcheck = NULL;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(record_members); i++)
		if (!record_members[i].listed)
			r = get_member(object, container, &record_members[i], err);
	if (r >= 0)
		r = json_get_object(object, "healthcheck", &healthcheck, err);
	if (r > 0)
		container->healthcheck = json_object_get(healthcheck);
	return r < 0 ? r : 0;
}

static int parse(const char *text, size_t length, bool listed_only, struct container *container, struct error *err)
{
	auto_json struct json_object *listed = NULL, *rest = NULL;
	const char *newline = memchr(text, '\n', length);
	if (!newline)
		return error_set(err, EINVAL, "it ends too early");
	size_t first = (size_t)(newline + 1 - text);
	int r = json_parse(text, first, "the first line", &listed, err);
	if (r == 0)
		r = parse_listed(listed, container, err);
	if (r == 0 && !listed_only)
		r = json_parse(text + first, length - first, "the second line", &rest, err);
	return r == 0 && !listed_only ? parse_rest(rest, container, err) : r;
}

int record_check(const struct container *container, const char *id, struct error *err)
{
	if (strcmp(container->id, id) != 0)
		return error_set(err, EINVAL, "the record is of container %.12s", container->id);
	return container->name ? 0 : error_set(err, EINVAL, "the record has no name");
}

int record_make(const char *text, size_t length, bool listed_only, const char *id, struct container **ret, struct error *err)
{
	auto_container struct container *container = container_new();
	int r = parse(text, length, listed_only, container, err);
	if (r == 0)
		r = record_check(container, id, err);
	if (r < 0)
		return error_context(err, "container %.12s: " RECORD_FILE, id);
	*ret = TAKE_PTR(container);
	return 0;
}

int record_read(struct store *store, const char *id, bool listed_only, struct container **ret, struct error *err)
{
	auto_free char *path = xasprintf("containers/%s/" RECORD_FILE, id);
	auto_free char *text = NULL;
	size_t length = 0;
	int r = file_read_at(store->root_fd, path, RECORD_MAX, &text, &length, err);
	if (r == -ENOENT)
		return error_set(err, ENOENT, "no such container: %s", id);
	if (r < 0)
		return error_context(err, "container %.12s", id);
	return record_make(text, length, listed_only, id, ret, err);
}

int container_read(struct store *store, const char *id, struct container **ret, struct error *err)
{
	return record_read(store, id, false, ret, err);
}
