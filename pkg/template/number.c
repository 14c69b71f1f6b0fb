/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/template/format.h"

/* The fewest significant digits that read back as the same number, and the decimal exponent of the first of them. */
static void shortest(double number, int *ret_digits, int *ret_exponent)
{
	char text[40];
	int digits = 0;
	do
		snprintf(text, sizeof(text), "%.*e", digits++, number);
	while (digits < 17 && strtod(text, NULL) != number);
	*ret_digits = digits;
	*ret_exponent = atoi(strchr(text, 'e') + 1);
}

static void append_shortest(struct strbuf *out, double number, char format)
{
	int digits, exponent;
	shortest(number, &digits, &exponent);
	char kind = (char)(format | 0x20);
	int decimals = digits - 1 - exponent;
	if (kind == 'f' || (kind == 'g' && exponent >= -4 && exponent < 6))
		strbuf_printf(out, "%.*f", decimals > 0 ? decimals : 0, number);
	else if (format == 'E' || format == 'G')
		strbuf_printf(out, "%.*E", digits - 1, number);
	else
		strbuf_printf(out, "%.*e", digits - 1, number);
}

/* C's exponent has as many digits as it needs, Go's at least two. */
static void append_hexadecimal(struct strbuf *out, double number, bool upper, int precision)
{
	char text[64];
	if (precision < 0)
		snprintf(text, sizeof(text), upper ? "%A" : "%a", number);
	else
		snprintf(text, sizeof(text), upper ? "%.*A" : "%.*a", precision > 32 ? 32 : precision, number);
	char *exponent = strchr(text, upper ? 'P' : 'p') + 2;
	strbuf_add(out, text, (size_t)(exponent - text));
	strbuf_puts(out, strlen(exponent) < 2 ? "0" : "");
	strbuf_puts(out, exponent);
}

void format_float(struct strbuf *out, double number, char format, int precision, bool sharp)
{
	if (isnan(number))
		strbuf_puts(out, "NaN");
	else if (isinf(number))
		strbuf_puts(out, number > 0 ? "+Inf" : "-Inf");
	else if (format == 'x' || format == 'X')
		append_hexadecimal(out, number, format == 'X', precision);
	else if (precision < 0)
		append_shortest(out, number, format);
	else if (format == 'e')
		strbuf_printf(out, sharp ? "%#.*e" : "%.*e", precision, number);
	else if (format == 'E')
		strbuf_printf(out, sharp ? "%#.*E" : "%.*E", precision, number);
	else if (format == 'g')
		strbuf_printf(out, sharp ? "%#.*g" : "%.*g", precision, number);
	else if (format == 'G')
		strbuf_printf(out, sharp ? "%#.*G" : "%.*G", precision, number);
	else
		strbuf_printf(out, sharp ? "%#.*f" : "%.*f", precision, number);
}

void format_json_float(struct strbuf *out, double number)
{
	if (!isfinite(number)) {
		strbuf_puts(out, "null");
		return;
	}
	double magnitude = fabs(number);
	if (fpclassify(magnitude) == FP_ZERO || (magnitude >= 1e-6 && magnitude < 1e21)) {
		format_float(out, number, 'f', -1, false);
		return;
	}
	size_t start = out->length;
	format_float(out, number, 'e', -1, false);
	/* e-07 is written e-7. */
	char *exponent = strchr(out->data + start, 'e') + 2;
	if (exponent[-1] == '-' && exponent[0] == '0') {
		exponent[0] = exponent[1];
		strbuf_truncate(out, out->length - 1);
	}
}

/* The digits of a number in the base of its verb; returns how many, laid at the end of `text`. */
static size_t lay_digits(char *text, size_t size, uint32_t verb, uint64_t magnitude)
{
	unsigned base = verb == 'b' ? 2 : verb == 'o' || verb == 'O' ? 8 : verb == 'x' || verb == 'X' ? 16 : 10;
	const char *digits = verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	size_t count = 0;
	do
		text[size - ++count] = digits[magnitude % base];
	while (magnitude /= base);
	return count;
}

static const char *integer_prefix(const struct verb_flags *flags, uint32_t verb, bool leading_zero)
{
	if (verb == 'O')
		return "0o";
	if (!flags->sharp)
		return "";
	return verb == 'b' ? "0b" : verb == 'o' && !leading_zero ? "0" : verb == 'x' ? "0x" : verb == 'X' ? "0X" : "";
}

void format_integer(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, bool negative,
		    uint64_t magnitude)
{
	struct verb_flags padding = *flags;
	padding.zero = false;
	if (flags->has_precision && flags->precision == 0 && magnitude == 0) {
		format_padded(out, &padding, "", 0);
		return;
	}
	char digits[64];
	size_t count = lay_digits(digits, sizeof(digits), verb, magnitude);
	const char *sign = negative ? "-" : flags->plus ? "+" : flags->space ? " " : "";
	size_t wanted = 0;
	if (flags->has_precision)
		wanted = (size_t)flags->precision;
	else if (flags->zero && flags->has_width && (size_t)flags->width > strlen(sign))
		wanted = (size_t)flags->width - strlen(sign);
	auto_strbuf struct strbuf text = STRBUF_INIT;
	strbuf_puts(&text, sign);
	strbuf_puts(&text, integer_prefix(flags, verb, wanted > count || digits[sizeof(digits) - count] == '0'));
	for (; wanted > count; wanted--)
		strbuf_putc(&text, '0');
	strbuf_add(&text, digits + sizeof(digits) - count, count);
	format_padded(out, &padding, text.data, text.length);
}
