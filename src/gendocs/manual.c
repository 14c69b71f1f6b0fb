/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/gendocs/gendocs.h"

static char *page_name(const char *path)
{
	char *name = xasprintf("coracle%s%s", *path ? "-" : "", path);
	for (char *at = name; *at; at++)
		if (*at == ' ')
			*at = '-';
	return name;
}

static void print_title(const char *page, FILE *out)
{
	fputs(".TH \"", out);
	for (const char *at = page; *at; at++)
		fputc(toupper((unsigned char)*at), out);
	fprintf(out, "\" 1 \"\" \"coracle %s\" \"coracle\"\n.nh\n", CORACLE_VERSION);
}

static void print_children(const struct front *front, const struct front_entry *group, FILE *out)
{
	const struct front_entry **children = front_children(front, group);
	for (size_t i = 0; children[i]; i++) {
		auto_free char *page = page_name(docs_manual_path(front, children[i]));
		fputs(".TP\n\\fB", out);
		cli_manual_escape(children[i]->path, out);
		fputs("\\fR\n", out);
		cli_manual_escape(children[i]->summary, out);
		fputs(".\nSee \\fB", out);
		cli_manual_escape(page, out);
		fputs("\\fR(1).\n", out);
	}
	free(children);
}

static void print_group(const struct front *front, const struct front_entry *group, FILE *out)
{
	auto_free char *page = page_name(group->path);
	print_title(page, out);
	fputs(".SH NAME\n", out);
	cli_manual_escape(page, out);
	fputs(" \\- ", out);
	cli_manual_escape(group->summary, out);
	fprintf(out, "\n.SH SYNOPSIS\n\\fBcoracle %s\\fR COMMAND\n.SH COMMANDS\n", group->path);
	print_children(front, group, out);
	fputs(".SH OPTIONS\n", out);
	cli_manual_options(docs_command(group), out);
	fputs(".SH SEE ALSO\n\\fBcoracle\\fR(1)\n", out);
}

/* The group of an entry, or NULL. */
static const struct front_entry *group_of(const struct front *front, const struct front_entry *entry)
{
	const char *space = strrchr(entry->path, ' ');
	for (size_t i = 0; space && i < front->count; i++) {
		size_t length = strlen(front->entries[i].path);
		if (length == (size_t)(space - entry->path) && !strncmp(front->entries[i].path, entry->path, length))
			return &front->entries[i];
	}
	return NULL;
}

static void print_command(const struct front *front, const struct front_entry *entry, FILE *out)
{
	auto_strv struct strv see_also = STRV_INIT;
	strv_add(&see_also, "coracle");
	for (size_t i = 0; i < front->count; i++) {
		const struct front_entry *other = &front->entries[i];
		if (!other->symbol || strcmp(other->symbol, entry->symbol) != 0)
			continue;
		const struct front_entry *group = group_of(front, other);
		auto_free char *page = group ? page_name(group->path) : NULL;
		if (page && !strv_contains(&see_also, page))
			strv_add(&see_also, page);
	}
	auto_free char *path = xasprintf("coracle %s", entry->path);
	cli_manual(entry->command, path, (const char *const *)see_also.items, out);
}

static int write_page(const char *directory, const char *path, FILE **ret, struct error *err)
{
	auto_free char *page = page_name(path);
	auto_free char *file = xasprintf("%s/%s.1", directory, page);
	*ret = fopen(file, "we");
	return *ret ? 0 : error_sys(err, errno, "write %s", file);
}

static int write_entry(const struct front *front, const struct front_entry *entry, const char *directory,
		       struct error *err)
{
	auto_fclose FILE *out = NULL;
	int r = write_page(directory, entry->path, &out, err);
	if (r < 0)
		return r;
	const char *manual_path = docs_manual_path(front, entry);
	if (strcmp(manual_path, entry->path) != 0) {
		auto_free char *page = page_name(manual_path);
		fprintf(out, ".so man1/%s.1\n", page);
	} else if (entry->symbol) {
		print_command(front, entry, out);
	} else {
		print_group(front, entry, out);
	}
	return fflush(out) == 0 ? 0 : error_sys(err, errno, "write the page of %s", entry->path);
}

/* ---- coracle(1) ---- */

static void print_program_title(const struct front *front, FILE *out)
{
	(void)front;
	print_title("coracle", out);
}

static void print_program_options(const struct front *front, FILE *out)
{
	(void)front;
	cli_manual_options(&front_command, out);
}

static void print_program_commands(const struct front *front, FILE *out)
{
	print_children(front, NULL, out);
}

static const struct docs_part program_parts[] = {
    {"@TITLE@", print_program_title},
    {"@OPTIONS@", print_program_options},
    {"@COMMANDS@", print_program_commands},
    {NULL, NULL},
};

int docs_manual(const struct front *front, const char *template, const char *directory, struct error *err)
{
	auto_fclose FILE *out = NULL;
	int r = write_page(directory, "", &out, err);
	if (r >= 0)
		r = docs_expand(front, template, program_parts, out, err);
	if (r >= 0 && fflush(out) != 0)
		r = error_sys(err, errno, "write the page of coracle");
	for (size_t i = 0; r >= 0 && i < front->count; i++)
		r = write_entry(front, &front->entries[i], directory, err);
	return r;
}
