/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan: reads the JSON that we have written ourselves, in one pass and without a tree, for what reads hundreds of small files in a few milliseconds.
 *
 * It knows the usual: ASCII, whole numbers, no blanks between words. At whatever else there is, right or wrong, it sets `odd` and reads no further;
 * the caller then throws away what it has and takes json_parse(), which knows all of JSON and says what is wrong. So it never has an error of its
 * own, and what it takes json_parse() takes too, with the same result (scan_test.c holds that).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkg/json/json.h"

struct json_scan {
	const char *at, *end;
	bool odd;
};

/* Whether this character is next; then it is taken. */
bool json_scan_take(struct json_scan *scan, char c);
/* The same where anything else is odd. */
void json_scan_expect(struct json_scan *scan, char c);
/* A string as it stands, without an escape in it, and the colon behind it: its length, and where it begins. 0: odd. */
size_t json_scan_key(struct json_scan *scan, const char **ret);
/* malloc'd; NULL: odd. */
char *json_scan_string(struct json_scan *scan);
/* These add to `ret`, as json_get_strv() and json_get_map() do. */
void json_scan_strv(struct json_scan *scan, struct strv *ret);
void json_scan_map(struct json_scan *scan, struct strv *ret);
bool json_scan_bool(struct json_scan *scan);
int64_t json_scan_int(struct json_scan *scan);
/* Any object or array, as json_parse() reads it; NULL: odd. The caller puts it. */
struct json_object *json_scan_tree(struct json_scan *scan);
