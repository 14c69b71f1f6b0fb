/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manual pages in man(7)'s macros. A page has no date, so that the same sources give the same page.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/cli/cli.h"

static void escape(const char *text, size_t length, bool line_start, FILE *out)
{
	for (size_t i = 0; i < length; i++) {
		if (line_start && (text[i] == '.' || text[i] == '\''))
			fputs("\\&", out);
		line_start = text[i] == '\n';
		if (text[i] == '\\')
			fputs("\\e", out);
		else if (text[i] == '-')
			fputs("\\-", out);
		else if (text[i] == '\'')
			fputs("\\(aq", out);
		else
			fputc(text[i], out);
	}
}

void cli_manual_escape(const char *text, FILE *out)
{
	escape(text, strlen(text), true, out);
}

static void print_literal(const char *text, size_t length, FILE *out)
{
	fputs(".PP\n.nf\n.RS\n", out);
	escape(text, length, true, out);
	fputs("\n.RE\n.fi\n", out);
}

static bool is_indented(const char *line)
{
	return *line == ' ' || *line == '\t';
}

/* The length of the run of lines at `text` that are all indented, or all not, and not empty. */
static size_t block_length(const char *text)
{
	bool indented = is_indented(text);
	const char *end = text;
	for (;;) {
		end += strcspn(end, "\n");
		if (!*end || end[1] == '\0' || end[1] == '\n' || is_indented(end + 1) != indented)
			return (size_t)(end - text);
		end++;
	}
}

void cli_manual_text(const char *text, FILE *out)
{
	while (*text) {
		if (*text == '\n') {
			text++;
			continue;
		}
		size_t length = block_length(text);
		if (is_indented(text)) {
			print_literal(text, length, out);
		} else {
			fputs(".PP\n", out);
			escape(text, length, true, out);
			fputc('\n', out);
		}
		text += length;
	}
}

static void print_option(const struct cli_option *option, FILE *out)
{
	fputs(".TP\n", out);
	if (option->short_name)
		fprintf(out, "\\fB\\-%c\\fR, ", option->short_name);
	fputs("\\fB\\-\\-", out);
	escape(option->long_name, strlen(option->long_name), false, out);
	fputs("\\fR", out);
	const char *value = cli_value_name(option);
	if (value) {
		fputs(option->kind == CLI_OPTIONAL ? "[=\\fI" : " \\fI", out);
		escape(value, strlen(value), false, out);
		fputs(option->kind == CLI_OPTIONAL ? "\\fR]" : "\\fR", out);
	}
	fputc('\n', out);
	cli_manual_escape(option->help, out);
	if (option->values && value != option->values) {
		fputs(" (", out);
		escape(option->values, strlen(option->values), false, out);
		fputc(')', out);
	}
	fputs(".\n", out);
	if (option->kind == CLI_LIST || option->kind == CLI_COMMA_LIST)
		fputs("May be given several times.\n", out);
}

void cli_manual_options(const struct cli_command *command, FILE *out)
{
	const struct cli_option **options = cli_shown_options(command);
	for (size_t i = 0; options[i]; i++)
		print_option(options[i], out);
	free(options);
	fprintf(out, ".TP\n%s\\fB\\-\\-help\\fR\nPrint a summary of this page.\n",
		cli_has_short_help(command) ? "\\fB\\-h\\fR, " : "");
}

/* "coracle container ls" as the name of its page: coracle-container-ls. */
static char *page_name(const char *command_path)
{
	char *name = xstrdup(command_path);
	for (char *at = name; *at; at++)
		if (*at == ' ')
			*at = '-';
	return name;
}

void cli_manual(const struct cli_command *command, const char *command_path, const char *const *see_also, FILE *out)
{
	auto_free char *name = page_name(command_path);
	fputs(".TH \"", out);
	for (const char *at = name; *at; at++)
		fputc(toupper((unsigned char)*at), out);
	fprintf(out, "\" 1 \"\" \"coracle %s\" \"coracle\"\n.nh\n.SH NAME\n", CORACLE_VERSION);
	cli_manual_escape(name, out);
	fputs(" \\- ", out);
	escape(command->summary, strlen(command->summary), false, out);
	fputs("\n.SH SYNOPSIS\n\\fB", out);
	escape(command_path, strlen(command_path), false, out);
	fputs("\\fR", out);
	if (!text_is_empty(command->usage)) {
		fputc(' ', out);
		escape(command->usage, strlen(command->usage), false, out);
	}
	fputs("\n.SH DESCRIPTION\n", out);
	cli_manual_text(command->description ? command->description : command->summary, out);
	fputs(".SH OPTIONS\n", out);
	cli_manual_options(command, out);
	if (command->examples) {
		size_t length = strlen(command->examples);
		while (length > 0 && command->examples[length - 1] == '\n')
			length--;
		fputs(".SH EXAMPLES\n", out);
		print_literal(command->examples, length, out);
	}
	if (!see_also || !see_also[0])
		return;
	fputs(".SH SEE ALSO\n", out);
	for (size_t i = 0; see_also[i]; i++) {
		fputs(i ? ",\n\\fB" : "\\fB", out);
		escape(see_also[i], strlen(see_also[i]), false, out);
		fputs("\\fR(1)", out);
	}
	fputc('\n', out);
}
