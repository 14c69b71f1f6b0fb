/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/error/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_chain(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	assert_int_equal(error_sys(&err, ENOENT, "open %s", "a"), -ENOENT);
	assert_int_equal(error_context(&err, "image %s", "b"), -ENOENT);
	error_advice(&err, "; try c");
	assert_string_equal(err.text, "image b: open a: No such file or directory; try c");
	error_clear(&err);
	assert_int_equal(err.errnum, 0);
}

static void test_overlong_is_cut(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	char text[3 * ERROR_TEXT_MAX];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&err, EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	error_context(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	error_advice(&err, "more");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	error_set(&err, EINVAL, "tail");
	for (int i = 0; i < 400; i++)
		error_context(&err, "layer");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

static void test_null_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, EPERM, "x"), -EPERM);
	assert_int_equal(error_sys(NULL, -EPERM, "x"), -EPERM);
	assert_int_equal(error_context(NULL, "x"), -EIO);
}

static void test_status(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	error_set_status(&err, ENOENT, 127, "no such command");
	error_context(&err, "container");
	assert_int_equal(err.status, 127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_chain),
	    cmocka_unit_test(test_overlong_is_cut),
	    cmocka_unit_test(test_null_is_allowed),
	    cmocka_unit_test(test_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
