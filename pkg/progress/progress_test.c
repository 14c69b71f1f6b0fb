/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/progress/progress.h"

#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/progress/internal.h"

#define MB     UINT64_C(1000000)
#define SECOND INT64_C(1000000000)

static char name[] = "abcd", loading[] = "Loading";

static void assert_line(const struct progress_item *item, size_t width, const char *expected)
{
	auto_strbuf struct strbuf line = STRBUF_INIT;
	progress_line(item, 6, width, &line);
	assert_string_equal(strbuf_text(&line), expected);
}

static void test_lines(void **state)
{
	(void)state;
	struct progress_item item = {.name = name, .state = loading, .done = 5 * MB, .total = 10 * MB, .rate = 2 * MB};
	assert_line(&item, 79, "abcd:   Loading      [===============>              ]  5MB/10MB  2MB/s");
	assert_line(&item, 50, "abcd:   Loading      [=====>    ]  5MB/10MB  2MB/s");
	assert_line(&item, 40, "abcd:   Loading      5MB/10MB  2MB/s");
	assert_line(&item, 10, "abcd:   Lo");
	item.done = 20 * MB; /* more than was promised */
	assert_line(&item, 79, "abcd:   Loading      [==============================]  20MB/10MB  2MB/s");
	item.total = 0;
	assert_line(&item, 79, "abcd:   Loading      20MB  2MB/s");
	item.done = item.rate = 0;
	assert_line(&item, 79, "abcd:   Loading      ");
	item.finished = true;
	assert_line(&item, 79, "abcd:   Loading");
}

static void test_rate(void **state)
{
	(void)state;
	struct progress_item item = {.name = name, .state = loading};
	progress_measure(&item, 10 * SECOND);
	item.done = 3 * MB;
	progress_measure(&item, 10 * SECOND + 1);
	assert_int_equal(item.rate, 0); /* too short a time to tell */
	progress_measure(&item, 11 * SECOND);
	assert_int_equal(item.rate, 3 * MB);
	item.done = 4 * MB;
	progress_measure(&item, 12 * SECOND);
	assert_int_equal(item.rate, 2 * MB);
	item.done = 1 * MB; /* began again */
	progress_measure(&item, 13 * SECOND);
	assert_int_equal(item.rate, 0);
}

static char *read_all(int fd)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	char buffer[4096];
	ssize_t n;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		strbuf_add(&text, buffer, (size_t)n);
	return strbuf_take(&text);
}

static void test_short_work_is_silent(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	struct progress *progress = progress_begin(fds[1]);
	size_t item = progress_add(progress, "a", "Loading", 10);
	progress_update(progress, item, 5);
	progress_done(progress, item, "Loaded");
	progress_end(progress);
	auto_free char *text = read_all(fds[0]);
	assert_string_equal(text, "");
	close(fds[0]);
	close(fds[1]);
}

/* The same work, on a pipe and on a terminal at once, longer than a second. */
static void test_long_work(void **state)
{
	(void)state;
	int fds[2], master, slave;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &(struct winsize){.ws_row = 3, .ws_col = 70}), 0);
	struct progress *all[2] = {progress_begin(fds[1]), progress_begin(slave)};
	for (int i = 0; i < 2; i++) {
		progress_add(all[i], "one", "Loading", 10);
		progress_add(all[i], "three", "Loading", 1000);
		progress_add(all[i], "two", "Waiting", 0);
		progress_done(all[i], 0, "Loaded");
	}
	usleep(1050000);
	for (int i = 0; i < 2; i++) {
		progress_update(all[i], 1, 500);
		progress_update(all[i], 1, 600); /* too soon after the other to be drawn */
		progress_done(all[i], 2, "Loaded");
		progress_end(all[i]);
	}
	auto_free char *plain = read_all(fds[0]);
	assert_string_equal(plain, "one: Loaded\nthree: Loading\ntwo: Waiting\ntwo: Loaded\n");

	auto_free char *drawn = read_all(master);
	/* Two lines fit: the unfinished ones. */
	assert_true(text_starts_with(drawn, "\r\033[2Kthree: Loading      [===============>              ]  500B/1kB\r\n"
					    "\r\033[2Ktwo:   Waiting      \r\n\033[J"));
	/* Then there is room for one that is finished, in its old place. */
	assert_non_null(strstr(drawn, "\033[2A\r\033[2Kone:   Loaded\r\n\r\033[2Kthree: Loading "));
	close(fds[0]);
	close(fds[1]);
	close(master);
	close(slave);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_short_work_is_silent),
	    cmocka_unit_test(test_long_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
