/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, truth values, dates and times. What a date means is nobody's business here: its form is checked, and it
 * stays text. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "pkg/toml/parser.h"

static bool is_scalar_character(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("+-_.:", c));
}

/* ---- dates and times ---- */

/* `form` has 0 for a digit and itself for the rest. Returns what follows it, NULL where the text is otherwise. */
static const char *match(const char *text, const char *form)
{
	for (; *form; form++, text++)
		if (*form == '0' ? !isdigit((unsigned char)*text) : *text != *form)
			return NULL;
	return text;
}

static int two_digits(const char *text)
{
	return (text[0] - '0') * 10 + text[1] - '0';
}

/* "07:32:00.999", and then the end or, behind a date, an offset. */
static bool is_time(const char *text, bool with_offset)
{
	const char *rest = match(text, "00:00:00");
	if (!rest || two_digits(text) > 23 || two_digits(text + 3) > 59 || two_digits(text + 6) > 60)
		return false;
	if (*rest == '.') {
		if (!isdigit((unsigned char)*++rest))
			return false;
		rest += strspn(rest, "0123456789");
	}
	if (!*rest || (with_offset && (strcmp(rest, "Z") == 0 || strcmp(rest, "z") == 0)))
		return true;
	const char *offset = with_offset && (*rest == '+' || *rest == '-') ? match(rest + 1, "00:00") : NULL;
	return offset && !*offset && two_digits(rest + 1) <= 23 && two_digits(rest + 4) <= 59;
}

static bool is_date(const char *text)
{
	static const char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const char *rest = match(text, "0000-00-00");
	if (!rest)
		return false;
	int year = two_digits(text) * 100 + two_digits(text + 2), month = two_digits(text + 5),
	    day = two_digits(text + 8);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (month < 1 || month > 12 || day < 1 || day > days[month - 1] || (month == 2 && day == 29 && !leap))
		return false;
	return !*rest || (strchr("Tt ", *rest) && is_time(rest + 1, true));
}

/* ---- numbers ---- */

/* Copies the digits of [position, …) without the underscores, which stand between two digits each. false: they do not.
 */
static bool take_digits(const char **position, const char *digits, struct strbuf *out)
{
	size_t before = out->length;
	for (;; ++*position) {
		char c = **position;
		if (c && strchr(digits, c))
			strbuf_putc(out, c);
		else if (c != '_')
			return out->length > before;
		else if (out->length == before || !(*position)[1] || !strchr(digits, (*position)[1]))
			return false;
	}
}

static int parse_prefixed(const struct parser *parser, const char *text, struct json_object **ret, struct error *err)
{
	static const struct {
		char letter;
		int base;
		const char *digits;
	} kinds[] = {{'x', 16, "0123456789abcdefABCDEF"}, {'o', 8, "01234567"}, {'b', 2, "01"}};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		auto_strbuf struct strbuf digits = STRBUF_INIT;
		const char *position = text + 2;
		if (text[1] != kinds[i].letter)
			continue;
		if (!take_digits(&position, kinds[i].digits, &digits) || *position)
			return fail(parser, err, "\"%s\" is not a number", text);
		errno = 0;
		long long number = strtoll(digits.data, NULL, kinds[i].base);
		if (errno)
			return fail(parser, err, "%s is out of range", text);
		*ret = json_object_new_int64(number);
		return 1;
	}
	return 0;
}

/* [+-] digits [. digits] [e [+-] digits]. 1: a float; 0: a whole number; -1: neither. The text without underscores is
 * added to `out`. */
static int number_kind(const char *text, struct strbuf *out)
{
	const char *position = text;
	int kind = 0;
	if (*position == '+' || *position == '-')
		strbuf_putc(out, *position++);
	const char *first = position;
	if (!take_digits(&position, "0123456789", out) || (*first == '0' && position - first > 1))
		return -1;
	if (*position == '.') {
		strbuf_putc(out, *position++);
		kind = 1;
		if (!take_digits(&position, "0123456789", out))
			return -1;
	}
	if (*position == 'e' || *position == 'E') {
		strbuf_putc(out, *position++);
		kind = 1;
		if (*position == '+' || *position == '-')
			strbuf_putc(out, *position++);
		if (!take_digits(&position, "0123456789", out))
			return -1;
	}
	return *position ? -1 : kind;
}

static int parse_number(const struct parser *parser, const char *text, struct json_object **ret, struct error *err)
{
	auto_strbuf struct strbuf digits = STRBUF_INIT;
	int r = text[0] == '0' ? parse_prefixed(parser, text, ret, err) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	const char *magnitude = text + (*text == '+' || *text == '-');
	if (strcmp(magnitude, "inf") == 0 || strcmp(magnitude, "nan") == 0) {
		*ret = json_object_new_double(*magnitude == 'n' ? NAN : *text == '-' ? -INFINITY : INFINITY);
		return 0;
	}
	int kind = number_kind(text, &digits);
	if (kind < 0)
		return fail(parser, err, "\"%s\" is no value; text is written in quotes", text);
	errno = 0;
	if (kind > 0) {
		*ret = json_object_new_double(strtod(digits.data, NULL));
		return 0;
	}
	long long number = strtoll(digits.data, NULL, 10);
	if (errno)
		return fail(parser, err, "%s is out of range", text);
	*ret = json_object_new_int64(number);
	return 0;
}

/* ---- all ---- */

static void take_word(struct parser *parser, struct strbuf *ret)
{
	while (is_scalar_character(peek(parser)))
		strbuf_putc(ret, *parser->at++);
	/* Between a date and a time a blank may stand for the T. */
	if (ret->length == strlen("0000-00-00") && match(ret->data, "0000-00-00") && parser->end - parser->at > 1 &&
	    *parser->at == ' ' && isdigit((unsigned char)parser->at[1])) {
		strbuf_putc(ret, *parser->at++);
		while (is_scalar_character(peek(parser)))
			strbuf_putc(ret, *parser->at++);
	}
}

int parse_scalar(struct parser *parser, struct json_object **ret, struct error *err)
{
	auto_strbuf struct strbuf word = STRBUF_INIT;
	take_word(parser, &word);
	const char *text = strbuf_text(&word);
	if (!*text)
		return fail(parser, err, "expected a value");
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		*ret = json_object_new_boolean(*text == 't');
	else if (is_date(text) || is_time(text, false))
		*ret = json_object_new_string(text);
	else
		return parse_number(parser, text, ret, err);
	return 0;
}
