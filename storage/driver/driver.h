/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver: the root file system of a container from layers, by the kernel's overlay (userxattr, Linux 5.11), by
 * fuse-overlayfs, or by plain copies. Chosen by a probe whose result is kept in <root>/cache/driver with what it
 * depends on (kernel release, file system under the store, user), shown by `info`.
 *
 * Preparing (in the command line, no privileges) makes directories; mounting happens in the container's own mount
 * namespace, by its first process, as root of the user namespace. Nothing is ever mounted outside.
 */
#pragma once

#include <stdbool.h>

#include "pkg/error/error.h"
#include "storage/store/store.h"

enum driver {
	DRIVER_OVERLAY,
	DRIVER_FUSE_OVERLAYFS,
	DRIVER_VFS,
};
const char *driver_name(enum driver driver);
/* By that name; false for any other. */
bool driver_from_name(const char *name, enum driver *ret);

/* The driver to use: the one asked for, or probed. The error of one that was asked for and cannot work says why
 * ("/dev/fuse cannot be opened: …"). `ret_reason` (may be NULL, malloc'd): why not a better one. */
int driver_choose(struct store *store, enum driver *ret, char **ret_reason, struct error *err);

/* The driver for a container whose ids have other numbers than on disk: fuse-overlayfs, which passes the numbers on as
 * they are. (The kernel's overlay cannot be mounted idmapped, and layers that lie on the machine's file systems only by
 * its root.) An error that says what is missing. */
int driver_choose_moving(struct store *store, enum driver *ret, struct error *err);

/* For a container of these layers: another than the chosen one where that could not write to their files, because their
 * owners are not among the user's ids (layer_is_foreign()). */
int driver_for_layers(struct store *store, const struct strv *diff_ids, enum driver *driver, struct error *err);

/* All that mounting needs: plain data, computed before the fork. */
struct rootfs {
	enum driver driver;
	struct strv lowers;   /* absolute paths, lowest layer first; several for overlay drivers */
	struct strv squashed; /* those of them that are to be mounted first (storage/layer/squash.h) */
	bool root_owns_all;   /* the only id there is owns all files, whoever does on the disk; fuse-overlayfs */
	char *upper, *work;   /* absolute paths in the container's directory; NULL: read-only */
	char *target; /* absolute path to mount on: <root>/mnt, an empty directory that all share. VFS: the copied tree
			 itself */
	bool volatile_upper; /* overlay "volatile": no syncing; only for --rm containers, whose files do not outlive
				them */
	bool at_working_directory; /* FUSE: mounted on the working directory, which is the target and the way to which
				      is closed to us */
	int fuse_fd,
	    mount_fd; /* set while mounting; mount_fd: the mount, where it cannot be reached by the target's path; -1 */
};
void rootfs_free(struct rootfs *rootfs);
#define auto_rootfs CLEANUP(rootfs_free)

/* Makes upper, work (or the copy: in the user namespace, when files have other owners) under the container's staged or
 * placed directory `container_path` (absolute). */
int rootfs_prepare(struct store *store, enum driver driver, const struct strv *diff_ids, const char *container_path,
		   struct rootfs *ret, struct error *err);
/* The same for a folder (absolute) instead of layers: below what is written to the container, or, `container_path` NULL, the
 * folder itself, with DRIVER_VFS. */
int rootfs_prepare_folder(struct store *store, enum driver driver, const char *folder, const char *container_path,
			  struct rootfs *ret, struct error *err);
/* In the container's first process, in its own mount namespace, root in the user namespace: mounts on target (private
 * propagation is already set). For fuse-overlayfs `fuse_socket` is where the opened /dev/fuse descriptor is sent to the
 * monitor, which runs fuse-overlayfs on it. */
int rootfs_mount(struct rootfs *rootfs, int fuse_socket, struct error *err);
/* How many descriptors the monitor is sent. */
size_t rootfs_servers(const struct rootfs *rootfs);
/* In the monitor: executes fuse-overlayfs, or squashfuse for squashed.items[index], on the received descriptor, in the
 * foreground; returns its pid. */
int rootfs_serve_fuse(const struct rootfs *rootfs, size_t index, int fuse_fd, pid_t *ret_pid, struct error *err);
/* A detached mount of the kernel's overlay over these directories (absolute paths, the lowest first), in a mount namespace of our own; `upper` and `work` NULL:
 * read-only. The descriptor, O_CLOEXEC, or negative. */
int overlay_new(const struct strv *lowers, const char *upper, const char *work, struct error *err);
