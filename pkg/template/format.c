/* SPDX-License-Identifier: Apache-2.0 */
/* printf's directives: flags, widths, precisions, argument numbers; what is wrong with them is said in the output, as
 * in Go. */
#include "pkg/template/format.h"

#include <string.h>

#include "pkg/template/utf8.h"

/* Go's bound for widths, precisions and argument numbers. */
#define NUMBER_MAX 1000000

struct directive {
	const char *text; /* the format */
	size_t length;
	size_t at;
	const struct value *values;
	size_t count;
	size_t next;       /* the argument to take next */
	bool numbered;     /* an argument number was given somewhere: no complaints about unused ones */
	bool after_number; /* … just now */
	bool good_number;
	struct verb_flags flags;
};

static const struct verb_flags plain;

/*
 * Each loop here ends when the text is longer than a template may make it: the same long text can be an argument as
 * often as one likes. The evaluator says that it was too long.
 */

void format_value(struct strbuf *out, const struct value *value)
{
	format_verb(out, &plain, 'v', value);
}

void format_print(struct strbuf *out, const struct value *values, size_t count)
{
	for (size_t i = 0; i < count && out->length <= TEMPLATE_BYTES_MAX; i++) {
		if (i && values[i].kind != VALUE_STRING && values[i - 1].kind != VALUE_STRING)
			strbuf_putc(out, ' ');
		format_value(out, &values[i]);
	}
}

void format_println(struct strbuf *out, const struct value *values, size_t count)
{
	for (size_t i = 0; i < count && out->length <= TEMPLATE_BYTES_MAX; i++) {
		strbuf_puts(out, i ? " " : "");
		format_value(out, &values[i]);
	}
	strbuf_putc(out, '\n');
}

static char current(const struct directive *directive)
{
	return directive->at < directive->length ? directive->text[directive->at] : '\0';
}

static bool take_number(struct directive *directive, int *ret)
{
	int number = 0;
	size_t start = directive->at;
	for (; current(directive) >= '0' && current(directive) <= '9'; directive->at++) {
		number = number * 10 + (current(directive) - '0');
		if (number > NUMBER_MAX) {
			directive->at = directive->length;
			return false;
		}
	}
	*ret = number;
	return directive->at > start;
}

static void take_flags(struct directive *directive)
{
	struct verb_flags *flags = &directive->flags;
	for (;; directive->at++) {
		switch (current(directive)) {
		case '#':
			flags->sharp = true;
			break;
		case '0':
			flags->zero = true;
			break;
		case '+':
			flags->plus = true;
			break;
		case '-':
			flags->minus = true;
			break;
		case ' ':
			flags->space = true;
			break;
		default:
			return;
		}
	}
}

/* [3]: the argument to take next, from 1. */
static void take_index(struct directive *directive)
{
	directive->after_number = false;
	if (current(directive) != '[')
		return;
	directive->numbered = true;
	const char *start = directive->text + directive->at;
	const char *close = memchr(start, ']', directive->length - directive->at);
	size_t after = close ? (size_t)(close - directive->text) + 1 : directive->at + 1;
	int number = 0;
	directive->at++;
	bool valid = take_number(directive, &number) && close && directive->text + directive->at == close;
	directive->at = after;
	directive->after_number = valid;
	if (valid && number >= 1 && (size_t)number <= directive->count)
		directive->next = (size_t)number - 1;
	else
		directive->good_number = false;
}

/* The argument of a "*"; false when there is none that is an acceptable number. */
static bool take_star(struct directive *directive, int *ret)
{
	directive->at++;
	directive->after_number = false;
	if (directive->next >= directive->count)
		return false;
	const struct value *value = &directive->values[directive->next++];
	if (value->kind != VALUE_INTEGER || value->integer > NUMBER_MAX || value->integer < -NUMBER_MAX)
		return false;
	*ret = (int)value->integer;
	return true;
}

static void take_width(struct directive *directive, struct strbuf *out)
{
	struct verb_flags *flags = &directive->flags;
	take_index(directive);
	if (current(directive) != '*') {
		flags->has_width = take_number(directive, &flags->width);
		if (directive->after_number && flags->has_width)
			directive->good_number = false;
		return;
	}
	flags->has_width = take_star(directive, &flags->width);
	if (!flags->has_width)
		strbuf_puts(out, "%!(BADWIDTH)");
	if (flags->width < 0) {
		flags->width = -flags->width;
		flags->minus = true;
	}
}

static void take_precision(struct directive *directive, struct strbuf *out)
{
	struct verb_flags *flags = &directive->flags;
	if (current(directive) != '.')
		return;
	directive->at++;
	if (directive->after_number)
		directive->good_number = false;
	take_index(directive);
	if (current(directive) != '*') {
		take_number(directive, &flags->precision);
		flags->has_precision = true;
		return;
	}
	flags->has_precision = take_star(directive, &flags->precision) && flags->precision >= 0;
	if (!flags->has_precision) {
		flags->precision = 0;
		strbuf_puts(out, "%!(BADPREC)");
	}
}

static void print_complaint(struct strbuf *out, uint32_t verb, const char *complaint)
{
	strbuf_puts(out, "%!");
	utf8_append(out, verb);
	strbuf_puts(out, complaint);
}

static void print_verb(struct directive *directive, uint32_t verb, struct strbuf *out)
{
	struct verb_flags *flags = &directive->flags;
	if (verb == '%') {
		strbuf_putc(out, '%');
	} else if (!directive->good_number) {
		print_complaint(out, verb, "(BADINDEX)");
	} else if (directive->next >= directive->count) {
		print_complaint(out, verb, "(MISSING)");
	} else {
		flags->zero = flags->zero && !flags->minus;
		flags->sharp_v = verb == 'v' && flags->sharp;
		flags->plus_v = verb == 'v' && flags->plus;
		flags->sharp = flags->sharp && !flags->sharp_v;
		flags->plus = flags->plus && !flags->plus_v;
		format_verb(out, flags, verb, &directive->values[directive->next++]);
	}
}

/* One directive, its "%" taken. */
static void print_directive(struct directive *directive, struct strbuf *out)
{
	directive->flags = plain;
	directive->good_number = true;
	take_flags(directive);
	take_width(directive, out);
	take_precision(directive, out);
	if (!directive->after_number)
		take_index(directive);
	if (directive->at >= directive->length) {
		strbuf_puts(out, "%!(NOVERB)");
		return;
	}
	uint32_t verb;
	directive->at += utf8_decode(directive->text + directive->at, directive->length - directive->at, &verb);
	print_verb(directive, verb, out);
}

static void print_unused(struct directive *directive, struct strbuf *out)
{
	strbuf_puts(out, "%!(EXTRA ");
	for (size_t i = directive->next; i < directive->count && out->length <= TEMPLATE_BYTES_MAX; i++) {
		const struct value *value = &directive->values[i];
		strbuf_puts(out, i > directive->next ? ", " : "");
		if (!value_is_nil(value)) {
			strbuf_puts(out, value_type(value));
			strbuf_putc(out, '=');
		}
		format_value(out, value);
	}
	strbuf_putc(out, ')');
}

void format_printf(struct strbuf *out, const char *format, size_t length, const struct value *values, size_t count)
{
	struct directive directive = {.text = format, .length = length, .values = values, .count = count};
	while (directive.at < length && out->length <= TEMPLATE_BYTES_MAX) {
		const char *start = format + directive.at;
		const char *percent = memchr(start, '%', length - directive.at);
		const char *end = percent ? percent : format + length;
		strbuf_add(out, start, (size_t)(end - start));
		directive.at = (size_t)(end - format);
		if (!percent)
			break;
		directive.at++;
		print_directive(&directive, out);
	}
	if (!directive.numbered && directive.next < count)
		print_unused(&directive, out);
}
