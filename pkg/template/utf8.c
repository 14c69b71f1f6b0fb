/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/template/utf8.h"

size_t utf8_decode(const char *text, size_t length, uint32_t *ret)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)text[0];
	*ret = first;
	if (first < 0x80)
		return 1;
	size_t bytes = first >= 0xF0 && first < 0xF8   ? 4
		       : first >= 0xE0 && first < 0xF0 ? 3
		       : first >= 0xC0 && first < 0xE0 ? 2
						       : 0;
	*ret = UTF8_INVALID;
	if (!bytes || bytes > length)
		return 1;
	uint32_t code_point = first & (0x7Fu >> bytes);
	for (size_t i = 1; i < bytes; i++) {
		if (((unsigned char)text[i] & 0xC0) != 0x80)
			return 1;
		code_point = code_point << 6 | ((unsigned char)text[i] & 0x3F);
	}
	if (code_point < smallest[bytes] || code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000))
		return 1;
	*ret = code_point;
	return bytes;
}

void utf8_append(struct strbuf *out, uint32_t code_point)
{
	if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000))
		code_point = UTF8_INVALID;
	if (code_point < 0x80) {
		strbuf_putc(out, (char)code_point);
		return;
	}
	int following = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
	strbuf_putc(out, (char)((0xFF00u >> (following + 1) & 0xFF) | code_point >> (6 * following)));
	while (following-- > 0)
		strbuf_putc(out, (char)(0x80 | (code_point >> (6 * following) & 0x3F)));
}

size_t utf8_count(const char *text, size_t length)
{
	size_t count = 0;
	uint32_t ignored;
	for (size_t at = 0; at < length; count++)
		at += utf8_decode(text + at, length - at, &ignored);
	return count;
}

size_t utf8_prefix(const char *text, size_t length, size_t count)
{
	size_t at = 0;
	uint32_t ignored;
	while (at < length && count-- > 0)
		at += utf8_decode(text + at, length - at, &ignored);
	return at;
}

bool utf8_is_printable(uint32_t code_point)
{
	/* Controls, separators, format characters, surrogates, private use, and what can never be assigned. */
	static const struct {
		uint32_t first, last;
	} hidden[] = {
	    {0x00, 0x1F},     {0x7F, 0xA0},     {0xAD, 0xAD},       {0x600, 0x605},        {0x61C, 0x61C},
	    {0x6DD, 0x6DD},   {0x70F, 0x70F},   {0x1680, 0x1680},   {0x180E, 0x180E},      {0x2000, 0x200F},
	    {0x2028, 0x202F}, {0x205F, 0x206F}, {0x3000, 0x3000},   {0xD800, 0xF8FF},      {0xFEFF, 0xFEFF},
	    {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE0FFF}, {0xF0000, 0xFFFFFFFF},
	};
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (code_point >= hidden[i].first && code_point <= hidden[i].last)
			return false;
	return true;
}
