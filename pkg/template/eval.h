/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval: one execution of a template. Hostile templates end with an error, not with the machine's memory or patience: an
 * execution has so many steps (STEPS_MAX), may nest so deep (DEPTH_MAX; definitions may call themselves), and may make
 * and print so many bytes (TEMPLATE_BYTES_MAX).
 *
 * With `titles` the execution makes the heading of a table instead of a row: there is no data then, and every field,
 * however deep, is the title of its column. A function of titles has the first of them as its value, whatever it would
 * do with the data, and a range over one runs once.
 */
#pragma once

#include "pkg/template/arena.h"
#include "pkg/template/parse.h"
#include "pkg/template/value.h"

#define DEPTH_MAX 100
#define STEPS_MAX 1000000

struct variable {
	const char *name;
	struct value value;
};

struct execution {
	const struct template *template;
	const struct definition *definition; /* the one being executed: for messages, which say its name */
	struct json_object *titles;
	struct arena arena;
	struct strbuf *out;
	size_t start; /* of what this execution printed */
	struct variable *variables;
	size_t variable_count;
	size_t variable_capacity;
	size_t variable_base; /* the first one that the definition sees */
	unsigned depth;
	unsigned long steps;
	struct error *err;
};

int execution_fail(const struct execution *execution, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One step more; checks all limits. */
int execution_step(struct execution *execution, const struct node *node);
/* One level deeper; the caller takes it off execution->depth. */
int execution_enter(struct execution *execution, const struct node *node);

void variable_push(struct execution *execution, const char *name, const struct value *value);
struct variable *variable_find(const struct execution *execution, const char *name);

/* The value of a pipeline, whose variables it declares or sets. */
int eval_pipeline(struct execution *execution, const struct value *dot, const struct node *pipeline, struct value *ret);

/* Prints the template for `data`, or its heading with `titles`. On failure `out` is as it was. */
int execution_run(const struct template *template, const struct value *data, struct json_object *titles,
		  struct strbuf *out, struct error *err);
