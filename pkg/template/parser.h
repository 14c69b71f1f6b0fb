/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parser: what the two halves of the parser share (pipeline.c: what is inside an action; parse.c: how actions nest).
 *
 * Recursive descent over the tokens. A function that fails has set the error and returns a negative errno value;
 * nothing is freed on the way, the arena goes as a whole. Recursion (blocks, parentheses) is bounded by NESTING_MAX.
 *
 * Names of variables are checked here, while their scopes are known: an execution never meets an unknown one.
 */
#pragma once

#include "pkg/template/lex.h"
#include "pkg/template/parse.h"
#include "pkg/template/template.h"

#define NESTING_MAX 100

struct parser {
	struct template *template;
	struct arena *arena;
	const struct token *token; /* the next one */
	struct strv variables;     /* in scope, with their "$" */
	unsigned nesting;
	unsigned ranges; /* around here: where break and continue are allowed */
	struct error *err;
};

int parser_fail(const struct parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The token that is next has no place in `context`. */
int parser_unexpected(const struct parser *parser, const char *context);
/* The type of the next token that is not white space, which is skipped. */
enum token_type parser_peek(struct parser *parser);
/* A node that starts with the next token. */
struct node *parser_node(struct parser *parser, enum node_type type);
/* One level deeper, or an error; the caller takes one off parser->nesting where it ends. */
int parser_enter(struct parser *parser);
/* A string token's value, into the node. */
int parser_string(struct parser *parser, struct node *node);
/* A pipeline and the token that ends it. The variables it declares are in scope then. */
int parser_pipeline(struct parser *parser, const char *context, enum token_type end, struct node **ret);
