/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/template/functions.h"

#include <string.h>

#include "pkg/template/format.h"

int call_return(const struct call *call, struct strbuf *text, struct value *ret)
{
	*ret = value_string(arena_copy(call->arena, strbuf_text(text), text->length), text->length);
	strbuf_free(text);
	return 0;
}

static int function_print(const struct call *call, struct value *ret, struct error *err)
{
	(void)err;
	struct strbuf text = STRBUF_INIT;
	format_print(&text, call->args, call->count);
	return call_return(call, &text, ret);
}

static int function_println(const struct call *call, struct value *ret, struct error *err)
{
	(void)err;
	struct strbuf text = STRBUF_INIT;
	format_println(&text, call->args, call->count);
	return call_return(call, &text, ret);
}

static int function_printf(const struct call *call, struct value *ret, struct error *err)
{
	(void)err;
	struct strbuf text = STRBUF_INIT;
	const struct value *format = call->args;
	format_printf(&text, format->string.text, format->string.length, call->args + 1, call->count - 1);
	return call_return(call, &text, ret);
}

static int function_json(const struct call *call, struct value *ret, struct error *err)
{
	(void)err;
	struct strbuf text = STRBUF_INIT;
	format_json(&text, call->args, 0);
	return call_return(call, &text, ret);
}

static const struct function functions[] = {
    {"and", "aa*", NULL},
    {"eq", "aa*", function_eq},
    {"ge", "aa", function_ge},
    {"gt", "aa", function_gt},
    {"html", "a*", function_html},
    {"index", "aa*", function_index},
    {"join", "ls", function_join},
    {"js", "a*", function_js},
    {"json", "a", function_json},
    {"le", "aa", function_le},
    {"len", "a", function_len},
    {"lower", "s", function_lower},
    {"lt", "aa", function_lt},
    {"ne", "aa", function_ne},
    {"not", "a", function_not},
    {"or", "aa*", NULL},
    {"pad", "sii", function_pad},
    {"print", "a*", function_print},
    {"printf", "sa*", function_printf},
    {"println", "a*", function_println},
    {"slice", "aa*", function_slice},
    {"split", "ss", function_split},
    {"title", "s", function_title},
    {"truncate", "si", function_truncate},
    {"upper", "s", function_upper},
    {"urlquery", "a*", function_urlquery},
};

const struct function *function_find(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (strlen(functions[i].name) == length && memcmp(functions[i].name, name, length) == 0)
			return &functions[i];
	return NULL;
}
