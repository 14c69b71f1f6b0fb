/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"
#include "rootless/netns/netns.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const int clone_flags[SPEC_NS_COUNT] = {
    [SPEC_NS_USER] = CLONE_NEWUSER,     [SPEC_NS_MOUNT] = CLONE_NEWNS,  [SPEC_NS_PID] = CLONE_NEWPID,
    [SPEC_NS_NETWORK] = CLONE_NEWNET,   [SPEC_NS_IPC] = CLONE_NEWIPC,   [SPEC_NS_UTS] = CLONE_NEWUTS,
    [SPEC_NS_CGROUP] = CLONE_NEWCGROUP, [SPEC_NS_TIME] = CLONE_NEWTIME,
};

static bool is_joined(const struct runtime *runtime, int type)
{
	return (runtime->namespace_fds && runtime->namespace_fds[type] >= 0) || runtime->spec->namespaces[type].path;
}

static bool is_new(const struct runtime *runtime, int type)
{
	return runtime->spec->namespaces[type].present && !is_joined(runtime, type);
}

uint64_t namespaces_to_make(const struct runtime *runtime)
{
	uint64_t flags = 0;
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		if (is_new(runtime, i))
			flags |= (uint64_t)clone_flags[i];
	/* The caller lives in the container's user namespace already. The time namespace takes its offsets before
	 * anybody is in it. */
	flags &= ~(uint64_t)(CLONE_NEWUSER | CLONE_NEWTIME);
	/* A new cgroup namespace has its root at the cgroup of who made it: not of the process that is cloned into
	 * another. */
	if (runtime->cgroup_fd >= 0)
		flags &= ~(uint64_t)CLONE_NEWCGROUP;
	return flags;
}

int namespaces_of(const struct spec *spec)
{
	int flags = 0;
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		if (spec->namespaces[i].present)
			flags |= clone_flags[i];
	return flags;
}

int namespace_join(const struct runtime *runtime, enum spec_namespace type, struct error *err)
{
	int given = runtime->namespace_fds ? runtime->namespace_fds[type] : -1;
	auto_close int opened = -1;
	const char *path = runtime->spec->namespaces[type].path;
	if (given < 0) {
		opened = open(path, O_RDONLY | O_CLOEXEC);
		if (opened < 0)
			return error_sys(err, errno, "open %s namespace %s", namespace_name(type), path);
	}
	if (setns(given >= 0 ? given : opened, clone_flags[type]) < 0)
		return error_sys(err, errno, "join %s namespace %s", namespace_name(type),
				 given >= 0 ? "that is to be shared" : path);
	return 0;
}

static int set_time_offsets(const struct spec *spec, struct error *err)
{
	char text[128];
	int length = snprintf(text, sizeof(text), "monotonic %" PRId64 " 0\nboottime %" PRId64 " 0\n",
			      spec->time_offset_monotonic_s, spec->time_offset_boottime_s);
	auto_close int offsets = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (offsets < 0)
		return error_sys(err, errno, "open /proc/self/timens_offsets");
	int r = write_all(offsets, text, (size_t)length);
	return r < 0 ? error_sys(err, r, "set the offsets of the clocks") : 0;
}

static int make_time_namespace(const struct spec *spec, struct error *err)
{
	if (unshare(CLONE_NEWTIME) < 0)
		return error_sys(err, errno, "make a time namespace");
	int r = spec->time_offset_monotonic_s || spec->time_offset_boottime_s ? set_time_offsets(spec, err) : 0;
	if (r < 0)
		return r;
	auto_close int fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		return error_sys(err, errno, "enter the time namespace");
	return 0;
}

int namespace_clone_shm(int namespace_fd, struct error *err)
{
	auto_close int ours = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (ours < 0 || setns(namespace_fd, CLONE_NEWNS) < 0)
		return error_sys(err, errno, "enter the mount namespace of the other container");
	/* Whatever that container has made of the path, the way does not lead out of it. */
	auto_close int directory = open_in_root(AT_FDCWD, "/dev/shm", O_PATH | O_DIRECTORY, 0);
	auto_close int shm = directory < 0 ? -1 : mount_clone(directory, "", false);
	if (setns(ours, CLONE_NEWNS) < 0)
		return error_sys(err, errno, "come back from the mount namespace of the other container");
	int r = directory < 0 ? directory : shm;
	if (r >= 0)
		return TAKE_FD(shm);
	error_sys(err, r, "take the other container's /dev/shm");
	if (r == -EACCES)
		error_advice(err, "; it is seen only in that container's user namespace, which can be shared, too: "
				  "--userns container:…");
	return r;
}

int namespaces_enter(const struct runtime *runtime, struct error *err)
{
	const struct spec *spec = runtime->spec;
	int r;
	for (int i = 0; i < SPEC_NS_COUNT && !runtime->nested; i++)
		if (i != SPEC_NS_USER && i != SPEC_NS_MOUNT && i != SPEC_NS_PID && is_joined(runtime, i) &&
		    (r = namespace_join(runtime, (enum spec_namespace)i, err)) < 0)
			return r;
	if (runtime->cgroup_fd >= 0 && is_new(runtime, SPEC_NS_CGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return error_sys(err, errno, "make a cgroup namespace");
	/* A new network namespace has a loopback interface that is down, which no program expects. */
	if (is_new(runtime, SPEC_NS_NETWORK) && (r = netns_loopback_up(err)) < 0)
		return r;
	/* Before --sysctl, which may say otherwise. */
	if (is_new(runtime, SPEC_NS_NETWORK) && runtime->network_socket >= 0)
		netns_control_no_congestion();
	if (is_new(runtime, SPEC_NS_TIME) && (r = make_time_namespace(spec, err)) < 0)
		return r;
	if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		return error_sys(err, errno, "set the host name '%s'", spec->hostname);
	if (spec->domainname && setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
		return error_sys(err, errno, "set the domain name '%s'", spec->domainname);
	return 0;
}
