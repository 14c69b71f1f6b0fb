/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpod/container/root.h"
#include "libpod/copy/internal.h"
#include "libpod/monitor/monitor.h"
#include "libpod/runtime/runtime.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"
#include "storage/driver/driver.h"

void copy_root_close(struct copy_root *root)
{
	cleanup_close(&root->fd);
	if (root->server > 0) {
		kill(root->server, SIGKILL);
		waitpid(root->server, NULL, 0);
	}
	cleanup_close(&root->lock);
}

/* ---- of one that runs ---- */
static int open_running(int monitor, struct copy_root *ret, struct error *err)
{
	char path[64];
	auto_close int pidfd = -1;
	int r = monitor_pidfd(monitor, &pidfd, err);
	pid_t pid = r < 0 ? r : pidfd_pid(pidfd);
	if (pid < 0)
		return r < 0 ? r : error_sys(err, pid, "find the container's process");
	/* That of the container: its first process can be in one below. */
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	auto_close int mounts = open(path, O_RDONLY | O_CLOEXEC);
	/* Its own lies perhaps below the one that containers share, and only that one's root may enter it. */
	auto_close int own = mounts < 0 ? -errno : userns_owner(mounts), outer = own < 0 ? own : userns_outermost(own);
	if (outer < 0)
		return error_sys(err, outer, "find the container's user namespace");
	if ((r = userns_join(outer, false, err)) < 0 || (r = userns_join(own, false, err)) < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	auto_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int errnum = errno;
	/* Still alive: so the number was that process's when the path was opened. */
	if (pidfd_signal(pidfd, 0) < 0)
		return error_set(err, ESRCH, "the container has just ended");
	if (root < 0)
		return error_sys(err, errnum, "open the container's root directory");
	ret->fd = TAKE_FD(root);
	return 0;
}

/* ---- of one that does not ---- */
/* Serves the FUSE file systems that the root is made of, outside of the mount namespace in which they are mounted: they
 * end with that. */
static _Noreturn void serve(const struct rootfs *rootfs, int socket)
{
	pid_t pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < rootfs_servers(rootfs); i++) {
		int fuse = descriptors_receive_one(socket, 0);
		if (fuse < 0 || rootfs_serve_fuse(rootfs, i, fuse, &pid, NULL) < 0)
			_exit(1);
		close(fuse);
	}
	while (wait(NULL) > 0 || errno == EINTR) {
	}
	_exit(0);
}

static int mount_root(struct rootfs *rootfs, struct copy_root *ret, struct error *err)
{
	int pair[2] = {-1, -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "make a socket");
	auto_close int ours = pair[0], theirs = pair[1];
	pid_t pid = rootfs_servers(rootfs) ? process_clone(0, NULL) : 0;
	if (pid < 0)
		return error_sys(err, pid, "make a process");
	if (pid == 0 && rootfs_servers(rootfs))
		serve(rootfs, theirs);
	ret->server = pid;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(err, errno, "make a mount namespace");
	close(TAKE_FD(theirs));
	return rootfs_mount(rootfs, ours, err);
}

/* Only folders, volumes and images: what else is mounted in it is empty, or the kernel's, at each start. */
static void choose_mounts(const struct container *container, const struct spec *spec, struct spec *ret)
{
	for (size_t i = 0; i < spec->mounts_count; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		bool wanted = false;
		for (size_t j = 0; j < container->mounts.count; j++) {
			auto_strv struct strv parts = STRV_INIT;
			strv_split(&parts, container->mounts.items[j], '\t');
			wanted |= parts.count == 3 && strcmp(parts.items[1], mount->destination) == 0 &&
				  strcmp(parts.items[0], "tmpfs") != 0 && strcmp(parts.items[0], "ramfs") != 0 &&
				  strcmp(parts.items[0], "devpts") != 0;
		}
		if (wanted && !strv_contains(&mount->options, "x-coracle.scratch"))
			spec_add_mount(ret, mount->destination, mount->type, mount->source,
				       (const char *const *)mount->options.items);
	}
}

static int open_stopped(struct store *store, const struct container *container, const struct spec *spec,
			struct copy_root *ret, struct error *err)
{
	auto_rootfs struct rootfs rootfs = {.fuse_fd = -1};
	auto_spec struct spec mounts;
	struct id_mapping mapping;
	spec_init(&mounts);
	auto_close int lock = container_lock(store, container->id, err);
	if (lock == -EAGAIN)
		return error_set(err, EBUSY, "container %s is just being started, removed or copied from; try again",
				 container->name);
	int r = lock < 0 ? lock : 0;
	if (r < 0 || (r = container_root_prepare(store, container, &rootfs, err)) < 0 || (r = store_mapping(store, &mapping, err)) < 0 ||
	    (r = userns_enter(store->run_fd, &mapping, err)) < 0)
		return r;
	userns_withdraw(store->run_fd, &mapping);
	if ((r = mount_root(&rootfs, ret, err)) < 0)
		return r;
	assert(rootfs.target);
	auto_close int root = open(rootfs.target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_sys(err, errno, "open the container's root directory");
	choose_mounts(container, spec, &mounts);
	mounts.process.uid = spec->process.uid;
	mounts.process.gid = spec->process.gid;
	if ((r = runtime_mount(&mounts, root, err)) < 0)
		return r;
	ret->fd = TAKE_FD(root);
	ret->lock = TAKE_FD(lock);
	return 0;
}

int copy_root_open(struct store *store, const struct container *container, const struct spec *spec,
		   struct copy_root *ret, struct error *err)
{
	auto_close int monitor = monitor_connect(store, container->id, err);
	if (monitor >= 0)
		return open_running(monitor, ret, err);
	if (monitor != -ESRCH)
		return monitor;
	error_clear(err);
	return open_stopped(store, container, spec, ret, err);
}
