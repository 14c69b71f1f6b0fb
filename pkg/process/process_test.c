/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/cleanup/cleanup.h"

static int value = 1;

static void test_clone(void **state)
{
	(void)state;
	int pidfd = -1, status;
	pid_t parent = getpid();
	pid_t pid = process_clone(0, &pidfd);
	assert_true(pid >= 0);
	if (pid == 0) {
		/* A copy of the memory, a pid of its own, and no pidfd. */
		value = 2;
		_exit(getppid() == parent && getpid() != parent && pidfd == -1 ? 7 : 1);
	}
	assert_true(pidfd >= 0);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(pidfd_pid(pidfd), pid);
	assert_int_equal(process_wait(pid, &status), 0);
	assert_int_equal(process_exit_code(status), 7);
	assert_int_equal(value, 1);
	assert_int_equal(pidfd_pid(pidfd), -ESRCH);
	assert_int_equal(pidfd_signal(pidfd, SIGKILL), -ESRCH);
	close(pidfd);

	pid = process_clone(0, NULL);
	if (pid == 0)
		_exit(3);
	assert_int_equal(process_wait(pid, &status), 0);
	assert_int_equal(process_exit_code(status), 3);
	assert_int_equal(process_wait(pid, &status), -ECHILD);
}

static void test_clone_into_namespaces(void **state)
{
	(void)state;
	int status;
	pid_t pid = process_clone(CLONE_NEWUSER | CLONE_NEWPID, NULL);
	if (pid == 0)
		_exit(getpid() == 1 ? 0 : 1);
	assert_true(pid > 0);
	assert_int_equal(process_wait(pid, &status), 0);
	assert_int_equal(status, 0);
	assert_int_equal(process_clone(CLONE_NEWNS | CLONE_FS, NULL), -EINVAL);
}

/* The grandchild becomes our child, and is waited for like any other. */
static void test_clone_parent(void **state)
{
	(void)state;
	int ends[2], status;
	pid_t grandchild;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = process_clone(0, NULL);
	if (pid == 0) {
		grandchild = process_clone(CLONE_PARENT, NULL);
		if (grandchild == 0)
			_exit(5);
		_exit(write(ends[1], &grandchild, sizeof(grandchild)) == sizeof(grandchild) ? 0 : 1);
	}
	assert_int_equal(read(ends[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	assert_int_equal(process_wait(pid, &status), 0);
	assert_int_equal(status, 0);
	assert_true(grandchild > 0);
	assert_int_equal(process_wait(grandchild, &status), 0);
	assert_int_equal(process_exit_code(status), 5);
	close(ends[0]);
	close(ends[1]);
}

static void test_pidfd(void **state)
{
	(void)state;
	int status;
	pid_t pid = process_clone(0, NULL);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	auto_close int pidfd = pidfd_open_process(pid);
	assert_true(pidfd >= 0);
	struct pollfd poll_pidfd = {.fd = pidfd, .events = POLLIN};
	assert_int_equal(poll(&poll_pidfd, 1, 0), 0);
	assert_int_equal(pidfd_signal(pidfd, 0), 0);
	assert_int_equal(pidfd_signal(pidfd, 9999), -EINVAL);
	assert_int_equal(pidfd_signal(pidfd, SIGTERM), 0);
	assert_int_equal(poll(&poll_pidfd, 1, 10000), 1);
	assert_int_equal(process_wait(pid, &status), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(process_exit_code(status), 128 + SIGTERM);
	assert_int_equal(pidfd_open_process(pid), -ESRCH);

	auto_close int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pidfd_pid(file), -EBADF);
	assert_int_equal(pidfd_pid(-1), -EBADF);
}

static void nothing(int signal)
{
	(void)signal;
}

static void test_wait_goes_on_after_a_signal(void **state)
{
	(void)state;
	const struct sigaction action = {.sa_handler = nothing}; /* no SA_RESTART */
	struct sigaction before;
	int status;
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	pid_t parent = getpid(), pid = process_clone(0, NULL);
	if (pid == 0) {
		for (int i = 0; i < 3; i++) {
			usleep(20000);
			kill(parent, SIGUSR1);
		}
		usleep(20000);
		_exit(9);
	}
	assert_int_equal(process_wait(pid, &status), 0);
	assert_int_equal(process_exit_code(status), 9);
	sigaction(SIGUSR1, &before, NULL);
}

static void test_signal_names(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int number;
	} good[] = {
	    {"TERM", SIGTERM}, {"SIGTERM", SIGTERM}, {"sigkill", SIGKILL}, {"hup", SIGHUP},    {"15", 15},
	    {"64", 64},        {"RTMIN", 34},        {"SIGRTMIN+3", 37},   {"rtmax-1", 63},    {"RTMAX", 64},
	    {"RTMIN+30", 64},  {"SIGRTMAX-30", 34},  {"CLD", SIGCHLD},     {"SIGPOLL", SIGIO}, {"IOT", SIGABRT},
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (signal_from_name(good[i].name) != good[i].number)
			fail_msg("%s is %d", good[i].name, signal_from_name(good[i].name));
	static const char *const bad[] = {"",         "SIG",     "0",           "65",     "-1",
					  "1x",       "TERMS",   "RTMIN+31",    "RTMIN+", "RTMIN-1",
					  "RTMAX-31", "RTMAX+1", "99999999999", "SIG15"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (signal_from_name(bad[i]) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	for (int i = -1; i <= 65; i++) {
		const char *name = signal_to_name(i);
		if ((name == NULL) != (i < 1 || i == 32 || i == 33 || i > 64))
			fail_msg("%d is %s", i, name);
		if (name)
			assert_int_equal(signal_from_name(name), i);
	}
	assert_string_equal(signal_to_name(SIGTERM), "SIGTERM");
	assert_string_equal(signal_to_name(SIGRTMIN + 3), "SIGRTMIN+3");
	assert_string_equal(signal_to_name(SIGRTMAX - 3), "SIGRTMAX-3");
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_close_fds_except(void **state)
{
	(void)state;
	int status;
	pid_t pid = process_clone(0, NULL);
	if (pid == 0) {
		for (int fd = 100; fd < 120; fd++)
			dup2(STDERR_FILENO, fd);
		static const int keep[] = {117, 104, 103, 50, 104};
		close_fds_except(100, keep, ARRAY_SIZE(keep));
		for (int fd = 100; fd < 120; fd++)
			if (is_open(fd) != (fd == 103 || fd == 104 || fd == 117))
				_exit(1);
		if (!is_open(0))
			_exit(2);
		close_fds_except(3, NULL, 0);
		_exit(is_open(103) || is_open(117) || !is_open(2) ? 3 : 0);
	}
	assert_int_equal(process_wait(pid, &status), 0);
	assert_int_equal(process_exit_code(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clone),
	    cmocka_unit_test(test_clone_into_namespaces),
	    cmocka_unit_test(test_clone_parent),
	    cmocka_unit_test(test_pidfd),
	    cmocka_unit_test(test_wait_goes_on_after_a_signal),
	    cmocka_unit_test(test_signal_names),
	    cmocka_unit_test(test_close_fds_except),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
