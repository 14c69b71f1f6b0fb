/* SPDX-License-Identifier: Apache-2.0 */
/* docker's functions for strings. Lower and upper case are those of ASCII: names and options have no others. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "pkg/template/format.h"
#include "pkg/template/functions.h"
#include "pkg/template/utf8.h"

static int too_long(struct error *err)
{
	return error_set(err, E2BIG, "the text is longer than %zu MiB", TEMPLATE_BYTES_MAX >> 20);
}

int function_join(const struct call *call, struct value *ret, struct error *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	const struct value *list = &call->args[0], *separator = &call->args[1];
	for (size_t i = 0; i < list->list.length; i++) {
		struct value item = value_item(list, i);
		if (i)
			strbuf_add(&text, separator->string.text, separator->string.length);
		format_value(&text, &item);
		if (text.length > TEMPLATE_BYTES_MAX)
			return too_long(err);
	}
	return call_return(call, &text, ret);
}

static void add_piece(struct json_object *pieces, const char *text, size_t length)
{
	json_object_array_add(pieces, json_object_new_string_len(text, (int)length));
}

/* At each separator; with an empty one, into code points. */
int function_split(const struct call *call, struct value *ret, struct error *err)
{
	const char *text = call->args[0].string.text, *separator = call->args[1].string.text;
	size_t length = call->args[0].string.length, width = call->args[1].string.length;
	/* A piece takes far more than its characters. */
	if (length > TEMPLATE_BYTES_MAX / 64)
		return too_long(err);
	struct json_object *pieces = arena_keep(call->arena, json_object_new_array());
	size_t start = 0;
	while (width ? width <= length - start : start < length) {
		const char *found = width ? memmem(text + start, length - start, separator, width) : text + start;
		if (!found)
			break;
		size_t end = width ? (size_t)(found - text) : start + utf8_prefix(found, length - start, 1);
		add_piece(pieces, text + start, end - start);
		start = end + width;
	}
	if (width)
		add_piece(pieces, text + start, length - start);
	call->arena->used += 64 * json_object_array_length(pieces);
	*ret = value_list(pieces);
	return 0;
}

static int change_case(const struct call *call, int (*change)(int), struct value *ret)
{
	const struct value *source = call->args;
	char *copy = arena_copy(call->arena, source->string.text, source->string.length);
	for (size_t i = 0; i < source->string.length; i++)
		if ((unsigned char)copy[i] < 0x80)
			copy[i] = (char)change((unsigned char)copy[i]);
	*ret = value_string(copy, source->string.length);
	return 0;
}

int function_lower(const struct call *call, struct value *ret, struct error *err)
{
	(void)err;
	return change_case(call, tolower, ret);
}

int function_upper(const struct call *call, struct value *ret, struct error *err)
{
	(void)err;
	return change_case(call, toupper, ret);
}

/* The first letter of each word. */
int function_title(const struct call *call, struct value *ret, struct error *err)
{
	(void)err;
	const struct value *source = call->args;
	char *copy = arena_copy(call->arena, source->string.text, source->string.length);
	bool in_word = false;
	for (size_t i = 0; i < source->string.length; i++) {
		unsigned char c = (unsigned char)copy[i];
		if (!in_word && c < 0x80)
			copy[i] = (char)toupper(c);
		in_word = c >= 0x80 || isalnum(c) || c == '_';
	}
	*ret = value_string(copy, source->string.length);
	return 0;
}

/* Spaces before and behind a text, unless it is empty. */
int function_pad(const struct call *call, struct value *ret, struct error *err)
{
	const struct value *source = &call->args[0];
	int64_t before = call->args[1].integer, behind = call->args[2].integer;
	if (before < 0 || behind < 0)
		return error_set(err, EINVAL, "negative number of spaces");
	if ((uint64_t)before > TEMPLATE_BYTES_MAX || (uint64_t)behind > TEMPLATE_BYTES_MAX)
		return too_long(err);
	*ret = *source;
	if (!source->string.length)
		return 0;
	size_t length = (size_t)before + source->string.length + (size_t)behind;
	char *text = arena_alloc(call->arena, length);
	memset(text, ' ', length);
	memcpy(text + before, source->string.text, source->string.length);
	*ret = value_string(text, length);
	return 0;
}

/* The first characters of a text. */
int function_truncate(const struct call *call, struct value *ret, struct error *err)
{
	const struct value *source = &call->args[0];
	int64_t characters = call->args[1].integer;
	if (characters < 0)
		return error_set(err, EINVAL, "negative length %lld", (long long)characters);
	*ret = value_string(source->string.text,
			    utf8_prefix(source->string.text, source->string.length, (size_t)characters));
	return 0;
}
