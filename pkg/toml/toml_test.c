/* SPDX-License-Identifier: Apache-2.0 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "pkg/text/mutate.h"
#include "pkg/toml/toml_fuzz.c"

static const struct {
	const char *toml, *json;
} documents[] = {
    {"", "{}"},
    {"# nothing\r\n\n", "{}"},
    {"a = 1\nb=-2\nc = +0\nd = 1_000 # one\n", "{\"a\":1,\"b\":-2,\"c\":0,\"d\":1000}"},
    {"a = 0xDEAD_beef\nb = 0o17\nc = 0b101", "{\"a\":3735928559,\"b\":15,\"c\":5}"},
    {"a = 9223372036854775807\nb = -9223372036854775808", "{\"a\":9223372036854775807,\"b\":-9223372036854775808}"},
    {"a = 1.5\nb = -2e2\nc = 1_0.5E-1", "{\"a\":1.5,\"b\":-200.0,\"c\":1.05}"},
    {"a = true\nb = false", "{\"a\":true,\"b\":false}"},
    {"a = \"x\\t\\\"\\\\\\u00e9\\U0001F600\"", "{\"a\":\"x\\t\\\"\\\\\xc3\xa9\xf0\x9f\x98\x80\"}"},
    {"a = 'C:\\x'\nb = \"\"\nc = ''", "{\"a\":\"C:\\\\x\",\"b\":\"\",\"c\":\"\"}"},
    {"a = \"\"\"\nx\ny \\\n   z\"\"\"", "{\"a\":\"x\\ny z\"}"},
    {"a = \"\"\"\"x\"\"\"\"\"\nb = '''\n'x\\'''''", "{\"a\":\"\\\"x\\\"\\\"\",\"b\":\"'x\\\\''\"}"},
    {"a = [1, 2,\n # two\n 3,\n]\nb = []\nc = [[], ['x', \"y\"]]", "{\"a\":[1,2,3],\"b\":[],\"c\":[[],[\"x\",\"y\"]]}"},
    {"a = { x = 1, y.z = \"2\" }\nb = {}", "{\"a\":{\"x\":1,\"y\":{\"z\":\"2\"}},\"b\":{}}"},
    {"a.b = 1\na.c.d = 2\n\"x.y\" . 'z' = 3", "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"x.y\":{\"z\":3}}"},
    {"[a]\nx = 1\n[a.b]\ny = 2\n[c]", "{\"a\":{\"x\":1,\"b\":{\"y\":2}},\"c\":{}}"},
    {"[a.b.c]\n[a]\nx = 1", "{\"a\":{\"b\":{\"c\":{}},\"x\":1}}"},
    {"[[r]]\nl = 1\n[[r.m]]\nl = 2\n[[r.m]]\n[[ r ]]\nl = 3", "{\"r\":[{\"l\":1,\"m\":[{\"l\":2},{}]},{\"l\":3}]}"},
    {"[fruit]\napple.color = 1\n[fruit.apple.taste]\nx = 2",
     "{\"fruit\":{\"apple\":{\"color\":1,\"taste\":{\"x\":2}}}}"},
    {"a = 1979-05-27\nb = 07:32:00.5\nc = 1979-05-27 07:32:00-07:00\nd=2000-02-29T00:00:00Z",
     "{\"a\":\"1979-05-27\",\"b\":\"07:32:00.5\",\"c\":\"1979-05-27 07:32:00-07:00\",\"d\":\"2000-02-29T00:00:00Z\"}"},
    {"\xef\xbb\xbfunqualified-search-registries = [\"docker.io\"]\n3 = 'three'",
     "{\"unqualified-search-registries\":[\"docker.io\"],\"3\":\"three\"}"},
};

static void reads_documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		auto_json struct json_object *tree = NULL;
		struct error err = ERROR_INIT;
		if (toml_parse(documents[i].toml, strlen(documents[i].toml), "t", &tree, &err) < 0)
			fail_msg("%s: %s", documents[i].toml, err.text);
		auto_free char *json = json_text(tree, false);
		assert_string_equal(json, documents[i].json);
	}
}

static const struct {
	const char *toml, *error; /* from the line's number on */
} mistakes[] = {
    {"a", "1: expected = behind \"a\""},
    {"a = 1\na = 2", "2: \"a\" is there already"},
    {"a = 1 b = 2", "1: unexpected 'b'"},
    {"\n\na = ", "3: expected a value"},
    {"a = b", "1: \"b\" is no value; text is written in quotes"},
    {"a = docker.io", "1: \"docker.io\" is no value; text is written in quotes"},
    {"a = 01", "1: \"01\" is no value"},
    {"a = 1__0", "1: \"1__0\" is no value"},
    {"a = 1_", "1: \"1_\" is no value"},
    {"a = 1.", "1: \"1.\" is no value"},
    {"a = .5", "1: \".5\" is no value"},
    {"a = 0x", "1: \"0x\" is not a number"},
    {"a = 9223372036854775808", "1: 9223372036854775808 is out of range"},
    {"a = 2023-02-29", "1: \"2023-02-29\" is no value"},
    {"a = 25:00:00", "1: \"25:00:00\" is no value"},
    {"a = \"x\ny\"", "1: the string has no end in this line"},
    {"a = \"\\q\"", "1: there is no escape \\q"},
    {"a = \"\\u12\"", "1: expected 4 hexadecimal digits behind \\u"},
    {"a = \"\\ud800\"", "1: U+D800 is no character"},
    {"a = \"\\u0000\"", "1: U+0000 is no character"},
    {"a = 1\nb = \"\"\"\nx", "2: the string that begins here has no end"},
    {"a = [1\n2]", "2: expected a comma or ] in the array"},
    {"a = [1,,2]", "1: expected a value"},
    {"a = {x = 1,}", "1: expected a name"},
    {"a = {x = 1\n}", "1: expected a comma or } in the table"},
    {"a = {x = 1}\na.y = 2", "2: \"a\" is there already, and cannot be added to here"},
    {"a = {x = 1}\n[a.b]", "2: \"a\" is there already, and is no table that can be added to"},
    {"a = [{}]\n[[a]]", "2: \"a\" is there already, and is no array of tables"},
    {"[a]\n[a]", "2: \"a\" is there already"},
    {"[a]\nb.c = 1\n[a.b]", "3: \"b\" is there already"},
    {"[a.b.c]\nz = 9\n[a]\nb.c.t = 1", "4: \"b\" is there already, and cannot be added to here"},
    {"[[a]]\n[a]", "2: \"a\" is there already"},
    {"[a", "1: expected ] behind the table's name"},
    {"[[a]", "1: expected ]] behind the table's name"},
    {"[a] x", "1: unexpected 'x'"},
    {"[]", "1: expected a name"},
    {"= 1", "1: expected a name"},
    {"a = 1\x01", "1: byte 0x01 is not allowed here"},
    {"a = 1\n# \xff", "2: byte 0xff is not allowed here"},
    {"a = 1\rb = 2", "1: byte 0x0d is not allowed here"},
};

static void says_where_the_mistake_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		auto_json struct json_object *tree = NULL;
		struct error err = ERROR_INIT;
		assert_int_equal(toml_parse(mistakes[i].toml, strlen(mistakes[i].toml), "t", &tree, &err), -EINVAL);
		if (!text_starts_with(err.text, "t:") || !text_starts_with(err.text + 2, mistakes[i].error))
			fail_msg("%s: %s", mistakes[i].toml, err.text);
		assert_null(tree);
	}
}

static void bounds_nesting(void **state)
{
	auto_strbuf struct strbuf arrays = STRBUF_INIT, names = STRBUF_INIT;
	auto_json struct json_object *tree = NULL;
	struct error err = ERROR_INIT;
	(void)state;
	strbuf_puts(&arrays, "a = ");
	for (int i = 0; i < 100000; i++) {
		strbuf_putc(&arrays, '[');
		strbuf_puts(&names, i ? ".a" : "a");
	}
	assert_int_equal(toml_parse(arrays.data, arrays.length, "t", &tree, &err), -EINVAL);
	assert_non_null(strstr(err.text, "nested deeper"));
	assert_int_equal(toml_parse(names.data, names.length, "t", &tree, &err), -EINVAL);
	assert_non_null(strstr(err.text, "parts"));
}

static void remembers_lines(void **state)
{
	static const char text[] = "a = 1\n\n[[r]]\nx = \"y\"\n\nz = [\n1]";
	auto_json struct json_object *tree = NULL;
	(void)state;
	assert_int_equal(toml_parse(text, strlen(text), "t", &tree, NULL), 0);
	struct json_object *table = json_object_array_get_idx(json_object_object_get(tree, "r"), 0);
	assert_int_equal(toml_line(json_object_object_get(tree, "a")), 1);
	assert_int_equal(toml_line(table), 3);
	assert_int_equal(toml_line(json_object_object_get(table, "x")), 4);
	assert_int_equal(toml_line(json_object_object_get(table, "z")), 6);
}

static void withstands_anything(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++)
		mutate_seed(documents[i].toml, 500, LLVMFuzzerTestOneInput);
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++)
		mutate_seed(mistakes[i].toml, 100, LLVMFuzzerTestOneInput);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_documents), cmocka_unit_test(says_where_the_mistake_is),
	    cmocka_unit_test(bounds_nesting), cmocka_unit_test(remembers_lines), cmocka_unit_test(withstands_anything)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
