/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value by one verb. What a verb cannot print it says in the text itself, as Go does: %!d(string=hello). Lists,
 * maps and structs apply the verb, with its flags, to each of their elements.
 */
#include <math.h>
#include <string.h>

#include "pkg/template/format.h"
#include "pkg/template/utf8.h"

static void fill(struct strbuf *out, char c, size_t count)
{
	/* The evaluator reports what grows beyond its limit; here it is enough not to go on. */
	char piece[256];
	memset(piece, c, sizeof(piece));
	for (size_t n; count && out->length <= TEMPLATE_BYTES_MAX; count -= n) {
		n = count < sizeof(piece) ? count : sizeof(piece);
		strbuf_add(out, piece, n);
	}
}

void format_padded(struct strbuf *out, const struct verb_flags *flags, const char *text, size_t length)
{
	size_t width = flags->has_width ? (size_t)flags->width : 0;
	size_t columns = width ? utf8_count(text, length) : 0;
	size_t padding = width > columns ? width - columns : 0;
	if (!flags->minus)
		fill(out, flags->zero ? '0' : ' ', padding);
	strbuf_add(out, text, length);
	if (flags->minus)
		fill(out, ' ', padding);
}

static void bad_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value)
{
	strbuf_puts(out, "%!");
	utf8_append(out, verb);
	strbuf_putc(out, '(');
	if (value_is_nil(value)) {
		strbuf_puts(out, "<nil>");
	} else {
		strbuf_puts(out, value_type(value));
		strbuf_putc(out, '=');
		format_verb(out, flags, 'v', value);
	}
	strbuf_putc(out, ')');
}

static void nil_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value)
{
	if (verb == 'v')
		format_padded(out, flags, "<nil>", 5);
	else
		bad_verb(out, flags, verb, value);
}

static void bool_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value)
{
	if (verb == 't' || verb == 'v')
		format_padded(out, flags, value->boolean ? "true" : "false", value->boolean ? 4 : 5);
	else
		bad_verb(out, flags, verb, value);
}

/* %c, %q and %U: the integer as a code point. */
static void code_point_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, uint64_t number)
{
	uint32_t code_point = number > 0x10FFFF ? UTF8_INVALID : (uint32_t)number;
	auto_strbuf struct strbuf character = STRBUF_INIT, text = STRBUF_INIT;
	utf8_append(&character, code_point);
	if (verb == 'c') {
		strbuf_add(&text, character.data, character.length);
	} else if (verb == 'q') {
		format_quoted(&text, character.data, character.length, '\'', flags->plus);
	} else {
		strbuf_printf(&text, "U+%04llX", (unsigned long long)number);
		if (flags->sharp && number <= 0x10FFFF && utf8_is_printable(code_point))
			strbuf_printf(&text, " '%s'", strbuf_text(&character));
	}
	format_padded(out, flags, text.data, text.length);
}

static void integer_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value)
{
	bool negative = value->kind == VALUE_INTEGER && value->integer < 0;
	uint64_t bits = value->kind == VALUE_INTEGER ? (uint64_t)value->integer : value->natural;
	if (verb < 0x80 && verb && strchr("cqU", (int)verb))
		code_point_verb(out, flags, verb, bits);
	else if (verb < 0x80 && verb && strchr("vdboOxX", (int)verb))
		format_integer(out, flags, verb, negative, negative ? 0 - bits : bits);
	else
		bad_verb(out, flags, verb, value);
}

static void float_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value)
{
	bool sharp = flags->sharp && verb != 'v';
	int precision = verb < 0x80 && verb && (sharp || strchr("eEfF", (int)verb)) ? 6 : -1;
	if (verb >= 0x80 || !verb || !strchr("vgGeEfFxX", (int)verb)) {
		bad_verb(out, flags, verb, value);
		return;
	}
	if (flags->has_precision)
		precision = flags->precision;
	auto_strbuf struct strbuf text = STRBUF_INIT;
	char sign = flags->plus ? '+' : ' ';
	if (!signbit(value->number) && isfinite(value->number) && (flags->plus || flags->space))
		strbuf_putc(&text, sign);
	format_float(&text, value->number, verb == 'v' ? 'g' : (char)verb, precision, sharp);
	struct verb_flags padding = *flags;
	const char *rest = text.data;
	/* Zeros go between the sign and the digits; there are none before Inf and NaN. */
	if (!strpbrk(text.data, "0123456789")) {
		padding.zero = false;
	} else if (flags->zero && flags->has_width && strchr("+- ", *rest)) {
		strbuf_putc(out, *rest++);
		padding.width -= padding.width > 0;
	}
	format_padded(out, &padding, rest, text.length - (size_t)(rest - text.data));
}

static void hexadecimal_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const char *text,
			     size_t length)
{
	auto_strbuf struct strbuf digits = STRBUF_INIT;
	if (flags->has_precision && (size_t)flags->precision < length)
		length = (size_t)flags->precision;
	for (size_t i = 0; i < length; i++) {
		if (flags->space && i)
			strbuf_putc(&digits, ' ');
		if (flags->sharp && (flags->space || i == 0))
			strbuf_puts(&digits, verb == 'x' ? "0x" : "0X");
		strbuf_printf(&digits, verb == 'x' ? "%02x" : "%02X", (unsigned char)text[i]);
	}
	format_padded(out, flags, strbuf_text(&digits), digits.length);
}

/* Whether Go would put the text in backquotes: valid, on one line, nothing hidden in it. */
static bool fits_backquotes(const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		uint32_t code_point;
		size_t bytes = utf8_decode(text + at, length - at, &code_point);
		if (code_point == '`' || (bytes == 1 && code_point == UTF8_INVALID) || code_point == 0xFEFF ||
		    (code_point < ' ' && code_point != '\t') || code_point == 0x7F)
			return false;
		at += bytes;
	}
	return true;
}

static void quoted_verb(struct strbuf *out, const struct verb_flags *flags, const char *text, size_t length)
{
	auto_strbuf struct strbuf quoted = STRBUF_INIT;
	if (flags->sharp && fits_backquotes(text, length)) {
		strbuf_putc(&quoted, '`');
		strbuf_add(&quoted, text, length);
		strbuf_putc(&quoted, '`');
	} else {
		format_quoted(&quoted, text, length, '"', flags->plus);
	}
	format_padded(out, flags, quoted.data, quoted.length);
}

static void string_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value)
{
	const char *text = value->string.text;
	size_t length = value->string.length;
	if (verb == 'x' || verb == 'X') {
		hexadecimal_verb(out, flags, verb, text, length);
		return;
	}
	if (flags->has_precision)
		length = utf8_prefix(text, length, (size_t)flags->precision);
	if (verb == 'q' || (verb == 'v' && flags->sharp_v))
		quoted_verb(out, flags, text, length);
	else if (verb == 's' || verb == 'v')
		format_padded(out, flags, text, length);
	else
		bad_verb(out, flags, verb, value);
}

/* What is inside another value; a null there is not padded. */
static void element_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value)
{
	if (value_is_nil(value))
		strbuf_puts(out, flags->sharp_v ? "interface {}(nil)" : "<nil>");
	else
		format_verb(out, flags, verb, value);
}

static void list_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value)
{
	strbuf_puts(out, flags->sharp_v ? value_type(value) : "");
	strbuf_putc(out, flags->sharp_v ? '{' : '[');
	for (size_t i = 0; i < value->list.length; i++) {
		struct value item = value_item(value, i);
		strbuf_puts(out, !i ? "" : flags->sharp_v ? ", " : " ");
		element_verb(out, flags, verb, &item);
	}
	strbuf_putc(out, flags->sharp_v ? '}' : ']');
}

static void members_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value)
{
	size_t count;
	bool map = value->kind == VALUE_MAP;
	auto_free struct member *members = value_members(value, &count);
	strbuf_puts(out, flags->sharp_v ? value_type(value) : map ? "map" : "");
	strbuf_putc(out, flags->sharp_v || !map ? '{' : '[');
	for (size_t i = 0; i < count; i++) {
		struct value key = value_string(members[i].key, strlen(members[i].key));
		strbuf_puts(out, !i ? "" : flags->sharp_v ? ", " : " ");
		if (map)
			string_verb(out, flags, verb, &key);
		else if (flags->plus_v || flags->sharp_v)
			strbuf_puts(out, members[i].key);
		if (map || flags->plus_v || flags->sharp_v)
			strbuf_putc(out, ':');
		element_verb(out, flags, verb, &members[i].value);
	}
	strbuf_putc(out, flags->sharp_v || !map ? '}' : ']');
}

void format_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value)
{
	if (verb == 'T') {
		const char *type = value_is_nil(value) ? "<nil>" : value_type(value);
		format_padded(out, flags, type, strlen(type));
		return;
	}
	switch (value->kind) {
	case VALUE_BOOL:
		bool_verb(out, flags, verb, value);
		break;
	case VALUE_INTEGER:
	case VALUE_NATURAL:
		integer_verb(out, flags, verb, value);
		break;
	case VALUE_FLOAT:
		float_verb(out, flags, verb, value);
		break;
	case VALUE_STRING:
		string_verb(out, flags, verb, value);
		break;
	case VALUE_LIST:
		list_verb(out, flags, verb, value);
		break;
	case VALUE_MAP:
	case VALUE_STRUCT:
		members_verb(out, flags, verb, value);
		break;
	default:
		nil_verb(out, flags, verb, value);
	}
}
