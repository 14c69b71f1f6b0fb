/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "src/front/front.h"

static void print_entries(const char *title, const struct front_entry *const *entries, bool groups, FILE *out)
{
	size_t count = 0;
	while (entries[count])
		count++;
	struct cli_row *rows = xcalloc(count + 1, sizeof(*rows));
	size_t filled = 0;
	for (size_t i = 0; i < count; i++)
		if (!entries[i]->symbol == groups)
			rows[filled++] = (struct cli_row){front_last_word(entries[i]->path), entries[i]->summary};
	if (filled) {
		fprintf(out, "\n%s:\n", title);
		cli_print_rows(rows, filled, out);
	}
	free(rows);
}

static void print_children(const struct front *front, const struct front_entry *group, FILE *out)
{
	const struct front_entry **children = front_children(front, group);
	print_entries("Management Commands", children, true, out);
	print_entries("Commands", children, false, out);
	free(children);
}

void front_print_help(const struct front *front, FILE *out)
{
	fprintf(out, "Usage:  %s %s\n\n%s\n", front_command.name, front_command.usage, front_command.summary);
	print_children(front, NULL, out);
	cli_print_options(&front_command, out);
	fputs("\nRun 'coracle COMMAND --help' for more information about a command.\n", out);
}

void front_print_group_help(const struct front *front, const struct front_entry *group, FILE *out)
{
	fprintf(out, "Usage:  coracle %s COMMAND\n\n%s\n", group->path, group->summary);
	print_children(front, group, out);
	fprintf(out, "\nRun 'coracle %s COMMAND --help' for more information about a command.\n", group->path);
}

void front_print_command_help(const struct front *front, const struct front_entry *entry, FILE *out)
{
	auto_free char *path = xasprintf("coracle %s", entry->path);
	cli_help(entry->command, path, out);
	bool first = true;
	for (size_t i = 0; i < front->count; i++) {
		const struct front_entry *other = &front->entries[i];
		if (other == entry || !other->symbol || strcmp(other->symbol, entry->symbol) != 0)
			continue;
		fprintf(out, "%scoracle %s", first ? "\nAlso known as:\n  " : ", ", other->path);
		first = false;
	}
	if (!first)
		fputc('\n', out);
}
