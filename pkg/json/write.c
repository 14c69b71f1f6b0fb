/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing, with a printer of our own: json-c's indents by two, escapes slashes, and passes on bytes that are not UTF-8,
 * which the strict reader would then refuse. Such bytes (they come from environments and file names) become U+FFFD
 * here.
 */
#include <inttypes.h>
#include <string.h>

#include "pkg/json/json.h"

void json_add_string(struct json_object *object, const char *key, const char *text)
{
	if (text)
		json_object_object_add(object, key, json_object_new_string(text));
}

void json_add_int(struct json_object *object, const char *key, int64_t number)
{
	json_object_object_add(object, key, json_object_new_int64(number));
}

void json_add_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

void json_add_strv(struct json_object *object, const char *key, const struct strv *vector)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < vector->count; i++)
		json_object_array_add(array, json_object_new_string(vector->items[i]));
	json_object_object_add(object, key, array);
}

void json_add_map(struct json_object *object, const char *key, const struct strv *vector)
{
	struct json_object *map = json_object_new_object();
	for (size_t i = 0; i < vector->count; i++) {
		const char *end = strchrnul(vector->items[i], '=');
		auto_free char *name = xstrndup(vector->items[i], (size_t)(end - vector->items[i]));
		json_object_object_add(map, name, json_object_new_string(*end ? end + 1 : ""));
	}
	json_object_object_add(object, key, map);
}

/* ---- the printer ---- */

struct printer {
	struct strbuf text;
	bool pretty;
};

/* The length of the UTF-8 character at `at`, of which `left` bytes are there; 0 when it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *at, size_t left)
{
	size_t length = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
	if (length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what lies behind U+10FFFF. */
	if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) || (*at == 0xf0 && at[1] < 0x90) ||
	    (*at == 0xf4 && at[1] > 0x8f))
		return 0;
	return length;
}

static void put_escaped(struct strbuf *out, unsigned char c)
{
	static const char letters[][3] = {['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f",
					  ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\"};
	if (c < ARRAY_SIZE(letters) && *letters[c])
		strbuf_puts(out, letters[c]);
	else
		strbuf_printf(out, "\\u%04x", c);
}

static void put_string(struct strbuf *out, const char *text, size_t length)
{
	strbuf_putc(out, '"');
	size_t plain = 0; /* where what can be copied as it is begins */
	for (size_t i = 0; i < length;) {
		unsigned char c = (unsigned char)text[i];
		size_t bytes = utf8_length((const unsigned char *)text + i, length - i);
		if (bytes && c >= 0x20 && c != '"' && c != '\\') {
			i += bytes;
			continue;
		}
		strbuf_add(out, text + plain, i - plain);
		if (bytes)
			put_escaped(out, c);
		else
			strbuf_puts(out, "\xef\xbf\xbd");
		plain = ++i;
	}
	strbuf_add(out, text + plain, length - plain);
	strbuf_putc(out, '"');
}

static void put_number(struct strbuf *out, struct json_object *number)
{
	int64_t value = json_object_get_int64(number);
	if (value < 0)
		strbuf_printf(out, "%" PRId64, value);
	else
		strbuf_printf(out, "%" PRIu64, json_object_get_uint64(number));
}

static void new_line(struct printer *printer, int depth)
{
	if (!printer->pretty)
		return;
	strbuf_putc(&printer->text, '\n');
	for (int i = 0; i < depth; i++)
		strbuf_puts(&printer->text, "    ");
}

static void put_value(struct printer *printer, struct json_object *value, int depth);

static void put_object(struct printer *printer, struct json_object *object, int depth)
{
	const char *separator = "{";
	json_object_object_foreach(object, key, value)
	{
		strbuf_puts(&printer->text, separator);
		new_line(printer, depth + 1);
		put_string(&printer->text, key, strlen(key));
		strbuf_puts(&printer->text, printer->pretty ? ": " : ":");
		put_value(printer, value, depth + 1);
		separator = ",";
	}
	if (*separator == '{')
		strbuf_putc(&printer->text, '{');
	else
		new_line(printer, depth);
	strbuf_putc(&printer->text, '}');
}

static void put_array(struct printer *printer, struct json_object *array, int depth)
{
	size_t count = json_object_array_length(array);
	strbuf_putc(&printer->text, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_putc(&printer->text, ',');
		new_line(printer, depth + 1);
		put_value(printer, json_object_array_get_idx(array, i), depth + 1);
	}
	if (count)
		new_line(printer, depth);
	strbuf_putc(&printer->text, ']');
}

/* As deep as the tree is: what was read is no deeper than JSON_DEPTH_MAX, what we build is shallow. */
static void put_value(struct printer *printer, struct json_object *value, int depth)
{
	switch (json_object_get_type(value)) {
	case json_type_object:
		put_object(printer, value, depth);
		break;
	case json_type_array:
		put_array(printer, value, depth);
		break;
	case json_type_string:
		put_string(&printer->text, json_object_get_string(value), (size_t)json_object_get_string_len(value));
		break;
	case json_type_int:
		put_number(&printer->text, value);
		break;
	default:
		strbuf_puts(&printer->text,
			    value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : "null");
	}
}

char *json_text(struct json_object *object, bool pretty)
{
	struct printer printer = {.pretty = pretty};
	put_value(&printer, object, 0);
	return strbuf_take(&printer.text);
}
