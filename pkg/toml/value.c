/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, strings, arrays and inline tables. */
#include <string.h>

#include "pkg/toml/parser.h"

/* ---- blanks ---- */

bool accept_text(struct parser *parser, const char *text)
{
	size_t length = strlen(text);
	if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, text, length) != 0)
		return false;
	parser->at += length;
	return true;
}

void skip_blanks(struct parser *parser)
{
	while (peek(parser) == ' ' || peek(parser) == '\t')
		parser->at++;
}

static bool accept_line_end(struct parser *parser)
{
	if (!accept_text(parser, "\n") && !accept_text(parser, "\r\n"))
		return false;
	parser->line++;
	return true;
}

int finish_line(struct parser *parser, struct error *err)
{
	skip_blanks(parser);
	if (peek(parser) == '#')
		while (parser->at < parser->end && *parser->at != '\n' && *parser->at != '\r')
			parser->at++;
	if (parser->at == parser->end || accept_line_end(parser))
		return 0;
	return fail(parser, err, "unexpected '%c'", *parser->at);
}

int skip_lines(struct parser *parser, struct error *err)
{
	for (;;) {
		skip_blanks(parser);
		if (parser->at == parser->end || !strchr("#\r\n", *parser->at))
			return 0;
		int r = finish_line(parser, err);
		if (r < 0)
			return r;
	}
}

/* ---- strings ---- */

static void add_code_point(struct strbuf *out, uint32_t c)
{
	if (c < 0x80) {
		strbuf_putc(out, (char)c);
	} else if (c < 0x800) {
		strbuf_putc(out, (char)(0xc0 | c >> 6));
		strbuf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		strbuf_putc(out, (char)(0xe0 | c >> 12));
		strbuf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		strbuf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		strbuf_putc(out, (char)(0xf0 | c >> 18));
		strbuf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		strbuf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		strbuf_putc(out, (char)(0x80 | (c & 0x3f)));
	}
}

static int parse_code_point(struct parser *parser, int digits, struct strbuf *out, struct error *err)
{
	static const char hex[] = "0123456789abcdef";
	uint32_t c = 0;
	for (int i = 0; i < digits; i++) {
		char digit = peek(parser);
		const char *found =
		    digit ? strchr(hex, digit >= 'A' && digit <= 'F' ? digit - 'A' + 'a' : digit) : NULL;
		if (!found)
			return fail(parser, err, "expected %d hexadecimal digits behind \\%c", digits,
				    digits == 4 ? 'u' : 'U');
		c = c << 4 | (uint32_t)(found - hex);
		parser->at++;
	}
	/* A NUL is a character for TOML, and the end of everything for who reads it here. */
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return fail(parser, err, "U+%04X is no character", (unsigned int)c);
	add_code_point(out, c);
	return 0;
}

/* A backslash at the end of a line: blanks and lines up to the next character do not count. */
static bool accept_continuation(struct parser *parser)
{
	const char *begin = parser->at;
	skip_blanks(parser);
	if (!accept_line_end(parser)) {
		parser->at = begin;
		return false;
	}
	do
		skip_blanks(parser);
	while (accept_line_end(parser));
	return true;
}

static int parse_escape(struct parser *parser, bool multi_line, struct strbuf *out, struct error *err)
{
	static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	if (multi_line && accept_continuation(parser))
		return 0;
	char c = peek(parser);
	const char *found = c ? strchr(names, c) : NULL;
	if (found) {
		parser->at++;
		strbuf_putc(out, values[found - names]);
		return 0;
	}
	if (c != 'u' && c != 'U')
		return fail(parser, err, "there is no escape \\%c", c ? c : ' ');
	parser->at++;
	return parse_code_point(parser, c == 'u' ? 4 : 8, out, err);
}

/* """…""" and '''…''': up to two quotes more can stand right before the end. */
static int parse_lines(struct parser *parser, char quote, struct strbuf *ret, struct error *err)
{
	const char closing[] = {quote, quote, quote, '\0'};
	size_t begin = parser->line;
	accept_line_end(parser);
	while (!accept_text(parser, closing)) {
		if (parser->at == parser->end) {
			parser->line = begin;
			return fail(parser, err, "the string that begins here has no end");
		}
		if (quote == '"' && accept_text(parser, "\\")) {
			int r = parse_escape(parser, true, ret, err);
			if (r < 0)
				return r;
			continue;
		}
		parser->line += *parser->at == '\n';
		strbuf_putc(ret, *parser->at++);
	}
	for (int i = 0; i < 2 && peek(parser) == quote; i++)
		strbuf_putc(ret, *parser->at++);
	return 0;
}

int parse_string(struct parser *parser, bool may_have_lines, struct strbuf *ret, struct error *err)
{
	strbuf_puts(ret, ""); /* never NULL */
	if (may_have_lines && accept_text(parser, "\"\"\""))
		return parse_lines(parser, '"', ret, err);
	if (may_have_lines && accept_text(parser, "'''"))
		return parse_lines(parser, '\'', ret, err);
	char quote = *parser->at++;
	for (;;) {
		char c = peek(parser);
		if (!c || c == '\n' || c == '\r')
			return fail(parser, err, "the string has no end in this line");
		parser->at++;
		if (c == quote)
			return 0;
		if (c == '\\' && quote == '"') {
			int r = parse_escape(parser, false, ret, err);
			if (r < 0)
				return r;
		} else {
			strbuf_putc(ret, c);
		}
	}
}

/* ---- keys ---- */

static bool is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int parse_key_part(struct parser *parser, struct strbuf *ret, struct error *err)
{
	if (peek(parser) == '"' || peek(parser) == '\'')
		return parse_string(parser, false, ret, err);
	while (is_bare(peek(parser)))
		strbuf_putc(ret, *parser->at++);
	return ret->length ? 0 : fail(parser, err, "expected a name");
}

int parse_key(struct parser *parser, struct strv *ret, struct error *err)
{
	do {
		auto_strbuf struct strbuf part = STRBUF_INIT;
		skip_blanks(parser);
		int r = parse_key_part(parser, &part, err);
		if (r < 0)
			return r;
		if (ret->count == JSON_DEPTH_MAX)
			return fail(parser, err, "the name has more than %d parts", JSON_DEPTH_MAX);
		strv_take(ret, strbuf_take(&part));
		skip_blanks(parser);
	} while (accept_text(parser, "."));
	return 0;
}

/* The table of a dotted key: one that only dotted keys have made. */
static int step_into(const struct parser *parser, struct json_object **table, const char *part, struct error *err)
{
	struct json_object *next = NULL;
	if (!json_object_object_get_ex(*table, part, &next)) {
		next = json_object_new_object();
		set_origin(next, parser->line, ORIGIN_DOTTED);
		json_object_object_add(*table, part, next);
	}
	if (!json_object_is_type(next, json_type_object) || origin_of(next) != ORIGIN_DOTTED)
		return fail(parser, err, "\"%s\" is there already, and cannot be added to here", part);
	*table = next;
	return 0;
}

int parse_pair(struct parser *parser, struct json_object *table, struct error *err)
{
	auto_strv struct strv parts = STRV_INIT;
	auto_json struct json_object *value = NULL;
	int r = parse_key(parser, &parts, err);
	if (r < 0)
		return r;
	if (!accept_text(parser, "="))
		return fail(parser, err, "expected = behind \"%s\"", parts.items[parts.count - 1]);
	for (size_t i = 0; i + 1 < parts.count; i++)
		if ((r = step_into(parser, &table, parts.items[i], err)) < 0)
			return r;
	const char *name = parts.items[parts.count - 1];
	if (json_object_object_get_ex(table, name, NULL))
		return fail(parser, err, "\"%s\" is there already", name);
	skip_blanks(parser);
	if ((r = parse_value(parser, &value, err)) < 0)
		return r;
	json_object_object_add(table, name, TAKE_PTR(value));
	return 0;
}

/* ---- values ---- */

static int parse_array(struct parser *parser, struct json_object *array, struct error *err)
{
	bool more = true;
	parser->at++;
	for (;;) {
		auto_json struct json_object *value = NULL;
		int r = skip_lines(parser, err);
		if (r < 0 || accept_text(parser, "]"))
			return r;
		if (!more)
			return fail(parser, err, "expected a comma or ] in the array");
		if ((r = parse_value(parser, &value, err)) < 0)
			return r;
		json_object_array_add(array, TAKE_PTR(value));
		if ((r = skip_lines(parser, err)) < 0)
			return r;
		more = accept_text(parser, ",");
	}
}

static int parse_inline_table(struct parser *parser, struct json_object *table, struct error *err)
{
	parser->at++;
	skip_blanks(parser);
	if (accept_text(parser, "}"))
		return 0;
	do {
		int r = parse_pair(parser, table, err);
		if (r < 0)
			return r;
		skip_blanks(parser);
	} while (accept_text(parser, ","));
	return accept_text(parser, "}") ? 0 : fail(parser, err, "expected a comma or } in the table");
}

static int parse_nested(struct parser *parser, struct json_object **ret, struct error *err)
{
	bool is_array = peek(parser) == '[';
	size_t line = parser->line;
	auto_json struct json_object *value = is_array ? json_object_new_array() : json_object_new_object();
	if (parser->depth == JSON_DEPTH_MAX)
		return fail(parser, err, "nested deeper than %d", JSON_DEPTH_MAX);
	parser->depth++;
	int r = (is_array ? parse_array : parse_inline_table)(parser, value, err);
	parser->depth--;
	if (r < 0)
		return r;
	set_origin(value, line, ORIGIN_VALUE);
	*ret = TAKE_PTR(value);
	return 0;
}

int parse_value(struct parser *parser, struct json_object **ret, struct error *err)
{
	char c = peek(parser);
	size_t line = parser->line;
	if (c == '[' || c == '{')
		return parse_nested(parser, ret, err);
	if (c == '"' || c == '\'') {
		auto_strbuf struct strbuf text = STRBUF_INIT;
		int r = parse_string(parser, true, &text, err);
		if (r < 0)
			return r;
		*ret = json_object_new_string_len(strbuf_text(&text), (int)text.length);
	} else {
		int r = parse_scalar(parser, ret, err);
		if (r < 0)
			return r;
	}
	set_origin(*ret, line, ORIGIN_VALUE);
	return 0;
}
