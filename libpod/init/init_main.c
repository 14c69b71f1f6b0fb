/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle-init: the smallest pid 1 there can be, and the last step of an exec that must not be ours.
 *
 *	coracle-init -- PROGRAM ARGUMENT…
 *		runs the program as a child, hands on to it the signals that it gets, reaps whatever ends, and ends as the
 *		child did
 *	coracle-init --exec FD PATH PROGRAM ARGUMENT…
 *		executes the program; when that fails, writes a struct runtime_report to FD (libpod/runtime/runtime.h)
 *
 * It is executed in the container, after seccomp, from a sealed memfd. It has no C library: nothing but the system
 * calls that are written here are made, so that no filter that lets the program start can stop it; it is a few
 * kilobytes, copied in no time, and a few pages of memory for as long as the container runs.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/signal.h>
#include <linux/wait.h>
#include <stddef.h>
#include <stdint.h>

#include "libpod/init/syscall.h"

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND      127
#define PATH_LENGTH_MAX       4096

/* As in libpod/runtime/runtime.h, which needs a C library. */
struct report {
	int32_t errnum, status;
	char text[1024 - 8];
};

static size_t length_of(const char *text)
{
	size_t length = 0;
	while (text[length])
		length++;
	return length;
}

static int is_equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Appends as much as fits; the buffer is zeroed and stays terminated. */
static size_t append(char *buffer, size_t size, size_t at, const char *text)
{
	while (*text && at + 1 < size)
		buffer[at++] = *text++;
	return at;
}

static const char *words(long errnum)
{
	switch (errnum) {
	case ENOENT:
		return "no such file or directory; its interpreter is missing";
	case EACCES:
		return "permission denied";
	case ENOEXEC:
		return "exec format error";
	case ENOMEM:
		return "out of memory";
	case E2BIG:
		return "argument list too long";
	case ETXTBSY:
		return "text file busy";
	default:
		return "it cannot be executed";
	}
}

static int status_of(long errnum)
{
	return errnum == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

static size_t describe(char *text, size_t size, const char *path, long errnum)
{
	size_t at = append(text, size, 0, "exec ");
	at = append(text, size, at, path);
	at = append(text, size, at, ": ");
	return append(text, size, at, words(errnum));
}

/* ---- --exec ---- */

static int execute(int report_fd, char **args, char **env)
{
	static struct report report;
	/* A filter may forbid this; then nobody learns of a failure, but the program gets no descriptor that is not its
	 * own. */
	if (system_call(SYSTEM_fcntl, report_fd, F_SETFD, FD_CLOEXEC, 0) < 0) {
		system_call(SYSTEM_close, report_fd, 0, 0, 0);
		report_fd = -1;
	}
	long errnum = -system_call(SYSTEM_execve, (long)args[0], (long)(args + 1), (long)env, 0);
	report.errnum = (int32_t)errnum;
	report.status = status_of(errnum);
	describe(report.text, sizeof(report.text), args[0], errnum);
	if (report_fd >= 0)
		system_call(SYSTEM_write, report_fd, (long)&report, sizeof(report), 0);
	return report.status;
}

/* ---- pid 1 ---- */

static const char *search_path(char **env)
{
	static const char key[] = "PATH=";
	for (; *env; env++) {
		size_t i = 0;
		while (key[i] && (*env)[i] == key[i])
			i++;
		if (!key[i])
			return *env + i;
	}
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* execvp(3): returns the error that says most. */
static long execute_found(char **args, char **env)
{
	static char path[PATH_LENGTH_MAX];
	size_t length = length_of(args[0]);
	long worst = ENOENT;
	for (const char *c = args[0]; *c; c++)
		if (*c == '/')
			return -system_call(SYSTEM_execve, (long)args[0], (long)args, (long)env, 0);
	for (const char *at = search_path(env); *at;) {
		size_t n = 0;
		for (; *at && *at != ':'; at++)
			if (n < sizeof(path) - length - 2)
				path[n++] = *at;
		at += *at == ':';
		if (n == 0 || length + 2 > sizeof(path))
			continue;
		path[n++] = '/';
		append(path, sizeof(path), n, args[0]);
		path[n + length] = '\0';
		long errnum = -system_call(SYSTEM_execve, (long)path, (long)args, (long)env, 0);
		if (errnum != ENOENT && errnum != ENOTDIR)
			worst = errnum;
	}
	return worst;
}

static int run_child(char **args, char **env, kernel_sigset_t *before)
{
	static char text[PATH_LENGTH_MAX + 128];
	/* A process group of its own, and in the foreground where there is a terminal: what its user types reaches the
	 * program once, not by us a second time. SIGTTOU is still blocked. */
	int group = (int)system_call(SYSTEM_getpid, 0, 0, 0, 0);
	system_call(SYSTEM_setpgid, 0, 0, 0, 0);
	system_call(SYSTEM_ioctl, 0, IOCTL_TIOCSPGRP, (long)&group, 0);
	system_call(SYSTEM_rt_sigprocmask, SIG_SETMASK, (long)before, 0, sizeof(*before));
	long errnum = execute_found(args, env);
	size_t length = describe(text, sizeof(text) - 1, args[0], errnum);
	text[length++] = '\n';
	system_call(SYSTEM_write, 2, (long)text, (long)length, 0);
	return status_of(errnum);
}

/* Reaps all that has ended. Whether the child is among them; then *ret_status is its status. */
static int reap(long child, int *ret_status)
{
	int ended = 0;
	for (;;) {
		int status = 0;
		long pid = system_call(SYSTEM_wait4, -1, (long)&status, WNOHANG, 0);
		if (pid <= 0)
			return ended;
		if (pid == child) {
			*ret_status = status;
			ended = 1;
		}
	}
}

static int exit_code(int status)
{
	int signal = status & 0x7f;
	return signal ? 128 + signal : (status >> 8) & 0xff;
}

static int run(char **args, char **env)
{
	kernel_sigset_t all = ~(kernel_sigset_t)0, before = 0;
	int status = 0;
	system_call(SYSTEM_prctl, PRCTL_SET_NAME, (long)"coracle-init", 0, 0);
	system_call(SYSTEM_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, sizeof(all));
	long child = system_call(SYSTEM_clone, SIGCHLD, 0, 0, 0);
	if (child < 0)
		return STATUS_NOT_EXECUTABLE;
	if (child == 0)
		return run_child(args, env, &before);
	/* What was handed to the program (--preserve-fds) is its alone: who reads at the other end sees its end. */
	system_call(SYSTEM_close_range, 3, ~0U, 0, 0);
	while (!reap(child, &status)) {
		long signal = system_call(SYSTEM_rt_sigtimedwait, (long)&all, 0, 0, sizeof(all));
		if (signal > 0 && signal != SIGCHLD)
			system_call(SYSTEM_kill, child, signal, 0, 0);
	}
	return exit_code(status);
}

static int number(const char *text)
{
	int value = 0;
	while (*text >= '0' && *text <= '9')
		value = 10 * value + (*text++ - '0');
	return value;
}

/* What the kernel leaves on the stack: argc, argv, NULL, environment, NULL. */
__attribute__((noreturn)) void start(long *stack);
void start(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	char **env = argv + argc + 1;
	int status = STATUS_NOT_FOUND;
	if (argc > 4 && is_equal(argv[1], "--exec"))
		status = execute(number(argv[2]), argv + 3, env);
	else if (argc > 2 && is_equal(argv[1], "--"))
		status = run(argv + 2, env);
	for (;;)
		system_call(SYSTEM_exit_group, status, 0, 0, 0);
}
