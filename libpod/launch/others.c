/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces of others: those of --pid, --ipc, --uts, --cgroupns and --network container:… are looked up at each start, because the other container may have been started anew;
 * those of ns:PATH are opened at each start.
 *
 * setns(2) wants rights over the user namespace that a namespace belongs to, and so the container lives in that one, or in the one of the user's that it lies in.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/launch/launch_internal.h"
#include "libpod/monitor/monitor.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

struct sharing {
	enum spec_namespace kind;
	int type; /* CLONE_NEW… */
	const char *mode, *file, *option;
};

static int open_namespace(int pidfd, pid_t pid, const char *file, struct error *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	/* Still alive: so the number was that process' when the path was opened. A monitor that starts its container again lives in another pid
	 * namespace, from which nothing can be signalled, not even with 0. */
	struct pollfd end = {.fd = pidfd, .events = POLLIN};
	if (poll(&end, 1, 0) == 0)
		return fd;
	close(fd);
	return error_set(err, ESRCH, "it has just ended");
}

/* That of the container; its first process can be in one below. */
static int open_user_namespace(int pidfd, pid_t pid, struct error *err)
{
	auto_close int mounts = open_namespace(pidfd, pid, "mnt", err);
	if (mounts < 0)
		return mounts;
	int owner = userns_owner(mounts);
	return owner < 0 ? error_sys(err, owner, "find the other container's user namespace") : owner;
}

/* The one that containers share, in which a monitor lives. */
static int open_shared_user_namespace(int pidfd, pid_t pid, struct error *err)
{
	auto_close int own = open_user_namespace(pidfd, pid, err);
	int shared = own < 0 ? own : userns_outermost(own);
	return own >= 0 && shared < 0 ? error_sys(err, shared, "find the other container's user namespace") : shared;
}

static int find_process(struct store *store, const char *id, int *ret_pidfd, struct error *err)
{
	auto_close int control = monitor_connect(store, id, err);
	int r = control < 0 ? control : monitor_pidfd(control, ret_pidfd, err);
	if (r < 0)
		return r;
	pid_t pid = pidfd_pid(*ret_pidfd);
	return pid < 0 ? error_sys(err, pid, "find the other container's process") : pid;
}

static int open_one(struct store *store, const struct sharing *sharing, int fds[SPEC_NS_COUNT], struct error *err)
{
	auto_close int pidfd = -1;
	pid_t pid = find_process(store, sharing->mode + sizeof("container:") - 1, &pidfd, err);
	if (pid < 0)
		return pid;
	int r;
	fds[sharing->kind] = r = open_namespace(pidfd, pid, sharing->file, err);
	/* POSIX shared memory and semaphores, which are files, go with the rest of IPC. */
	if (r >= 0 && sharing->kind == SPEC_NS_IPC)
		fds[SPEC_NS_MOUNT] = r = open_namespace(pidfd, pid, "mnt", err);
	if (r >= 0 && fds[SPEC_NS_USER] < 0)
		fds[SPEC_NS_USER] = r = open_shared_user_namespace(pidfd, pid, err);
	return r < 0 ? r : 0;
}

int other_mount_namespace(struct store *store, const char *id, int *ret_fd, int fds[SPEC_NS_COUNT], struct error *err)
{
	auto_close int pidfd = -1;
	pid_t pid = find_process(store, id, &pidfd, err);
	if (pid < 0)
		return pid;
	auto_close int mounts = open_namespace(pidfd, pid, "mnt", err);
	if (mounts < 0)
		return mounts;
	if (fds[SPEC_NS_USER] < 0) {
		int user = open_shared_user_namespace(pidfd, pid, err);
		if (user < 0)
			return user;
		fds[SPEC_NS_USER] = user;
	}
	*ret_fd = TAKE_FD(mounts);
	return 0;
}

/* The user namespace that we are in ourselves, where we have no rights. */
static bool is_own(int user_fd)
{
	struct stat ours, theirs;
	return stat("/proc/self/ns/user", &ours) == 0 && fstat(user_fd, &theirs) == 0 && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static bool is_same(int a, int b)
{
	struct stat x, y;
	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* ns:PATH */
static int open_path(const struct sharing *sharing, int fds[SPEC_NS_COUNT], struct error *err)
{
	const char *path = sharing->mode + strlen("ns:");
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "%s ns:%s", sharing->option, path);
	if (ioctl(fd, NS_GET_NSTYPE) != sharing->type)
		return error_set(err, EINVAL, "%s ns:%s: this is no %s namespace", sharing->option, path, namespace_name(sharing->kind));
	auto_close int belongs = userns_owner(fd), owner = belongs < 0 || is_own(belongs) ? -1 : userns_outermost(belongs);
	if (owner < 0)
		return error_set(err, EPERM,
				 "%s ns:%s: it does not belong to a user namespace of yours, so only its owner can join it; one that you made with unshare(1) or podman can be joined", sharing->option, path);
	if (fds[SPEC_NS_USER] >= 0 && !is_same(fds[SPEC_NS_USER], owner))
		return error_set(err, EPERM, "%s ns:%s: it belongs to another user namespace than the others that the container is to join; a container can live in one only",
				 sharing->option, path);
	fds[sharing->kind] = TAKE_FD(fd);
	if (fds[SPEC_NS_USER] < 0)
		fds[SPEC_NS_USER] = TAKE_FD(owner);
	return 0;
}

static int open_user_of_container(struct store *store, const char *id, bool nested, int fds[SPEC_NS_COUNT], int *ret_inner, struct error *err)
{
	auto_close int pidfd = -1;
	pid_t pid = find_process(store, id, &pidfd, err);
	if (pid < 0)
		return error_context(err, "share the user namespace of container:%.12s", id);
	if (fds[SPEC_NS_USER] < 0 && (fds[SPEC_NS_USER] = open_shared_user_namespace(pidfd, pid, err)) < 0)
		return fds[SPEC_NS_USER];
	if (!nested)
		return 0;
	int r = *ret_inner = open_user_namespace(pidfd, pid, err);
	return r < 0 ? r : 0;
}

int others_open_user(struct store *store, const struct container *container, int fds[SPEC_NS_COUNT], int *ret_inner, struct error *err)
{
	const char *mode = container->userns ? container->userns : "";
	if (text_starts_with(mode, "container:"))
		return open_user_of_container(store, mode + strlen("container:"), container->uid_map.count, fds, ret_inner, err);
	if (!text_starts_with(mode, "ns:"))
		return 0;
	struct plan unused = {0};
	int outer;
	int r = plan_user_namespace(mode + strlen("ns:"), &unused, &outer, ret_inner, err);
	if (r == 0 && fds[SPEC_NS_USER] >= 0)
		close(fds[SPEC_NS_USER]);
	if (r == 0)
		fds[SPEC_NS_USER] = outer;
	return r;
}

int others_open(struct store *store, const struct container *container, int fds[SPEC_NS_COUNT], struct error *err)
{
	const struct sharing all[] = {
	    {SPEC_NS_PID, CLONE_NEWPID, container->pid_mode, "pid", "--pid"},
	    {SPEC_NS_IPC, CLONE_NEWIPC, container->ipc_mode, "ipc", "--ipc"},
	    {SPEC_NS_UTS, CLONE_NEWUTS, container->uts_mode, "uts", "--uts"},
	    {SPEC_NS_NETWORK, CLONE_NEWNET, container->network, "net", "--network"},
	    {SPEC_NS_CGROUP, CLONE_NEWCGROUP, container->cgroup_mode, "cgroup", "--cgroupns"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (!all[i].mode || !text_starts_with(all[i].mode, "container:"))
			continue;
		int r = open_one(store, &all[i], fds, err);
		if (r < 0)
			return error_context(err, "share the %s namespace of %.22s", all[i].file, all[i].mode);
	}
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		int r = all[i].mode && text_starts_with(all[i].mode, "ns:") ? open_path(&all[i], fds, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}
