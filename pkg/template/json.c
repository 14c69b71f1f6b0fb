/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON, in Go's spelling: encoding/json without its escaping for HTML, as docker sets it. */
#include <inttypes.h>
#include <string.h>

#include "pkg/template/format.h"
#include "pkg/template/utf8.h"

static void write_value(struct strbuf *out, const struct value *value, unsigned indent, unsigned level);

static void write_code_point(struct strbuf *out, uint32_t code_point)
{
	static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = code_point && code_point < 0x80 ? strchr(special, (int)code_point) : NULL;
	if (found) {
		strbuf_putc(out, '\\');
		strbuf_putc(out, letters[found - special]);
	} else if (code_point < 0x20 || code_point == 0x2028 || code_point == 0x2029) {
		strbuf_printf(out, "\\u%04x", code_point);
	} else {
		utf8_append(out, code_point);
	}
}

static void write_string(struct strbuf *out, const char *text, size_t length)
{
	strbuf_putc(out, '"');
	for (size_t at = 0; at < length;) {
		uint32_t code_point;
		size_t bytes = utf8_decode(text + at, length - at, &code_point);
		if (bytes == 1 && code_point == UTF8_INVALID)
			strbuf_puts(out, "\\ufffd");
		else
			write_code_point(out, code_point);
		at += bytes;
	}
	strbuf_putc(out, '"');
}

static void write_line_start(struct strbuf *out, unsigned indent, unsigned level)
{
	if (!indent)
		return;
	strbuf_putc(out, '\n');
	for (unsigned i = 0; i < indent * level; i++)
		strbuf_putc(out, ' ');
}

static void write_list(struct strbuf *out, const struct value *value, unsigned indent, unsigned level)
{
	strbuf_putc(out, '[');
	for (size_t i = 0; i < value->list.length; i++) {
		struct value item = value_item(value, i);
		strbuf_puts(out, i ? "," : "");
		write_line_start(out, indent, level + 1);
		write_value(out, &item, indent, level + 1);
	}
	if (value->list.length)
		write_line_start(out, indent, level);
	strbuf_putc(out, ']');
}

static void write_members(struct strbuf *out, const struct value *value, unsigned indent, unsigned level)
{
	size_t count;
	auto_free struct member *members = value_members(value, &count);
	strbuf_putc(out, '{');
	for (size_t i = 0; i < count; i++) {
		strbuf_puts(out, i ? "," : "");
		write_line_start(out, indent, level + 1);
		write_string(out, members[i].key, strlen(members[i].key));
		strbuf_puts(out, indent ? ": " : ":");
		write_value(out, &members[i].value, indent, level + 1);
	}
	if (count)
		write_line_start(out, indent, level);
	strbuf_putc(out, '}');
}

static void write_value(struct strbuf *out, const struct value *value, unsigned indent, unsigned level)
{
	switch (value->kind) {
	case VALUE_BOOL:
		strbuf_puts(out, value->boolean ? "true" : "false");
		break;
	case VALUE_INTEGER:
		strbuf_printf(out, "%" PRId64, value->integer);
		break;
	case VALUE_NATURAL:
		strbuf_printf(out, "%" PRIu64, value->natural);
		break;
	case VALUE_FLOAT:
		format_json_float(out, value->number);
		break;
	case VALUE_STRING:
		write_string(out, value->string.text, value->string.length);
		break;
	case VALUE_LIST:
		write_list(out, value, indent, level);
		break;
	case VALUE_MAP:
	case VALUE_STRUCT:
		write_members(out, value, indent, level);
		break;
	default:
		strbuf_puts(out, "null");
	}
}

void format_json(struct strbuf *out, const struct value *value, unsigned indent)
{
	write_value(out, value, indent, 0);
}
