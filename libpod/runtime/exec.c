/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A further process in a running container. A helper joins all of its namespaces with one setns(2) on the pidfd, so
 * that none can be exchanged between two of them, and clones the process, which is thereby in the pid namespace too.
 * Until exec the process is not dumpable: programs in the container see it in their /proc, but can neither trace it nor
 * reach its executable, memory or descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/process/process.h"

static void close_unneeded(const struct runtime_exec *exec, int self_fd)
{
	const int needed[] = {exec->stdio[0],       exec->stdio[1],  exec->stdio[2],
			      exec->console_socket, exec->report_fd, self_fd};
	int keep[ARRAY_SIZE(needed)];
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (needed[i] >= 3)
			keep[count++] = needed[i];
	close_fds_except(3 + (int)exec->preserve_fds, keep, count);
}

static int join(const struct runtime_exec *exec, int flags, struct error *err)
{
	if (setns(exec->pidfd, flags) == 0)
		return 0;
	return errno == ESRCH ? error_set(err, ESRCH, "the container is not running")
			      : error_sys(err, errno, "join the container's namespaces");
}

static int close_to_others(struct error *err)
{
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? error_sys(err, errno, "close this process to others") : 0;
}

/* The id gets its name here, where nobody in the container can see the process. */
static int enter_with_one_id(const struct runtime_exec *exec, int flags, struct error *err)
{
	auto_close int proc_self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc_self < 0)
		return error_sys(err, errno, "open /proc/self");
	int joined = one_id_join(exec->pidfd, exec->process, err);
	if (joined < 0)
		return joined;
	int r = join(exec, joined ? flags & ~CLONE_NEWUSER : flags, err);
	if (r == 0 && !one_id_is(exec->process))
		r = one_id_become(proc_self, exec->process, err);
	return r < 0 ? r : close_to_others(err);
}

/* In the helper; what is set here is the process's too. */
static int enter(const void *context, struct error *err)
{
	const struct runtime_exec *exec = context;
	int flags = namespaces_of(exec->spec);
	int r = process_set_oom_score(exec->process, err);
	if (r < 0)
		return r;
	if ((r = close_to_others(err)) < 0)
		return r;
	if (exec->fake_ownership)
		return enter_with_one_id(exec, flags, err);
	if (exec->nested)
		return nested_join(exec->pidfd, flags, exec->keep_groups, err);
	if ((r = join(exec, flags, err)) < 0)
		return r;
	if ((flags & CLONE_NEWUSER) && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return error_sys(err, errno, "become root of the container's user namespace");
	return 0;
}

static int entered_process(const struct runtime_exec *exec, int self_fd, struct error *err)
{
	const struct spec_process *process = exec->process;
	struct launch_pad pad = {
	    .spec = exec->spec,
	    .process = process,
	    .seccomp = exec->seccomp,
	    .fake_ownership = exec->fake_ownership,
	    .keep_groups = exec->keep_groups,
	    .init_fd = -1,
	    .report_fd = exec->report_fd,
	    .preserve_fds = exec->preserve_fds,
	    .exec_fd = -1,
	};
	int r;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	reset_signals();
	setsid();
	bool exposed = program_is_exposed(self_fd);
	close_unneeded(exec, -1);
	if ((r = process_enter_directory(exec->spec, process, false, err)) < 0 || (r = program_prepare(&pad, exposed, err)) < 0)
		return r;
	if (process->terminal) {
		auto_close int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		auto_close int terminal = -1;
		if ((r = console_open(process, root_fd, exec->console_socket, &terminal, err)) < 0 ||
		    (r = console_adopt(terminal, err)) < 0)
			return r;
	} else if ((r = process_take_stdio(process, exec->stdio, err)) < 0) {
		return r;
	}
	prctl(PR_SET_PDEATHSIG, 0);
	if ((r = process_apply(&pad, err)) < 0)
		return r;
	return program_execute(&pad, err);
}

int runtime_exec(const struct runtime_exec *exec, pid_t *ret_pid, int *ret_pidfd, struct error *err)
{
	int pidfd = -1;
	auto_close int self_fd = program_open_self();
	pid_t pid = runtime_clone_entered(enter, exec, 0, exec->cgroup_fd, &pidfd, err);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		struct error failure = ERROR_INIT;
		entered_process(exec, self_fd, &failure);
		report_and_exit(exec->report_fd, &failure);
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}
