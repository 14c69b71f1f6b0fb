/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of completions/coracle.bash.in, whose head says how it is read.
 */
#include <stdlib.h>

#include "src/gendocs/gendocs.h"

static const char *kind_word(enum cli_complete complete)
{
	switch (complete) {
	case CLI_COMPLETE_NONE:
		return "any";
	case CLI_COMPLETE_FILE:
		return "file";
	case CLI_COMPLETE_DIRECTORY:
		return "directory";
	case CLI_COMPLETE_CONTAINER:
		return "container";
	case CLI_COMPLETE_RUNNING_CONTAINER:
		return "running";
	case CLI_COMPLETE_IMAGE:
		return "image";
	case CLI_COMPLETE_SIGNAL:
		return "signal";
	case CLI_COMPLETE_COMMAND:
		return "command";
	case CLI_COMPLETE_VOLUME:
		return "volume";
	case CLI_COMPLETE_NETWORK:
		return "network";
	}
	return "any";
}

static void print_name(const struct cli_option *option, const char *name, FILE *out)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	strbuf_puts(&text, name);
	if (docs_takes_word(option))
		strbuf_putc(&text, '=');
	else if (option->kind == CLI_OPTIONAL)
		strbuf_putc(&text, '?');
	if (docs_takes_word(option) || option->kind == CLI_OPTIONAL) {
		if (option->values)
			strbuf_printf(&text, "(%s)", option->values);
		else
			strbuf_puts(&text, kind_word(option->complete));
	}
	fputc(' ', out);
	docs_quote(strbuf_text(&text), out);
}

static void print_options(const struct cli_command *command, FILE *out)
{
	fputs("\t\toptions=(", out);
	const struct cli_option **options = cli_shown_options(command);
	for (size_t i = 0; options[i]; i++) {
		auto_free char *long_name = xasprintf("--%s", options[i]->long_name);
		const char short_name[] = {'-', options[i]->short_name, '\0'};
		print_name(options[i], long_name, out);
		if (options[i]->short_name)
			print_name(options[i], short_name, out);
	}
	free(options);
	fprintf(out, " --help%s)\n", cli_has_short_help(command) ? " -h" : "");
}

static void print_subcommands(const struct front *front, const struct front_entry *group, FILE *out)
{
	const struct front_entry **children = front_children(front, group);
	fputs("\t\tsubcommands='", out);
	for (size_t i = 0; children[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", front_last_word(children[i]->path));
	fprintf(out, "%s'\n", group ? "" : " help");
	free(children);
}

static void print_table(const struct front *front, FILE *out)
{
	fputs("\t'')\n", out);
	print_subcommands(front, NULL, out);
	print_options(docs_command(NULL), out);
	fputs("\t\t;;\n", out);
	for (size_t i = 0; i < front->count; i++) {
		const struct front_entry *entry = &front->entries[i];
		const struct cli_command *command = docs_command(entry);
		if (!docs_is_first(front, entry))
			continue;
		fputc('\t', out);
		docs_print_paths(front, entry, " | ", out);
		fputs(")\n", out);
		if (!entry->symbol)
			print_subcommands(front, entry, out);
		else if (command->max_arguments != 0)
			fprintf(out, "\t\targuments=%s\n", kind_word(command->complete));
		if (command->flags & CLI_STOP_AT_POSITIONAL)
			fputs("\t\tstop=yes\n", out);
		print_options(command, out);
		fputs("\t\t;;\n", out);
	}
}

int docs_bash(const struct front *front, const char *template, FILE *out, struct error *err)
{
	static const struct docs_part parts[] = {{"@TABLE@", print_table}, {NULL, NULL}};
	return docs_expand(front, template, parts, out, err);
}
