/* SPDX-License-Identifier: Apache-2.0 */
/* Go's escaping functions: html, js, urlquery. */
#include <string.h>

#include "pkg/template/format.h"
#include "pkg/template/functions.h"
#include "pkg/template/utf8.h"

/* The arguments as print would show them, and a missing one as an action would. */
static void print_arguments(const struct call *call, struct strbuf *out)
{
	static const char none[] = "<no value>";
	auto_free struct value *values = xcalloc(call->count, sizeof(*values));
	for (size_t i = 0; i < call->count; i++) {
		enum value_kind kind = call->args[i].kind;
		bool missing = kind == VALUE_NONE || kind == VALUE_NULL;
		values[i] = missing ? value_string(none, sizeof(none) - 1) : call->args[i];
	}
	format_print(out, values, call->count);
}

static void escape_html(struct strbuf *out, char c)
{
	switch (c) {
	case '<':
		strbuf_puts(out, "&lt;");
		break;
	case '>':
		strbuf_puts(out, "&gt;");
		break;
	case '&':
		strbuf_puts(out, "&amp;");
		break;
	case '"':
		strbuf_puts(out, "&#34;");
		break;
	case '\'':
		strbuf_puts(out, "&#39;");
		break;
	case '\0':
		utf8_append(out, UTF8_INVALID);
		break;
	default:
		strbuf_putc(out, c);
	}
}

int function_html(const struct call *call, struct value *ret, struct error *err)
{
	(void)err;
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct strbuf out = STRBUF_INIT;
	print_arguments(call, &text);
	for (size_t i = 0; i < text.length; i++)
		escape_html(&out, text.data[i]);
	return call_return(call, &out, ret);
}

static void escape_js(struct strbuf *out, uint32_t code_point)
{
	if (code_point == '\\' || code_point == '\'' || code_point == '"')
		strbuf_printf(out, "\\%c", (char)code_point);
	else if (code_point < ' ' || code_point == '<' || code_point == '>' || code_point == '&' || code_point == '=' ||
		 (code_point >= 0x80 && !utf8_is_printable(code_point)))
		strbuf_printf(out, "\\u%04X", code_point);
	else
		utf8_append(out, code_point);
}

int function_js(const struct call *call, struct value *ret, struct error *err)
{
	(void)err;
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct strbuf out = STRBUF_INIT;
	print_arguments(call, &text);
	for (size_t at = 0; at < text.length;) {
		uint32_t code_point;
		at += utf8_decode(text.data + at, text.length - at, &code_point);
		escape_js(&out, code_point);
	}
	return call_return(call, &out, ret);
}

int function_urlquery(const struct call *call, struct value *ret, struct error *err)
{
	static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
	(void)err;
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct strbuf out = STRBUF_INIT;
	print_arguments(call, &text);
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == ' ')
			strbuf_putc(&out, '+');
		else if (c && strchr(kept, c))
			strbuf_putc(&out, (char)c);
		else
			strbuf_printf(&out, "%%%02X", c);
	}
	return call_return(call, &out, ret);
}
