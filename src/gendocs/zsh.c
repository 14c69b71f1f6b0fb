/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of completions/coracle.zsh.in: for each command the specs of zsh's _arguments (zshcompsys(1)).
 */
#include <stdlib.h>
#include <string.h>

#include "src/gendocs/gendocs.h"

static const char *action(enum cli_complete complete)
{
	switch (complete) {
	case CLI_COMPLETE_NONE:
		return " ";
	case CLI_COMPLETE_FILE:
		return "_files";
	case CLI_COMPLETE_DIRECTORY:
		return "_files -/";
	case CLI_COMPLETE_CONTAINER:
		return "_coracle_names ps -a --format {{.Names}}";
	case CLI_COMPLETE_RUNNING_CONTAINER:
		return "_coracle_names ps --format {{.Names}}";
	case CLI_COMPLETE_IMAGE:
		return "_coracle_names images --format {{.Repository}}:{{.Tag}}";
	case CLI_COMPLETE_SIGNAL:
		return "_coracle_signals";
	case CLI_COMPLETE_COMMAND:
		return "_normal";
	case CLI_COMPLETE_VOLUME:
		return "_coracle_names volume ls --format {{.Name}}";
	case CLI_COMPLETE_NETWORK:
		return "_coracle_names network ls --format {{.Name}}";
	}
	return " ";
}

/* In a spec a bracket ends the explanation, a colon the message. */
static void add_escaped(struct strbuf *spec, const char *text, const char *special)
{
	for (; *text; text++) {
		if (strchr(special, *text))
			strbuf_putc(spec, '\\');
		strbuf_putc(spec, *text);
	}
}

static void add_value(const struct cli_option *option, struct strbuf *spec)
{
	strbuf_puts(spec, option->kind == CLI_OPTIONAL ? "::" : ":");
	add_escaped(spec, cli_value_name(option), ":\\");
	strbuf_putc(spec, ':');
	if (!option->values) {
		strbuf_puts(spec, action(option->complete));
		return;
	}
	auto_strv struct strv values = STRV_INIT;
	strv_split(&values, option->values, '|');
	auto_free char *words = strv_join(&values, " ");
	strbuf_printf(spec, "(%s)", words);
}

static bool may_repeat(const struct cli_option *option)
{
	return option->kind == CLI_LIST || option->kind == CLI_COMMA_LIST || option->kind == CLI_COUNT;
}

/* '(-e --env)'{-e+,--env=}'[Set a variable]:KEY=VALUE: ' */
static void print_option(const struct cli_option *option, FILE *out)
{
	const char *short_mark = docs_takes_word(option) ? "+" : option->kind == CLI_OPTIONAL ? "=-" : "";
	const char *long_mark = docs_takes_word(option) ? "=" : option->kind == CLI_OPTIONAL ? "=-" : "";
	fputs("\t\t\t", out);
	if (may_repeat(option))
		fputs("'*'", out);
	else if (option->short_name)
		fprintf(out, "'(-%c --%s)'", option->short_name, option->long_name);
	else
		fprintf(out, "'(--%s)'", option->long_name);
	if (option->short_name)
		fprintf(out, "{-%c%s,--%s%s}", option->short_name, short_mark, option->long_name, long_mark);
	else
		fprintf(out, "--%s%s", option->long_name, long_mark);
	auto_strbuf struct strbuf spec = STRBUF_INIT;
	strbuf_putc(&spec, '[');
	add_escaped(&spec, option->help, "[]\\");
	strbuf_putc(&spec, ']');
	if (cli_value_name(option))
		add_value(option, &spec);
	docs_quote(strbuf_text(&spec), out);
	fputc('\n', out);
}

static void print_arguments(const struct cli_command *command, FILE *out)
{
	auto_strbuf struct strbuf spec = STRBUF_INIT;
	if (command->max_arguments == 0)
		return;
	if (command->flags & CLI_STOP_AT_POSITIONAL) {
		strbuf_printf(&spec, "1:argument:%s", action(command->complete));
		fputs("\t\t\t", out);
		docs_quote(strbuf_text(&spec), out);
		fputs(" '*::command:_normal'\n", out);
		return;
	}
	strbuf_printf(&spec, "*:argument:%s", action(command->complete));
	fputs("\t\t\t", out);
	docs_quote(strbuf_text(&spec), out);
	fputc('\n', out);
}

static void print_specs(const struct front_entry *entry, FILE *out)
{
	const struct cli_command *command = docs_command(entry);
	fputs("\t\tspecs=(\n", out);
	const struct cli_option **options = cli_shown_options(command);
	for (size_t i = 0; options[i]; i++)
		print_option(options[i], out);
	free(options);
	fprintf(out, "\t\t\t%s'[Print this help]'\n",
		cli_has_short_help(command) ? "'(-h --help)'{-h,--help}" : "--help");
	if (entry && entry->symbol)
		print_arguments(command, out);
	fputs("\t\t)\n", out);
	if (entry && (command->flags & CLI_STOP_AT_POSITIONAL))
		fputs("\t\tflags=(-A '-*')\n", out);
}

static void print_subcommands(const struct front *front, const struct front_entry *group, FILE *out)
{
	const struct front_entry **children = front_children(front, group);
	fputs("\t\tsubcommands=(\n", out);
	for (size_t i = 0; children[i]; i++) {
		auto_free char *text = xasprintf("%s:%s", front_last_word(children[i]->path), children[i]->summary);
		fputs("\t\t\t", out);
		docs_quote(text, out);
		fputc('\n', out);
	}
	fputs("\t\t)\n", out);
	free(children);
}

static void print_table(const struct front *front, FILE *out)
{
	fputs("\t(help | '')\n", out);
	print_subcommands(front, NULL, out);
	print_specs(NULL, out);
	fputs("\t\t;;\n", out);
	for (size_t i = 0; i < front->count; i++) {
		const struct front_entry *entry = &front->entries[i];
		if (!docs_is_first(front, entry))
			continue;
		fputs("\t(", out);
		docs_print_paths(front, entry, " | ", out);
		fputs(")\n", out);
		if (!entry->symbol)
			print_subcommands(front, entry, out);
		print_specs(entry, out);
		fputs("\t\t;;\n", out);
	}
}

int docs_zsh(const struct front *front, const char *template, FILE *out, struct error *err)
{
	static const struct docs_part parts[] = {{"@TABLE@", print_table}, {NULL, NULL}};
	return docs_expand(front, template, parts, out, err);
}
