/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/lock/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/cleanup/cleanup.h"

static char directory[] = "/tmp/coracle-lock-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	unlink("lock");
	return rmdir(directory);
}

static int open_lock(void)
{
	struct error err = ERROR_INIT;
	int fd = lock_file_open(AT_FDCWD, "lock", &err);
	assert_true(fd >= 0);
	return fd;
}

static void test_open(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	auto_close int fd = open_lock();
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(symlink("lock", "link"), 0);
	assert_int_equal(lock_file_open(AT_FDCWD, "link", &err), -ELOOP);
	unlink("link");
	assert_int_equal(lock_file_open(AT_FDCWD, "none/lock", &err), -ENOENT);
	assert_string_equal(err.text, "open the lock file none/lock: No such file or directory");
}

/* Two open files of one process stand against each other: they would not with POSIX's own locks. */
static void test_modes(void **state)
{
	(void)state;
	auto_close int one = open_lock(), two = open_lock(), three = open_lock();
	assert_int_equal(lock_is_held(one), 0);
	assert_int_equal(lock_take(one, LOCK_MODE_SHARED, NULL), 0);
	assert_int_equal(lock_try(two, LOCK_MODE_SHARED), 0);
	assert_int_equal(lock_try(three, LOCK_MODE_EXCLUSIVE), -EAGAIN);
	assert_int_equal(lock_is_held(three), 1);
	assert_int_equal(lock_drop(one), 0);
	assert_int_equal(lock_try(three, LOCK_MODE_EXCLUSIVE), -EAGAIN);
	assert_int_equal(lock_drop(two), 0);
	assert_int_equal(lock_try(three, LOCK_MODE_EXCLUSIVE), 0);
	assert_int_equal(lock_try(one, LOCK_MODE_SHARED), -EAGAIN);
	/* Looking is not taking, and one's own lock is not somebody else's. */
	assert_int_equal(lock_is_held(one), 1);
	assert_int_equal(lock_is_held(three), 0);
	assert_int_equal(lock_try(three, LOCK_MODE_SHARED), 0);
	assert_int_equal(lock_try(one, LOCK_MODE_SHARED), 0);
}

static void test_goes_with_the_last_descriptor(void **state)
{
	(void)state;
	auto_close int other = open_lock();
	int fd = open_lock(), copy = dup(fd);
	assert_int_equal(lock_try(fd, LOCK_MODE_EXCLUSIVE), 0);
	close(fd);
	assert_int_equal(lock_is_held(other), 1);
	/* POSIX's locks go when any descriptor of the file is closed. */
	close(open_lock());
	assert_int_equal(lock_is_held(other), 1);
	close(copy);
	assert_int_equal(lock_is_held(other), 0);
}

/* A child that inherited the open file holds the lock when the parent has let go of it, and until it is killed. */
static void test_across_fork_and_exec(void **state)
{
	(void)state;
	auto_close int other = open_lock();
	int fd = open_lock();
	assert_int_equal(lock_try(fd, LOCK_MODE_EXCLUSIVE), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fcntl(fd, F_SETFD, 0);
		execlp("sleep", "sleep", "60", (char *)NULL);
		_exit(127);
	}
	close(fd);
	assert_int_equal(lock_is_held(other), 1);
	assert_int_equal(lock_try(other, LOCK_MODE_SHARED), -EAGAIN);
	/* Give it time to exec: the lock is there before, between and after. */
	usleep(100000);
	assert_int_equal(lock_is_held(other), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(lock_is_held(other), 0);
	assert_int_equal(lock_try(other, LOCK_MODE_EXCLUSIVE), 0);
}

static void nothing(int signal)
{
	(void)signal;
}

/* Waits through a signal, and gets the lock only when it is free. */
static void test_waits(void **state)
{
	(void)state;
	int ready[2];
	char c;
	auto_close int fd = open_lock();
	assert_int_equal(lock_take(fd, LOCK_MODE_EXCLUSIVE, NULL), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct sigaction action = {.sa_handler = nothing}; /* no SA_RESTART */
		sigaction(SIGUSR1, &action, NULL);
		close(fd);
		int mine = lock_file_open(AT_FDCWD, "lock", NULL);
		if (write(ready[1], "r", 1) != 1 || lock_take(mine, LOCK_MODE_EXCLUSIVE, NULL) < 0)
			_exit(1);
		_exit(write(ready[1], "l", 1) == 1 ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	usleep(50000);
	kill(pid, SIGUSR1);
	usleep(50000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(lock_drop(fd), 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 'l');
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
}

static void test_errors(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	assert_int_equal(lock_take(-1, LOCK_MODE_SHARED, &err), -EBADF);
	assert_string_equal(err.text, "wait for a lock: Bad file descriptor");
	assert_int_equal(lock_try(-1, LOCK_MODE_SHARED), -EBADF);
	assert_int_equal(lock_is_held(-1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_open),
	    cmocka_unit_test(test_modes),
	    cmocka_unit_test(test_goes_with_the_last_descriptor),
	    cmocka_unit_test(test_across_fork_and_exec),
	    cmocka_unit_test(test_waits),
	    cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
