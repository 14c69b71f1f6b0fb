/* SPDX-License-Identifier: Apache-2.0 */
/* Go's functions for what has elements: len, index, slice. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "pkg/template/functions.h"

int function_len(const struct call *call, struct value *ret, struct error *err)
{
	const struct value *value = call->args;
	if (value_is_nil(value))
		return error_set(err, EINVAL, "len of nil pointer");
	if (value->kind != VALUE_STRING && value->kind != VALUE_LIST && value->kind != VALUE_MAP)
		return error_set(err, EINVAL, "len of type %s", value_type(value));
	*ret = value_integer((int64_t)value_length(value));
	return 0;
}

/* A position in a list or string, up to and with `max`. */
static int check_position(const struct value *index, size_t max, size_t *ret, struct error *err)
{
	if (value_is_nil(index))
		return error_set(err, EINVAL, "cannot index slice/array with nil");
	if (index->kind != VALUE_INTEGER && index->kind != VALUE_NATURAL)
		return error_set(err, EINVAL, "cannot index slice/array with type %s", value_type(index));
	if (index->kind == VALUE_NATURAL)
		return error_set(err, EINVAL, "index out of range: %" PRIu64, index->natural);
	if (index->integer < 0 || (uint64_t)index->integer > max)
		return error_set(err, EINVAL, "index out of range: %" PRId64, index->integer);
	*ret = (size_t)index->integer;
	return 0;
}

struct value zero_of(const struct value *map)
{
	size_t count;
	auto_free struct member *members = value_members(map, &count);
	enum value_kind kind = count ? members[0].value.kind : VALUE_STRING;
	for (size_t i = 0; i < count; i++)
		if (members[i].value.kind != kind)
			return (struct value){.kind = VALUE_NONE};
	if (kind == VALUE_STRING)
		return value_string("", 0);
	if (kind == VALUE_MAP || kind == VALUE_STRUCT)
		return (struct value){.kind = VALUE_NIL};
	/* Of all others the zero value is all zeros: 0, false, an empty list. */
	return (struct value){.kind = kind};
}

static int index_once(const struct value *value, const struct value *index, struct value *ret, struct error *err)
{
	size_t position = 0;
	if (value->kind == VALUE_MAP) {
		if (value_is_nil(index))
			return error_set(err, EINVAL, "value is nil; should be of type string");
		if (index->kind != VALUE_STRING)
			return error_set(err, EINVAL, "value has type %s; should be string", value_type(index));
		struct value found = {.kind = VALUE_NONE};
		bool there = value_member(value, index->string.text, index->string.length, &found);
		*ret = there ? found : zero_of(value);
		return 0;
	}
	if (value_is_nil(value))
		return error_set(err, EINVAL, "index of nil pointer");
	if (value->kind != VALUE_LIST && value->kind != VALUE_STRING)
		return error_set(err, EINVAL, "can't index item of type %s", value_type(value));
	size_t length = value_length(value);
	int r = check_position(index, length, &position, err);
	if (r < 0)
		return r;
	if (position == length)
		return error_set(err, EINVAL, "index out of range: %zu", position);
	*ret = value->kind == VALUE_LIST ? value_item(value, position)
					 : value_integer((unsigned char)value->string.text[position]);
	return 0;
}

int function_index(const struct call *call, struct value *ret, struct error *err)
{
	struct value value = call->args[0];
	if (value.kind == VALUE_NONE || value.kind == VALUE_NULL)
		return error_set(err, EINVAL, "index of untyped nil");
	for (size_t i = 1; i < call->count; i++) {
		struct value item;
		int r = index_once(&value, &call->args[i], &item, err);
		if (r < 0)
			return r;
		value = item;
	}
	*ret = value;
	return 0;
}

int function_slice(const struct call *call, struct value *ret, struct error *err)
{
	struct value value = call->args[0];
	size_t length = value_length(&value);
	size_t positions[] = {0, length, length};
	if (value_is_nil(&value))
		return error_set(err, EINVAL, "slice of untyped nil");
	if (call->count > 4)
		return error_set(err, EINVAL, "too many slice indexes: %zu", call->count - 1);
	if (value.kind != VALUE_STRING && value.kind != VALUE_LIST)
		return error_set(err, EINVAL, "can't slice item of type %s", value_type(&value));
	if (value.kind == VALUE_STRING && call->count == 4)
		return error_set(err, EINVAL, "cannot 3-index slice a string");
	for (size_t i = 1; i < call->count; i++) {
		int r = check_position(&call->args[i], length, &positions[i - 1], err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < 2; i++)
		if (positions[i] > positions[i + 1])
			return error_set(err, EINVAL, "invalid slice index: %zu > %zu", positions[i], positions[i + 1]);
	if (value.kind == VALUE_STRING) {
		*ret = value_string(value.string.text + positions[0], positions[1] - positions[0]);
		return 0;
	}
	value.list.start += positions[0];
	value.list.length = positions[1] - positions[0];
	*ret = value;
	return 0;
}
