/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value: what expressions give. JSON stays where it is, borrowed; texts that functions make are in the execution's
 * arena. Values are plain structs, passed by value or const pointer, and nobody frees them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "pkg/text/text.h"

/* What one execution may make: results of functions, and likewise its output. */
#define TEMPLATE_BYTES_MAX ((size_t)32 << 20)

enum value_kind {
	VALUE_NONE, /* a key that a map does not have: printed as <no value> */
	VALUE_NULL, /* null in a map or list, which is Go's nil interface */
	VALUE_NIL,  /* null in a struct, which is Go's nil pointer, printed as <nil> */
	VALUE_BOOL,
	VALUE_INTEGER,
	VALUE_NATURAL, /* an integer beyond INT64_MAX */
	VALUE_FLOAT,
	VALUE_STRING,
	VALUE_LIST,
	VALUE_MAP,
	VALUE_STRUCT,
};

struct value {
	enum value_kind kind;
	bool title; /* a column's title, or the name of one: see list.c */
	union {
		bool boolean;
		int64_t integer;
		uint64_t natural;
		double number;
		struct {
			const char *text; /* any bytes, and no NUL behind them */
			size_t length;
		} string;
		struct {
			struct json_object *array;
			size_t start;
			size_t length;
		} list;
		struct json_object *object;
	};
};

static inline struct value value_boolean(bool boolean)
{
	return (struct value){.kind = VALUE_BOOL, .boolean = boolean};
}

static inline struct value value_integer(int64_t integer)
{
	return (struct value){.kind = VALUE_INTEGER, .integer = integer};
}

static inline struct value value_string(const char *text, size_t length)
{
	return (struct value){.kind = VALUE_STRING, .string = {text, length}};
}

static inline bool value_is_nil(const struct value *value)
{
	return value->kind <= VALUE_NIL;
}

/* `null` is the kind a JSON null becomes. */
struct value value_of_json(struct json_object *object, enum value_kind null);
struct value value_list(struct json_object *array);

/* The element of a list; index < value->list.length. */
struct value value_item(const struct value *list, size_t index);
/* The member of a map or struct: whether it is there. */
bool value_member(const struct value *value, const char *key, size_t length, struct value *ret);
size_t value_length(const struct value *value); /* of a string (bytes), list, map or struct; 0 for others */

/* The members of a map in the order of their keys, of a struct in its own. malloc'd; *ret_count of them. */
struct member {
	const char *key;
	struct value value;
};
struct member *value_members(const struct value *value, size_t *ret_count);

bool value_truth(const struct value *value);
/* Go's name of the type, for messages. */
const char *value_type(const struct value *value);
