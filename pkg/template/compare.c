/* SPDX-License-Identifier: Apache-2.0 */
/* Go's comparisons. Integers compare with integers, floats with floats: anything else is an error, not false. */
#include <errno.h>
#include <string.h>

#include "pkg/template/format.h"
#include "pkg/template/functions.h"

enum basic {
	BASIC_NONE,
	BASIC_BOOL,
	BASIC_INTEGER,
	BASIC_FLOAT,
	BASIC_STRING,
};

static enum basic basic_of(const struct value *value)
{
	switch (value->kind) {
	case VALUE_BOOL:
		return BASIC_BOOL;
	case VALUE_INTEGER:
	case VALUE_NATURAL:
		return BASIC_INTEGER;
	case VALUE_FLOAT:
		return BASIC_FLOAT;
	case VALUE_STRING:
		return BASIC_STRING;
	default:
		return BASIC_NONE;
	}
}

static int incompatible(struct error *err)
{
	return error_set(err, EINVAL, "incompatible types for comparison");
}

static bool equal_strings(const struct value *a, const struct value *b)
{
	return a->string.length == b->string.length &&
	       (a->string.length == 0 || memcmp(a->string.text, b->string.text, a->string.length) == 0);
}

static int not_comparable(const struct value *value, struct error *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	format_value(&text, value);
	return error_set(err, EINVAL, "non-comparable type %.200s: %s", strbuf_text(&text), value_type(value));
}

static int equal(const struct value *a, const struct value *b, bool *ret, struct error *err)
{
	if (value_is_nil(a) || value_is_nil(b)) {
		*ret = value_is_nil(a) && value_is_nil(b);
		return 0;
	}
	enum basic basic = basic_of(a);
	if (basic != basic_of(b))
		return incompatible(err);
	switch (basic) {
	case BASIC_BOOL:
		*ret = a->boolean == b->boolean;
		return 0;
	case BASIC_INTEGER:
		/* The two kinds of integers have no number in common. */
		*ret = a->kind == b->kind &&
		       (a->kind == VALUE_INTEGER ? a->integer == b->integer : a->natural == b->natural);
		return 0;
	case BASIC_FLOAT:
		*ret = a->number >= b->number && a->number <= b->number;
		return 0;
	case BASIC_STRING:
		*ret = equal_strings(a, b);
		return 0;
	default:
		return not_comparable(a, err);
	}
}

static bool less_strings(const struct value *a, const struct value *b)
{
	size_t common = a->string.length < b->string.length ? a->string.length : b->string.length;
	int order = common ? memcmp(a->string.text, b->string.text, common) : 0;
	return order < 0 || (order == 0 && a->string.length < b->string.length);
}

static int less(const struct value *a, const struct value *b, bool *ret, struct error *err)
{
	enum basic basic = basic_of(a);
	if (basic == BASIC_NONE || basic_of(b) == BASIC_NONE)
		return error_set(err, EINVAL, "invalid type for comparison");
	if (basic != basic_of(b))
		return incompatible(err);
	switch (basic) {
	case BASIC_INTEGER:
		/* A natural is beyond all of the others. */
		if (a->kind != b->kind)
			*ret = a->kind == VALUE_INTEGER;
		else
			*ret = a->kind == VALUE_INTEGER ? a->integer < b->integer : a->natural < b->natural;
		return 0;
	case BASIC_FLOAT:
		*ret = a->number < b->number;
		return 0;
	case BASIC_STRING:
		*ret = less_strings(a, b);
		return 0;
	default:
		return error_set(err, EINVAL, "invalid type for comparison");
	}
}

int function_not(const struct call *call, struct value *ret, struct error *err)
{
	(void)err;
	*ret = value_boolean(!value_truth(call->args));
	return 0;
}

/* Whether the first is equal to any of the others. */
int function_eq(const struct call *call, struct value *ret, struct error *err)
{
	bool truth = false;
	if (call->count < 2)
		return error_set(err, EINVAL, "missing argument for comparison");
	for (size_t i = 1; i < call->count && !truth; i++) {
		int r = equal(&call->args[0], &call->args[i], &truth, err);
		if (r < 0)
			return r;
	}
	*ret = value_boolean(truth);
	return 0;
}

int function_ne(const struct call *call, struct value *ret, struct error *err)
{
	bool truth = false;
	int r = equal(&call->args[0], &call->args[1], &truth, err);
	if (r == 0)
		*ret = value_boolean(!truth);
	return r;
}

int function_lt(const struct call *call, struct value *ret, struct error *err)
{
	bool truth = false;
	int r = less(&call->args[0], &call->args[1], &truth, err);
	if (r == 0)
		*ret = value_boolean(truth);
	return r;
}

int function_le(const struct call *call, struct value *ret, struct error *err)
{
	bool truth = false;
	int r = less(&call->args[0], &call->args[1], &truth, err);
	if (r == 0 && !truth)
		r = equal(&call->args[0], &call->args[1], &truth, err);
	if (r == 0)
		*ret = value_boolean(truth);
	return r;
}

int function_gt(const struct call *call, struct value *ret, struct error *err)
{
	int r = function_le(call, ret, err);
	if (r == 0)
		ret->boolean = !ret->boolean;
	return r;
}

int function_ge(const struct call *call, struct value *ret, struct error *err)
{
	int r = function_lt(call, ret, err);
	if (r == 0)
		ret->boolean = !ret->boolean;
	return r;
}
