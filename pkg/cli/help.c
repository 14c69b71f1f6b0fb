/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "pkg/cli/cli.h"
#include "pkg/terminal/terminal.h"

enum {
	WIDTH_DEFAULT = 80,
	WIDTH_MIN = 60,
	WIDTH_MAX = 120,
	LEFT_MAX = 34, /* a longer left column stands on a line of its own */
	GAP = 3,
};

static size_t width_of(FILE *out)
{
	struct winsize size;
	int fd = fileno(out);
	if (fd < 0 || terminal_get_size(fd, &size) < 0 || size.ws_col == 0)
		return WIDTH_DEFAULT;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

/* Prints the words of text[0…length) with the cursor in `column`, going on at `indent` after each line break. */
static void print_wrapped(const char *text, size_t length, size_t column, size_t indent, size_t width, FILE *out)
{
	size_t at = 0;
	bool first = true;
	while (at < length) {
		size_t word = strcspn(text + at, " \n");
		if (word > length - at)
			word = length - at;
		if (word > 0) {
			if (!first && column + 1 + word > width) {
				fprintf(out, "\n%*s", (int)indent, "");
				column = indent;
			} else if (!first) {
				fputc(' ', out);
				column++;
			}
			fwrite(text + at, 1, word, out);
			column += word;
			first = false;
		}
		at += word + 1;
	}
	fputc('\n', out);
}

void cli_print_rows(const struct cli_row *rows, size_t count, FILE *out)
{
	size_t width = width_of(out), left = 0;
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(rows[i].left);
		if (length > left && length <= LEFT_MAX)
			left = length;
	}
	size_t indent = 2 + left + GAP;
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(rows[i].left);
		fprintf(out, "  %s", rows[i].left);
		if (length > left)
			fprintf(out, "\n%*s", (int)indent, "");
		else
			fprintf(out, "%*s", (int)(indent - 2 - length), "");
		print_wrapped(rows[i].right, strlen(rows[i].right), indent, indent, width, out);
	}
}

/* The length of the paragraph at `text`: lines up to one that is empty or begins with a blank. */
static size_t paragraph_length(const char *text)
{
	const char *end = text;
	for (;;) {
		end += strcspn(end, "\n");
		if (!*end || end[1] == '\0' || end[1] == '\n' || end[1] == ' ' || end[1] == '\t')
			return (size_t)(end - text);
		end++;
	}
}

void cli_print_text(const char *text, FILE *out)
{
	size_t width = width_of(out);
	while (*text) {
		size_t length;
		if (*text == ' ' || *text == '\t' || *text == '\n') {
			length = strcspn(text, "\n");
			fprintf(out, "%.*s\n", (int)length, text);
		} else {
			length = paragraph_length(text);
			print_wrapped(text, length, 0, 0, width, out);
		}
		text += length;
		text += *text == '\n';
	}
}

static void option_left(const struct cli_option *option, struct strbuf *left)
{
	if (option->short_name)
		strbuf_printf(left, "-%c, --%s", option->short_name, option->long_name);
	else
		strbuf_printf(left, "    --%s", option->long_name);
	const char *value = cli_value_name(option);
	if (value && option->kind == CLI_OPTIONAL)
		strbuf_printf(left, "[=%s]", value);
	else if (value)
		strbuf_printf(left, " %s", value);
}

static void option_right(const struct cli_option *option, struct strbuf *right)
{
	strbuf_puts(right, option->help);
	if (option->values && cli_value_name(option) != option->values)
		strbuf_printf(right, " (%s)", option->values);
}

void cli_print_options(const struct cli_command *command, FILE *out)
{
	const struct cli_option **options = cli_shown_options(command);
	size_t count = 0;
	while (options[count])
		count++;
	struct cli_row *rows = xcalloc(count + 1, sizeof(*rows));
	struct strv texts = STRV_INIT;
	for (size_t i = 0; i < count; i++) {
		struct strbuf left = STRBUF_INIT, right = STRBUF_INIT;
		option_left(options[i], &left);
		option_right(options[i], &right);
		strv_take(&texts, strbuf_take(&left));
		strv_take(&texts, strbuf_take(&right));
		rows[i] = (struct cli_row){texts.items[2 * i], texts.items[2 * i + 1]};
	}
	rows[count] = (struct cli_row){cli_has_short_help(command) ? "-h, --help" : "    --help", "Print this help"};
	fputs("\nOptions:\n", out);
	cli_print_rows(rows, count + 1, out);
	strv_free(&texts);
	free(rows);
	free(options);
}

void cli_help(const struct cli_command *command, const char *command_path, FILE *out)
{
	bool has_usage = !text_is_empty(command->usage);
	fprintf(out, "Usage:  %s%s%s\n\n%s\n", command_path, has_usage ? " " : "", has_usage ? command->usage : "",
		command->summary);
	if (command->description) {
		fputc('\n', out);
		cli_print_text(command->description, out);
	}
	cli_print_options(command, out);
	if (!command->examples)
		return;
	fputs("\nExamples:\n", out);
	for (const char *line = command->examples; *line;) {
		size_t length = strcspn(line, "\n");
		fprintf(out, "%s%.*s\n", length ? "  " : "", (int)length, line);
		line += length;
		line += *line == '\n';
	}
}
