/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --device, --gpus, --device-cgroup-rule. A user cannot make device nodes; a container gets the host's own as bind
 * mounts, and can open them as the user could. What only a device controller could forbid or allow beyond that needs
 * the machine's root, and is said.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/cdi/cdi.h"
#include "libpod/plan/plan_internal.h"
#include "pkg/message/message.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define DEPTH_MAX    8

struct device {
	const char *text; /* as given */
	char *host, *path;
	bool read, write, restricted; /* restricted: not rw */
};

static void device_clear(struct device *device)
{
	free(device->host);
	free(device->path);
}

static bool is_permissions(const char *text)
{
	return *text && strspn(text, "rwm") == strlen(text);
}

static int parse(const char *text, struct device *ret, struct error *err)
{
	auto_strv struct strv parts = STRV_INIT;
	strv_split(&parts, text, ':');
	const char *permissions = "rwm", *path = parts.items[0];
	if (parts.count == 2 && is_permissions(parts.items[1]))
		permissions = parts.items[1];
	else if (parts.count >= 2)
		path = parts.items[1];
	if (parts.count == 3)
		permissions = parts.items[2];
	if (parts.count > 3 || *parts.items[0] != '/' || *path != '/' || !is_permissions(permissions))
		return error_set(
		    err, EINVAL,
		    "--device %s: give /dev/x[:/dev/y][:rwm], or the name of a CDI device, vendor.com/class=name",
		    text);
	*ret = (struct device){.text = text,
			       .host = xstrdup(parts.items[0]),
			       .path = xstrdup(path),
			       .read = strchr(permissions, 'r') != NULL,
			       .write = strchr(permissions, 'w') != NULL};
	ret->restricted = !ret->read || !ret->write;
	return 0;
}

/* By the machine's own files: name service modules are not for a program that is linked statically. malloc'd; the
 * number where there is no name. */
static char *user_name(uid_t uid)
{
	auto_fclose FILE *file = fopen("/etc/passwd", "re");
	for (struct passwd *entry; file && (entry = fgetpwent(file));)
		if (entry->pw_uid == uid)
			return xstrdup(entry->pw_name);
	return xasprintf("%u", uid);
}

static char *group_name(gid_t gid)
{
	auto_fclose FILE *file = fopen("/etc/group", "re");
	for (struct group *entry; file && (entry = fgetgrent(file));)
		if (entry->gr_gid == gid)
			return xstrdup(entry->gr_name);
	return xasprintf("%u", gid);
}

/* Who may open it, and how the user becomes one of them. */
static int not_allowed(const struct device *device, const char *node, const struct stat *st, int errnum,
		       struct error *err)
{
	auto_free char *user = user_name(st->st_uid), *group = group_name(st->st_gid);
	error_set(err, errnum, "--device %s: you may not open %s: it belongs to %s:%s and has the mode %04o",
		  device->text, node, user, group, (unsigned int)st->st_mode & 07777);
	if ((st->st_mode & 0060) == 0060)
		error_advice(err, "; an administrator puts you into the group: usermod -aG %s USER", group);
	return -errnum;
}

/* Opened by one of our further groups only: the container's root has not that group. */
static bool by_group_only(const struct stat *st)
{
	return st->st_uid != geteuid() && st->st_gid != getegid() && (st->st_mode & 0006) != 0006;
}

static int add_node(const struct create_options *options, const struct device *device, const char *node,
		    const char *path, struct plan *plan, struct error *err)
{
	struct stat st;
	int mode = (device->read ? R_OK : 0) | (device->write ? W_OK : 0);
	if (stat(node, &st) < 0)
		return error_sys(err, errno, "--device %s: %s", device->text, node);
	if (access(node, mode) < 0)
		return not_allowed(device, node, &st, errno, err);
	if (by_group_only(&st) && !strv_contains(&options->group_add, "keep-groups")) {
		auto_free char *group = group_name(st.st_gid);
		message_warn(
		    "--device %s: you may open %s as a member of %s, which the container's processes are only with "
		    "--group-add keep-groups",
		    device->text, node, group);
	}
	plan_remove_mount(&plan->spec, path);
	spec_add_mount(&plan->spec, path, "bind", node, OPTIONS("bind", "rprivate", "nosuid", "noexec"));
	return 0;
}

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

/* All devices in a folder that can be opened. */
static int add_folder(const struct create_options *options, const struct device *device, const char *node,
		      const char *path, int depth, size_t *ret_count, struct plan *plan, struct error *err)
{
	auto_closedir DIR *directory = opendir(node);
	int r = 0, mode = (device->read ? R_OK : 0) | (device->write ? W_OK : 0);
	if (!directory)
		return error_sys(err, errno, "--device %s: read %s", device->text, node);
	for (struct dirent *entry; r == 0 && (entry = readdir(directory));) {
		struct stat st;
		auto_free char *inner = xasprintf("%s/%s", node, entry->d_name),
			       *inner_path = xasprintf("%s/%s", path, entry->d_name);
		if (entry->d_name[0] == '.' || fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			r = add_folder(options, device, inner, inner_path, depth + 1, ret_count, plan, err);
		} else if (is_device(&st) && access(inner, mode) == 0) {
			r = add_node(options, device, inner, inner_path, plan, err);
			(*ret_count)++;
		}
	}
	return r;
}

static int add_device(const struct create_options *options, const char *text, struct plan *plan, struct error *err)
{
	CLEANUP(device_clear) struct device device = {0};
	struct stat st;
	size_t count = 0;
	int r = parse(text, &device, err);
	if (r < 0)
		return r;
	auto_free char *node = realpath(device.host, NULL);
	if (!node || stat(node, &st) < 0)
		return error_sys(err, errno, "--device %s", text);
	if (!S_ISDIR(st.st_mode) && !is_device(&st))
		return error_set(err, EINVAL, "--device %s: %s is no device; -v mounts files and folders", text, node);
	r = is_device(&st) ? add_node(options, &device, node, device.path, plan, err)
			   : add_folder(options, &device, node, device.path, 0, &count, plan, err);
	if (r == 0 && S_ISDIR(st.st_mode) && count == 0)
		return error_set(err, ENOENT, "--device %s: there is no device in it that you may open", text);
	if (r == 0 && device.restricted)
		message_warn("--device %s: without root nothing can take rights over a device away: the container can "
			     "open it as you can",
			     text);
	if (r == 0)
		strv_addf(&plan->container->devices, "%s:%s:%s", node, device.path,
			  device.restricted ? (device.read ? "r" : "w") : "rwm");
	return r;
}

/* "all", a number, "device=0,1", in docker's CSV: the names of nvidia.com/gpu. */
static int add_gpus(const char *text, struct strv *names, struct error *err)
{
	auto_strv struct strv fields = STRV_INIT;
	int64_t count;
	bool devices = false;
	strv_split(&fields, text, ',');
	for (size_t i = 0; i < fields.count; i++) {
		auto_free char *field = xstrdup(fields.items[i]);
		/* Quotes hold a list together; what is in it goes on to the next key. */
		for (char *c = field, *to = field;; c++)
			if (*c != '"' && !(*to++ = *c))
				break;
		const char *value = strchr(field, '=') ? strchr(field, '=') + 1 : field;
		if (text_starts_with(field, "device=") || (devices && value == field)) {
			devices = true;
			strv_addf(names, "nvidia.com/gpu=%s", value);
		} else if (strcmp(value, "all") == 0 || strcmp(value, "-1") == 0) {
			strv_add(names, "nvidia.com/gpu=all");
		} else if (text_starts_with(field, "capabilities=") || text_starts_with(field, "driver=")) {
			devices = false; /* what a CDI device has, its description says */
		} else if (parse_int64(value, "--gpus", 1, 1024, &count, NULL) == 0) {
			for (int64_t j = 0; j < count; j++)
				strv_addf(names, "nvidia.com/gpu=%lld", (long long)j);
		} else if (!devices || value != field) {
			return error_set(err, EINVAL, "--gpus %s: give all, a number, or device=NAME,...", text);
		}
	}
	return 0;
}

int plan_devices(const struct create_options *options, struct plan *plan, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	int r = 0;
	if (options->device_cgroup_rules.count)
		return error_set(err, EOPNOTSUPP,
				 "--device-cgroup-rule %s: rules for devices are set by the machine's root alone, and "
				 "nothing but its own mode keeps a container from a device here; "
				 "--device gives it the nodes that you may open",
				 options->device_cgroup_rules.items[0]);
	for (size_t i = 0; r == 0 && i < options->devices.count; i++) {
		const char *text = options->devices.items[i];
		if (cdi_is_name(text))
			strv_add(&names, text);
		else
			r = add_device(options, text, plan, err);
	}
	if (r == 0 && !text_is_empty(options->gpus))
		r = add_gpus(options->gpus, &names, err);
	if (r < 0 || names.count == 0)
		return r;
	strv_add_all(&plan->container->devices, &names);
	return cdi_apply(&names, &plan->spec, err);
}
