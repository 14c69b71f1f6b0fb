/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>

#include "src/gendocs/gendocs.h"

struct check {
	const char *path;
	size_t mistakes;
};

static void complain(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(struct check *check, const char *format, ...)
{
	fprintf(stderr, "coracle %s: ", check->path);
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	check->mistakes++;
}

static bool is_one_line(const char *text)
{
	size_t length = text ? strlen(text) : 0;
	return length > 0 && !strchr(text, '\n') && text[length - 1] != '.';
}

static void check_option(struct check *check, const struct cli_command *command, const struct cli_option *option)
{
	if (!is_one_line(option->help))
		complain(check, "--%s: help is not one line without a full stop", option->long_name);
	if (option->kind < CLI_FLAG || option->kind > CLI_COUNT)
		complain(check, "--%s: no such kind", option->long_name);
	if (option->offset >= command->options_size || option->given_offset >= command->options_size)
		complain(check, "--%s: lies outside of the options' struct", option->long_name);
	if (!strcmp(option->long_name, "help"))
		complain(check, "--help is there by itself");
}

static void check_command(struct check *check, const struct cli_command *command)
{
	if (!command->run && command != &front_command)
		complain(check, "has nothing to run");
	if (!is_one_line(command->summary))
		complain(check, "summary is not one line without a full stop");
	if (command->max_arguments >= 0 && command->max_arguments < command->min_arguments)
		complain(check, "takes at most %d arguments and at least %d", command->max_arguments,
			 command->min_arguments);
	const struct cli_option *option, *other;
	for (struct cli_iterator i = {0}; (option = cli_next_option(command, &i));) {
		check_option(check, command, option);
		for (struct cli_iterator j = i; (other = cli_next_option(command, &j));) {
			if (!strcmp(option->long_name, other->long_name))
				complain(check, "--%s is there twice", option->long_name);
			if (option->short_name && option->short_name == other->short_name)
				complain(check, "-%c is both --%s and --%s", option->short_name, option->long_name,
					 other->long_name);
		}
	}
}

static bool has_group(const struct front *front, const char *path, size_t length)
{
	for (size_t i = 0; i < front->count; i++) {
		const struct front_entry *entry = &front->entries[i];
		if (!entry->symbol && strlen(entry->path) == length && !strncmp(entry->path, path, length))
			return true;
	}
	return false;
}

size_t docs_check(const struct front *front)
{
	struct check check = {.path = ""};
	check_command(&check, &front_command);
	for (size_t i = 0; i < front->count; i++) {
		const struct front_entry *entry = &front->entries[i];
		check.path = entry->path;
		const char *space = strrchr(entry->path, ' ');
		if (space && !has_group(front, entry->path, (size_t)(space - entry->path)))
			complain(&check, "its group is not in commands.def");
		for (size_t j = i + 1; j < front->count; j++)
			if (!strcmp(entry->path, front->entries[j].path))
				complain(&check, "is twice in commands.def");
		if (!entry->command)
			continue;
		check_command(&check, entry->command);
		if (strcmp(entry->summary, entry->command->summary) != 0)
			complain(&check, "is '%s' in commands.def and '%s' in its own table", entry->summary,
				 entry->command->summary);
	}
	return check.mistakes;
}
