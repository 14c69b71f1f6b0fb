/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: strict reading over json-c. Everything read from outside (images, configurations, other tools' files) goes
 * through here, so that a wrong type is an error that names the member ("Env[2]: expected a string"), nesting is
 * bounded, and nothing downstream has to check again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/error/error.h"
#include "pkg/text/text.h"

static inline void json_cleanup(struct json_object **object)
{
	json_object_put(*object);
}
#define auto_json CLEANUP(json_cleanup)

#define JSON_DEPTH_MAX 64

/* Parses exactly one JSON value; trailing text, invalid UTF-8 and nesting beyond JSON_DEPTH_MAX are errors. `name` is for
 * the error text. The caller puts *ret. */
int json_parse(const char *text, size_t length, const char *name, struct json_object **ret, struct error *err);
/* Reads and parses a file of at most `max` bytes. */
int json_read_at(int dirfd, const char *path, size_t max, struct json_object **ret, struct error *err);

/*
 * Members of an object. Each returns 1 when the member is there (and is not null), 0 when it is not, and -EINVAL with
 * "<key>: expected …" when it is of another type (-ERANGE: a number out of range). An object does not know its own name: who
 * does puts it before with error_context(). Output parameters are untouched unless 1 is returned. `object` may be NULL: then
 * 0. Borrowed values live as long as the object. Strings with a NUL character in them are refused.
 */
int json_get_string(struct json_object *object, const char *key, const char **ret, struct error *err);
int json_get_int(struct json_object *object, const char *key, int64_t min, int64_t max, int64_t *ret, struct error *err);
/* For what is beyond int64_t, as RLIM_INFINITY is in the OCI specification. */
int json_get_uint64(struct json_object *object, const char *key, uint64_t *ret, struct error *err);
int json_get_bool(struct json_object *object, const char *key, bool *ret, struct error *err);
int json_get_object(struct json_object *object, const char *key, struct json_object **ret, struct error *err);
int json_get_array(struct json_object *object, const char *key, struct json_object **ret, struct error *err);
/* Adds the strings of an array member to the vector. */
int json_get_strv(struct json_object *object, const char *key, struct strv *ret, struct error *err);
/* Adds the members of an object of strings as "key=value". */
int json_get_map(struct json_object *object, const char *key, struct strv *ret, struct error *err);

/* ---- where anything that is not known could be a misspelt restriction (policies, signatures) ---- */
/* -EINVAL when an object in the text, which json_parse() has made `json` of, has a member twice: only the last is seen by the functions above. */
int json_check_unique(const char *text, size_t length, struct json_object *json, const char *name, struct error *err);
/* -EINVAL: a member is none of the words in `known`, which single blanks part. */
int json_check_members(struct json_object *object, const char *known, struct error *err);

/* ---- writing: small helpers that make building a tree one line a member; a NULL text is left out ---- */
void json_add_string(struct json_object *object, const char *key, const char *text);
void json_add_int(struct json_object *object, const char *key, int64_t number);
void json_add_bool(struct json_object *object, const char *key, bool value);
void json_add_strv(struct json_object *object, const char *key, const struct strv *vector); /* always an array */
void json_add_map(struct json_object *object, const char *key, const struct strv *vector);  /* "k=v" → {"k":"v"} */
/* Compact or indented (4 spaces, as docker prints) text; slashes are not escaped, and what is not UTF-8
 * becomes U+FFFD. malloc'd. */
char *json_text(struct json_object *object, bool pretty);
