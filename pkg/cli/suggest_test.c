/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/cli/cli.h"

static const char *const words[] = {"run",    "rm",    "rmi",  "container", "commit",
				    "images", "image", "logs", "pull",      "push"};

static void assert_first(const char *word, const char *expected)
{
	const char *found[3] = {NULL};
	size_t count = cli_suggest(word, words, ARRAY_SIZE(words), found, ARRAY_SIZE(found));
	if (!expected) {
		assert_int_equal(count, 0);
		return;
	}
	assert_in_range(count, 1, 3);
	assert_string_equal(found[0], expected);
}

static void test_misspellings(void **state)
{
	(void)state;
	assert_first("contaner", "container");
	assert_first("cotnainer", "container");
	assert_first("rnu", "run");
	assert_first("imagess", "images");
	assert_first("log", "logs");
	assert_first("cont", "container");
}

static void test_nothing_similar(void **state)
{
	(void)state;
	assert_first("frobnicate", NULL);
	assert_first("", NULL);
	assert_first("x", NULL);
	char endless[500];
	memset(endless, 'r', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_first(endless, NULL);
}

static void test_nearest_first_and_bounded(void **state)
{
	(void)state;
	const char *found[2];
	assert_int_equal(cli_suggest("imag", words, ARRAY_SIZE(words), found, 2), 2);
	assert_string_equal(found[0], "image");
	assert_string_equal(found[1], "images");
	assert_int_equal(cli_suggest("imag", words, ARRAY_SIZE(words), found, 1), 1);
	assert_string_equal(found[0], "image");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_misspellings),
	    cmocka_unit_test(test_nothing_similar),
	    cmocka_unit_test(test_nearest_first_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
