/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/template/value.h"

#include <string.h>

#include "pkg/template/template.h"

/* Its address, as the user data of a JSON object, says that the object is a map. */
static const char map_mark;

struct json_object *template_mark_map(struct json_object *object)
{
	if (object)
		json_object_set_userdata(object, (void *)&map_mark, NULL);
	return object;
}

static struct value value_of_number(struct json_object *object)
{
	int64_t integer = json_object_get_int64(object);
	uint64_t natural = integer == INT64_MAX ? json_object_get_uint64(object) : 0;
	if (natural > INT64_MAX)
		return (struct value){.kind = VALUE_NATURAL, .natural = natural};
	return value_integer(integer);
}

struct value value_of_json(struct json_object *object, enum value_kind null)
{
	switch (json_object_get_type(object)) {
	case json_type_boolean:
		return value_boolean(json_object_get_boolean(object));
	case json_type_int:
		return value_of_number(object);
	case json_type_double:
		return (struct value){.kind = VALUE_FLOAT, .number = json_object_get_double(object)};
	case json_type_string:
		return value_string(json_object_get_string(object), (size_t)json_object_get_string_len(object));
	case json_type_array:
		return value_list(object);
	case json_type_object:
		return (struct value){
		    .kind = json_object_get_userdata(object) == &map_mark ? VALUE_MAP : VALUE_STRUCT,
		    .object = object,
		};
	default:
		return (struct value){.kind = null};
	}
}

struct value value_list(struct json_object *array)
{
	return (struct value){.kind = VALUE_LIST, .list = {array, 0, json_object_array_length(array)}};
}

struct value value_item(const struct value *list, size_t index)
{
	return value_of_json(json_object_array_get_idx(list->list.array, list->list.start + index), VALUE_NULL);
}

static enum value_kind null_in(const struct value *value)
{
	return value->kind == VALUE_STRUCT ? VALUE_NIL : VALUE_NULL;
}

bool value_member(const struct value *value, const char *key, size_t length, struct value *ret)
{
	auto_free char *text = xstrndup(key, length);
	struct json_object *member;
	/* No key has a NUL in it. */
	if (strlen(text) != length || !json_object_object_get_ex(value->object, text, &member))
		return false;
	*ret = value_of_json(member, null_in(value));
	return true;
}

size_t value_length(const struct value *value)
{
	switch (value->kind) {
	case VALUE_STRING:
		return value->string.length;
	case VALUE_LIST:
		return value->list.length;
	case VALUE_MAP:
	case VALUE_STRUCT:
		return (size_t)json_object_object_length(value->object);
	default:
		return 0;
	}
}

static int compare_members(const void *a, const void *b)
{
	const struct member *left = a, *right = b;
	return strcmp(left->key, right->key);
}

struct member *value_members(const struct value *value, size_t *ret_count)
{
	size_t count = 0;
	struct member *members = xcalloc(value_length(value), sizeof(*members));
	json_object_object_foreach(value->object, key, member) members[count++] =
	    (struct member){key, value_of_json(member, null_in(value))};
	if (value->kind == VALUE_MAP)
		qsort(members, count, sizeof(*members), compare_members);
	*ret_count = count;
	return members;
}

bool value_truth(const struct value *value)
{
	switch (value->kind) {
	case VALUE_BOOL:
		return value->boolean;
	case VALUE_INTEGER:
		return value->integer != 0;
	case VALUE_FLOAT:
		return value->number < 0 || value->number > 0 || value->number != value->number;
	case VALUE_STRING:
	case VALUE_LIST:
	case VALUE_MAP:
		return value_length(value) > 0;
	case VALUE_NATURAL:
	case VALUE_STRUCT:
		return true;
	default:
		return false;
	}
}

const char *value_type(const struct value *value)
{
	switch (value->kind) {
	case VALUE_BOOL:
		return "bool";
	case VALUE_INTEGER:
		return "int";
	case VALUE_NATURAL:
		return "uint64";
	case VALUE_FLOAT:
		return "float64";
	case VALUE_STRING:
		return "string";
	case VALUE_LIST:
		return "[]interface {}";
	case VALUE_MAP:
		return "map[string]interface {}";
	case VALUE_STRUCT:
		return "struct";
	default:
		return "interface {}";
	}
}
