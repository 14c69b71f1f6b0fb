/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an archive or of a directory, by name. */
#pragma once

#include "storage/archive/archive.h"

struct archive_source;

int archive_source_open(struct store *store, const char *path, struct progress *progress, struct archive_source **ret,
			struct error *err);
void archive_source_free(struct archive_source *source);
/* What it is called in error texts. */
const char *archive_source_name(const struct archive_source *source);

bool archive_source_is_directory(const struct archive_source *source);

/* 1 and the blob, or 0 when there is no such file. Links in a tar are followed. */
int archive_source_find(struct archive_source *source, const char *name, struct blob *ret, struct error *err);
/* Reads a file of at most MANIFEST_SIZE_MAX whole; NUL-terminated, malloc'd. -ENOENT when there is none. */
int archive_source_read(struct archive_source *source, const char *name, char **ret, size_t *ret_length,
			struct error *err);
int archive_source_read_json(struct archive_source *source, const char *name, struct json_object **ret,
			     struct error *err);
