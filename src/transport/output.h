/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output: where an archive goes: to a file, which has its name only when it is complete, or to standard output, which
 * must not be a terminal.
 */
#pragma once

#include "pkg/error/error.h"

struct output {
	int fd;
	char *path; /* NULL: nothing to give a name to */
	char *temporary;
};
#define OUTPUT_INIT ((struct output){.fd = -1})

/* `path` NULL: standard output. `what` is for error texts: "save". */
int output_open(const char *path, const char *what, struct output *ret, struct error *err);
/* Everything was written. */
int output_finish(struct output *output, struct error *err);
/* Removes what was not finished. */
void output_close(struct output *output);
#define auto_output CLEANUP(output_close)

/* Writes a short text, such as --digestfile and --iidfile ask for, to a file in the same way. */
int output_write(const char *path, const char *text, struct error *err);
