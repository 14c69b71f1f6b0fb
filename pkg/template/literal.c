/* SPDX-License-Identifier: Apache-2.0 */
/* Go's literals: strings and characters in quotes, numbers. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "pkg/template/parse.h"
#include "pkg/template/utf8.h"

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* `count` digits of `base` at text, which must be there. */
static bool take_digits(const char *text, size_t length, size_t count, int base, uint32_t *ret)
{
	uint32_t number = 0;
	if (count > length)
		return false;
	for (size_t i = 0; i < count; i++) {
		int digit = digit_value(text[i]);
		if (digit >= base)
			return false;
		number = number * (uint32_t)base + (uint32_t)digit;
	}
	*ret = number;
	return true;
}

/* An escape, its backslash taken. Returns its length, 0 for an invalid one; *ret_byte: it stands for a byte, not a code
 * point. */
static size_t take_escape(const char *text, size_t length, char quote, uint32_t *ret, bool *ret_byte)
{
	static const char simple[] = "abfnrtv\\", meaning[] = "\a\b\f\n\r\t\v\\";
	*ret_byte = false;
	if (!length)
		return 0;
	if (text[0] == quote) {
		*ret = (unsigned char)quote;
		return 1;
	}
	const char *found = text[0] ? strchr(simple, text[0]) : NULL;
	if (found) {
		*ret = (unsigned char)meaning[found - simple];
		return 1;
	}
	size_t digits = text[0] == 'x' ? 2 : text[0] == 'u' ? 4 : text[0] == 'U' ? 8 : 0;
	if (digits) {
		*ret_byte = digits == 2;
		bool valid = take_digits(text + 1, length - 1, digits, 16, ret) && *ret <= 0x10FFFF &&
			     (*ret < 0xD800 || *ret >= 0xE000);
		return valid ? digits + 1 : 0;
	}
	*ret_byte = true;
	return take_digits(text, length, 3, 8, ret) && *ret <= 0xFF ? 3 : 0;
}

bool literal_unquote(const char *text, size_t length, struct strbuf *out, uint32_t *ret_first)
{
	const char quote = text[0];
	for (size_t at = 1; at < length - 1;) {
		bool first = at == 1;
		uint32_t code_point;
		if (text[at] != '\\') {
			size_t bytes = utf8_decode(text + at, length - 1 - at, &code_point);
			strbuf_add(out, text + at, bytes);
			at += bytes;
		} else {
			bool byte;
			size_t taken = take_escape(text + at + 1, length - at - 2, quote, &code_point, &byte);
			if (!taken)
				return false;
			if (byte)
				strbuf_putc(out, (char)code_point);
			else
				utf8_append(out, code_point);
			at += taken + 1;
		}
		if (first && ret_first)
			*ret_first = code_point;
	}
	return true;
}

/* The digits without underscores, which strtoull and strtod do not know. */
static char *without_underscores(const struct node *node)
{
	char *copy = xstrndup(node->text, node->length), *to = copy;
	for (const char *from = copy; *from; from++)
		if (*from != '_')
			*to++ = *from;
	*to = '\0';
	return copy;
}

static bool parse_integer(const char *text, int64_t *ret)
{
	bool negative = *text == '-';
	text += *text == '-' || *text == '+';
	int base = 10;
	if (text[0] == '0' && text[1]) {
		char letter = text[1] | 0x20;
		base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
		text += letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1;
	}
	char *end;
	errno = 0;
	unsigned long long magnitude = strtoull(text, &end, base);
	if (errno || *end || digit_value(*text) >= base || magnitude > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return true;
}

const char *literal_number(struct node *node)
{
	auto_free char *text = without_underscores(node);
	node->type = NODE_INTEGER;
	if (parse_integer(text, &node->integer))
		return NULL;
	if (!strpbrk(text, ".eEpP"))
		return strpbrk(text, "0123456789") ? "integer overflow" : "illegal number syntax";
	char *end;
	node->type = NODE_FLOAT;
	node->number = strtod(text, &end);
	return *end || end == text || !isfinite(node->number) ? "illegal number syntax" : NULL;
}
