/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "pkg/file/file.h"
#include "pkg/json/json.h"

static inline void tokener_free(struct json_tokener *tokener)
{
	json_tokener_free(tokener);
}
DEFINE_CLEANUP(struct json_tokener *, tokener_free)
#define auto_tokener CLEANUP(tokener_freep)

/* What JSON can have outside of strings, but for what only json-c has. */
static const bool outside_strings[256] = {
    [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true, [','] = true, [':'] = true,
    ['+'] = true, ['-'] = true,  ['.'] = true,  ['0' ... '9'] = true, ['e'] = true, ['E'] = true, ['t'] = true, ['r'] = true, ['u'] = true, ['f'] = true,
    ['a'] = true, ['l'] = true,  ['s'] = true,  ['n'] = true,
};

/*
 * Where json-c's strict mode is laxer than RFC 8259, as the index of the first such byte; `length` when there is none:
 * quotes of one stroke, NaN and Infinity, control characters within strings, "1.", and a NUL, which it takes for the
 * end.
 */
static size_t find_laxity(const char *text, size_t length)
{
	bool in_string = false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (in_string) {
			if (c < 0x20)
				return i;
			if (c == '\\')
				i++;
			in_string = c != '"';
		} else if (c == '"') {
			in_string = true;
		} else if (!outside_strings[c] ||
			   (c == '.' && (i + 1 == length || !isdigit((unsigned char)text[i + 1])))) {
			return i;
		}
	}
	return length;
}

static int not_json(const char *name, const char *text, size_t at, const char *why, struct error *err)
{
	size_t line = 1;
	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return error_set(err, EINVAL, "%s: not valid JSON in line %zu: %s", name, line, why);
}

int json_parse(const char *text, size_t length, const char *name, struct json_object **ret, struct error *err)
{
	if (length > INT_MAX)
		return error_set(err, EFBIG, "%s: too large for JSON", name);
	size_t lax = find_laxity(text, length);
	if (lax < length)
		return not_json(name, text, lax, "unexpected character", err);
	auto_tokener struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (!tokener)
		return error_sys(err, ENOMEM, "read %s", name);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	auto_json struct json_object *object = json_tokener_parse_ex(tokener, text, (int)length);
	enum json_tokener_error problem = json_tokener_get_error(tokener);
	/* A number ends where something else begins, or with the NUL that is the end of all. */
	if (problem == json_tokener_continue) {
		object = json_tokener_parse_ex(tokener, "", 1);
		problem = json_tokener_get_error(tokener);
		if (problem != json_tokener_success)
			return not_json(name, text, length, "it ends too early", err);
	}
	if (problem != json_tokener_success)
		return not_json(name, text, json_tokener_get_parse_end(tokener), json_tokener_error_desc(problem), err);
	*ret = TAKE_PTR(object);
	return 0;
}

int json_read_at(int dirfd, const char *path, size_t max, struct json_object **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read_at(dirfd, path, max, &text, &length, err);
	return r < 0 ? r : json_parse(text, length, path, ret, err);
}

/* ---- members ---- */

static const char *expected(enum json_type type)
{
	switch (type) {
	case json_type_string:
		return "a string";
	case json_type_int:
		return "a whole number";
	case json_type_boolean:
		return "true or false";
	case json_type_object:
		return "an object";
	case json_type_array:
		return "an array";
	default:
		return "another type";
	}
}

/* The member, if it is there and of the type: 1, 0 or -EINVAL. */
static int member(struct json_object *object, const char *key, enum json_type type, struct json_object **ret,
		  struct error *err)
{
	struct json_object *value;
	if (!object)
		return 0;
	if (!json_object_is_type(object, json_type_object))
		return error_set(err, EINVAL, "expected an object with a member '%s'", key);
	if (!json_object_object_get_ex(object, key, &value) || !value)
		return 0;
	if (!json_object_is_type(value, type))
		return error_set(err, EINVAL, "%s: expected %s", key, expected(type));
	*ret = value;
	return 1;
}

/* Whether a C string can hold it. "\u0000" within a string would hide what follows from everybody but JSON. */
static bool is_c_string(struct json_object *string)
{
	return strlen(json_object_get_string(string)) == (size_t)json_object_get_string_len(string);
}

int json_get_string(struct json_object *object, const char *key, const char **ret, struct error *err)
{
	struct json_object *value = NULL;
	int r = member(object, key, json_type_string, &value, err);
	if (r <= 0)
		return r;
	if (!is_c_string(value))
		return error_set(err, EINVAL, "%s: expected a string without NUL characters", key);
	*ret = json_object_get_string(value);
	return 1;
}

int json_get_int(struct json_object *object, const char *key, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
	struct json_object *value = NULL;
	int r = member(object, key, json_type_int, &value, err);
	if (r <= 0)
		return r;
	/* json-c cuts to the range of what is asked for: what is too large for int64_t shows as uint64_t only. */
	int64_t number = json_object_get_int64(value);
	if (number < min || number > max || (number > 0 && json_object_get_uint64(value) > INT64_MAX))
		return error_set(err, ERANGE, "%s: expected a number from %" PRId64 " to %" PRId64, key, min, max);
	*ret = number;
	return 1;
}

int json_get_uint64(struct json_object *object, const char *key, uint64_t *ret, struct error *err)
{
	struct json_object *value = NULL;
	int r = member(object, key, json_type_int, &value, err);
	if (r <= 0)
		return r;
	if (json_object_get_int64(value) < 0)
		return error_set(err, ERANGE, "%s: expected a number that is not negative", key);
	*ret = json_object_get_uint64(value);
	return 1;
}

int json_get_bool(struct json_object *object, const char *key, bool *ret, struct error *err)
{
	struct json_object *value = NULL;
	int r = member(object, key, json_type_boolean, &value, err);
	if (r > 0)
		*ret = json_object_get_boolean(value);
	return r;
}

int json_get_object(struct json_object *object, const char *key, struct json_object **ret, struct error *err)
{
	return member(object, key, json_type_object, ret, err);
}

int json_get_array(struct json_object *object, const char *key, struct json_object **ret, struct error *err)
{
	return member(object, key, json_type_array, ret, err);
}

static bool is_text(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) && is_c_string(value);
}

int json_get_strv(struct json_object *object, const char *key, struct strv *ret, struct error *err)
{
	struct json_object *array = NULL;
	int r = member(object, key, json_type_array, &array, err);
	if (r <= 0)
		return r;
	size_t count = json_object_array_length(array);
	for (size_t i = 0; i < count; i++)
		if (!is_text(json_object_array_get_idx(array, i)))
			return error_set(err, EINVAL, "%s[%zu]: expected a string", key, i);
	for (size_t i = 0; i < count; i++)
		strv_add(ret, json_object_get_string(json_object_array_get_idx(array, i)));
	return 1;
}

int json_get_map(struct json_object *object, const char *key, struct strv *ret, struct error *err)
{
	struct json_object *map = NULL;
	int r = member(object, key, json_type_object, &map, err);
	if (r <= 0)
		return r;
	json_object_object_foreach(map, checked_key, checked)
	{
		if (!is_text(checked))
			return error_set(err, EINVAL, "%s.%s: expected a string", key, checked_key);
	}
	json_object_object_foreach(map, name, value)
	{
		strv_addf(ret, "%s=%s", name, json_object_get_string(value));
	}
	return 1;
}
