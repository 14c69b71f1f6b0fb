/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toml: strict reading of TOML 1.0 (https://toml.io/en/v1.0.0) into the tree that pkg/json reads: tables are objects,
 * dates and times are strings. There is no writing.
 *
 * Every value remembers its line, for who finds that it means nothing: toml_line().
 */
#pragma once

#include <stddef.h>

#include "pkg/json/json.h"

/* Parses a whole document. -EINVAL: "<name>:<line>: <what is wrong>". Nesting is bounded by JSON_DEPTH_MAX. The caller
 * puts *ret. */
int toml_parse(const char *text, size_t length, const char *name, struct json_object **ret, struct error *err);
/* Reads and parses a file of at most `max` bytes. */
int toml_read_at(int dirfd, const char *path, size_t max, struct json_object **ret, struct error *err);
/* The line where the value was written, of a table its header's; 0 for one that was not made here. */
size_t toml_line(struct json_object *value);
