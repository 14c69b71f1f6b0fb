/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/message/message.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What is written to standard error between start() and stop(). */
struct capture {
	int saved;
	int pipe[2];
	char text[2 * MESSAGE_MAX];
};

static void start(struct capture *capture)
{
	capture->saved = dup(STDERR_FILENO);
	assert_int_equal(pipe2(capture->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	dup2(capture->pipe[1], STDERR_FILENO);
}

static const char *stop(struct capture *capture)
{
	dup2(capture->saved, STDERR_FILENO);
	close(capture->saved);
	close(capture->pipe[1]);
	ssize_t n = read(capture->pipe[0], capture->text, sizeof(capture->text) - 1);
	close(capture->pipe[0]);
	capture->text[n > 0 ? n : 0] = '\0';
	return capture->text;
}

static void test_levels(void **state)
{
	(void)state;
	struct capture capture;
	message_start(message_level_from_name("warn"), false);
	start(&capture);
	message_info("not shown");
	message_warn("shown %d", 1);
	message_error("bad");
	assert_string_equal(stop(&capture), "Warning: shown 1\nError: bad\n");

	message_start(message_level_from_name("fatal"), false);
	start(&capture);
	message_warn("not shown");
	message_error("bad");
	assert_string_equal(stop(&capture), "Error: bad\n");

	message_start(message_level_from_name("debug"), false);
	start(&capture);
	message_trace("not shown");
	message_debug("shown");
	assert_string_equal(stop(&capture), "Debug: shown\n");
	assert_true(message_shown(MESSAGE_DEBUG));
	assert_false(message_shown(MESSAGE_TRACE));
}

static void test_color(void **state)
{
	(void)state;
	struct capture capture;
	message_start(MESSAGE_WARN, true);
	start(&capture);
	message_error("bad");
	assert_string_equal(stop(&capture), "\033[31mError:\033[0m bad\n");
}

static void test_terminals_are_not_obeyed(void **state)
{
	(void)state;
	struct capture capture;
	message_start(MESSAGE_WARN, false);
	start(&capture);
	message_error("a\033]0;x\ab\xc2\x9b"
		      "c\rd\te\nä");
	assert_string_equal(stop(&capture), "Error: a?]0;x?b??c?d\te\nä\n");
}

static void test_long_line_is_cut(void **state)
{
	(void)state;
	char text[3 * MESSAGE_MAX];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct capture capture;
	start(&capture);
	message_error("%s", text);
	assert_int_equal(strlen(stop(&capture)), MESSAGE_MAX - 1 + strlen("Error: \n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_levels),
	    cmocka_unit_test(test_color),
	    cmocka_unit_test(test_terminals_are_not_obeyed),
	    cmocka_unit_test(test_long_line_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
