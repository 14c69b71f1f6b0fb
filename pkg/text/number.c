/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "pkg/text/number.h"
#include "pkg/text/text.h"

int parse_int64(const char *text, const char *what, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
	/* strtoll would take leading blanks. */
	const char *digits = text + (*text == '-' || *text == '+');
	if (!isdigit((unsigned char)*digits))
		return error_set(err, EINVAL, "%s: '%s' is not a whole number", what, text);
	char *end;
	errno = 0;
	intmax_t value = strtoimax(text, &end, 10);
	if (*end)
		return error_set(err, EINVAL, "%s: '%s' is not a whole number", what, text);
	if (errno == ERANGE || value < min || value > max)
		return error_set(err, ERANGE, "%s: '%s' is not between %" PRId64 " and %" PRId64, what, text, min, max);
	*ret = value;
	return 0;
}

int parse_bool(const char *text, const char *what, bool *ret, struct error *err)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(text, yes[i]) == 0) {
			*ret = true;
			return 0;
		}
		if (strcmp(text, no[i]) == 0) {
			*ret = false;
			return 0;
		}
	}
	return error_set(err, EINVAL, "%s: '%s' is neither true nor false", what, text);
}

/* Digits beyond the 18th of a fraction change nothing that an int64_t can show. */
#define FRACTION_DIGITS 18

bool decimal_parse(const char **text, struct decimal *ret)
{
	const char *at = *text;
	struct decimal number = {.scale = 1};
	bool any = false;
	for (; isdigit((unsigned char)*at); at++, any = true)
		if (__builtin_mul_overflow(number.whole, 10, &number.whole) ||
		    __builtin_add_overflow(number.whole, *at - '0', &number.whole))
			number.overflow = true;
	if (*at == '.') {
		at++;
		for (int i = 0; isdigit((unsigned char)*at); at++, i++, any = true) {
			if (i >= FRACTION_DIGITS)
				continue;
			number.fraction = number.fraction * 10 + (*at - '0');
			number.scale *= 10;
		}
	}
	if (!any)
		return false;
	*text = at;
	*ret = number;
	return true;
}

bool decimal_multiply(const struct decimal *number, int64_t unit, int64_t *ret)
{
	int64_t whole, value;
	int64_t part = (int64_t)((__int128)number->fraction * unit / number->scale);
	if (number->overflow || __builtin_mul_overflow(number->whole, unit, &whole) ||
	    __builtin_add_overflow(whole, part, &value))
		return false;
	*ret = value;
	return true;
}

/* "", "b", or one of kmgtp with nothing, "b" or "ib" behind it; 0 when it is none of these. */
static int64_t size_unit(const char *suffix)
{
	static const char prefixes[] = "kmgtp";
	if (!*suffix || strcasecmp(suffix, "b") == 0)
		return 1;
	const char *prefix = strchr(prefixes, tolower((unsigned char)*suffix));
	suffix++;
	if (!prefix || (*suffix && strcasecmp(suffix, "b") != 0 && strcasecmp(suffix, "ib") != 0))
		return 0;
	return INT64_C(1) << (10 * (prefix - prefixes + 1));
}

int parse_size(const char *text, const char *what, int64_t *ret_bytes, struct error *err)
{
	const char *at = text;
	struct decimal number;
	int64_t unit = 0;
	if (decimal_parse(&at, &number)) {
		if (*at == ' ')
			at++;
		unit = size_unit(at);
	}
	if (!unit)
		return error_set(err, EINVAL, "%s: '%s' is not a size; write a number and b, k, m, g, t or p", what,
				 text);
	if (!decimal_multiply(&number, unit, ret_bytes))
		return error_set(err, ERANGE, "%s: the size '%s' is too large", what, text);
	return 0;
}
