/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"

static unsigned long propagation_flag(const char *name)
{
	if (text_is_empty(name))
		return MS_PRIVATE;
	if (*name == 'r')
		name++;
	if (strcmp(name, "slave") == 0)
		return MS_SLAVE;
	if (strcmp(name, "shared") == 0)
		return MS_SHARED;
	return strcmp(name, "unbindable") == 0 ? MS_UNBINDABLE : MS_PRIVATE;
}

int stop_propagation(const struct spec *spec, struct error *err)
{
	if (mount(NULL, "/", NULL, MS_REC | (mounts_follow_host(spec) ? MS_SLAVE : MS_PRIVATE), NULL) < 0)
		return error_sys(err, errno, "stop the propagation of mounts");
	return 0;
}

int rootfs_setup(const struct runtime *runtime, int *ret_root, struct error *err)
{
	const char *path = runtime->rootfs ? runtime->rootfs->target : runtime->spec->root_path;
	int r = stop_propagation(runtime->spec, err);
	if (r < 0)
		return r;
	if (runtime->rootfs) {
		r = rootfs_mount(runtime->rootfs, runtime->fuse_socket, err);
		if (r < 0)
			return r;
		if (runtime->rootfs->mount_fd >= 0) {
			*ret_root = TAKE_FD(runtime->rootfs->mount_fd);
			return 0;
		}
	} else if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0) { /* pivot_root wants a mount point */
		return error_sys(err, errno, "root file system %s", path);
	}
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open root file system %s", path);
	*ret_root = fd;
	return 0;
}

/*
 * pivot_root(".", ".") lays the old root over the new one, at the same place; detaching "." then uncovers the new one
 * (pivot_root(2)). No directory for the old root is needed, which a read-only image might not have.
 */
int rootfs_pivot(const struct spec *spec, int root_fd, struct error *err)
{
	if (fchdir(root_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return error_sys(err, errno, "change to the container's root");
	/* All of it is private or slave: the detaching does not reach the host. */
	if (umount2(".", MNT_DETACH) < 0)
		return error_sys(err, errno, "detach the host's root");
	if (chdir("/") < 0)
		return error_sys(err, errno, "enter the container's root");
	unsigned long flag = propagation_flag(spec->rootfs_propagation);
	if (flag != MS_PRIVATE && mount(NULL, "/", NULL, flag | MS_REC, NULL) < 0)
		return error_sys(err, errno, "set the propagation of the container's root");
	if (!spec->root_readonly)
		return 0;
	int r = mount_set_attributes(root_fd, false, MOUNT_ATTR_RDONLY, 0);
	return r < 0 ? error_sys(err, r, "make the root file system read-only") : 0;
}
