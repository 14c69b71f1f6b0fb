/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"

/*
 * The child goes on with the caller's stack in a copy of its memory, as after fork(2), but without glibc's atfork
 * handlers: right for programs of one thread, which all of coracle's are. glibc caches no pid; the thread id in its
 * control block stays the parent's, which only robust and error-checking mutexes would notice.
 */
pid_t process_clone(uint64_t flags, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = {
	    .flags = flags | (ret_pidfd ? CLONE_PIDFD : 0),
	    .pidfd = (uint64_t)(uintptr_t)&pidfd,
	    /* With CLONE_PARENT the child is a sibling and takes our own signal; the kernel refuses another. */
	    .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid > 0 && ret_pidfd)
		*ret_pidfd = pidfd;
	return (pid_t)pid;
}

int pidfd_open_process(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : (int)fd;
}

int pidfd_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

/* /proc/self/fdinfo has a line "Pid:\t123": 0 when the process is not in that pid namespace, -1 when it is gone. */
pid_t pidfd_pid(int pidfd)
{
	char path[sizeof("/proc/self/fdinfo/-2147483648")], text[512];
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -EBADF : -errno;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	const char *line = strstr(text, "\nPid:");
	int pid;
	if (!line || sscanf(line, "\nPid: %d", &pid) != 1)
		return -EBADF;
	return pid > 0 ? pid : -ESRCH;
}

int process_wait(pid_t pid, int *ret_status)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	*ret_status = status;
	return 0;
}

int process_exit_code(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
