/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists: a template for each row, and tables. A table's template is executed for its heading too, with titles for data
 * (eval.h). What comes out is lines of cells parted by tabs, and only then, with all of them at hand, are they padded:
 * each cell that has one behind it to the widest of its column and two spaces more, and twelve at the least, as podman does.
 *
 * What is in a cell was written by others (a command, a label, an image's history). In a table it neither ends the line
 * nor reaches the terminal as a command: control characters are blanks there. Without a table it comes out as it is.
 */
#include <errno.h>
#include <string.h>

#include "pkg/template/eval.h"
#include "pkg/template/format.h"
#include "pkg/template/template.h"
#include "pkg/template/utf8.h"

#define TABLE       "table"
#define COLUMN_GAP  2
#define COLUMN_MIN  12
#define JSON_INDENT 4

struct cell {
	const char *text;
	size_t length;
	size_t width;
	bool last; /* in its line */
};

/* The next cell of the text at *at, which is moved behind it. */
static struct cell take_cell(const char **at)
{
	size_t length = strcspn(*at, "\t\n");
	struct cell cell = {*at, length, utf8_count(*at, length), (*at)[length] != '\t'};
	*at += length + ((*at)[length] != '\0');
	return cell;
}

static void measure(const char *text, size_t **ret_widths)
{
	size_t *widths = NULL, columns = 0, column = 0;
	while (*text) {
		struct cell cell = take_cell(&text);
		if (cell.last) {
			column = 0;
			continue;
		}
		if (column == columns) {
			widths = xrealloc(widths, ++columns * sizeof(*widths));
			widths[column] = 0;
		}
		if (cell.width > widths[column])
			widths[column] = cell.width;
		column++;
	}
	*ret_widths = widths;
}

/* One long cell makes every line long: the whole is bounded, as the text was. */
static int align(const char *text, struct strbuf *out, struct error *err)
{
	auto_free size_t *widths = NULL;
	measure(text, &widths);
	size_t column = 0, start = out->length;
	while (*text) {
		struct cell cell = take_cell(&text);
		strbuf_add(out, cell.text, cell.length);
		if (cell.last) {
			strbuf_putc(out, '\n');
			column = 0;
			continue;
		}
		size_t wanted = widths[column] + COLUMN_GAP > COLUMN_MIN ? widths[column] + COLUMN_GAP : COLUMN_MIN;
		for (size_t i = cell.width; i < wanted; i++)
			strbuf_putc(out, ' ');
		column++;
		if (out->length - start > TEMPLATE_BYTES_MAX) {
			strbuf_truncate(out, start);
			return error_set(err, E2BIG, "the table is longer than %zu MiB", TEMPLATE_BYTES_MAX >> 20);
		}
	}
	return 0;
}

/* Nothing but spaces between two actions parts columns too: "table {{.ID}} {{.Names}}". */
static void part_columns(struct node *body)
{
	for (struct node *before = body; before; before = before->next) {
		struct node *node = before->next;
		if (!node || node->type != NODE_TEXT || before->type == NODE_TEXT || !node->next)
			continue;
		size_t spaces = 0;
		while (spaces < node->length && node->text[spaces] == ' ')
			spaces++;
		if (spaces == node->length) {
			node->text = "\t";
			node->length = 1;
		}
	}
}

static int execute_rows(const struct template *template, struct json_object *rows, struct strbuf *out,
			struct error *err)
{
	size_t count = json_object_array_length(rows);
	for (size_t i = 0; i < count; i++) {
		int r = template_execute(template, json_object_array_get_idx(rows, i), out, err);
		if (r < 0)
			return r;
		strbuf_putc(out, '\n');
	}
	return 0;
}

/* C0, DEL, and C1 as UTF-8 has it. NULL: it has none. */
static char *without_controls(const char *text)
{
	auto_free char *copy = xstrdup(text);
	bool changed = false;
	for (unsigned char *at = (unsigned char *)copy; *at; at++) {
		bool pair = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
		if (*at >= ' ' && *at != 0x7f && !pair)
			continue;
		*at = ' ';
		if (pair)
			*++at = ' ';
		changed = true;
	}
	return changed ? TAKE_PTR(copy) : NULL;
}

static void make_printable(struct json_object *value) /* NOLINT(misc-no-recursion) */
{
	if (json_object_is_type(value, json_type_string)) {
		auto_free char *text = without_controls(json_object_get_string(value));
		if (text)
			json_object_set_string(value, text);
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			make_printable(json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member) {
			(void)key;
			make_printable(member);
		}
	}
}

static int print_table(const char *format, struct json_object *headers, struct json_object *rows, bool no_header,
		       struct strbuf *out, struct error *err)
{
	format += strspn(format, " ");
	size_t length = strlen(format);
	while (length && format[length - 1] == ' ')
		length--;
	auto_free char *text = xstrndup(format, length);
	auto_template struct template *template = NULL;
	int r = template_parse(text, &template, err);
	if (r < 0)
		return r;
	part_columns(template_find(template, "", 0)->body);
	make_printable(rows);

	auto_strbuf struct strbuf lines = STRBUF_INIT;
	if (!no_header) {
		const struct value none = {.kind = VALUE_NONE};
		auto_json struct json_object *untitled = json_object_new_object();
		r = execution_run(template, &none, headers ? headers : untitled, &lines, err);
		strbuf_putc(&lines, '\n');
	}
	if (r == 0)
		r = execute_rows(template, rows, &lines, err);
	return r < 0 ? r : align(strbuf_text(&lines), out, err);
}

static int print_rows(const char *format, struct json_object *rows, struct strbuf *out, struct error *err)
{
	auto_template struct template *template = NULL;
	auto_strbuf struct strbuf lines = STRBUF_INIT;
	int r = template_parse(format, &template, err);
	if (r < 0)
		return r;
	/* A row is no list: what ranges over one, as podman allows it, means all rows. */
	r = text_starts_with(format, "{{range .}}") ? template_execute(template, rows, &lines, err)
						    : execute_rows(template, rows, &lines, err);
	if (r == 0)
		strbuf_add(out, lines.data, lines.length);
	return r;
}

int template_list(const char *format, const char *default_table, struct json_object *headers, struct json_object *rows,
		  bool no_header, struct strbuf *out, struct error *err)
{
	if (text_is_empty(format) || strcmp(format, TABLE) == 0)
		format = default_table;
	if (strcmp(format, "json") == 0) {
		struct value value = value_list(rows);
		format_json(out, &value, JSON_INDENT);
		strbuf_putc(out, '\n');
		return 0;
	}
	if (text_starts_with(format, TABLE))
		return print_table(format + strlen(TABLE), headers, rows, no_header, out, err);
	return print_rows(format, rows, out, err);
}
