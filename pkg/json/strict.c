/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/json/json.h"

/* The tree has been read from text, so that it is no deeper than JSON_DEPTH_MAX. */
static size_t count_members(struct json_object *json)
{
	size_t count = 0;
	if (json_object_is_type(json, json_type_object)) {
		json_object_object_foreach(json, key, value)
		{
			(void)key;
			count += 1 + count_members(value);
		}
	} else if (json_object_is_type(json, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(json); i++)
			count += count_members(json_object_array_get_idx(json, i));
	}
	return count;
}

/* In valid JSON each member has one colon outside of strings. */
static size_t count_colons(const char *text, size_t length)
{
	size_t count = 0;
	bool in_string = false;
	for (size_t i = 0; i < length; i++) {
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (text[i] == ':' && !in_string)
			count++;
	}
	return count;
}

int json_check_unique(const char *text, size_t length, struct json_object *json, const char *name, struct error *err)
{
	if (count_colons(text, length) == count_members(json))
		return 0;
	return error_set(err, EINVAL, "%s: an object has two members of the same name", name);
}

int json_check_members(struct json_object *object, const char *known, struct error *err)
{
	auto_strv struct strv words = STRV_INIT;
	strv_split(&words, known, ' ');
	json_object_object_foreach(object, key, value)
	{
		(void)value;
		if (!strv_contains(&words, key))
			return error_set(err, EINVAL, "\"%.100s\" is not known here; known are: %s", key, known);
	}
	return 0;
}
