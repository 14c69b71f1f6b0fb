/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/gendocs/gendocs.h"

const char *docs_manual_path(const struct front *front, const struct front_entry *entry)
{
	for (size_t i = 0; entry->symbol && i < front->count; i++) {
		const struct front_entry *other = &front->entries[i];
		if (other->symbol && !strcmp(other->symbol, entry->symbol))
			return other->path;
	}
	return entry->path;
}

const struct cli_command *docs_command(const struct front_entry *entry)
{
	static const struct cli_command group = {.name = "", .summary = ""};
	if (!entry)
		return &front_command;
	return entry->command ? entry->command : &group;
}

bool docs_takes_word(const struct cli_option *option)
{
	return option->kind != CLI_FLAG && option->kind != CLI_COUNT && option->kind != CLI_OPTIONAL;
}

bool docs_is_first(const struct front *front, const struct front_entry *entry)
{
	return docs_manual_path(front, entry) == entry->path;
}

void docs_quote(const char *text, FILE *out)
{
	fputc('\'', out);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	fputc('\'', out);
}

void docs_print_paths(const struct front *front, const struct front_entry *entry, const char *separator, FILE *out)
{
	const char *before = "";
	for (size_t i = 0; i < front->count; i++) {
		const struct front_entry *other = &front->entries[i];
		bool same = entry->symbol && other->symbol && !strcmp(entry->symbol, other->symbol);
		if (other != entry && !same)
			continue;
		fputs(before, out);
		docs_quote(other->path, out);
		before = separator;
	}
}

static const struct docs_part *find_part(const struct docs_part *parts, const char *line)
{
	for (; parts->name; parts++)
		if (!strcmp(parts->name, line))
			return parts;
	return NULL;
}

int docs_expand(const struct front *front, const char *template, const struct docs_part *parts, FILE *out,
		struct error *err)
{
	auto_fclose FILE *in = fopen(template, "re");
	if (!in)
		return error_sys(err, errno, "open %s", template);
	auto_free char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		const struct docs_part *part = find_part(parts, line);
		if (part)
			part->print(front, out);
		else if (line[0] == '@')
			return error_set(err, EINVAL, "%s: nothing is known of %s", template, line);
		else
			fprintf(out, "%s\n", line);
	}
	if (ferror(in))
		return error_sys(err, errno, "read %s", template);
	return 0;
}

static void list_entry(const char *path, const struct cli_command *command, FILE *out)
{
	fprintf(out, "%s\t\n%s\t--help\n", path, path);
	const struct cli_option **options = cli_shown_options(command);
	for (size_t i = 0; options[i]; i++)
		fprintf(out, "%s\t--%s\n", path, options[i]->long_name);
	free(options);
}

void docs_list(const struct front *front, FILE *out)
{
	list_entry("", docs_command(NULL), out);
	for (size_t i = 0; i < front->count; i++)
		list_entry(front->entries[i].path, docs_command(&front->entries[i]), out);
}
