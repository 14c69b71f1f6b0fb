/* SPDX-License-Identifier: Apache-2.0 */
/* format: Go's fmt: Sprint, Sprintln, Sprintf, and the quoting and numbers that strconv does for it. */
#pragma once

#include "pkg/template/value.h"

void format_print(struct strbuf *out, const struct value *values, size_t count);
void format_println(struct strbuf *out, const struct value *values, size_t count);
void format_printf(struct strbuf *out, const char *format, size_t length, const struct value *values, size_t count);
/* As %v. */
void format_value(struct strbuf *out, const struct value *value);
/* JSON as Go writes it, maps in the order of their keys: with `indent` spaces a level, on one line with 0. */
void format_json(struct strbuf *out, const struct value *value, unsigned indent);

/* ---- verb.c: one value by one verb ---- */
struct verb_flags {
	bool minus, plus, sharp, space, zero;
	bool plus_v, sharp_v; /* %+v, %#v */
	bool has_width, has_precision;
	int width, precision;
};
void format_verb(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, const struct value *value);
/* Pads to the width, counted in code points. */
void format_padded(struct strbuf *out, const struct verb_flags *flags, const char *text, size_t length);

/* ---- number.c ---- */
/* Formats e E f F g G x X; precision -1: as many digits as tell the number from all others. `sharp`: C's #. */
void format_float(struct strbuf *out, double number, char format, int precision, bool sharp);
/* A float in JSON's spelling. */
void format_json_float(struct strbuf *out, double number);
void format_integer(struct strbuf *out, const struct verb_flags *flags, uint32_t verb, bool negative,
		    uint64_t magnitude);

/* ---- quote.c ---- */
/* In double quotes, or in single ones. `ascii`: everything else escaped. */
void format_quoted(struct strbuf *out, const char *text, size_t length, char quote, bool ascii);
