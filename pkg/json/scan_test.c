/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/json/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/text/mutate.h"

/* {"s":…,"v":…,"m":…,"b":…,"i":…,"t":…}, as somebody reads it who knows what is in it. */
struct thing {
	char *string;
	struct strv vector, map;
	bool flag;
	int64_t number;
	struct json_object *tree;
};

static void thing_free(struct thing *thing)
{
	free(thing->string);
	strv_free(&thing->vector);
	strv_free(&thing->map);
	json_object_put(thing->tree);
}

static void scan_member(struct json_scan *scan, char name, struct thing *thing)
{
	switch (name) {
	case 's':
		thing->string = json_scan_string(scan);
		break;
	case 'v':
		json_scan_strv(scan, &thing->vector);
		break;
	case 'm':
		json_scan_map(scan, &thing->map);
		break;
	case 'b':
		thing->flag = json_scan_bool(scan);
		break;
	case 'i':
		thing->number = json_scan_int(scan);
		break;
	default:
		thing->tree = json_scan_tree(scan);
	}
}

/* False: odd. The members stand in this order. */
static bool scan_thing(const char *text, size_t length, struct thing *thing)
{
	struct json_scan scan = {.at = text, .end = text + length};
	char open = '{';
	for (const char *name = "svmbit"; *name; name++) {
		const char *key;
		json_scan_expect(&scan, open);
		if (json_scan_key(&scan, &key) != 1 || *key != *name)
			return false;
		scan_member(&scan, *name, thing);
		open = ',';
	}
	json_scan_expect(&scan, '}');
	return !scan.odd && scan.at == scan.end;
}

static void assert_strv(const struct strv *a, const struct strv *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		assert_string_equal(a->items[i], b->items[i]);
}

/* What the scan takes is JSON, and says the same to json-c. */
static int agrees(const uint8_t *data, size_t size)
{
	CLEANUP(thing_free) struct thing thing = {0};
	struct error err = ERROR_INIT;
	if (!scan_thing((const char *)data, size, &thing))
		return 0;
	auto_json struct json_object *object = NULL;
	auto_strv struct strv vector = STRV_INIT, map = STRV_INIT;
	struct json_object *tree = NULL;
	const char *text = NULL;
	bool flag = false;
	int64_t number = 0;
	if (json_parse((const char *)data, size, "x", &object, &err) < 0)
		fail_msg("%.*s: %s", (int)size, data, err.text);
	assert_int_equal(json_get_string(object, "s", &text, NULL), 1);
	assert_string_equal(text, thing.string);
	assert_int_equal(json_get_strv(object, "v", &vector, NULL), 1);
	assert_strv(&vector, &thing.vector);
	assert_int_equal(json_get_map(object, "m", &map, NULL), 1);
	assert_strv(&map, &thing.map);
	assert_int_equal(json_get_bool(object, "b", &flag, NULL), 1);
	assert_int_equal(flag, thing.flag);
	assert_int_equal(json_get_int(object, "i", INT64_MIN, INT64_MAX, &number, NULL), 1);
	assert_int_equal(number, thing.number);
	assert_true(json_object_object_get_ex(object, "t", &tree));
	assert_true(json_object_equal(tree, thing.tree));
	return 1;
}

static void test_takes(void **state)
{
	(void)state;
	static const char *const usual[] = {
	    "{\"s\":\"text\",\"v\":[\"a\",\"b c\"],\"m\":{\"k\":\"v\",\"l\":\"\"},\"b\":true,\"i\":1795888916574848665,\"t\":[{\"a\":1},{\"b\":[\"]\"]}]}",
	    "{\"s\":\"\",\"v\":[],\"m\":{},\"b\":false,\"i\":-7,\"t\":{}}",
	    "{\"s\":\"a\\\"b\\\\\\/\\n\\t\\r\\b\\f\",\"v\":[\"\\\"\"],\"m\":{\"k\":\"\\n=\"},\"b\":true,\"i\":0,\"t\":{\"}\\\"\":\"{\"}}",
	    "{\"s\":\"x\",\"v\":[\"\"],\"m\":{},\"b\":false,\"i\":9223372036854775807,\"t\":[]}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (!agrees((const uint8_t *)usual[i], strlen(usual[i])))
			fail_msg("%s is odd", usual[i]);
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		mutate_seed(usual[i], 20000, agrees);
}

static void test_is_odd(void **state)
{
	(void)state;
	/* Right or wrong: in each place something that is left to json-c. */
	static const char *const odd[][2] = {
	    {"s", "\"\xc3\xa9\""},
	    {"s", "\"\\u0041\""},
	    {"s", "\"a\nb\""},
	    {"s", "null"},
	    {"s", "\"\\x\""},
	    {"v", "[1]"},
	    {"v", "[\"a\",]"},
	    {"v", "[ \"a\"]"},
	    {"v", "null"},
	    {"v", "[\"a\" \"b\"]"},
	    {"m", "{\"k\":1}"},
	    {"m", "{\"\":\"\"}"},
	    {"m", "{\"k\":\"\",\"k\":\"\"}"},
	    {"m", "{\"k\":\"\",}"},
	    {"m", "[]"},
	    {"b", "True"},
	    {"b", "1"},
	    {"b", "truefalse"},
	    {"i", "1.0"},
	    {"i", "1e3"},
	    {"i", "01"},
	    {"i", "-"},
	    {"i", "9223372036854775808"},
	    {"i", "\"1\""},
	    {"i", "+1"},
	    {"t", "1"},
	    {"t", "[[]"},
	    {"t", "[1,]"},
	    {"t", "\"[\""},
	    {"t", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		CLEANUP(thing_free) struct thing thing = {0};
		auto_free char *text = xstrdup(odd[i][1]);
		struct json_scan scan = {.at = text, .end = text + strlen(text)};
		scan_member(&scan, odd[i][0][0], &thing);
		if (!scan.odd && scan.at == scan.end)
			fail_msg("%s is taken", text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_takes),
	    cmocka_unit_test(test_is_odd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
