/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <ctype.h>
#include <string.h>
#include <sys/random.h>

#include "pkg/text/text.h"

static const char hex_digits[] = "0123456789abcdef";

bool text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), wanted = strlen(suffix);
	return length >= wanted && memcmp(text + length - wanted, suffix, wanted) == 0;
}

bool text_is_hex(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!text[i] || !strchr(hex_digits, text[i]))
			return false;
	return true;
}

/* getrandom(2) gives requests of up to 256 bytes whole. It fails only where it is forbidden, and there is no honest way
 * to make an id without it. */
static void random_bytes(unsigned char *out, size_t length)
{
	ssize_t n;
	do
		n = getrandom(out, length, 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)length)
		abort();
}

void text_random_hex(char *out, size_t bytes)
{
	unsigned char random[64];
	while (bytes) {
		size_t n = bytes < sizeof(random) ? bytes : sizeof(random);
		random_bytes(random, n);
		for (size_t i = 0; i < n; i++) {
			*out++ = hex_digits[random[i] >> 4];
			*out++ = hex_digits[random[i] & 15];
		}
		bytes -= n;
	}
	*out = '\0';
}

char *text_for_table(const char *text, size_t most, size_t kept)
{
	size_t length = strlen(text);
	bool cut = length > most;
	if (cut)
		for (length = kept; length > 0 && (text[length] & 0xc0) == 0x80; length--)
			;
	char *shown = xasprintf("%.*s%s", (int)length, text, cut ? "..." : "");
	for (char *c = shown; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	return shown;
}
