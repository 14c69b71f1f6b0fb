/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text into JSON, sixteen bytes at a time as long as nothing needs care.
 */
#include <string.h>

#include "libpod/monitor/log_writer.h"

typedef uint8_t vector __attribute__((vector_size(16)));
typedef uint64_t words __attribute__((vector_size(16)));

/* The index of the first byte that is a control character, not ASCII, or one of " \ < > &; 16 when there is none. */
static inline size_t plain_bytes(vector v)
{
	vector marked = (vector)(v < 0x20) | (vector)(v > 0x7f) | (vector)(v == '\\') | (vector)((v | 2) == '>') | (vector)((v | 4) == '&');
	words halves = (words)marked;
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		halves = (words){__builtin_bswap64(halves[0]), __builtin_bswap64(halves[1])};
	if (halves[0])
		return (size_t)__builtin_ctzll(halves[0]) / 8;
	return halves[1] ? 8 + (size_t)__builtin_ctzll(halves[1]) / 8 : sizeof(v);
}

static char *put_unicode(char *out, unsigned code)
{
	static const char digits[] = "0123456789abcdef";
	out[0] = '\\';
	out[1] = 'u';
	for (int i = 0; i < 4; i++)
		out[2 + i] = digits[code >> (12 - 4 * i) & 15];
	return out + 6;
}

static char *put_ascii(char *out, uint8_t c)
{
	char letter = 0;
	switch (c) {
	case '"':
	case '\\':
		letter = (char)c;
		break;
	case '\n':
		letter = 'n';
		break;
	case '\r':
		letter = 'r';
		break;
	case '\t':
		letter = 't';
		break;
	default:
		return put_unicode(out, c);
	}
	*out++ = '\\';
	*out++ = letter;
	return out;
}

static inline bool is_continuation(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* The bytes of the UTF-8 character at data, 0 when it is none (Unicode, table 3-7: no surrogates, nothing longer than needed). */
static size_t character_length(const uint8_t *data, size_t length)
{
	uint8_t c = data[0];
	if (c < 0xc2 || c > 0xf4)
		return 0;
	size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (length < n)
		return 0;
	uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (data[1] < low || data[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (!is_continuation(data[i]))
			return 0;
	return n;
}

/* One character that needs care; *data moves behind it. */
static char *put_character(char *out, const uint8_t **data, const uint8_t *end)
{
	const uint8_t *at = *data;
	if (*at < 0x80) {
		++*data;
		return put_ascii(out, *at);
	}
	size_t n = character_length(at, (size_t)(end - at));
	*data += n ? n : 1;
	if (n == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9))
		return put_unicode(out, 0x2000 + at[2] - 0x80);
	return n ? (char *)memcpy(out, at, n) + n : put_unicode(out, 0xfffd);
}

char *log_escape(char *out, const uint8_t *data, size_t length)
{
	const uint8_t *end = data + length;
	while (data < end) {
		vector v;
		memcpy(&v, data, sizeof(v));
		memcpy(out, &v, sizeof(v));
		size_t left = (size_t)(end - data), n = plain_bytes(v);
		if (n >= left)
			return out + left;
		data += n;
		out += n;
		if (n < sizeof(v))
			out = put_character(out, &data, end);
	}
	return out;
}

size_t log_whole_characters(const uint8_t *data, size_t length)
{
	for (size_t back = 1; back <= 3 && back < length; back++) {
		uint8_t c = data[length - back];
		if (is_continuation(c))
			continue;
		size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		return need > back ? length - back : length;
	}
	return length;
}
