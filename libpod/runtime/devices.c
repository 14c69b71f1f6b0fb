/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev: the devices and links that config-linux.md promises to every container, and those of the specification. A user
 * namespace cannot make device nodes; each is a bind mount of the host's.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"

static const char *const default_devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
static const struct {
	const char *name, *target;
} links[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},         {"core", "/proc/kcore"},
};

/* An empty file to mount on: 1 when it was made, 0 when the name is taken. */
static int make_place(int directory, const char *name)
{
	if (mknodat(directory, name, S_IFREG | 0666, 0) == 0)
		return 1;
	return errno == EEXIST ? 0 : -errno;
}

/* Whether the name is the host's device already (all of the host's /dev was mounted). */
static bool is_same_device(int directory, const char *name, int host)
{
	struct stat there, wanted;
	return fstatat(directory, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && fstat(host, &wanted) == 0 &&
	       (there.st_mode & S_IFMT) == (wanted.st_mode & S_IFMT) && there.st_rdev == wanted.st_rdev;
}

int device_place(int directory, const char *name, int host)
{
	int r = make_place(directory, name);
	if (r < 0 || (r == 0 && is_same_device(directory, name, host)))
		return r;
	auto_close int target = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return target < 0 ? -errno : mount_attach(host, target);
}

static int default_device(int dev, const char *name, struct error *err)
{
	char path[sizeof("/dev/") + 16];
	snprintf(path, sizeof(path), "/dev/%s", name);
	auto_close int host = mount_clone(AT_FDCWD, path, false);
	if (host < 0)
		return error_sys(err, host, "the host's %s", path);
	int r = mount_set_attributes(host, false, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0);
	if (r == 0)
		r = device_place(dev, name, host);
	return r < 0 ? error_sys(err, r, "make %s", path) : 0;
}

static int make_links(int dev, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
			return error_sys(err, errno, "make the link /dev/%s", links[i].name);
	return 0;
}

static int open_parent(int root_fd, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
	*ret_name = slash + 1;
	return mkdirs_in_root(root_fd, parent, 0755);
}

/* The host must have this very device under this name. */
static int clone_device(const struct spec_device *device)
{
	struct stat st;
	auto_close int host = mount_clone(AT_FDCWD, device->path, false);
	if (host < 0)
		return host;
	if (fstat(host, &st) < 0)
		return -errno;
	bool same = device->type == 'b' ? S_ISBLK(st.st_mode) : S_ISCHR(st.st_mode);
	if (!same || st.st_rdev != makedev((unsigned int)device->major, (unsigned int)device->minor))
		return -ENODEV;
	return TAKE_FD(host);
}

static int make_fifo(int parent, const char *name, const struct spec_device *device)
{
	if (mkfifoat(parent, name, device->mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (fchownat(parent, name, (uid_t)device->uid, (gid_t)device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int spec_device(const struct spec_device *device, int root_fd)
{
	const char *name;
	auto_close int parent = open_parent(root_fd, device->path, &name);
	if (parent < 0)
		return parent;
	if (device->type == 'p')
		return make_fifo(parent, name, device);
	auto_close int host = clone_device(device);
	return host < 0 ? host : device_place(parent, name, host);
}

int devices_setup(const struct spec *spec, int root_fd, struct error *err)
{
	int r = 0;
	auto_close int dev = mkdirs_in_root(root_fd, "/dev", 0755);
	if (dev < 0)
		return error_sys(err, dev, "open /dev");
	for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++)
		if ((r = default_device(dev, default_devices[i], err)) < 0)
			return r;
	for (size_t i = 0; i < spec->devices_count; i++)
		if ((r = spec_device(&spec->devices[i], root_fd)) < 0)
			return error_sys(err, r, "device %s (%c %lld:%lld)", spec->devices[i].path,
					 spec->devices[i].type, (long long)spec->devices[i].major,
					 (long long)spec->devices[i].minor);
	return make_links(dev, err);
}

int devices_seal(const struct spec *spec, int root_fd, struct error *err)
{
	for (size_t i = 0; i < spec->mounts_count; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		auto_mount_options struct mount_options options = {0};
		if (!mount_is_own_dev(mount) || mount_options_parse(mount, &options, NULL) < 0 ||
		    !((options.set | options.set_recursive) & MOUNT_ATTR_RDONLY))
			continue;
		auto_close int dev = open_in_root(root_fd, "dev", O_PATH | O_DIRECTORY, 0);
		int r = dev < 0 ? dev : mount_set_attributes(dev, false, MOUNT_ATTR_RDONLY, 0);
		if (r < 0)
			return error_sys(err, r, "make /dev read-only");
	}
	return 0;
}
