/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_strbuf(void **state)
{
	(void)state;
	struct strbuf buffer = STRBUF_INIT;
	assert_string_equal(strbuf_text(&buffer), "");
	strbuf_add(&buffer, NULL, 0);
	assert_string_equal(strbuf_text(&buffer), "");
	for (int i = 0; i < 1000; i++)
		strbuf_printf(&buffer, "%03d,", i);
	assert_int_equal(buffer.length, 4000);
	assert_memory_equal(buffer.data + 3996, "999,", 5);
	strbuf_truncate(&buffer, 9000);
	assert_int_equal(buffer.length, 4000);
	strbuf_truncate(&buffer, 3);
	strbuf_putc(&buffer, '!');
	strbuf_puts(&buffer, "end");
	char *text = strbuf_take(&buffer);
	assert_string_equal(text, "000!end");
	free(text);
	text = strbuf_take(&buffer);
	assert_string_equal(text, "");
	free(text);
	strbuf_add(&buffer, "a\0b", 3);
	assert_memory_equal(buffer.data, "a\0b", 4);
	strbuf_free(&buffer);
	assert_null(buffer.data);
}

static void test_strv(void **state)
{
	(void)state;
	auto_strv struct strv vector = STRV_INIT, other = STRV_INIT;
	strv_split(&vector, "a::b", ':');
	assert_int_equal(vector.count, 3);
	assert_string_equal(vector.items[1], "");
	assert_null(vector.items[3]);
	auto_free char *joined = strv_join(&vector, "/");
	assert_string_equal(joined, "a//b");
	strv_remove(&vector, 1);
	strv_remove(&vector, 7);
	assert_string_equal(vector.items[1], "b");
	assert_null(vector.items[2]);
	strv_add_all(&other, &vector);
	strv_addf(&other, "%d", 7);
	assert_true(strv_contains(&other, "7"));
	assert_false(strv_contains(&vector, "7"));
	strv_clear(&other);
	assert_int_equal(other.count, 0);
	assert_null(other.items[0]);
	strv_split(&other, "", ',');
	assert_int_equal(other.count, 1);
	for (int i = 0; i < 100; i++)
		strv_addf(&other, "item %d", i);
	assert_string_equal(other.items[100], "item 99");
	assert_null(other.items[101]);
}

static void test_environment(void **state)
{
	(void)state;
	auto_strv struct strv vector = STRV_INIT;
	assert_null(strv_env_get(&vector, "A"));
	strv_env_set(&vector, "A=1");
	strv_env_set(&vector, "AB=2");
	strv_env_set(&vector, "A=3=4");
	assert_int_equal(vector.count, 2);
	assert_string_equal(strv_env_get(&vector, "A"), "3=4");
	assert_string_equal(strv_env_get(&vector, "AB"), "2");
	strv_add(&vector, "A=last");
	strv_add(&vector, "NONE");
	assert_string_equal(strv_env_get(&vector, "A"), "last");
	assert_null(strv_env_get(&vector, "NONE"));
	strv_env_unset(&vector, "A");
	assert_null(strv_env_get(&vector, "A"));
	assert_int_equal(vector.count, 2);
}

static void test_searches(void **state)
{
	(void)state;
	assert_true(text_starts_with("sha256:", "sha256:"));
	assert_true(text_starts_with("x", ""));
	assert_false(text_starts_with("sha", "sha256:"));
	assert_true(text_ends_with("a.json", ".json"));
	assert_false(text_ends_with("json", ".json"));
	assert_true(text_is_hex("0123456789abcdef", 16));
	assert_true(text_is_hex("abcxyz", 3));
	assert_false(text_is_hex("abc", 4));
	assert_false(text_is_hex("ABC", 3));
	assert_true(text_is_empty(NULL) && text_is_empty(""));
	assert_false(text_is_empty("x"));
}

static void test_for_table(void **state)
{
	static const struct {
		const char *text;
		size_t most, kept;
		const char *is;
	} cases[] = {
	    {"", 3, 0, ""},
	    {"abc", 3, 1, "abc"},
	    {"abcd", 3, 1, "a..."},
	    {"abcd", SIZE_MAX, 0, "abcd"},
	    {"a\nb\tc\x1b[2J\x7f", SIZE_MAX, 0, "a b c [2J "},
	    {"a\xc3\xa4z", 3, 2, "a..."},
	    {"a\xc3\xa4z", 3, 3, "a\xc3\xa4..."},
	    {"\xe2\x82\xac\xe2\x82\xac", 5, 5, "\xe2\x82\xac..."},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *shown = text_for_table(cases[i].text, cases[i].most, cases[i].kept);
		assert_string_equal(shown, cases[i].is);
	}
}

static void test_random_hex(void **state)
{
	(void)state;
	char one[2 * 100 + 2], two[sizeof(one)];
	memset(one, '!', sizeof(one));
	text_random_hex(one, 100);
	text_random_hex(two, 100);
	assert_int_equal(strlen(one), 200);
	assert_true(text_is_hex(one, 200));
	assert_int_equal(one[201], '!');
	assert_string_not_equal(one, two);
	/* Every part of it is random, not just the first that was asked for. */
	assert_memory_not_equal(one + 128, two + 128, 72);
	text_random_hex(one, 0);
	assert_string_equal(one, "");
}

static void test_memory(void **state)
{
	(void)state;
	auto_free char *copy = xstrndup("abc", 2), *whole = xstrndup("abc", 99);
	auto_free char *none = xmalloc(0), *zero = xcalloc(0, 0), *text = xasprintf("%s-%d", "x", 1);
	assert_string_equal(copy, "ab");
	assert_string_equal(whole, "abc");
	assert_non_null(none);
	assert_non_null(zero);
	assert_string_equal(text, "x-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_strbuf),   cmocka_unit_test(test_strv),       cmocka_unit_test(test_environment),
	    cmocka_unit_test(test_searches), cmocka_unit_test(test_for_table), cmocka_unit_test(test_random_hex), cmocka_unit_test(test_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
