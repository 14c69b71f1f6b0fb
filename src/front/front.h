/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front: what all programs that hold commands do before and after the command: the global options, finding the command,
 * --help, handing over to the program that holds it, printing the error.
 *
 * Commands are spread over two executables so that those on the way of a container's start need not load libcurl,
 * OpenSSL and libarchive. Both know the whole list of commands (src/commands.def), each has only its own commands'
 * tables. `coracle` is what people call; a command that it does not hold it leaves to the other by execve(2), with the
 * very same arguments.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "pkg/cli/cli.h"

struct front_entry {
	const char *path; /* "container ls" */
	const char *summary;
	const char *symbol;                /* the same for all paths of one command; NULL: a group */
	const struct cli_command *command; /* NULL: a group, or the other program's */
};

struct front {
	const struct front_entry *entries;
	size_t count;
	const char *other_program; /* who holds the commands that are not here; NULL: nobody */
};

/* The global options, as a command of its own: its arguments are the command and what follows. */
extern const struct cli_command front_command;

/* main() of a program: returns its exit status. */
int front_main(int argc, char **argv, const struct front *front);

/* Finds the command or group that the words name, and how many of them its path took. A word too many after a group, or
 * an unknown one, is an error that says what was meant. */
int front_find(const struct front *front, int count, char *const *words, const struct front_entry **ret_entry,
	       int *ret_used, struct error *err);

/* The entries right below `group` (NULL: below coracle itself), by name, NULL-terminated; of several names of one
 * command only the first. The caller frees the array. */
const struct front_entry **front_children(const struct front *front, const struct front_entry *group);
/* The last word of a path. */
const char *front_last_word(const char *path);

/* --help of the program, of a group, of a command (one that is held here). */
void front_print_help(const struct front *front, FILE *out);
void front_print_group_help(const struct front *front, const struct front_entry *group, FILE *out);
void front_print_command_help(const struct front *front, const struct front_entry *entry, FILE *out);
