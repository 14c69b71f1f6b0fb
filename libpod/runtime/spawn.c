/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"
#include "pkg/message/message.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

/* Waits until the caller says the byte; a caller that died says nothing. */
static int wait_for(int fd, char byte, struct error *err)
{
	char said;
	if (fd < 0)
		return 0;
	ssize_t n = read_full(fd, &said, 1);
	if (n < 0)
		return error_sys(err, (int)-n, "wait for the start");
	if (n == 0 || said != byte)
		return error_set(err, ECANCELED, "the start was given up");
	return 0;
}

static int say(int fd, char byte, struct error *err)
{
	int r = fd < 0 ? 0 : write_all(fd, &byte, 1);
	return r < 0 ? error_sys(err, r, "say that the container is ready") : 0;
}

static void close_unneeded(const struct runtime *runtime, const struct prepared *prepared)
{
	auto_free int *keep = xcalloc(16 + SPEC_NS_COUNT + prepared->count + prepared->shared_count + runtime->shared_count + runtime->held_count + runtime->secrets_count, sizeof(*keep));
	size_t count = 0;
	const int needed[] = {runtime->stdio[0],       runtime->stdio[1],        runtime->stdio[2],
			      runtime->console_socket, runtime->fuse_socket,     runtime->network_socket,
			      runtime->init_fd,        runtime->wait_fd,         runtime->ready_fd,
			      runtime->report_fd,      runtime->shm_namespace_fd};
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (needed[i] >= 3)
			keep[count++] = needed[i];
	for (int i = 0; runtime->namespace_fds && i < SPEC_NS_COUNT; i++)
		if (runtime->namespace_fds[i] >= 3)
			keep[count++] = runtime->namespace_fds[i];
	for (size_t i = 0; i < prepared->count; i++)
		if (prepared->sources[i] >= 3)
			keep[count++] = prepared->sources[i];
	if (prepared->shm >= 3)
		keep[count++] = prepared->shm;
	if (prepared->hand >= 3)
		keep[count++] = prepared->hand;
	for (size_t i = 0; i < prepared->shared_count; i++)
		if (prepared->shared[i] >= 3)
			keep[count++] = prepared->shared[i];
	for (size_t i = 0; i < runtime->shared_count; i++)
		if (runtime->shared[i].mount_namespace >= 3)
			keep[count++] = runtime->shared[i].mount_namespace;
	for (size_t i = 0; i < runtime->held_count; i++)
		keep[count++] = runtime->held[i];
	for (size_t i = 0; i < runtime->secrets_count; i++)
		keep[count++] = runtime->secrets[i].fd;
	close_fds_except(3 + (int)runtime->preserve_fds, keep, count);
}

/* Between the clone and the mapping our ids have no names here; afterwards we may be another than 0 (the caller was the
 * host's root). */
static int become_root(struct error *err)
{
	if (getuid() == 0 && getgid() == 0)
		return 0;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return error_sys(err, errno, "become root of the user namespace");
	return 0;
}

static int hand_on_network(int socket, struct error *err)
{
	if (socket < 0)
		return 0;
	auto_close int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open the network namespace");
	int r = descriptor_send(socket, fd, "the network namespace", err);
	close(socket);
	return r;
}

/* In a pid namespace that is shared, others see us: they may not look inside. In a new one nobody is who could, and our
 * own files in /proc stay ours to write. Changing the user changes it, too. */
static int close_to_others(const struct runtime *runtime, struct error *err)
{
	bool alone = namespaces_to_make(runtime) & CLONE_NEWPID;
	if (prctl(PR_SET_DUMPABLE, alone ? 1 : 0) < 0)
		return error_sys(err, errno, "close this process to others");
	return 0;
}

static int make_file_systems(const struct runtime *runtime, int root_fd, struct prepared *prepared, int *ret_terminal,
			     struct error *err)
{
	const struct spec *spec = runtime->spec;
	int r;
	auto_close int terminal = -1;
	if (runtime->shm_namespace_fd >= 0 && prepared->shm < 0 &&
	    (r = prepared->shm = namespace_clone_shm(runtime->shm_namespace_fd, err)) < 0)
		return r;
	if ((r = shared_take(runtime, prepared, err)) < 0 || (r = accounts_setup(runtime, root_fd, err)) < 0 || (r = mounts_setup(spec, root_fd, prepared, err)) < 0 ||
	    (r = devices_setup(spec, root_fd, err)) < 0 || (r = secrets_setup(runtime, root_fd, err)) < 0 ||
	    (r = sysctls_setup(spec, root_fd, err)) < 0)
		return r;
	if (spec->process.terminal &&
	    ((r = console_open(&spec->process, root_fd, runtime->console_socket, &terminal, err)) < 0 ||
	     (r = console_mount(root_fd, terminal, err)) < 0))
		return r;
	if ((r = paths_setup(spec, root_fd, err)) < 0 || (r = devices_seal(spec, root_fd, err)) < 0)
		return r;
	*ret_terminal = TAKE_FD(terminal);
	return 0;
}

/* The hooks of the runtime's namespaces, which the caller runs, and those of the container's, run here. Both see the
 * root file system as the host does. */
static int run_hooks(const struct runtime *runtime, struct error *err)
{
	const struct spec *spec = runtime->spec;
	int r;
	if (runtime->ready_fd >= 0 &&
	    (spec->hooks[SPEC_HOOK_PRESTART].count || spec->hooks[SPEC_HOOK_CREATE_RUNTIME].count) &&
	    ((r = say(runtime->ready_fd, 'h', err)) < 0 || (r = wait_for(runtime->wait_fd, 'h', err)) < 0))
		return r;
	return runtime_run_hooks(spec, SPEC_HOOK_CREATE_CONTAINER, runtime->id, runtime->bundle, "creating", getpid(),
				 err);
}

static int enter_root(const struct runtime *runtime, struct prepared *prepared, int *ret_terminal, struct error *err)
{
	auto_close int root_fd = -1;
	auto_close int terminal = -1;
	int r;
	if ((r = rootfs_setup(runtime, &root_fd, err)) < 0 ||
	    (r = make_file_systems(runtime, root_fd, prepared, &terminal, err)) < 0 ||
	    (r = run_hooks(runtime, err)) < 0 || (r = rootfs_pivot(runtime->spec, root_fd, err)) < 0)
		return r;
	*ret_terminal = TAKE_FD(terminal);
	return 0;
}

/* The signal that was set at the beginning is lost with a change of ids. */
static void stay_with_parent(const struct runtime *runtime)
{
	if (!runtime->die_with_parent)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* One that died meanwhile reads no report any more. */
	struct pollfd report = {.fd = runtime->report_fd};
	if (poll(&report, 1, 0) > 0 && (report.revents & POLLERR))
		_exit(125);
}

/* From the clone until exec. Returns only when something failed. */
static int first_process(const struct runtime *runtime, struct prepared *prepared, struct error *err)
{
	const struct spec_process *process = &runtime->spec->process;
	struct launch_pad pad = {
	    .spec = runtime->spec,
	    .process = process,
	    .seccomp = runtime->seccomp,
	    .fake_ownership = runtime->fake_ownership,
	    .keep_groups = runtime->keep_groups,
	    .init_fd = runtime->init_fd,
	    .init_name = runtime->init_name,
	    .report_fd = runtime->report_fd,
	    .preserve_fds = runtime->preserve_fds,
	    .exec_fd = -1,
	};
	auto_close int terminal = -1;
	int r;
	/* Until somebody else knows of us, we go with our maker. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	reset_signals();
	setsid();
	umask(0); /* what is made for the container has the mode it is to have; the process gets its own umask later */
	close_unneeded(runtime, prepared);
	auto_close int self = program_open_self();
	if ((r = hand_on_network(runtime->network_socket, err)) < 0)
		return r;
	if ((r = process_set_oom_score(process, err)) < 0)
		return r;
	/* The caller can map our ids only while we are open. */
	if ((!runtime->nested && (r = close_to_others(runtime, err)) < 0) ||
	    (r = wait_for(runtime->wait_fd, 'm', err)) < 0 || (r = become_root(err)) < 0 ||
	    (r = close_to_others(runtime, err)) < 0)
		return r;
	bool exposed = program_is_exposed(self);
	close(TAKE_FD(self));
	if ((r = namespaces_enter(runtime, err)) < 0 || (r = enter_root(runtime, prepared, &terminal, err)) < 0)
		return r;
	prepared_free(prepared);
	if ((r = process_enter_directory(runtime->spec, process, true, err)) < 0 || (r = program_prepare(&pad, exposed, err)) < 0)
		return r;
	r = terminal >= 0 ? console_adopt(terminal, err) : process_take_stdio(process, runtime->stdio, err);
	if (r < 0)
		return r;
	prctl(PR_SET_PDEATHSIG, 0);
	if ((r = say(runtime->ready_fd, 'r', err)) < 0 || (r = wait_for(runtime->wait_fd, 'x', err)) < 0 ||
	    (r = runtime_run_hooks(runtime->spec, SPEC_HOOK_START_CONTAINER, runtime->id, runtime->bundle, "created",
				   getpid(), err)) < 0)
		return r;
	if ((r = process_apply(&pad, err)) < 0)
		return r;
	stay_with_parent(runtime);
	return program_execute(&pad, err);
}

static int enter_pid_namespace(const void *context, struct error *err)
{
	return namespace_join(context, SPEC_NS_PID, err);
}

static pid_t clone_first(const struct runtime *runtime, struct prepared *prepared, int *ret_pidfd, struct error *err)
{
	uint64_t flags = namespaces_to_make(runtime);
	if (runtime->nested)
		return nested_clone(runtime, flags, prepared, ret_pidfd, err);
	if (runtime->spec->namespaces[SPEC_NS_PID].present && !(flags & CLONE_NEWPID))
		return runtime_clone_entered(enter_pid_namespace, runtime, flags, runtime->cgroup_fd, ret_pidfd, err);
	pid_t pid = runtime_clone(flags, runtime->cgroup_fd, ret_pidfd);
	if (pid >= 0)
		return pid;
	/* A user namespace that could be made, and gives no rights: as AppArmor does it. */
	if (pid == -EPERM)
		return userns_explain(pid, err);
	error_sys(err, pid, "make the container's namespaces");
	if (pid == -ENOSPC)
		error_advice(err, "; the limit is in /proc/sys/user/max_*_namespaces");
	return pid;
}

int runtime_spawn(const struct runtime *runtime, pid_t *ret_pid, int *ret_pidfd, struct error *err)
{
	int pidfd = -1;
	struct prepared prepared = PREPARED_INIT;
	pid_t pid = clone_first(runtime, &prepared, &pidfd, err);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		struct error failure = ERROR_INIT;
		first_process(runtime, &prepared, &failure);
		report_and_exit(runtime->report_fd, &failure);
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}
