/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse: a template as a tree. Nodes, and all that they point to, live in the template's arena.
 *
 *	struct definition   {{define "name"}}…{{end}}, and the text itself, named ""
 *	  body: a list of text, actions and control structures, linked by `next`
 *	    pipeline: $variables and commands, linked by `next`; each command's operands linked likewise
 */
#pragma once

#include <stdint.h>

#include "pkg/template/arena.h"

enum node_type {
	/* In bodies. */
	NODE_TEXT,
	NODE_ACTION, /* {{pipeline}} */
	NODE_IF,     /* these three: pipeline, body, otherwise */
	NODE_WITH,
	NODE_RANGE,
	NODE_TEMPLATE, /* text: the name; pipeline may be NULL */
	NODE_BREAK,
	NODE_CONTINUE,
	/* In actions. */
	NODE_PIPELINE, /* as an operand: in parentheses */
	NODE_COMMAND,
	NODE_DOT,
	NODE_NIL,
	NODE_BOOL,
	NODE_INTEGER,
	NODE_FLOAT,
	NODE_STRING,
	NODE_FIELD,    /* .A.B */
	NODE_VARIABLE, /* $x.A.B: the first name is "$x" */
	NODE_CHAIN,    /* (pipeline).A.B, function.A.B */
	NODE_FUNCTION,
};

struct name {
	struct name *next;
	const char *text;
	size_t length;
};

struct node {
	enum node_type type;
	size_t position; /* in the template's text: for messages */
	struct node *next;
	/* What is used of this goes with the type. */
	const char *text; /* the text; a literal's source or string's value */
	size_t length;
	const char *source; /* of a string */
	size_t source_length;
	struct name *names;    /* of fields, variables and chains; the variables a pipeline sets */
	struct node *operands; /* commands of a pipeline, operands of a command, what a chain starts from */
	struct node *pipeline;
	struct node *body;
	struct node *otherwise; /* {{else}} */
	const struct function *function;
	bool boolean; /* a pipeline: declares (:=) rather than assigns (=) */
	int64_t integer;
	double number;
};

struct definition {
	struct definition *next;
	const char *name;
	size_t length;
	struct node *body;
};

struct template
{
	struct arena arena;
	const char *text;
	struct definition *definitions;
};

const struct definition *template_find(const struct template *template, const char *name, size_t length);

/* ---- node.c ---- */
/* The node as it would be written, for messages. */
void node_describe(const struct node *node, struct strbuf *out);
/* Lines from 1, columns in bytes from 0. */
void node_locate(const char *text, size_t position, size_t *ret_line, size_t *ret_column);

/* ---- literal.c: both return false when the text is no such thing ---- */
/* What a text in quotes stands for; *ret_first: its first code point, or byte written as one. */
bool literal_unquote(const char *text, size_t length, struct strbuf *out, uint32_t *ret_first);
/* Sets type and value of the node, whose text is the number. NULL, or what is wrong with it. */
const char *literal_number(struct node *node);
