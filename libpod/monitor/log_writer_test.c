/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/monitor/log_writer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "pkg/file/file.h"
#include "pkg/json/json.h"

struct fixture {
	char path[64];
	int dirfd;
	struct log_writer *log;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	strcpy(f->path, "/tmp/log_writer_test.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->dirfd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->log = calloc(1, sizeof(*f->log));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->log->fd > 0)
		close(f->log->fd);
	close(f->dirfd);
	assert_int_equal(tree_remove_at(AT_FDCWD, f->path, NULL), 0);
	free(f->log);
	free(f);
	return 0;
}

/* With the bytes behind it that the writer may read. */
static uint8_t *padded(const char *text, size_t length)
{
	uint8_t *copy = xmalloc(length + LOG_PADDING);
	memset((uint8_t *)memcpy(copy, text, length) + length, '"', LOG_PADDING);
	return copy;
}

static size_t put(struct fixture *f, int stream, const char *text, bool end)
{
	auto_free uint8_t *data = padded(text, strlen(text));
	return log_batch(f->log, stream, data, strlen(text), end);
}

/* Not inlined: gcc 12 would believe that the text is gone with this function. */
static __attribute__((noinline)) char *content(struct fixture *f, const char *name)
{
	char *text = NULL;
	assert_int_equal(file_read_at(f->dirfd, name, 1 << 28, &text, NULL, NULL), 0);
	return text;
}

static const char *escaped(const char *text, size_t length, char *out)
{
	auto_free uint8_t *data = padded(text, length);
	*log_escape(out, data, length) = '\0';
	return out;
}

static void test_escape(void **state)
{
	(void)state;
	char out[1024];
	static const struct {
		const char *text, *expected;
	} cases[] = {
	    {"plain text of more than sixteen bytes", "plain text of more than sixteen bytes"},
	    {"say \"x\" \\ / to\n\r\t\b\x01\x7f", "say \\\"x\\\" \\\\ / to\\n\\r\\t\\u0008\\u0001\x7f"},
	    {"<a>&b", "\\u003ca\\u003e\\u0026b"},
	    {"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa3", "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa3"},
	    {"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa7", "\\u2028\\u2029\xe2\x80\xa7"},
	    {"\xff" "a\xc3", "\\ufffda\\ufffd"},
	    {"\xc0\xaf\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"}, /* too long; a surrogate */
	    {"\xf4\x90\x80\x80\xf0\x9f\x9a", "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"},
	    {"0123456789abcde\"0123456789abcdef<", "0123456789abcde\\\"0123456789abcdef\\u003c"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(escaped(cases[i].text, strlen(cases[i].text), out), cases[i].expected);
	assert_string_equal(escaped("\0", 1, out), "\\u0000");
}

/* At every place of a block a byte of each kind is found. */
static void test_escape_everywhere(void **state)
{
	(void)state;
	char text[49], out[512], expected[512];
	for (int byte = 1; byte < 0x80; byte++) {
		bool plain = byte >= 0x20 && !strchr("\"\\<>&", byte);
		for (size_t at = 0; at < 48; at++) {
			memset(text, 'x', 48);
			text[at] = (char)byte;
			text[48] = '\0';
			escaped(text, 48, out);
			assert_int_equal(strlen(out) == 48, plain);
			auto_json struct json_object *object = NULL;
			snprintf(expected, sizeof(expected), "[\"%s\"]", out);
			assert_int_equal(json_parse(expected, strlen(expected), "test", &object, NULL), 0);
			assert_string_equal(json_object_get_string(json_object_array_get_idx(object, 0)), text);
		}
	}
}

static void test_lines(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(log_open(f->log, f->dirfd, "log", 0, 1), 0);
	assert_int_equal(put(f, 0, "one\ntwo\nthr", false), 8);
	assert_int_equal(put(f, 1, "error\n", false), 6);
	assert_int_equal(put(f, 0, "three", true), 5);
	auto_free char *text = content(f, "log");
	static const char *const starts[] = {"{\"log\":\"one\\n\",\"stream\":\"stdout\",\"time\":\"20", "{\"log\":\"two\\n\",\"stream\":\"stdout\"",
					     "{\"log\":\"error\\n\",\"stream\":\"stderr\"", "{\"log\":\"three\",\"stream\":\"stdout\""};
	const char *at = text;
	for (size_t i = 0; i < 4; i++) {
		assert_memory_equal(at, starts[i], strlen(starts[i]));
		at = strchr(at, '\n') + 1;
		assert_memory_equal(at - 4, "Z\"}\n", 4);
	}
	assert_int_equal(*at, '\0');
}

static void test_long_lines(void **state)
{
	struct fixture *f = *state;
	static char line[3 * LOG_LINE_MAX + 8];
	assert_int_equal(log_open(f->log, f->dirfd, "log", 0, 1), 0);
	/* A character of two bytes across the limit is not cut. */
	memset(line, 'a', sizeof(line) - 1);
	memcpy(line + LOG_LINE_MAX - 1, "\xc3\xa9", 2);
	size_t done = put(f, 0, line, false);
	assert_int_equal(done, 3 * LOG_LINE_MAX - 1);
	assert_int_equal(put(f, 0, line + done, true), strlen(line + done));
	auto_free char *text = content(f, "log");
	assert_null(strstr(text, "ufffd"));
	size_t lines = 0;
	for (size_t i = 0; text[i]; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, 4);
	/* A line of exactly the limit is one entry. */
	close(f->log->fd);
	assert_int_equal(log_open(f->log, f->dirfd, "other", 0, 1), 0);
	line[LOG_LINE_MAX] = '\n';
	line[LOG_LINE_MAX + 1] = '\0';
	assert_int_equal(put(f, 0, line, false), LOG_LINE_MAX + 1);
	auto_free char *other = content(f, "other");
	assert_int_equal(strcspn(other, "\n") + 1, strlen(other));
}

static void test_rotation(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(log_open(f->log, f->dirfd, "log", 1000, 3), 0);
	char line[32];
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		put(f, 0, line, false);
	}
	struct stat st;
	static const char *const names[] = {"log", "log.1", "log.2"};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(fstatat(f->dirfd, names[i], &st, 0), 0);
		assert_true(st.st_size <= 1000);
		assert_int_equal(st.st_nlink, 1);
	}
	assert_int_equal(fstatat(f->dirfd, "log.3", &st, 0), -1);
	auto_free char *last = content(f, "log"), *before = content(f, "log.1");
	assert_non_null(strstr(last, "line 99\\n"));
	/* They follow each other without a gap. */
	int first = (int)strtol(strstr(last, "line ") + 5, NULL, 10);
	snprintf(line, sizeof(line), "line %d\\n", first - 1);
	assert_non_null(strstr(before, line));
}

/* Killed between giving the log its second name and the rename of the new one over it. */
static void test_half_rotated(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(log_open(f->log, f->dirfd, "log", 1000, 3), 0);
	put(f, 0, "one\n", false);
	close(f->log->fd);
	assert_int_equal(linkat(f->dirfd, "log", f->dirfd, "log.1", 0), 0);
	assert_int_equal(log_open(f->log, f->dirfd, "log", 1000, 3), 0);
	struct stat st;
	assert_int_equal(fstatat(f->dirfd, "log.1", &st, 0), -1);
	assert_int_equal(fstatat(f->dirfd, "log", &st, 0), 0);
	assert_true(st.st_size > 0);
}

/* A disk that is full loses lines, and never half of one. */
static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(log_open(f->log, f->dirfd, "log", 0, 1), 0);
	put(f, 0, "first\n", false);
	struct rlimit saved, limit;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	limit = saved;
	limit.rlim_cur = 200;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(put(f, 0, "a longer line that is not there\n", false), 32);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	put(f, 0, "last\n", false);
	auto_free char *text = content(f, "log");
	for (char *line = text, *end; *line; line = end + 1) {
		auto_json struct json_object *object = NULL;
		end = strchr(line, '\n');
		assert_non_null(end);
		assert_int_equal(json_parse(line, (size_t)(end - line), "log", &object, NULL), 0);
	}
	assert_non_null(strstr(text, "first"));
	assert_non_null(strstr(text, "last"));
}

#define BATCH_LINES 8192 /* of 32 bytes */
#define ENTRY_SIZE  100	 /* of such a line in the log, about */

/* Batches of equal lines, which make some `size` bytes of log. Returns how many lines that were. */
static size_t put_burst(struct fixture *f, int64_t size)
{
	static const char line[] = "thirty-one characters, as here.\n";
	auto_free uint8_t *data = xmalloc(BATCH_LINES * (sizeof(line) - 1) + LOG_PADDING);
	memset(data, 0, BATCH_LINES * (sizeof(line) - 1) + LOG_PADDING);
	size_t lines = 0;
	for (size_t i = 0; i < BATCH_LINES; i++)
		memcpy(data + i * (sizeof(line) - 1), line, sizeof(line) - 1);
	for (int64_t left = size; left > 0; left -= ENTRY_SIZE * BATCH_LINES, lines += BATCH_LINES)
		assert_int_equal(log_batch(f->log, 0, data, BATCH_LINES * (sizeof(line) - 1), false), BATCH_LINES * (sizeof(line) - 1));
	return lines;
}

/* All lines are whole, and say the same; returns how many there are. */
static size_t count_lines(const char *text)
{
	static const char begin[] = "{\"log\":\"thirty-one characters, as here.\\n\",\"stream\":\"stdout\",\"time\":\"";
	size_t lines = 0;
	for (const char *line = text, *end; *line; line = end + 1, lines++) {
		end = strchr(line, '\n');
		assert_non_null(end);
		assert_memory_equal(line, begin, sizeof(begin) - 1);
		assert_memory_equal(end - 3, "Z\"}", 3);
	}
	return lines;
}

/* What the file takes of the disk beyond its length. */
static int64_t surplus(struct fixture *f)
{
	struct stat st;
	assert_int_equal(fstatat(f->dirfd, "log", &st, 0), 0);
	return st.st_blocks * 512 - st.st_size;
}

static void test_burst(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(log_open(f->log, f->dirfd, "log", 0, 1), 0);
	size_t lines = put_burst(f, 100 << 20);
	struct stat st;
	assert_int_equal(fstatat(f->dirfd, "log", &st, 0), 0);
	assert_int_equal(st.st_size, f->log->size);
	/* /tmp is of a kind where space can be reserved. */
	assert_true(f->log->reserved > f->log->size);
	assert_in_range(surplus(f), 1, 65 << 20);
	log_settle(f->log);
	assert_true(surplus(f) < 1 << 20);
	/* The next burst, of a monitor that is killed. */
	lines += put_burst(f, 20 << 20);
	assert_true(surplus(f) > 1 << 20);
	close(f->log->fd);
	assert_int_equal(log_open(f->log, f->dirfd, "log", 0, 1), 0);
	assert_true(surplus(f) < 1 << 20);
	auto_free char *text = content(f, "log");
	assert_int_equal(count_lines(text), lines);
}

/* A trickle after a burst holds nothing of the disk. */
static void test_burst_ebbs(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(log_open(f->log, f->dirfd, "log", 0, 1), 0);
	size_t lines = put_burst(f, 20 << 20);
	assert_true(surplus(f) > 1 << 20);
	for (int i = 0; i < 100; i++, lines++)
		put(f, 0, "thirty-one characters, as here.\n", false);
	assert_true(surplus(f) < 1 << 20);
	auto_free char *text = content(f, "log");
	assert_int_equal(count_lines(text), lines);
}

/* Who empties the log of a container that is up finds nothing in it but whole lines. */
static void test_burst_truncated(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(log_open(f->log, f->dirfd, "log", 0, 1), 0);
	put_burst(f, 20 << 20);
	assert_true(f->log->reserved > f->log->size);
	assert_int_equal(ftruncate(f->log->fd, 0), 0);
	put(f, 0, "thirty-one characters, as here.\n", true);
	auto_free char *text = content(f, "log");
	assert_int_equal(count_lines(text), 1);
	struct stat st;
	assert_int_equal(fstatat(f->dirfd, "log", &st, 0), 0);
	assert_int_equal(st.st_size, strlen(text));
}

static void test_burst_rotated(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(log_open(f->log, f->dirfd, "log", 10 << 20, 3), 0);
	put_burst(f, 9 << 20);
	put_burst(f, 9 << 20);
	assert_true(surplus(f) < 10 << 20);
	assert_int_equal(log_batch(f->log, 0, (const uint8_t *)"                ", 0, true), 0);
	struct stat st;
	assert_int_equal(fstatat(f->dirfd, "log.1", &st, 0), 0);
	assert_in_range(st.st_size, 9 << 20, 10 << 20);
	assert_true(st.st_blocks * 512 < st.st_size + (1 << 20));
	assert_true(surplus(f) < 1 << 20);
}

/* The disk gets full in the middle of a burst. */
static void test_burst_full_disk(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(log_open(f->log, f->dirfd, "log", 0, 1), 0);
	size_t lines = put_burst(f, 80 << 20);
	struct rlimit saved, limit;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	limit = saved;
	limit.rlim_cur = (rlim_t)f->log->size + 500000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	auto_free uint8_t *data = xmalloc(32 * BATCH_LINES + LOG_PADDING);
	for (size_t i = 0; i < BATCH_LINES; i++)
		memcpy(data + 32 * i, "thirty-one characters, as here.\n", 32);
	memset(data + 32 * BATCH_LINES, 0, LOG_PADDING);
	for (int i = 0; i < 4; i++)
		assert_int_equal(log_batch(f->log, 0, data, 32 * BATCH_LINES, false), 32 * BATCH_LINES);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	log_settle(f->log);
	assert_true(surplus(f) < 1 << 20);
	lines += put_burst(f, 1);
	auto_free char *text = content(f, "log");
	assert_in_range(count_lines(text), lines, lines + 5000);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_escape), cmocka_unit_test(test_escape_everywhere), TEST(test_lines),	   TEST(test_long_lines),
	    TEST(test_rotation),	   TEST(test_half_rotated),		     TEST(test_full_disk),
	    TEST(test_burst),		   TEST(test_burst_ebbs),		     TEST(test_burst_rotated),	   TEST(test_burst_full_disk),
	    TEST(test_burst_truncated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
