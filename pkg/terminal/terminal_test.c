/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/terminal/terminal.h"

#include <errno.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct pty {
	int master, slave;
};

static void open_pty(struct pty *pty)
{
	assert_int_equal(openpty(&pty->master, &pty->slave, NULL, NULL, NULL), 0);
}

static void close_pty(struct pty *pty)
{
	close(pty->master);
	close(pty->slave);
}

static void test_raw_and_back(void **state)
{
	(void)state;
	struct pty pty;
	open_pty(&pty);
	struct termios before, saved, now;
	tcgetattr(pty.slave, &before);
	assert_true(before.c_lflag & ECHO);
	assert_int_equal(terminal_make_raw(pty.slave, &saved, NULL), 0);
	tcgetattr(pty.slave, &now);
	assert_false(now.c_lflag & (ECHO | ICANON | ISIG));

	/* ctrl-c is a byte like any other now. */
	char byte = 3, got = 0;
	assert_int_equal(write(pty.master, &byte, 1), 1);
	assert_int_equal(read(pty.slave, &got, 1), 1);
	assert_int_equal(got, 3);

	terminal_restore(pty.slave, &saved);
	tcgetattr(pty.slave, &now);
	assert_int_equal(now.c_lflag, before.c_lflag);
	assert_int_equal(now.c_oflag, before.c_oflag);
	close_pty(&pty);
}

static void test_not_a_terminal(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	struct termios saved;
	struct winsize size;
	struct error err = ERROR_INIT;
	assert_int_equal(terminal_make_raw(fds[0], &saved, &err), -ENOTTY);
	assert_int_equal(terminal_get_size(fds[0], &size), -ENOTTY);
	assert_int_equal(terminal_set_size(fds[0], &(struct winsize){.ws_col = 1}), -ENOTTY);
	close(fds[0]);
	close(fds[1]);
}

/* A child in a background process group of a session with a controlling terminal restores it and is not stopped. */
static void test_restore_in_the_background(void **state)
{
	(void)state;
	int master;
	pid_t leader = forkpty(&master, NULL, NULL, NULL);
	assert_true(leader >= 0);
	if (leader == 0) {
		struct termios settings;
		tcgetattr(0, &settings);
		settings.c_lflag &= ~(tcflag_t)ECHO;
		pid_t child = fork();
		if (child == 0) {
			setpgid(0, 0);
			terminal_restore(0, &settings);
			_exit(0);
		}
		int status = 0;
		waitpid(child, &status, WUNTRACED);
		if (WIFSTOPPED(status))
			kill(child, SIGKILL);
		tcgetattr(0, &settings);
		_exit(WIFEXITED(status) && !(settings.c_lflag & ECHO) ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(leader, &status, 0), leader);
	assert_int_equal(status, 0);
	close(master);
}

static void test_size(void **state)
{
	(void)state;
	struct pty pty;
	open_pty(&pty);
	struct winsize size;
	assert_int_equal(terminal_set_size(pty.master, &(struct winsize){.ws_row = 11, .ws_col = 77}), 0);
	assert_int_equal(terminal_get_size(pty.slave, &size), 0);
	assert_int_equal(size.ws_row, 11);
	assert_int_equal(size.ws_col, 77);
	close_pty(&pty);
}

static void test_color(void **state)
{
	(void)state;
	struct pty pty;
	open_pty(&pty);
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	assert_true(terminal_use_color(pty.slave));
	setenv("NO_COLOR", "1", 1);
	assert_false(terminal_use_color(pty.slave));
	setenv("NO_COLOR", "", 1);
	assert_true(terminal_use_color(pty.slave));
	setenv("TERM", "dumb", 1);
	assert_false(terminal_use_color(pty.slave));
	unsetenv("TERM");
	assert_true(terminal_use_color(pty.slave));
	close_pty(&pty);
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	assert_false(terminal_use_color(fds[1]));
	close(fds[0]);
	close(fds[1]);
}

static void test_parse_keys(void **state)
{
	(void)state;
	struct detach_keys keys;
	assert_int_equal(detach_keys_parse(DETACH_KEYS_DEFAULT, &keys, NULL), 0);
	assert_int_equal(keys.count, 2);
	assert_memory_equal(keys.keys, "\x10\x11", 2);
	assert_int_equal(detach_keys_parse("ctrl-@,a,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_,ctrl-z", &keys, NULL), 0);
	assert_int_equal(keys.count, 8);
	assert_memory_equal(keys.keys, "\0a\x1b\x1c\x1d\x1e\x1f\x1a", 8);
	assert_int_equal(detach_keys_parse("", &keys, NULL), 0);
	assert_int_equal(keys.count, 0);

	static const char *const wrong[] = {
	    "ctrl-",
	    "ctrl-A",
	    "ctrl-1",
	    "ab",
	    "a,",
	    ",a",
	    ",",
	    "ctrl-pq",
	    "alt-x",
	    "a,,b",
	    "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct error err = ERROR_INIT;
		assert_int_equal(detach_keys_parse(wrong[i], &keys, &err), -EINVAL);
		assert_non_null(strstr(err.text, wrong[i]));
		assert_int_equal(keys.count, 0);
	}
}

/* Feeds `input` in pieces of every size; what is passed on and where it is complete must not depend on that. */
static void assert_feed(const char *sequence, const char *input, const char *expected, bool expected_complete)
{
	size_t length = strlen(input);
	for (size_t piece = 1; piece <= length; piece++) {
		struct detach_keys keys;
		assert_int_equal(detach_keys_parse(sequence, &keys, NULL), 0);
		char passed[256];
		size_t total = 0;
		bool complete = false;
		for (size_t at = 0; at < length && !complete; at += piece) {
			size_t size = length - at < piece ? length - at : piece;
			/* Of exactly the promised size, for the address sanitizer to watch. */
			char *out = malloc(size + DETACH_KEYS_MAX);
			size_t written;
			complete = detach_keys_feed(&keys, input + at, size, out, &written);
			memcpy(passed + total, out, written);
			total += written;
			free(out);
		}
		passed[total] = '\0';
		assert_string_equal(passed, expected);
		assert_int_equal(complete, expected_complete);
	}
}

static void test_feed(void **state)
{
	(void)state;
	assert_feed("ctrl-p,ctrl-q", "ls\n", "ls\n", false);
	assert_feed("ctrl-p,ctrl-q", "ls\x10\x11not this", "ls", true);
	assert_feed("ctrl-p,ctrl-q", "\x10x\x11", "\x10x\x11", false);
	assert_feed("ctrl-p,ctrl-q", "\x10\x10\x11", "\x10", true);
	assert_feed("ctrl-p,ctrl-q", "x\x10", "x", false); /* held back */
	assert_feed("a", "bba", "bb", true);
	assert_feed("a,a,b", "aaab", "a", true);
	assert_feed("a,b,a,c", "ababac", "ab", true);
	assert_feed("a,b,a,c", "abad", "abad", false);
	assert_feed("", "\x10\x11", "\x10\x11", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_raw_and_back),
	    cmocka_unit_test(test_not_a_terminal),
	    cmocka_unit_test(test_restore_in_the_background),
	    cmocka_unit_test(test_size),
	    cmocka_unit_test(test_color),
	    cmocka_unit_test(test_parse_keys),
	    cmocka_unit_test(test_feed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
