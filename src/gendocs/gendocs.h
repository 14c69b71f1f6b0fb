/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gendocs: manual pages and completions, written from the same tables that parse the command line. A program of the
 * build; it is not installed.
 *
 * A page or a completion script that has hand-written parts is a template in man/ or completions/: a line `@NAME@` in
 * it is replaced with what the tables say.
 *
 * The tables are checked first (docs_check): a mistake in one ends the build.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "src/front/front.h"

/* Prints every mistake of the tables to standard error; returns how many. */
size_t docs_check(const struct front *front);

/* One page for each command and group and for coracle itself, into the folder `directory`, which exists. `template` is
 * that of coracle(1). */
int docs_manual(const struct front *front, const char *template, const char *directory, struct error *err);

/* The completion scripts, from their templates. */
int docs_bash(const struct front *front, const char *template, FILE *out, struct error *err);
int docs_zsh(const struct front *front, const char *template, FILE *out, struct error *err);
int docs_fish(const struct front *front, const char *template, FILE *out, struct error *err);

/* "container ls<TAB>--all" for every option of every command, and "container ls<TAB>" for the command itself: what
 * tests compare the rest with. */
void docs_list(const struct front *front, FILE *out);

/* ---- for the writers ---- */
/* Replaces a line of a template. */
struct docs_part {
	const char *name; /* "@TABLE@"; NULL ends the list */
	void (*print)(const struct front *front, FILE *out);
};
int docs_expand(const struct front *front, const char *template, const struct docs_part *parts, FILE *out,
		struct error *err);

/* The path by which the manual calls the command: the first that commands.def lists. */
const char *docs_manual_path(const struct front *front, const struct front_entry *entry);
/* The options table of an entry; one without options for a group, and the global options for NULL. */
const struct cli_command *docs_command(const struct front_entry *entry);
/* Whether the option's value is, or may be, the next word. */
bool docs_takes_word(const struct cli_option *option);
/* Whether this is the first of the paths of its command: completions treat all of them as one. */
bool docs_is_first(const struct front *front, const struct front_entry *entry);
/* All paths of the entry's command in single quotes, with `separator` between them. */
void docs_print_paths(const struct front *front, const struct front_entry *entry, const char *separator, FILE *out);
/* The text in single quotes, for bash and zsh. */
void docs_quote(const char *text, FILE *out);
