/* SPDX-License-Identifier: Apache-2.0 */
/* target: where files are saved to: a tar, or a directory. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkg/tar/tar.h"
#include "pkg/text/text.h"

struct target {
	struct tar_writer *tar; /* NULL: a directory */
	int directory;
	int file; /* being written in the directory */
	char *name;
	struct strv names; /* of all files */
};
#define TARGET_INIT ((struct target){.directory = -1, .file = -1})
/* `fd` is borrowed. */
int target_open(int fd, bool directory, struct target *ret, struct error *err);
void target_close(struct target *target);
#define auto_target CLEANUP(target_close)

/* Begins a file of `size` bytes; in a directory it has its name once it is ended. */
int target_begin(struct target *target, const char *name, int64_t size, struct error *err);
int target_write(struct target *target, const void *data, size_t length, struct error *err);
int target_end(struct target *target, struct error *err);
/* A whole file. */
int target_add(struct target *target, const char *name, const void *data, size_t length, struct error *err);
/* Whether the file was written already. */
bool target_has(const struct target *target, const char *name);
/* All files were written. */
int target_finish(struct target *target, struct error *err);
