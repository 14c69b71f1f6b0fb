/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a template, as a row's and as a table's, over a tree with a value of each kind.
 */
#include <stddef.h>
#include <stdint.h>

#include "pkg/template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char row_text[] =
    "{\"ID\":\"0123456789ab\",\"Names\":[\"web\",\"w\\u00e9b\"],\"Running\":true,\"Pid\":42,\"Load\":1.5,"
    "\"None\":null,\"Max\":18446744073709551615,\"Labels\":{\"b\":\"2\",\"a\":\"1\"},"
    "\"Ports\":{\"80/tcp\":[{\"HostPort\":\"8080\"}],\"81/tcp\":null},"
    "\"State\":{\"Status\":\"running\",\"Health\":{\"Log\":[1,-2,3.25,\"x\",null,[[]]]}}}";

static struct json_object *make_row(void)
{
	struct json_object *row = json_tokener_parse(row_text);
	template_mark_map(json_object_object_get(row, "Labels"));
	template_mark_map(json_object_object_get(row, "Ports"));
	return row;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	auto_free char *table = xasprintf("table %s", text);
	auto_json struct json_object *row = make_row();
	auto_json struct json_object *rows = json_object_new_array();
	auto_json struct json_object *headers = json_tokener_parse("{\"ID\":\"CONTAINER ID\"}");
	json_object_array_add(rows, json_object_get(row));
	json_object_array_add(rows, json_object_get(row));

	struct error err = ERROR_INIT;
	auto_template struct template *template = NULL;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	if (template_parse(text, &template, &err) == 0)
		template_execute(template, row, &out, &err);
	template_list(table, NULL, headers, rows, false, &out, &err);
	return 0;
}
