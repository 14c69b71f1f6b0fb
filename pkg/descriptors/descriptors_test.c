/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/descriptors/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int make_pair(void **state)
{
	static int pair[2];
	*state = pair;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int close_pair(void **state)
{
	const int *pair = *state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static bool is_same_file(int a, int b)
{
	struct stat left, right;
	return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_ino == right.st_ino && left.st_dev == right.st_dev;
}

static size_t count_open(void)
{
	size_t count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_message_and_files(void **state)
{
	const int *pair = *state;
	char text[8] = "";
	int fds[3];
	size_t count;
	int sent[2] = {open("/dev/null", O_RDONLY | O_CLOEXEC), open("/dev/zero", O_RDONLY | O_CLOEXEC)};
	assert_int_equal(descriptors_send(pair[0], "hello", 5, sent, 2, 0), 0);
	assert_int_equal(descriptors_receive(pair[1], text, sizeof(text), fds, 3, &count, 0), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(count, 2);
	assert_int_equal(fds[2], -1);
	for (size_t i = 0; i < 2; i++) {
		assert_true(is_same_file(fds[i], sent[i]));
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		close(fds[i]);
		close(sent[i]);
	}
}

/* One who sends more than is wanted: nothing is written beyond the array, and nothing stays open. */
static void test_too_many(void **state)
{
	const int *pair = *state;
	for (size_t max = 0; max <= 5; max++) {
		int fds[6], sent[8] = {0};
		size_t count = 0, before = count_open();
		char byte;
		memset(fds, 0x55, sizeof(fds));
		assert_int_equal(descriptors_send(pair[0], "x", 1, sent, 8, 0), 0);
		assert_int_equal(descriptors_receive(pair[1], &byte, 1, fds, max, &count, 0), 1);
		assert_int_equal(count, max);
		assert_int_equal(fds[max], 0x55555555);
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
		assert_int_equal(count_open(), before);
	}
	assert_int_equal(descriptors_send(pair[0], "x", 1, NULL, DESCRIPTORS_MAX + 1, 0), -E2BIG);
}

/* No room for them under the limit of open files: that is said, and none is kept. */
static void test_no_room(void **state)
{
	const int *pair = *state;
	struct rlimit before, tight;
	int fds[4], sent[4] = {0};
	size_t count;
	char byte = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	int next = fcntl(0, F_DUPFD_CLOEXEC, 3);
	close(next);
	tight = (struct rlimit){.rlim_cur = (rlim_t)next + 2, .rlim_max = before.rlim_max};
	assert_int_equal(descriptors_send(pair[0], "x", 1, sent, 4, 0), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	ssize_t n = descriptors_receive(pair[1], &byte, 1, fds, 4, &count, 0);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(n, -EMFILE);
	assert_int_equal(count, 0);
	assert_int_equal(byte, 'x');
	assert_int_equal(fcntl(0, F_DUPFD_CLOEXEC, 3), next);
	close(next);
}

static void test_none(void **state)
{
	int *pair = *state;
	int fds[1];
	size_t count = 7;
	char byte;
	assert_int_equal(descriptors_receive(pair[1], &byte, 1, fds, 1, &count, MSG_DONTWAIT), -EAGAIN);
	assert_int_equal(count, 0);
	assert_int_equal(descriptors_send(pair[0], "x", 1, NULL, 0, 0), 0);
	assert_int_equal(descriptors_receive_one(pair[1], 0), -EPIPE);
	close(pair[0]);
	assert_int_equal(descriptors_receive(pair[1], &byte, 1, fds, 1, &count, 0), 0);
	assert_int_equal(descriptors_receive_one(pair[1], 0), -EPIPE);
	assert_int_equal(descriptors_send(pair[1], "x", 1, NULL, 0, 0), -EPIPE);
	pair[0] = open("/dev/null", O_RDONLY | O_CLOEXEC); /* for the end */
}

/* In the places that a caller leaves open; what the test itself has there is put aside. */
static void test_inherited(void **state)
{
	(void)state;
	int aside[2];
	for (int i = 0; i < 2; i++) {
		aside[i] = fcntl(3 + i, F_DUPFD_CLOEXEC, 10);
		assert_int_equal(dup2(STDERR_FILENO, 3 + i), 3 + i);
	}
	struct error err = ERROR_INIT;
	assert_int_equal(descriptors_check_inherited(0, &err), 0);
	assert_int_equal(descriptors_check_inherited(2, &err), 0);
	assert_int_equal(descriptors_check_inherited(-1, &err), -EINVAL);
	error_clear(&err);
	/* One that is our own. */
	assert_int_equal(fcntl(4, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(descriptors_check_inherited(1, &err), 0);
	assert_int_equal(descriptors_check_inherited(2, &err), -EBADF);
	assert_non_null(strstr(err.text, "descriptor 4 is not open"));
	error_clear(&err);
	descriptors_close_inherited(1);
	assert_int_equal(fcntl(3, F_GETFD), -1);
	assert_int_equal(fcntl(4, F_GETFD), FD_CLOEXEC);
	assert_int_equal(descriptors_check_inherited(1, &err), -EBADF);
	descriptors_close_inherited(0);
	close(4);
	for (int i = 0; i < 2; i++) {
		if (aside[i] < 0)
			continue;
		dup3(aside[i], 3 + i, O_CLOEXEC);
		close(aside[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_message_and_files, make_pair, close_pair),
	    cmocka_unit_test_setup_teardown(test_too_many, make_pair, close_pair),
	    cmocka_unit_test_setup_teardown(test_no_room, make_pair, close_pair),
	    cmocka_unit_test_setup_teardown(test_none, make_pair, close_pair),
	    cmocka_unit_test(test_inherited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
