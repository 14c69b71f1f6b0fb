/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "pkg/cli/cli.h"

/* Table 0 is the command's own, the others are the shared ones. */
static const struct cli_option *table_at(const struct cli_command *command, size_t table, bool *ret_end)
{
	*ret_end = table > 0 && (!command->shared || !command->shared[table - 1]);
	if (*ret_end)
		return NULL;
	return table == 0 ? command->options : command->shared[table - 1];
}

const struct cli_option *cli_next_option(const struct cli_command *command, struct cli_iterator *iterator)
{
	for (;;) {
		bool end;
		const struct cli_option *options = table_at(command, iterator->table, &end);
		if (end)
			return NULL;
		if (options && options[iterator->index].long_name)
			return &options[iterator->index++];
		iterator->table++;
		iterator->index = 0;
	}
}

static int compare_names(const void *left, const void *right)
{
	const struct cli_option *const *a = left, *const *b = right;
	return strcmp((*a)->long_name, (*b)->long_name);
}

const struct cli_option **cli_shown_options(const struct cli_command *command)
{
	const struct cli_option *option;
	size_t count = 0;
	for (struct cli_iterator iterator = {0}; (option = cli_next_option(command, &iterator));)
		count += !option->hidden;
	const struct cli_option **shown = xcalloc(count + 1, sizeof(const struct cli_option *));
	size_t filled = 0;
	for (struct cli_iterator iterator = {0}; (option = cli_next_option(command, &iterator));)
		if (!option->hidden)
			shown[filled++] = option;
	qsort(shown, filled, sizeof(const struct cli_option *), compare_names);
	return shown;
}

const char *cli_value_name(const struct cli_option *option)
{
	if (option->kind == CLI_FLAG || option->kind == CLI_COUNT)
		return NULL;
	if (option->value_name)
		return option->value_name;
	if (option->values)
		return option->values;
	switch (option->kind) {
	case CLI_INT:
		return "NUMBER";
	case CLI_SIZE:
		return "SIZE";
	case CLI_DURATION:
		return "DURATION";
	default:
		return "VALUE";
	}
}
