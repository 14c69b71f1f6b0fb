/* SPDX-License-Identifier: Apache-2.0 */
/* functions: what templates can call. The evaluator checks numbers and types of arguments before a function runs. */
#pragma once

#include "pkg/error/error.h"
#include "pkg/template/arena.h"
#include "pkg/template/value.h"

struct call {
	struct arena *arena; /* for what the result points to */
	const struct value *args;
	size_t count;
};

struct function {
	const char *name;
	/* A letter for each parameter: a any, s string, i integer, l list; a "*" behind the last one: any number of
	 * them. */
	const char *parameters;
	/* Its error is the bare reason. NULL for and and or, whose arguments the evaluator evaluates one by one. */
	int (*run)(const struct call *call, struct value *ret, struct error *err);
};

const struct function *function_find(const char *name, size_t length);

/* A string of the call's own; empties the buffer. Returns 0. */
int call_return(const struct call *call, struct strbuf *text, struct value *ret);
/* What stands for a key that a map does not have: Go gives the zero value of the map's type, which its members tell. */
struct value zero_of(const struct value *map);

int function_len(const struct call *call, struct value *ret, struct error *err);
int function_index(const struct call *call, struct value *ret, struct error *err);
int function_slice(const struct call *call, struct value *ret, struct error *err);

int function_not(const struct call *call, struct value *ret, struct error *err);
int function_eq(const struct call *call, struct value *ret, struct error *err);
int function_ne(const struct call *call, struct value *ret, struct error *err);
int function_lt(const struct call *call, struct value *ret, struct error *err);
int function_le(const struct call *call, struct value *ret, struct error *err);
int function_gt(const struct call *call, struct value *ret, struct error *err);
int function_ge(const struct call *call, struct value *ret, struct error *err);

int function_html(const struct call *call, struct value *ret, struct error *err);
int function_js(const struct call *call, struct value *ret, struct error *err);
int function_urlquery(const struct call *call, struct value *ret, struct error *err);

int function_join(const struct call *call, struct value *ret, struct error *err);
int function_split(const struct call *call, struct value *ret, struct error *err);
int function_lower(const struct call *call, struct value *ret, struct error *err);
int function_upper(const struct call *call, struct value *ret, struct error *err);
int function_title(const struct call *call, struct value *ret, struct error *err);
int function_pad(const struct call *call, struct value *ret, struct error *err);
int function_truncate(const struct call *call, struct value *ret, struct error *err);
