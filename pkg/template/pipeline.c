/* SPDX-License-Identifier: Apache-2.0 */
/* What is inside an action: operands, commands, pipelines. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pkg/template/functions.h"
#include "pkg/template/parser.h"
#include "pkg/template/utf8.h"

/* ---- errors ---- */

int parser_fail(const struct parser *parser, const char *format, ...)
{
	char message[256];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	size_t line, column;
	node_locate(parser->template->text, parser->token->position, &line, &column);
	return error_set(parser->err, EINVAL, "template: :%zu: %s", line, message);
}

int parser_unexpected(const struct parser *parser, const char *context)
{
	const struct token *token = parser->token;
	if (token->type == TOKEN_ERROR)
		return parser_fail(parser, "%.*s", (int)token->length, token->text);
	if (token->type == TOKEN_EOF)
		return parser_fail(parser, "unexpected EOF");
	int length = token->length > 40 ? 40 : (int)token->length;
	if (token->type >= TOKEN_DOT)
		return parser_fail(parser, "unexpected <%.*s> in %s", length, token->text, context);
	if (token->type == TOKEN_STRING)
		return parser_fail(parser, "unexpected %.*s in %s", length, token->text, context);
	return parser_fail(parser, "unexpected \"%.*s\" in %s", length, token->text, context);
}

/* ---- tokens ---- */

enum token_type parser_peek(struct parser *parser)
{
	while (parser->token->type == TOKEN_SPACE)
		parser->token++;
	return parser->token->type;
}

struct node *parser_node(struct parser *parser, enum node_type type)
{
	struct node *node = arena_alloc(parser->arena, sizeof(*node));
	node->type = type;
	node->position = parser->token->position;
	node->text = parser->token->text;
	node->length = parser->token->length;
	return node;
}

static struct name *new_name(struct parser *parser, const char *text, size_t length)
{
	struct name *name = arena_alloc(parser->arena, sizeof(*name));
	name->text = arena_copy(parser->arena, text, length);
	name->length = length;
	return name;
}

int parser_enter(struct parser *parser)
{
	if (++parser->nesting > NESTING_MAX)
		return parser_fail(parser, "nested deeper than %d levels", NESTING_MAX);
	return 0;
}

static int check_variable(const struct parser *parser, const struct name *name)
{
	for (size_t i = 0; i < parser->variables.count; i++)
		if (strlen(parser->variables.items[i]) == name->length &&
		    memcmp(parser->variables.items[i], name->text, name->length) == 0)
			return 0;
	return parser_fail(parser, "undefined variable \"%.*s\"", (int)name->length, name->text);
}

/* ---- operands ---- */

int parser_string(struct parser *parser, struct node *node)
{
	const struct token *token = parser->token;
	node->source = token->text;
	node->source_length = token->length;
	node->text = token->text + 1;
	node->length = token->length - 2;
	if (token->type == TOKEN_RAW_STRING)
		return 0;
	auto_strbuf struct strbuf text = STRBUF_INIT;
	if (!literal_unquote(token->text, token->length, &text, NULL))
		return parser_fail(parser, "invalid syntax");
	node->text = arena_copy(parser->arena, strbuf_text(&text), text.length);
	node->length = text.length;
	return 0;
}

static int parse_character(struct parser *parser, struct node *node)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	uint32_t first = 0;
	if (node->length < 3 || !literal_unquote(node->text, node->length, &text, &first))
		return parser_fail(parser, "invalid syntax");
	uint32_t again;
	/* '\xff' is one byte that is no code point of its own. */
	if (text.length != 1 && utf8_decode(text.data, text.length, &again) != text.length)
		return parser_fail(parser, "malformed character constant: %.*s", (int)node->length, node->text);
	node->type = NODE_INTEGER;
	node->integer = first;
	return 0;
}

static int parse_number(struct parser *parser, struct node *node)
{
	const char *wrong = literal_number(node);
	if (wrong)
		return parser_fail(parser, "%s: \"%.*s\"", wrong, (int)node->length, node->text);
	return 0;
}

static int parse_parentheses(struct parser *parser, struct node **ret)
{
	int r = parser_enter(parser);
	if (r < 0)
		return r;
	parser->token++;
	r = parser_pipeline(parser, "parenthesized pipeline", TOKEN_RIGHT_PAREN, ret);
	parser->nesting--;
	return r;
}

/* An operand without the fields behind it. *ret is NULL when none starts here. */
static int parse_term(struct parser *parser, struct node **ret)
{
	struct node *node = parser_node(parser, NODE_DOT);
	int r = 0;
	switch (parser_peek(parser)) {
	case TOKEN_LEFT_PAREN:
		return parse_parentheses(parser, ret);
	case TOKEN_DOT:
		break;
	case TOKEN_NIL:
		node->type = NODE_NIL;
		break;
	case TOKEN_BOOL:
		node->type = NODE_BOOL;
		node->boolean = node->text[0] == 't';
		break;
	case TOKEN_NUMBER:
		r = parse_number(parser, node);
		break;
	case TOKEN_CHARACTER:
		r = parse_character(parser, node);
		break;
	case TOKEN_STRING:
	case TOKEN_RAW_STRING:
		node->type = NODE_STRING;
		r = parser_string(parser, node);
		break;
	case TOKEN_FIELD:
		node->type = NODE_FIELD;
		node->names = new_name(parser, node->text + 1, node->length - 1);
		break;
	case TOKEN_VARIABLE:
		node->type = NODE_VARIABLE;
		node->names = new_name(parser, node->text, node->length);
		r = check_variable(parser, node->names);
		break;
	case TOKEN_IDENTIFIER:
		node->type = NODE_FUNCTION;
		node->function = function_find(node->text, node->length);
		if (!node->function)
			r = parser_fail(parser, "function \"%.*s\" not defined", (int)node->length, node->text);
		break;
	default:
		*ret = NULL;
		return 0;
	}
	parser->token++;
	*ret = node;
	return r;
}

/* Fields that follow a term directly: .A.B, $x.A, (…).A. Their place in messages is that of the first of them, as Go's
 * is. */
static int parse_fields(struct parser *parser, struct node **term)
{
	struct node *node = *term;
	if (node->type >= NODE_DOT && node->type <= NODE_STRING) {
		auto_strbuf struct strbuf text = STRBUF_INIT;
		node_describe(node, &text);
		return parser_fail(parser, "unexpected . after term %.200s", strbuf_text(&text));
	}
	if (node->type == NODE_FIELD || node->type == NODE_VARIABLE) {
		node->position = parser->token->position;
	} else {
		node = parser_node(parser, NODE_CHAIN);
		node->operands = *term;
		*term = node;
	}
	struct name **end = &node->names;
	while (*end)
		end = &(*end)->next;
	for (; parser->token->type == TOKEN_FIELD; parser->token++, end = &(*end)->next)
		*end = new_name(parser, parser->token->text + 1, parser->token->length - 1);
	return 0;
}

static int parse_operand(struct parser *parser, struct node **ret)
{
	int r = parse_term(parser, ret);
	if (r < 0 || !*ret || parser->token->type != TOKEN_FIELD)
		return r;
	return parse_fields(parser, ret);
}

/* ---- pipelines ---- */

/* Operands up to a "|", which is taken, or the end of the pipeline, which is not. */
static int parse_command(struct parser *parser, struct node **ret)
{
	parser_peek(parser);
	struct node *command = parser_node(parser, NODE_COMMAND);
	struct node **end = &command->operands;
	for (;;) {
		parser_peek(parser);
		int r = parse_operand(parser, end);
		if (r < 0)
			return r;
		if (*end)
			end = &(*end)->next;
		if (parser->token->type != TOKEN_SPACE)
			break;
	}
	enum token_type type = parser->token->type;
	if (type == TOKEN_PIPE)
		parser->token++;
	else if (type != TOKEN_RIGHT && type != TOKEN_RIGHT_PAREN)
		return parser_unexpected(parser, "operand");
	if (!command->operands)
		return parser_fail(parser, "empty command");
	*ret = command;
	return 0;
}

/* "$x :=", "$x =", and in a range also "$i, $e :=" if they are next. */
static int parse_declaration(struct parser *parser, bool range, struct node *pipeline)
{
	const struct token *start = parser->token;
	struct name **end = &pipeline->names;
	for (unsigned count = 1; parser_peek(parser) == TOKEN_VARIABLE; count++, end = &(*end)->next) {
		*end = new_name(parser, parser->token->text, parser->token->length);
		parser->token++;
		enum token_type type = parser_peek(parser);
		if (type == TOKEN_COMMA) {
			if (!range || count == 2)
				return parser_fail(parser, "too many declarations in %s", range ? "range" : "command");
			parser->token++;
			if (parser_peek(parser) != TOKEN_VARIABLE)
				return parser_fail(parser, "range can only initialize variables");
			continue;
		}
		if (type != TOKEN_ASSIGN && type != TOKEN_DECLARE)
			break;
		pipeline->boolean = type == TOKEN_DECLARE;
		parser->token++;
		return 0;
	}
	/* It was an operand. */
	pipeline->names = NULL;
	parser->token = start;
	return 0;
}

/* The variables come into being behind the pipeline that gives their values. */
static int declare(struct parser *parser, const struct node *pipeline)
{
	for (const struct name *name = pipeline->names; name; name = name->next) {
		if (pipeline->boolean) {
			strv_take(&parser->variables, xstrndup(name->text, name->length));
			continue;
		}
		int r = check_variable(parser, name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A value that is piped into something goes to a function, or a field that takes a key: nothing else takes it. */
static int check_stages(const struct parser *parser, const struct node *pipeline, const char *context)
{
	unsigned stage = 1;
	if (!pipeline->operands)
		return parser_fail(parser, "missing value for %s", context);
	for (const struct node *command = pipeline->operands->next; command; command = command->next) {
		stage++;
		if (command->operands->type >= NODE_DOT && command->operands->type <= NODE_STRING)
			return parser_fail(parser, "non executable command in pipeline stage %u", stage);
	}
	return 0;
}

int parser_pipeline(struct parser *parser, const char *context, enum token_type end_token, struct node **ret)
{
	parser_peek(parser);
	struct node *pipeline = parser_node(parser, NODE_PIPELINE);
	int r = parse_declaration(parser, strcmp(context, "range") == 0, pipeline);
	if (r < 0)
		return r;
	struct node **end = &pipeline->operands;
	while (parser_peek(parser) != end_token) {
		switch (parser->token->type) {
		case TOKEN_BOOL:
		case TOKEN_CHARACTER:
		case TOKEN_DOT:
		case TOKEN_FIELD:
		case TOKEN_IDENTIFIER:
		case TOKEN_NUMBER:
		case TOKEN_NIL:
		case TOKEN_STRING:
		case TOKEN_RAW_STRING:
		case TOKEN_VARIABLE:
		case TOKEN_LEFT_PAREN:
			r = parse_command(parser, end);
			break;
		default:
			r = parser_unexpected(parser, context);
		}
		if (r < 0)
			return r;
		end = &(*end)->next;
	}
	r = check_stages(parser, pipeline, context);
	if (r < 0)
		return r;
	parser->token++;
	*ret = pipeline;
	return declare(parser, pipeline);
}
