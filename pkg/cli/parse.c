/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "pkg/cli/cli.h"

struct parser {
	const struct cli_command *command;
	const char *command_path;
	int argc;
	char *const *argv;
	int next; /* the first word that was not looked at */
	void *options;
	bool help;
	struct error *err;
};

static void *member(void *options, size_t offset)
{
	return (char *)options + offset;
}

static bool takes_value(const struct cli_option *option)
{
	return option->kind != CLI_FLAG && option->kind != CLI_COUNT && option->kind != CLI_OPTIONAL;
}

static const struct cli_option *find_long(const struct cli_command *command, const char *name, size_t length)
{
	struct cli_iterator iterator = {0};
	const struct cli_option *option;
	while ((option = cli_next_option(command, &iterator)))
		if (strlen(option->long_name) == length && !strncmp(option->long_name, name, length))
			return option;
	return NULL;
}

static const struct cli_option *find_short(const struct cli_command *command, char name)
{
	struct cli_iterator iterator = {0};
	const struct cli_option *option;
	while ((option = cli_next_option(command, &iterator)))
		if (option->short_name == name)
			return option;
	return NULL;
}

bool cli_has_short_help(const struct cli_command *command)
{
	return !find_short(command, 'h');
}

/* ---- values ---- */

/* Whether `value` is one of "a|b|c". */
static bool is_listed(const char *values, const char *value)
{
	size_t length = strlen(value);
	for (const char *at = values;; at++) {
		size_t piece = strcspn(at, "|");
		if (piece == length && !strncmp(at, value, length))
			return true;
		at += piece;
		if (!*at)
			return false;
	}
}

static int check_listed(const struct cli_option *option, const char *what, const char *value, struct error *err)
{
	if (!option->values || is_listed(option->values, value))
		return 0;
	auto_strbuf struct strbuf choice = STRBUF_INIT;
	for (const char *at = option->values; *at; at++) {
		if (*at == '|')
			strbuf_puts(&choice, strchr(at + 1, '|') ? ", " : " or ");
		else
			strbuf_putc(&choice, *at);
	}
	return error_set(err, EINVAL, "%s: '%s' is not a choice; use %s", what, value, strbuf_text(&choice));
}

static int store_list(const struct cli_option *option, const char *what, const char *value, struct strv *list,
		      struct error *err)
{
	auto_strv struct strv pieces = STRV_INIT;
	if (option->kind == CLI_LIST)
		strv_add(&pieces, value);
	else if (*value)
		strv_split(&pieces, value, ',');
	for (size_t i = 0; i < pieces.count; i++) {
		int r = check_listed(option, what, pieces.items[i], err);
		if (r < 0)
			return r;
	}
	strv_add_all(list, &pieces);
	return 0;
}

/* Docker's time options take "10" for ten seconds beside Go's "1m30s". */
static int store_duration(const char *what, const char *value, int64_t *ret, struct error *err)
{
	const char *number = value + (*value == '-' || *value == '+');
	if (!*number || number[strspn(number, "0123456789.")])
		return parse_duration(value, what, ret, err);
	auto_free char *seconds = xasprintf("%ss", value);
	return parse_duration(seconds, what, ret, err);
}

/* `value` is NULL for an option that was given without one and need not have one. */
static int store(const struct cli_option *option, const char *what, const char *value, void *options, struct error *err)
{
	void *place = member(options, option->offset);
	int r = 0;
	switch (option->kind) {
	case CLI_FLAG:
		if (value)
			r = parse_bool(value, what, place, err);
		else
			*(bool *)place = true;
		break;
	case CLI_COUNT:
		if (value)
			r = parse_int64(value, what, 0, INT64_MAX, place, err);
		else
			*(int64_t *)place += 1;
		break;
	case CLI_STRING:
		r = check_listed(option, what, value, err);
		if (r >= 0)
			*(const char **)place = value;
		break;
	case CLI_OPTIONAL:
		if (value)
			r = check_listed(option, what, value, err);
		else
			value = option->value_name ? option->value_name : "";
		if (r >= 0)
			*(const char **)place = value;
		break;
	case CLI_INT:
		r = parse_int64(value, what, INT64_MIN, INT64_MAX, place, err);
		break;
	case CLI_SIZE:
		r = parse_size(value, what, place, err);
		break;
	case CLI_DURATION:
		r = store_duration(what, value, place, err);
		break;
	case CLI_LIST:
	case CLI_COMMA_LIST:
		r = store_list(option, what, value, place, err);
		break;
	}
	if (r >= 0 && option->given_offset)
		*(bool *)member(options, option->given_offset) = true;
	return r;
}

/* ---- words ---- */

static int missing_value(struct parser *parser, const char *what, const struct cli_option *option)
{
	return error_set(parser->err, EINVAL, "option %s needs a value: %s %s; see '%s --help'", what, what,
			 cli_value_name(option), parser->command_path);
}

static int unknown_long(struct parser *parser, const char *name, size_t length)
{
	auto_free char *word = xstrndup(name, length);
	const struct cli_option **shown = cli_shown_options(parser->command);
	size_t count = 0;
	while (shown[count])
		count++;
	const char **names = xcalloc(count, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = shown[i]->long_name;
	const char *nearest;
	int r = error_set(parser->err, EINVAL, "unknown option --%s", word);
	if (cli_suggest(word, names, count, &nearest, 1))
		error_advice(parser->err, "; did you mean --%s?", nearest);
	else
		error_advice(parser->err, "; see '%s --help'", parser->command_path);
	free(names);
	free(shown);
	return r;
}

/* `word` is what follows "--". */
static int parse_long(struct parser *parser, const char *word)
{
	size_t length = strcspn(word, "=");
	const char *value = word[length] ? word + length + 1 : NULL;
	const struct cli_option *option = find_long(parser->command, word, length);
	if (!option && length == strlen("help") && !strncmp(word, "help", length)) {
		parser->help = true;
		return 0;
	}
	if (!option)
		return unknown_long(parser, word, length);
	auto_free char *what = xasprintf("--%s", option->long_name);
	if (!value && takes_value(option)) {
		if (parser->next >= parser->argc)
			return missing_value(parser, what, option);
		value = parser->argv[parser->next++];
	}
	return store(option, what, value, parser->options, parser->err);
}

/* `letters` is what follows "-": flags, the last of which may be an option with a value. */
static int parse_short(struct parser *parser, const char *letters)
{
	for (const char *at = letters; *at; at++) {
		const struct cli_option *option = find_short(parser->command, *at);
		if (!option && *at == 'h') {
			parser->help = true;
			return 0;
		}
		if (!option && at[1] == '\0' && at == letters)
			return error_set(parser->err, EINVAL, "unknown option -%c; see '%s --help'", *at,
					 parser->command_path);
		if (!option)
			return error_set(parser->err, EINVAL, "unknown option -%c in -%s; see '%s --help'", *at,
					 letters, parser->command_path);
		const char what[] = {'-', *at, '\0'};
		if (at[1] == '=')
			return store(option, what, at + 2, parser->options, parser->err);
		if (takes_value(option)) {
			const char *value = at + 1;
			if (!*value && parser->next >= parser->argc)
				return missing_value(parser, what, option);
			if (!*value)
				value = parser->argv[parser->next++];
			return store(option, what, value, parser->options, parser->err);
		}
		int r = store(option, what, NULL, parser->options, parser->err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_count(const struct parser *parser, size_t count)
{
	const struct cli_command *command = parser->command;
	size_t min = (size_t)command->min_arguments;
	if (count >= min && (command->max_arguments < 0 || count <= (size_t)command->max_arguments))
		return 0;
	if (command->max_arguments == 0)
		return error_set(parser->err, EINVAL, "%s takes no arguments; see '%s --help'", parser->command_path,
				 parser->command_path);
	size_t bound = count < min ? min : (size_t)command->max_arguments;
	const char *quantity = command->max_arguments == command->min_arguments ? "exactly"
			       : count < min                                    ? "at least"
										: "at most";
	return error_set(parser->err, EINVAL, "%s needs %s %zu argument%s: %s %s", parser->command_path, quantity,
			 bound, bound == 1 ? "" : "s", parser->command_path, command->usage ? command->usage : "");
}

int cli_parse(const struct cli_command *command, const char *command_path, int argc, char *const *argv, void *options,
	      struct strv *arguments, bool *ret_help, struct error *err)
{
	struct parser parser = {
	    .command = command,
	    .command_path = command_path,
	    .argc = argc,
	    .argv = argv,
	    .options = options,
	    .err = err,
	};
	bool options_ended = false;
	while (parser.next < argc) {
		const char *word = argv[parser.next++];
		int r = 0;
		if (options_ended || word[0] != '-' || !word[1]) {
			strv_add(arguments, word);
			options_ended = options_ended || (command->flags & CLI_STOP_AT_POSITIONAL);
		} else if (!strcmp(word, "--")) {
			options_ended = true;
		} else if (word[1] == '-') {
			r = parse_long(&parser, word + 2);
		} else {
			r = parse_short(&parser, word + 1);
		}
		if (r < 0)
			return r;
		if (parser.help) {
			*ret_help = true;
			return 0;
		}
	}
	int r = check_count(&parser, arguments->count);
	if (r < 0)
		return r;
	*ret_help = false;
	return 0;
}

void cli_options_free(const struct cli_command *command, void *options)
{
	struct cli_iterator iterator = {0};
	const struct cli_option *option;
	while ((option = cli_next_option(command, &iterator)))
		if (option->kind == CLI_LIST || option->kind == CLI_COMMA_LIST)
			strv_free(member(options, option->offset));
}
