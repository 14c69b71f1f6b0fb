/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/json/json.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/file/file.h"

static struct json_object *parse(const char *text)
{
	struct json_object *object = NULL;
	struct error err = ERROR_INIT;
	if (json_parse(text, strlen(text), "test", &object, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return object;
}

static void refuses(const char *text, size_t length, const char *expected)
{
	struct json_object *object = (struct json_object *)(void *)&object;
	struct error err = ERROR_INIT;
	if (json_parse(text, length, "x.json", &object, &err) != -EINVAL)
		fail_msg("'%s' is taken", text);
	assert_ptr_equal(object, &object);
	if (expected)
		assert_string_equal(err.text, expected);
	else
		assert_true(text_starts_with(err.text, "x.json: not valid JSON in line "));
}

static void test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} good[] = {
	    {"{}", "{}"},
	    {" [ ] \r\n\t", "[]"},
	    {"1", "1"},
	    {"-0", "0"},
	    {"12 ", "12"},
	    {"null", "null"},
	    {"true", "true"},
	    {"\"\\u00e9\\n\\/\\ud83d\\ude00\"", "\"\xc3\xa9\\n/\xf0\x9f\x98\x80\""},
	    {"[1,2.5,-3e2,\"a\",null,false,{\"b\":[]}]", "[1,2.5,-3e2,\"a\",null,false,{\"b\":[]}]"},
	    {"18446744073709551615", "18446744073709551615"},
	    {"-9223372036854775808", "-9223372036854775808"},
	    {"\"'N//\"", "\"'N//\""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		auto_json struct json_object *object = parse(good[i].text);
		auto_free char *text = json_text(object, false);
		assert_string_equal(text, good[i].expected);
	}
	/* The text need not end with a NUL. */
	auto_json struct json_object *object = NULL;
	assert_int_equal(json_parse("[12]34", 4, "x", &object, NULL), 0);
	assert_int_equal(json_object_array_length(object), 1);
}

static void test_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "[1] x",      "[1]]",         "{\"a\":1,}", "[1,]", "[01]",  "{'a':1}",        "[NaN]",
	    "[Infinity]", "[-Infinity]",  "[1.]",       "[.5]", "[1e]",  "// x\n1",        "/* */ 1",
	    "[\"a\nb\"]", "[tRue]",       "[nulls]",    "1 2",  "{1:2}", "{\"a\" 1}",      "[\"\\u12\"]",
	    "[\"\\x\"]",  "[\"a\\\nb\"]", "{\"a\":1]",  "+1",   "[1 2]", "\xef\xbb\xbf{}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refuses(bad[i], strlen(bad[i]), NULL);
	refuses("", 0, "x.json: not valid JSON in line 1: it ends too early");
	refuses("  \n", 3, "x.json: not valid JSON in line 2: it ends too early");
	refuses("{\"a\":\n\n1", 8, "x.json: not valid JSON in line 3: it ends too early");
	refuses("\"abc", 4, "x.json: not valid JSON in line 1: it ends too early");
	refuses("[1,\n2,\n'x']", 11, "x.json: not valid JSON in line 3: unexpected character");
	/* A NUL neither ends the text nor hides in it. */
	refuses("[1]\0[2]", 7, "x.json: not valid JSON in line 1: unexpected character");
	refuses("\"a\0b\"", 5, "x.json: not valid JSON in line 1: unexpected character");
	refuses("1\0", 2, "x.json: not valid JSON in line 1: unexpected character");
}

static void test_refuses_invalid_utf8(void **state)
{
	(void)state;
	static const char *const bad[] = {"\"\xff\"",     "\"\xc3\"",     "\"\xc3(\"",
					  "\"\xe2\x82\"", "{\"\xfe\":1}", "\"\xf0\x9f\x98\""};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refuses(bad[i], strlen(bad[i]), NULL);
}

static void test_depth(void **state)
{
	(void)state;
	static const size_t middle = 100000, allowed = JSON_DEPTH_MAX - 1, over = JSON_DEPTH_MAX + 1;
	char text[2 * 100000];
	memset(text, '[', middle);
	memset(text + middle, ']', middle);
	auto_json struct json_object *object = NULL;
	assert_int_equal(json_parse(text + middle - allowed, 2 * allowed, "x", &object, NULL), 0);
	refuses(text + middle - over, 2 * over, NULL);
	refuses(text, sizeof(text), NULL);
}

static void test_read(void **state)
{
	(void)state;
	char path[] = "/tmp/coracle-json-XXXXXX";
	struct error err = ERROR_INIT;
	int fd = mkstemp(path);
	assert_int_equal(write_all(fd, "{\"a\": 1}\n", 9), 0);
	close(fd);
	auto_json struct json_object *object = NULL;
	assert_int_equal(json_read_at(AT_FDCWD, path, 9, &object, &err), 0);
	assert_true(json_object_is_type(object, json_type_object));
	assert_int_equal(json_read_at(AT_FDCWD, path, 8, &object, &err), -EFBIG);
	unlink(path);
	assert_int_equal(json_read_at(AT_FDCWD, path, 8, &object, &err), -ENOENT);
}

static void test_members(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	auto_json struct json_object *object = parse("{\"s\":\"text\",\"i\":-5,\"t\":true,\"o\":{\"in\":1},\"a\":["
						     "\"x\",\"y\"],\"n\":null,\"m\":{\"k\":\"v\",\"l\":\"\"}}");
	const char *text = NULL;
	int64_t number = 0;
	uint64_t natural = 77;
	bool flag = false;
	struct json_object *inner = NULL, *array = NULL;
	auto_strv struct strv vector = STRV_INIT;
	assert_int_equal(json_get_string(object, "s", &text, &err), 1);
	assert_string_equal(text, "text");
	assert_int_equal(json_get_int(object, "i", -5, 5, &number, &err), 1);
	assert_int_equal(number, -5);
	assert_int_equal(json_get_bool(object, "t", &flag, &err), 1);
	assert_true(flag);
	assert_int_equal(json_get_object(object, "o", &inner, &err), 1);
	assert_int_equal(json_get_uint64(inner, "in", &natural, &err), 1);
	assert_int_equal(natural, 1);
	assert_int_equal(json_get_array(object, "a", &array, &err), 1);
	assert_int_equal(json_object_array_length(array), 2);
	strv_add(&vector, "before");
	assert_int_equal(json_get_strv(object, "a", &vector, &err), 1);
	assert_int_equal(json_get_map(object, "m", &vector, &err), 1);
	auto_free char *joined = strv_join(&vector, " ");
	assert_string_equal(joined, "before x y k=v l=");

	/* What is not there, or null, or in no object, leaves everything as it is. */
	static const char *const absent[] = {"none", "n"};
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		assert_int_equal(json_get_string(object, absent[i], &text, &err), 0);
		assert_int_equal(json_get_int(object, absent[i], 0, 1, &number, &err), 0);
		assert_int_equal(json_get_strv(object, absent[i], &vector, &err), 0);
		assert_int_equal(json_get_bool(NULL, absent[i], &flag, &err), 0);
		assert_int_equal(json_get_object(NULL, absent[i], &inner, &err), 0);
	}
	assert_string_equal(text, "text");
	assert_int_equal(vector.count, 5);
	assert_int_equal(err.errnum, 0);
}

static void test_wrong_types(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	auto_json struct json_object *object =
	    parse("{\"Env\":[\"a\",\"b\",3],\"Labels\":{\"x\":\"1\",\"y\":2},\"User\":5,\"Tty\":\"yes\",\"Rate\":1.5,"
		  "\"Nul\":\"a\\u0000b\","
		  "\"Nuls\":[\"a\\u0000b\"],\"Null\":[null],\"Huge\":18446744073709551615,\"Minus\":-1}");
	const char *text = "same";
	int64_t number = 77;
	uint64_t natural = 0;
	bool flag = true;
	struct json_object *inner = object;
	auto_strv struct strv vector = STRV_INIT;
	assert_int_equal(json_get_strv(object, "Env", &vector, &err), -EINVAL);
	assert_string_equal(err.text, "Env[2]: expected a string");
	error_context(&err, "config");
	assert_string_equal(err.text, "config: Env[2]: expected a string");
	assert_int_equal(json_get_map(object, "Labels", &vector, &err), -EINVAL);
	assert_string_equal(err.text, "Labels.y: expected a string");
	assert_int_equal(json_get_map(object, "Env", &vector, &err), -EINVAL);
	assert_string_equal(err.text, "Env: expected an object");
	assert_int_equal(json_get_strv(object, "Nuls", &vector, &err), -EINVAL);
	assert_int_equal(json_get_strv(object, "Null", &vector, &err), -EINVAL);
	assert_int_equal(json_get_string(object, "User", &text, &err), -EINVAL);
	assert_string_equal(err.text, "User: expected a string");
	assert_int_equal(json_get_string(object, "Nul", &text, &err), -EINVAL);
	assert_int_equal(json_get_bool(object, "Tty", &flag, &err), -EINVAL);
	assert_string_equal(err.text, "Tty: expected true or false");
	assert_int_equal(json_get_int(object, "Rate", 0, 9, &number, &err), -EINVAL);
	assert_string_equal(err.text, "Rate: expected a whole number");
	assert_int_equal(json_get_int(object, "User", 6, 9, &number, &err), -ERANGE);
	assert_string_equal(err.text, "User: expected a number from 6 to 9");
	assert_int_equal(json_get_int(object, "Huge", INT64_MIN, INT64_MAX, &number, &err), -ERANGE);
	assert_int_equal(json_get_uint64(object, "Minus", &natural, &err), -ERANGE);
	assert_int_equal(json_get_uint64(object, "Huge", &natural, &err), 1);
	assert_true(natural == UINT64_MAX);
	assert_int_equal(json_get_object(object, "Env", &inner, &err), -EINVAL);
	assert_int_equal(json_get_array(object, "Labels", &inner, &err), -EINVAL);
	assert_string_equal(err.text, "Labels: expected an array");
	struct json_object *array;
	assert_int_equal(json_get_array(object, "Env", &array, &err), 1);
	assert_int_equal(json_get_string(array, "User", &text, &err), -EINVAL);
	assert_string_equal(err.text, "expected an object with a member 'User'");
	assert_string_equal(text, "same");
	assert_int_equal(number, 77);
	assert_int_equal(vector.count, 0);
	assert_ptr_equal(inner, object);
}

static void test_write(void **state)
{
	(void)state;
	auto_json struct json_object *object = json_object_new_object();
	auto_strv struct strv vector = STRV_INIT, empty = STRV_INIT;
	strv_add(&vector, "PATH=/bin:/usr/bin");
	strv_add(&vector, "A=b=c");
	strv_add(&vector, "alone");
	json_add_string(object, "name", "a/b \"q\" \\ \n\x01\x7f");
	json_add_string(object, "left out", NULL);
	json_add_int(object, "number", INT64_MIN);
	json_add_bool(object, "flag", true);
	json_add_strv(object, "list", &vector);
	json_add_strv(object, "none", &empty);
	json_add_map(object, "map", &vector);
	json_add_map(object, "nothing", &empty);
	json_object_object_add(object, "null", NULL);
	auto_free char *compact = json_text(object, false), *pretty = json_text(object, true);
	assert_string_equal(
	    compact, "{\"name\":\"a/b \\\"q\\\" \\\\ \\n\\u0001\x7f\",\"number\":-9223372036854775808,\"flag\":true,"
		     "\"list\":[\"PATH=/bin:/usr/bin\",\"A=b=c\",\"alone\"],\"none\":[],"
		     "\"map\":{\"PATH\":\"/bin:/usr/bin\",\"A\":\"b=c\",\"alone\":\"\"},\"nothing\":{},\"null\":null}");
	assert_string_equal(pretty, "{\n"
				    "    \"name\": \"a/b \\\"q\\\" \\\\ \\n\\u0001\x7f\",\n"
				    "    \"number\": -9223372036854775808,\n"
				    "    \"flag\": true,\n"
				    "    \"list\": [\n"
				    "        \"PATH=/bin:/usr/bin\",\n"
				    "        \"A=b=c\",\n"
				    "        \"alone\"\n"
				    "    ],\n"
				    "    \"none\": [],\n"
				    "    \"map\": {\n"
				    "        \"PATH\": \"/bin:/usr/bin\",\n"
				    "        \"A\": \"b=c\",\n"
				    "        \"alone\": \"\"\n"
				    "    },\n"
				    "    \"nothing\": {},\n"
				    "    \"null\": null\n"
				    "}");
	auto_json struct json_object *again = parse(pretty);
	assert_true(json_object_equal(object, again));
}

/* Whatever bytes an environment holds, the reader takes what the writer wrote. */
static void test_write_is_readable(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *text;
	} strings[] = {
	    {"\xff", "\xef\xbf\xbd"},
	    {"a\xc3", "a\xef\xbf\xbd"},
	    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
	    {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		auto_json struct json_object *object = json_object_new_object();
		json_add_string(object, "s", strings[i].bytes);
		auto_free char *text = json_text(object, false);
		auto_json struct json_object *again = parse(text);
		const char *read = NULL;
		assert_int_equal(json_get_string(again, "s", &read, NULL), 1);
		assert_string_equal(read, strings[i].text);
	}
	char c[3] = "";
	for (int i = 1; i < 256; i++) {
		for (int j = 0; j < 256; j += 5) {
			auto_json struct json_object *object = json_object_new_object();
			c[0] = (char)i;
			c[1] = (char)j;
			json_add_string(object, c, c);
			auto_free char *text = json_text(object, true);
			auto_json struct json_object *again = parse(text);
			assert_int_equal(json_object_object_length(again), 1);
		}
	}
}

static void test_unique(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int expected;
	} cases[] = {
	    {"{}", 0},
	    {"{\"a\":1,\"b\":{\"a\":[{\"a\":\":\"},{\"a\":\"\\\":\"}]}}", 0},
	    {"{\"a\":1,\"a\":1}", -EINVAL},
	    {"[{\"b\":{\"a\":1,\"\\u0061\":2}}]", -EINVAL},
	    {"{\"a\":{\"x\":1,\"y\":2},\"a\":{}}", -EINVAL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json struct json_object *object = parse(cases[i].text);
		assert_int_equal(
		    json_check_unique(cases[i].text, strlen(cases[i].text), object, "x", NULL), cases[i].expected);
	}
}

static void test_known_members(void **state)
{
	(void)state;
	auto_json struct json_object *object = parse("{\"type\":1,\"keyPath\":2}");
	struct error err = ERROR_INIT;
	assert_int_equal(json_check_members(object, "keyPath type", &err), 0);
	assert_int_equal(json_check_members(object, "type keyPaths", &err), -EINVAL);
	assert_string_equal(err.text, "\"keyPath\" is not known here; known are: type keyPaths");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_refuses_invalid_utf8),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_wrong_types),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_write_is_readable),
	    cmocka_unit_test(test_unique),
	    cmocka_unit_test(test_known_members),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
