/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of completions/coracle.fish.in.
 */
#include <stdlib.h>

#include "src/gendocs/gendocs.h"

static const char *values_of(enum cli_complete complete)
{
	switch (complete) {
	case CLI_COMPLETE_NONE:
	case CLI_COMPLETE_FILE:
		return NULL;
	case CLI_COMPLETE_DIRECTORY:
		return "(__fish_complete_directories)";
	case CLI_COMPLETE_CONTAINER:
		return "(__coracle_names ps -a --format \"{{.Names}}\")";
	case CLI_COMPLETE_RUNNING_CONTAINER:
		return "(__coracle_names ps --format \"{{.Names}}\")";
	case CLI_COMPLETE_IMAGE:
		return "(__coracle_names images --format \"{{.Repository}}:{{.Tag}}\")";
	case CLI_COMPLETE_SIGNAL:
		return "(__coracle_signals)";
	case CLI_COMPLETE_COMMAND:
		return "(__fish_complete_command)";
	case CLI_COMPLETE_VOLUME:
		return "(__coracle_names volume ls --format \"{{.Name}}\")";
	case CLI_COMPLETE_NETWORK:
		return "(__coracle_names network ls --format \"{{.Name}}\")";
	}
	return NULL;
}

static void quote(const char *text, FILE *out)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

/* The condition: the paths of the command are the function's arguments. */
static void print_condition(const struct front *front, const struct front_entry *entry, const char *function, FILE *out)
{
	fprintf(out, "complete -c coracle -n \"%s ", function);
	if (entry)
		docs_print_paths(front, entry, " ", out);
	else
		fputs("''", out);
	fputc('"', out);
}

static void print_option(const struct front *front, const struct front_entry *entry, const struct cli_option *option,
			 FILE *out)
{
	print_condition(front, entry, "__coracle_options_of", out);
	fprintf(out, " -l %s", option->long_name);
	if (option->short_name)
		fprintf(out, " -s %c", option->short_name);
	fputs(" -d ", out);
	quote(option->help, out);
	bool has_files = option->complete == CLI_COMPLETE_FILE && !option->values;
	if (docs_takes_word(option))
		fputs(has_files ? " -rF" : " -x", out);
	const char *values = values_of(option->complete);
	if (option->values) {
		auto_strv struct strv words = STRV_INIT;
		strv_split(&words, option->values, '|');
		auto_free char *list = strv_join(&words, " ");
		fprintf(out, " -a '%s'", list);
	} else if (values) {
		fputs(" -a ", out);
		quote(values, out);
	}
	fputc('\n', out);
}

static void print_options(const struct front *front, const struct front_entry *entry, FILE *out)
{
	const struct cli_command *command = docs_command(entry);
	const struct cli_option **options = cli_shown_options(command);
	for (size_t i = 0; options[i]; i++)
		print_option(front, entry, options[i], out);
	free(options);
	print_condition(front, entry, "__coracle_options_of", out);
	fprintf(out, " -l help%s -d 'Print this help'\n", cli_has_short_help(command) ? " -s h" : "");
}

static void print_arguments(const struct front *front, const struct front_entry *entry, FILE *out)
{
	const struct cli_command *command = docs_command(entry);
	const char *values = values_of(command->complete);
	bool stops = command->flags & CLI_STOP_AT_POSITIONAL;
	if (command->complete == CLI_COMPLETE_FILE) {
		print_condition(front, entry, "__coracle_arguments_of", out);
		fputs(" -F\n", out);
	} else if (values) {
		print_condition(front, entry, stops ? "__coracle_first_argument_of" : "__coracle_arguments_of", out);
		fputs(" -a ", out);
		quote(values, out);
		fputc('\n', out);
	}
	if (stops) {
		print_condition(front, entry, "__coracle_later_argument_of", out);
		fputs(" -a '(__fish_complete_command)' -F\n", out);
	}
}

static void print_children(const struct front *front, const struct front_entry *group, FILE *out)
{
	const struct front_entry **children = front_children(front, group);
	for (size_t i = 0; children[i]; i++) {
		print_condition(front, group, "__coracle_first_argument_of", out);
		fprintf(out, " -a %s -d ", front_last_word(children[i]->path));
		quote(children[i]->summary, out);
		fputc('\n', out);
	}
	free(children);
}

static void print_completions(const struct front *front, FILE *out)
{
	print_options(front, NULL, out);
	print_children(front, NULL, out);
	for (size_t i = 0; i < front->count; i++) {
		const struct front_entry *entry = &front->entries[i];
		if (!docs_is_first(front, entry))
			continue;
		print_options(front, entry, out);
		if (entry->symbol)
			print_arguments(front, entry, out);
		else
			print_children(front, entry, out);
	}
}

static void print_paths(const struct front *front, FILE *out)
{
	for (size_t i = 0; i < front->count; i++)
		fprintf(out, "set -g __coracle_paths $__coracle_paths '%s'\n", front->entries[i].path);
	for (size_t i = 0; i < front->count; i++) {
		const struct cli_command *command = docs_command(&front->entries[i]);
		if (command->flags & CLI_STOP_AT_POSITIONAL)
			fprintf(out, "set -g __coracle_stopping $__coracle_stopping '%s'\n", front->entries[i].path);
	}
}

static void print_valued_of(const struct cli_command *command, FILE *out)
{
	fputs("\t\tstring join \\n --", out);
	const struct cli_option **options = cli_shown_options(command);
	for (size_t i = 0; options[i]; i++) {
		if (!docs_takes_word(options[i]))
			continue;
		fprintf(out, " --%s", options[i]->long_name);
		if (options[i]->short_name)
			fprintf(out, " -%c", options[i]->short_name);
	}
	fputc('\n', out);
	free(options);
}

static void print_valued(const struct front *front, FILE *out)
{
	fputs("\tcase ''\n", out);
	print_valued_of(docs_command(NULL), out);
	for (size_t i = 0; i < front->count; i++) {
		const struct front_entry *entry = &front->entries[i];
		if (!entry->symbol || !docs_is_first(front, entry))
			continue;
		fputs("\tcase ", out);
		docs_print_paths(front, entry, " ", out);
		fputc('\n', out);
		print_valued_of(docs_command(entry), out);
	}
}

int docs_fish(const struct front *front, const char *template, FILE *out, struct error *err)
{
	static const struct docs_part parts[] = {
	    {"@PATHS@", print_paths},
	    {"@VALUED@", print_valued},
	    {"@COMPLETIONS@", print_completions},
	    {NULL, NULL},
	};
	return docs_expand(front, template, parts, out, err);
}
