/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of pkg/toml: where the parser stands, and what its parts give each other. */
#pragma once

#include <stdint.h>

#include "pkg/toml/toml.h"

struct parser {
	const char *at, *end;
	const char *name;
	size_t line;
	int depth; /* of arrays and inline tables */
};

/* How a table or an array came to be: what decides whether it may be added to. Kept with its line in the value's user
 * data. */
enum origin {
	ORIGIN_IMPLICIT = 0,   /* a table that only a longer header names */
	ORIGIN_HEADER = 1,     /* [table] */
	ORIGIN_DOTTED = 2,     /* a.b = … */
	ORIGIN_VALUE = 3,      /* { … }, [ … ]: complete as it stands */
	ORIGIN_TABLE_ARRAY = 4 /* [[table]] */
};
enum origin origin_of(struct json_object *value);
void set_origin(struct json_object *value, size_t line, enum origin origin);

int fail(const struct parser *parser, struct error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));
static inline char peek(const struct parser *parser)
{
	return parser->at < parser->end ? *parser->at : '\0'; /* the text has no NUL */
}
bool accept_text(struct parser *parser, const char *text);
void skip_blanks(struct parser *parser);
/* Blanks, comments and line ends. */
int skip_lines(struct parser *parser, struct error *err);
/* A comment, and then the end of the line or of the text. */
int finish_line(struct parser *parser, struct error *err);

/* "a.b.c": the parts; at most JSON_DEPTH_MAX. */
int parse_key(struct parser *parser, struct strv *ret, struct error *err);
/* key = value, into the table. */
int parse_pair(struct parser *parser, struct json_object *table, struct error *err);
int parse_string(struct parser *parser, bool may_have_lines, struct strbuf *ret, struct error *err);
int parse_value(struct parser *parser, struct json_object **ret, struct error *err);
/* A number, a truth value, a date or a time. */
int parse_scalar(struct parser *parser, struct json_object **ret, struct error *err);
