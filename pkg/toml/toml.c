/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>

#include "pkg/file/file.h"
#include "pkg/toml/parser.h"

#define ORIGIN_BITS 3

enum origin origin_of(struct json_object *value)
{
	return (enum origin)((uintptr_t)json_object_get_userdata(value) & ((1U << ORIGIN_BITS) - 1));
}

void set_origin(struct json_object *value, size_t line, enum origin origin)
{
	/* A number is all that is kept there. NOLINTNEXTLINE(performance-no-int-to-ptr) */
	json_object_set_userdata(value, (void *)(uintptr_t)(line << ORIGIN_BITS | (unsigned int)origin), NULL);
}

size_t toml_line(struct json_object *value)
{
	return (uintptr_t)json_object_get_userdata(value) >> ORIGIN_BITS;
}

int fail(const struct parser *parser, struct error *err, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return error_set(err, EINVAL, "%s:%zu: %s", parser->name, parser->line, text);
}

/* ---- headers ---- */

static struct json_object *last_table(struct json_object *array)
{
	return json_object_array_get_idx(array, json_object_array_length(array) - 1);
}

/* The table that a header's part leads to, made if it is not there. */
static int step_into(const struct parser *parser, struct json_object **table, const char *part, struct error *err)
{
	struct json_object *next = NULL;
	if (!json_object_object_get_ex(*table, part, &next)) {
		next = json_object_new_object();
		set_origin(next, parser->line, ORIGIN_IMPLICIT);
		json_object_object_add(*table, part, next);
	}
	bool is_table = json_object_is_type(next, json_type_object),
	     is_array = json_object_is_type(next, json_type_array);
	if (is_array && origin_of(next) == ORIGIN_TABLE_ARRAY)
		next = last_table(next);
	else if (!is_table || origin_of(next) == ORIGIN_VALUE)
		return fail(parser, err, "\"%s\" is there already, and is no table that can be added to", part);
	*table = next;
	return 0;
}

static int open_table(const struct parser *parser, struct json_object **table, const char *name, struct error *err)
{
	struct json_object *next = NULL;
	if (json_object_object_get_ex(*table, name, &next) &&
	    (!json_object_is_type(next, json_type_object) || origin_of(next) != ORIGIN_IMPLICIT))
		return fail(parser, err, "\"%s\" is there already", name);
	if (!next) {
		next = json_object_new_object();
		json_object_object_add(*table, name, next);
	}
	set_origin(next, parser->line, ORIGIN_HEADER);
	*table = next;
	return 0;
}

static int open_table_array(const struct parser *parser, struct json_object **table, const char *name,
			    struct error *err)
{
	struct json_object *array = NULL;
	if (!json_object_object_get_ex(*table, name, &array)) {
		array = json_object_new_array();
		set_origin(array, parser->line, ORIGIN_TABLE_ARRAY);
		json_object_object_add(*table, name, array);
	}
	if (!json_object_is_type(array, json_type_array) || origin_of(array) != ORIGIN_TABLE_ARRAY)
		return fail(parser, err, "\"%s\" is there already, and is no array of tables", name);
	*table = json_object_new_object();
	set_origin(*table, parser->line, ORIGIN_HEADER);
	json_object_array_add(array, *table);
	return 0;
}

/* [a.b] or [[a.b]]; *table becomes the one that is meant. */
static int parse_header(struct parser *parser, struct json_object *root, struct json_object **table, struct error *err)
{
	auto_strv struct strv parts = STRV_INIT;
	bool array = accept_text(parser, "[[");
	if (!array)
		parser->at++;
	int r = parse_key(parser, &parts, err);
	if (r < 0)
		return r;
	if (!accept_text(parser, array ? "]]" : "]"))
		return fail(parser, err, "expected %s behind the table's name", array ? "]]" : "]");
	*table = root;
	for (size_t i = 0; i + 1 < parts.count; i++)
		if ((r = step_into(parser, table, parts.items[i], err)) < 0)
			return r;
	const char *name = parts.items[parts.count - 1];
	r = array ? open_table_array(parser, table, name, err) : open_table(parser, table, name, err);
	return r < 0 ? r : finish_line(parser, err);
}

/* ---- documents ---- */

static int parse_document(struct parser *parser, struct json_object *root, struct error *err)
{
	struct json_object *table = root;
	for (;;) {
		int r = skip_lines(parser, err);
		if (r < 0 || parser->at == parser->end)
			return r;
		if (peek(parser) == '[')
			r = parse_header(parser, root, &table, err);
		else if ((r = parse_pair(parser, table, err)) == 0)
			r = finish_line(parser, err);
		if (r < 0)
			return r;
	}
}

/* What must not be anywhere: controls but for tabs and line ends, and bytes that are not UTF-8 (RFC 3629). */
static size_t character_length(const unsigned char *at, size_t left)
{
	if (*at < 0x80) {
		bool allowed = (*at >= 0x20 && *at != 0x7f) || *at == '\t' || *at == '\n' ||
			       (*at == '\r' && left > 1 && at[1] == '\n');
		return allowed ? 1 : 0;
	}
	size_t length = *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
	if (length == 0 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (*at == 0xe0 && at[1] < 0xa0) || (*at == 0xf0 && at[1] < 0x90);
	bool outside = (*at == 0xed && at[1] > 0x9f) || (*at == 0xf4 && at[1] > 0x8f);
	return overlong || outside ? 0 : length;
}

static int check_characters(struct parser *parser, struct error *err)
{
	for (const char *at = parser->at; at < parser->end;) {
		size_t length = character_length((const unsigned char *)at, (size_t)(parser->end - at));
		if (length == 0)
			return fail(parser, err, "byte 0x%02x is not allowed here", (unsigned char)*at);
		parser->line += *at == '\n';
		at += length;
	}
	parser->line = 1;
	return 0;
}

int toml_parse(const char *text, size_t length, const char *name, struct json_object **ret, struct error *err)
{
	struct parser parser = {.at = text, .end = text + length, .name = name, .line = 1};
	auto_json struct json_object *root = json_object_new_object();
	set_origin(root, 1, ORIGIN_HEADER);
	accept_text(&parser, "\xef\xbb\xbf"); /* a byte order mark */
	int r = check_characters(&parser, err);
	if (r == 0)
		r = parse_document(&parser, root, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(root);
	return 0;
}

int toml_read_at(int dirfd, const char *path, size_t max, struct json_object **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read_at(dirfd, path, max, &text, &length, err);
	return r < 0 ? r : toml_parse(text, length, path, ret, err);
}
