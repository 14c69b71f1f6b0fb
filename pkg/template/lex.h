/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lex: the text of a template cut into tokens, all of them before the parser starts, so that it can look ahead and go
 * back as it likes. What is wrong with the text becomes one last token, TOKEN_ERROR: the parser reports whichever
 * mistake comes first. Comments and the white space that trim markers remove are gone from the tokens.
 */
#pragma once

#include <stddef.h>

#include "pkg/template/arena.h"

enum token_type {
	TOKEN_ERROR, /* its text is the message */
	TOKEN_EOF,
	TOKEN_TEXT,
	TOKEN_LEFT,  /* {{ */
	TOKEN_RIGHT, /* }} */
	TOKEN_SPACE,
	TOKEN_PIPE,
	TOKEN_LEFT_PAREN,
	TOKEN_RIGHT_PAREN,
	TOKEN_COMMA,
	TOKEN_ASSIGN,  /* = */
	TOKEN_DECLARE, /* := */
	TOKEN_FIELD,   /* .Name */
	TOKEN_VARIABLE,
	TOKEN_IDENTIFIER,
	TOKEN_BOOL,
	TOKEN_NUMBER,
	TOKEN_CHARACTER, /* 'x' */
	TOKEN_STRING,
	TOKEN_RAW_STRING,
	TOKEN_OTHER, /* another printable ASCII character, which no rule of the grammar takes */
	TOKEN_DOT,   /* this and what follows are said as <name> in messages */
	TOKEN_NIL,
	TOKEN_BLOCK,
	TOKEN_BREAK,
	TOKEN_CONTINUE,
	TOKEN_DEFINE,
	TOKEN_ELSE,
	TOKEN_END,
	TOKEN_IF,
	TOKEN_RANGE,
	TOKEN_TEMPLATE,
	TOKEN_WITH,
};

struct token {
	enum token_type type;
	const char *text; /* in the template's text, or in the arena */
	size_t length;
	size_t position; /* in the template's text */
};

/* The tokens, the last of which is TOKEN_ERROR or TOKEN_EOF; `text` must live as long as they. malloc'd. */
struct token *template_lex(struct arena *arena, const char *text);
