/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/text/text.h"

static void test_int64(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	int64_t value = 77;
	assert_int_equal(parse_int64("-12", "x", -100, 100, &value, &err), 0);
	assert_int_equal(value, -12);
	assert_int_equal(parse_int64("+9223372036854775807", "x", INT64_MIN, INT64_MAX, &value, &err), 0);
	assert_true(value == INT64_MAX);
	assert_int_equal(parse_int64("-9223372036854775808", "x", INT64_MIN, INT64_MAX, &value, &err), 0);
	assert_true(value == INT64_MIN);
	value = 77;
	static const char *const bad[] = {"", " 1", "1 ", "0x10", "1.0", "-", "--1", "one", "1e3"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_int64(bad[i], "x", INT64_MIN, INT64_MAX, &value, &err), -EINVAL);
	assert_int_equal(parse_int64("9223372036854775808", "x", INT64_MIN, INT64_MAX, &value, &err), -ERANGE);
	assert_int_equal(parse_int64("101", "--port", 1, 100, &value, &err), -ERANGE);
	assert_string_equal(err.text, "--port: '101' is not between 1 and 100");
	assert_int_equal(value, 77);
}

static void test_bool(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	bool value = false;
	assert_int_equal(parse_bool("True", "x", &value, &err), 0);
	assert_true(value);
	assert_int_equal(parse_bool("yes", "--tty", &value, &err), -EINVAL);
	assert_true(value);
	assert_string_equal(err.text, "--tty: 'yes' is neither true nor false");
	assert_int_equal(parse_bool("f", "x", &value, &err), 0);
	assert_false(value);
}

static void test_size(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {
	    {"0", 0},
	    {"12", 12},
	    {"12b", 12},
	    {"1k", 1024},
	    {"1K", 1024},
	    {"1kb", 1024},
	    {"1KiB", 1024},
	    {"64m", 67108864},
	    {"1.5g", 1610612736},
	    {"0.5 k", 512},
	    {".5k", 512},
	    {"2T", INT64_C(2) << 40},
	    {"1p", INT64_C(1) << 50},
	    {"8191p", INT64_C(8191) << 50},
	    {"1.99999b", 1},
	};
	struct error err = ERROR_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int64_t value = -1;
		if (parse_size(good[i].text, "x", &value, &err) < 0 || value != good[i].bytes)
			fail_msg("%s: %" PRId64 ", %s", good[i].text, value, err.text);
	}
	static const char *const bad[] = {"",    "k",   "-1",   "1x",  "1kk", "1 kb ", "1  k",
					  "0x1", "1e3", "1,5g", "1ki", "1bb", "."};
	int64_t value = 77;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_size(bad[i], "x", &value, &err) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	assert_int_equal(parse_size("8192p", "--memory", &value, &err), -ERANGE);
	assert_string_equal(err.text, "--memory: the size '8192p' is too large");
	assert_int_equal(parse_size("99999999999999999999", "x", &value, &err), -ERANGE);
	assert_int_equal(value, 77);
}

static void test_human_size(void **state)
{
	(void)state;
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
	    {0, "0B"},         {999, "999B"},   {1000, "1kB"},      {1234567, "1.23MB"},    {12345678, "12.3MB"},
	    {999400, "999kB"}, {999500, "1MB"}, {999999999, "1GB"}, {UINT64_MAX, "18.4EB"},
	};
	char out[TEXT_STAMP_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_string_equal(format_human_size(out, sizes[i].bytes), sizes[i].text);
}

static void test_binary_size(void **state)
{
	char out[TEXT_STAMP_MAX];
	(void)state;
	assert_string_equal(format_binary_size(out, 0), "0B");
	assert_string_equal(format_binary_size(out, 1023), "1023B");
	assert_string_equal(format_binary_size(out, 1536), "1.5KiB");
	assert_string_equal(format_binary_size(out, (1 << 20) - 1), "1MiB");
	assert_string_equal(format_binary_size(out, UINT64_MAX), "16EiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_int64),
	    cmocka_unit_test(test_bool),
	    cmocka_unit_test(test_size),
	    cmocka_unit_test(test_human_size),
	    cmocka_unit_test(test_binary_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
