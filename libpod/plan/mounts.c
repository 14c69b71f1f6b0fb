/* SPDX-License-Identifier: Apache-2.0 */
/* mounts: what every container has, what -v, --mount, --tmpfs, --volumes-from and the image add, and what --read-only means. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/plan/mount_request.h"
#include "libpod/plan/plan_internal.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void default_mounts(const struct create_options *options, struct plan *plan)
{
	struct spec *spec = &plan->spec;
	const char *system_mode = options->privileged ? "rw" : "ro";
	struct spec_mount *proc = spec_add_mount(spec, "/proc", "proc", "proc", OPTIONS("nosuid", "noexec", "nodev"));
	strv_add_all(&proc->options, &plan->proc_options);
	struct spec_mount *dev = spec_add_mount(spec, "/dev", "tmpfs", "tmpfs", OPTIONS("nosuid", "noexec", "strictatime", "mode=755", "size=65536k"));
	if (options->read_only && !options->read_only_tmpfs)
		strv_add(&dev->options, "ro");
	spec_add_mount(spec, "/dev/pts", "devpts", "devpts", OPTIONS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"));
	if (spec->namespaces[SPEC_NS_NETWORK].present)
		spec_add_mount(spec, "/sys", "sysfs", "sysfs", OPTIONS("nosuid", "noexec", "nodev", system_mode));
	else /* sysfs shows a network namespace: only its owner may mount one */
		spec_add_mount(spec, "/sys", "bind", "/sys", OPTIONS("rbind", "rprivate", "nosuid", "noexec", "nodev", system_mode));
	const char *ipc = plan->container->ipc_mode;
	bool host_ipc = ipc && strcmp(ipc, "host") == 0, no_shm = ipc && strcmp(ipc, "none") == 0;
	bool own_ipc = !ipc || no_shm || strcmp(ipc, "private") == 0 || text_starts_with(ipc, "ns:");
	if (!host_ipc)
		spec_add_mount(spec, "/dev/mqueue", "mqueue", "mqueue", OPTIONS("nosuid", "noexec", "nodev"));
	else if (access("/dev/mqueue", F_OK) == 0)
		spec_add_mount(spec, "/dev/mqueue", "bind", "/dev/mqueue", OPTIONS("bind", "nosuid", "noexec", "nodev"));
	if (no_shm) {
		/* a plain directory */
	} else if (!own_ipc) { /* the host's, or, laid in its place at each start, the other container's */
		spec_add_mount(spec, "/dev/shm", "bind", "/dev/shm", OPTIONS("bind", "nosuid", "noexec", "nodev"));
	} else {
		struct spec_mount *shm =
		    spec_add_mount(spec, "/dev/shm", "tmpfs", "shm", OPTIONS("nosuid", "noexec", "nodev", "mode=1777"));
		/* 0: as large as the memory. */
		if (plan->container->shm_size)
			strv_addf(&shm->options, "size=%lldk", (long long)((plan->container->shm_size + 1023) / 1024));
		/* --read-only without temporary places: really nothing. */
		if (options->read_only && !options->read_only_tmpfs)
			strv_add(&shm->options, "ro");
	}
	spec_add_mount(spec, "/sys/fs/cgroup", "cgroup", "cgroup", OPTIONS("nosuid", "noexec", "nodev", "relatime", system_mode));
}

/* /etc/hosts, /etc/hostname, /etc/resolv.conf: files of the container's directory, or of that of the container whose network is shared. */
static void account_mounts(struct store *store, const struct create_options *options, struct plan *plan)
{
	static const char *const names[] = {"hosts", "hostname", "resolv.conf"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool own_name = i == 1 && (options->hostname || plan->container->uts_mode);
		bool shared = plan->names_id && !own_name;
		if (i == 1 && options->no_hostname)
			continue;
		if (!shared && ((i == 0 && !plan->hosts) || (i == 2 && !plan->resolv_conf)))
			continue;
		auto_free char *source = xasprintf("%s/containers/%s/etc/%s", store->root, shared ? plan->names_id : plan->container->id, names[i]);
		/* --no-hosts, here or there */
		if (shared && ((i == 0 && options->no_hosts) || access(source, F_OK) < 0))
			continue;
		auto_free char *target = xasprintf("/etc/%s", names[i]);
		spec_add_mount(&plan->spec, target, "bind", source, OPTIONS("bind", "rprivate", "nosuid", "nodev", "noexec", options->read_only ? "ro" : "rw"));
	}
}

/* --tz: the machine's file of the zone, which `local` is decided to be here and now; what the zone's rules are it says at each start. */
static int time_zone_mount(const char *zone, struct spec *spec, struct error *err)
{
	struct stat st;
	if (!zone)
		return 0;
	bool local = strcmp(zone, "local") == 0;
	auto_free char *path = local ? xstrdup("/etc/localtime") : xasprintf("/usr/share/zoneinfo/%s", zone);
	auto_free char *file = realpath(path, NULL);
	if (!*zone || strstr(path, "/..") || !file || stat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "--tz %s: this machine has no such time zone (in %s)", zone, local ? "/etc/localtime" : "/usr/share/zoneinfo");
	spec_add_mount(spec, "/etc/localtime", "bind", file, OPTIONS("bind", "rprivate", "nosuid", "nodev", "noexec", "ro"));
	return 0;
}

void plan_remove_mount(struct spec *spec, const char *destination)
{
	for (size_t i = 0; i < spec->mounts_count; i++) {
		if (strcmp(spec->mounts[i].destination, destination) != 0)
			continue;
		struct spec_mount *mount = &spec->mounts[i];
		free(mount->destination);
		free(mount->type);
		free(mount->source);
		strv_free(&mount->options);
		memmove(mount, mount + 1, (spec->mounts_count - i - 1) * sizeof(*mount));
		spec->mounts_count--;
		return;
	}
}

static int by_depth(const void *a, const void *b)
{
	const struct spec_mount *left = a, *right = b;
	size_t depths[2] = {0, 0};
	for (const char *c = left->destination; *c; c++)
		depths[0] += *c == '/';
	for (const char *c = right->destination; *c; c++)
		depths[1] += *c == '/';
	if (depths[0] != depths[1])
		return depths[0] < depths[1] ? -1 : 1;
	return strcmp(left->destination, right->destination);
}

#define DEVICES_DEPTH 4 /* /dev/bus/usb/001/001 */

static bool is_own_device(const char *name)
{
	/* What every container has of its own; directories of other file systems; terminals of the host. */
	static const char *const own[] = {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "pts", "shm", "mqueue", "hugepages"};
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	return text_starts_with(name, "tty");
}

/* --privileged: every device node of the host that the user can open; the rest would be of no use in the container either. */
static void privileged_devices(struct plan *plan, const char *path, int depth)
{
	auto_closedir DIR *directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		struct stat st;
		if (entry->d_name[0] == '.' || is_own_device(entry->d_name) ||
		    fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		auto_free char *inner = xasprintf("%s/%s", path, entry->d_name);
		if (S_ISDIR(st.st_mode) && depth < DEVICES_DEPTH)
			privileged_devices(plan, inner, depth + 1);
		else if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && faccessat(dirfd(directory), entry->d_name, R_OK, 0) == 0)
			spec_add_mount(&plan->spec, inner, "bind", inner, OPTIONS("bind", "rprivate", "nosuid", "noexec"));
	}
}

/* What the image says must outlive a container: where nothing else is mounted. */
static int image_volumes(const struct create_options *options, struct json_object *image_config, struct mount_requests *requests, struct error *err)
{
	const char *mode = options->image_volume ? options->image_volume : "anonymous";
	struct json_object *volumes = NULL;
	int r = json_get_object(image_config, "Volumes", &volumes, err);
	if (r <= 0 || strcmp(mode, "ignore") == 0)
		return r < 0 ? r : 0;
	json_object_object_foreach(volumes, path, value)
	{
		(void)value;
		auto_mount_request struct mount_request request = {.shown = xasprintf("the image's VOLUME %s", path)};
		request.kind = strcmp(mode, "tmpfs") == 0 ? MOUNT_TMPFS : MOUNT_VOLUME;
		if (request.kind == MOUNT_TMPFS)
			strv_add(&request.options, "tmpcopyup");
		/* docker takes relative ones from the root. */
		auto_free char *absolute = xasprintf("%s%s", *path == '/' ? "" : "/", path);
		request.destination = mount_destination(absolute);
		if (!request.destination || mount_requests_have(requests, request.destination))
			continue;
		if ((r = mount_requests_add(requests, &request, err)) < 0)
			return r;
	}
	return 0;
}

static int collect(struct store *store, const struct create_options *options, struct json_object *image_config, struct plan *plan,
		   struct mount_requests *requests, struct error *err)
{
	static int (*const readers[])(const char *, struct mount_request *, struct error *) = {mount_request_mount, mount_request_volume,
												mount_request_tmpfs};
	const struct strv *const texts[] = {&options->mounts, &options->volumes, &options->tmpfs};
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		for (size_t j = 0; j < texts[i]->count; j++) {
			auto_mount_request struct mount_request request = {0};
			if ((r = readers[i](texts[i]->items[j], &request, err)) < 0 || (r = mount_requests_add(requests, &request, err)) < 0)
				return r;
		}
	}
	strv_add_all(&plan->container->volumes_from, &options->volumes_from);
	for (size_t i = 0; r >= 0 && i < options->volumes_from.count; i++)
		r = mount_requests_from(store, options->volumes_from.items[i], requests, err);
	for (size_t i = 0; i < options->volumes.count; i++)
		if (strchr(options->volumes.items[i], ':'))
			strv_add(&plan->container->binds, options->volumes.items[i]);
	strv_add_all(&plan->container->tmpfs, &options->tmpfs);
	return r < 0 ? r : image_volumes(options, image_config, requests, err);
}

int plan_mounts(struct store *store, const struct create_options *options, struct json_object *image_config, struct plan *plan, struct error *err)
{
	struct spec *spec = &plan->spec;
	auto_mount_requests struct mount_requests requests = {0};
	plan->container->shm_size = options->shm_size_given ? options->shm_size : 64 << 20;
	default_mounts(options, plan);
	account_mounts(store, options, plan);
	int r = time_zone_mount(options->time_zone, spec, err);
	if (r < 0)
		return r;
	if (options->privileged)
		privileged_devices(plan, "/dev", 1);
	spec->root_readonly = options->read_only;
	plan->container->read_only = options->read_only;
	if (options->read_only && options->read_only_tmpfs) {
		static const char *const writable[] = {"/run", "/tmp", "/var/tmp"};
		for (size_t i = 0; i < ARRAY_SIZE(writable); i++)
			spec_add_mount(spec, writable[i], "tmpfs", "tmpfs", OPTIONS("nosuid", "nodev", "mode=1777"));
	}
	r = collect(store, options, image_config, plan, &requests, err);
	for (size_t i = 0; r == 0 && i < requests.count; i++)
		r = mount_request_place(store, &requests.items[i], plan, err);
	plan_systemd_mounts(plan);
	if (r == 0)
		r = plan_devices(options, plan, err);
	/* Parents before children; equal depth keeps no order that matters. */
	qsort(spec->mounts, spec->mounts_count, sizeof(*spec->mounts), by_depth);
	return r;
}
