/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: one option table per command. The table drives the parser, --help, the manual page and the completions, so that they
 * cannot disagree. There is no hand-written argument loop anywhere else.
 *
 * A command's options are laid into a struct of its own: an option says where (offsetof) and how (kind). Strings are borrowed
 * from argv; lists are struct strv and owned by the options struct (cli_options_free). What an option's text means beyond its
 * kind is checked by the command, not here.
 *
 *	struct stop_options { bool all; int64_t time; struct strv filters; };
 *	static const struct cli_option options[] = {
 *		{'a', "all", CLI_FLAG, offsetof(struct stop_options, all), NULL, "Stop all running containers"},
 *		{'t', "time", CLI_INT, offsetof(struct stop_options, time), "SECONDS", "Seconds to wait before SIGKILL"},
 *		CLI_OPTIONS_END,
 *	};
 *
 * Parsing is docker's (pflag): `--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, `-it` grouped flags,
 * `--flag=false`, `--` ends options. With CLI_STOP_AT_POSITIONAL (run, exec, create) options end at the first argument that is
 * none, so that the container's own command keeps its options. An unknown option is an error that names it and offers the
 * nearest one that exists.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "pkg/error/error.h"
#include "pkg/text/text.h"

enum cli_kind {
	CLI_FLAG = 1,     /* bool; --x, --x=false */
	CLI_STRING,       /* const char *; borrowed from argv */
	CLI_INT,          /* int64_t */
	CLI_SIZE,         /* int64_t bytes: parse_size() */
	CLI_DURATION,     /* int64_t ns: Go duration; a plain number is seconds */
	CLI_LIST,         /* struct strv; may be given many times, each one an entry */
	CLI_COMMA_LIST,   /* struct strv; the same, each split at commas */
	CLI_OPTIONAL,     /* const char *; --x means "" (or the default text in `value_name`), --x=v means v; never takes the next word */
	CLI_COUNT,        /* int64_t; -vvv */
};

/* How a shell completes an option's value or a command's arguments. */
enum cli_complete {
	CLI_COMPLETE_NONE,
	CLI_COMPLETE_FILE,
	CLI_COMPLETE_DIRECTORY,
	CLI_COMPLETE_CONTAINER,
	CLI_COMPLETE_RUNNING_CONTAINER,
	CLI_COMPLETE_IMAGE,
	CLI_COMPLETE_SIGNAL,
	CLI_COMPLETE_COMMAND, /* a program, as after `exec CONTAINER` */
	CLI_COMPLETE_VOLUME,
	CLI_COMPLETE_NETWORK,
};

struct cli_option {
	char short_name; /* 0: none */
	const char *long_name;
	enum cli_kind kind;
	size_t offset;
	const char *value_name; /* "SECONDS"; for --help. NULL for flags */
	const char *help;       /* one line, no full stop */
	const char *values;     /* "always|missing|never": the allowed ones, checked and completed; NULL: any */
	enum cli_complete complete;
	bool hidden;            /* works, but is not listed: other tools' aliases */
	size_t given_offset;    /* of a bool that is set when the option was given; 0: none */
};
#define CLI_OPTIONS_END {0, NULL, 0, 0, NULL, NULL, NULL, 0, false, 0}

enum cli_flags {
	CLI_STOP_AT_POSITIONAL = 1,
};

/* What a command gets. */
struct cli_context {
	const char *program;         /* "coracle" */
	const struct cli_command *command;
	const char *command_path;    /* "coracle container ls", for usage lines */
	const void *global;          /* the program's own options: struct global_options of src/ */
	void *options;               /* the command's options struct, filled; zeroed before `defaults` */
	struct strv arguments;       /* what is not an option */
	char *const *command_line;   /* argv of the program, NULL-terminated */
};

struct cli_command {
	const char *name;       /* "run" */
	const char *summary;    /* one line */
	const char *usage;      /* "[OPTIONS] IMAGE [COMMAND] [ARG...]" */
	const char *description; /* paragraphs for --help and the manual page; NULL: the summary */
	const char *examples;   /* lines, for the manual page and --help; NULL: none */
	const struct cli_option *options;
	size_t options_size;    /* sizeof the options struct */
	void (*defaults)(void *options); /* NULL: all zero */
	int min_arguments, max_arguments; /* max -1: any number */
	enum cli_flags flags;
	enum cli_complete complete;      /* of the arguments */
	/* Runs it. Returns the exit status of the program (0…255), or a negative errno with err filled: printed as
	 * "Error: …", exit status err->status or 125. */
	int (*run)(struct cli_context *context, struct error *err);
	const struct cli_option *const *shared; /* NULL-terminated list of further tables for the same struct (run and create share theirs) */
};

/* Fills `options` (command->options_size bytes, which the caller zeroed and gave the defaults) and `arguments` from what
 * follows the command's name in argv. *ret_help is set when --help or -h was met (and then nothing else is checked), unless -h
 * is an option of the command. Lists that were filled before an error are the caller's to free, as after success. */
int cli_parse(const struct cli_command *command, const char *command_path, int argc, char *const *argv, void *options,
	      struct strv *arguments, bool *ret_help, struct error *err);
/* Frees the lists in an options struct. */
void cli_options_free(const struct cli_command *command, void *options);

/* Walks all options of a command, of its own table and of the shared ones, hidden ones too. Begin with a zeroed iterator;
 * NULL at the end. */
struct cli_iterator {
	size_t table;
	size_t index;
};
const struct cli_option *cli_next_option(const struct cli_command *command, struct cli_iterator *iterator);
/* The options that are shown, by long name, NULL-terminated; the caller frees the array. --help is not among them. */
const struct cli_option **cli_shown_options(const struct cli_command *command);
/* Whether -h is left to mean --help. */
bool cli_has_short_help(const struct cli_command *command);
/* What stands for the value of an option: "SECONDS", "always|never", "NUMBER"; NULL for one that takes none. */
const char *cli_value_name(const struct cli_option *option);

/* Of `count` candidates those that `word` may be a misspelling or a beginning of, nearest first: at most `max`, into
 * `ret`. Returns how many. */
size_t cli_suggest(const char *word, const char *const *candidates, size_t count, const char **ret, size_t max);

/* A list in two columns, as in --help: `left` padded to the widest, `right` wrapped to the terminal's width (80 when `out` is
 * none). */
struct cli_row {
	const char *left;
	const char *right;
};
void cli_print_rows(const struct cli_row *rows, size_t count, FILE *out);
/* Paragraphs of text wrapped likewise; lines that begin with a blank stay as they are. */
void cli_print_text(const char *text, FILE *out);

/* Prints the list of options, with its title and an empty line before it. */
void cli_print_options(const struct cli_command *command, FILE *out);
/* Prints --help of one command. */
void cli_help(const struct cli_command *command, const char *command_path, FILE *out);
/* The manual page of one command as roff (`section` 1); `see_also` is a NULL-terminated list of page names. */
void cli_manual(const struct cli_command *command, const char *command_path, const char *const *see_also, FILE *out);
/* Its parts, for a page that is put together by other means: text with all that roff gives a meaning to escaped, paragraphs,
 * and the option list. */
void cli_manual_escape(const char *text, FILE *out);
void cli_manual_text(const char *text, FILE *out);
void cli_manual_options(const struct cli_command *command, FILE *out);
