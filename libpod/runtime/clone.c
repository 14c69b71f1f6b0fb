/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

pid_t runtime_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = {
	    .flags =
		flags | CLONE_CLEAR_SIGHAND | (ret_pidfd ? CLONE_PIDFD : 0) | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
	    .pidfd = (uint64_t)(uintptr_t)&pidfd,
	    .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	    .cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid > 0 && ret_pidfd)
		*ret_pidfd = pidfd;
	return (pid_t)pid;
}

void reset_signals(void)
{
	/* Handlers went with the clone; what our caller ignored would stay ignored over exec. */
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What the helper says: the pid, or why there is none. */
struct helper_answer {
	pid_t pid;
	struct error err;
};

/* The helper. Returns 0 in the grandchild; the helper itself ends here. */
static int help(int (*enter)(const void *context, struct error *err), const void *context, uint64_t flags,
		int answer_fd)
{
	struct helper_answer answer = {.err = ERROR_INIT};
	if (enter(context, &answer.err) == 0) {
		answer.pid = runtime_clone(flags | CLONE_PARENT, -1, NULL);
		if (answer.pid == 0)
			return 0;
		if (answer.pid < 0)
			error_sys(&answer.err, answer.pid, "make the container's process");
	}
	_exit(write_all(answer_fd, &answer, sizeof(answer)) < 0);
}

pid_t runtime_clone_entered(int (*enter)(const void *context, struct error *err), const void *context, uint64_t flags,
			    int cgroup_fd, int *ret_pidfd, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	auto_close int answer_read = ends[0];
	auto_close int answer_write = ends[1];
	/* Into the cgroup with the helper already: from inside the container's cgroup namespace, outside of which it still
	 * is itself, the kernel lets nobody in (nsdelegate of cgroups(7)). */
	pid_t helper = runtime_clone(0, cgroup_fd, NULL);
	if (helper < 0)
		return error_sys(err, helper, "make a process");
	if (helper == 0)
		return help(enter, context, flags, answer_write);
	close(TAKE_FD(answer_write));
	struct helper_answer answer;
	ssize_t length = read_full(answer_read, &answer, sizeof(answer));
	int status;
	process_wait(helper, &status);
	if (length != (ssize_t)sizeof(answer))
		return error_set(err, ECHILD, "the process that joins the container's namespaces was killed");
	if (answer.pid <= 0) {
		if (err)
			*err = answer.err;
		return answer.err.errnum ? -answer.err.errnum : -EIO;
	}
	/* Our own child, not waited for yet: the number cannot be another's. */
	int pidfd = pidfd_open_process(answer.pid);
	if (pidfd < 0)
		return error_sys(err, pidfd, "open the container's process");
	*ret_pidfd = pidfd;
	return answer.pid;
}
