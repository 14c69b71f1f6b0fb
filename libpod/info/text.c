/* SPDX-License-Identifier: Apache-2.0 */
/* text: a JSON tree as YAML 1.2, block style; enough of it for `info`, whose texts have no line breaks. */
#include <string.h>
#include <strings.h>

#include "libpod/info/info_internal.h"

/* What would be read as something else than this text when it stands without quotes. */
static bool needs_quotes(const char *text)
{
	size_t length = strlen(text);
	if (length == 0 || strchr("-?:,[]{}#&*!|>'\"%@` ", *text) || text[length - 1] == ' ' || text[length - 1] == ':')
		return true;
	if (strstr(text, ": ") || strstr(text, " #"))
		return true;
	static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "~"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return strspn(text, "0123456789.+-eE") == length;
}

static void add_scalar(struct json_object *value, struct strbuf *out)
{
	const char *text = json_object_get_string(value);
	if (!json_object_is_type(value, json_type_string) || !needs_quotes(text)) {
		strbuf_puts(out, value ? text : "null");
		return;
	}
	strbuf_putc(out, '\'');
	for (; *text; text++)
		strbuf_puts(out, *text == '\'' ? "''" : (char[]){*text, '\0'});
	strbuf_putc(out, '\'');
}

static void add_value(struct json_object *value, int depth, struct strbuf *out);

static void add_members(struct json_object *object, int depth, bool continued, struct strbuf *out)
{
	json_object_object_foreach(object, key, member)
	{
		strbuf_printf(out, "%*s%s:", continued ? 0 : 2 * depth, "", key);
		add_value(member, depth, out);
		continued = false;
	}
}

/* Behind a "key:". Lists stand as far left as their key, as podman prints them. */
static void add_value(struct json_object *value, int depth, struct strbuf *out)
{
	bool object = json_object_is_type(value, json_type_object), array = json_object_is_type(value, json_type_array);
	if (object && json_object_object_length(value)) {
		strbuf_putc(out, '\n');
		add_members(value, depth + 1, false, out);
	} else if (array && json_object_array_length(value)) {
		strbuf_putc(out, '\n');
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			struct json_object *item = json_object_array_get_idx(value, i);
			strbuf_printf(out, "%*s- ", 2 * depth, "");
			if (json_object_is_type(item, json_type_object)) {
				add_members(item, depth + 1, true, out);
			} else {
				add_scalar(item, out);
				strbuf_putc(out, '\n');
			}
		}
	} else {
		strbuf_putc(out, ' ');
		if (object || array)
			strbuf_puts(out, object ? "{}" : "[]");
		else
			add_scalar(value, out);
		strbuf_putc(out, '\n');
	}
}

void info_text(struct json_object *info, struct strbuf *out)
{
	add_members(info, 0, false, out);
}
