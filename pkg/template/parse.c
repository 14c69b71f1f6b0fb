/* SPDX-License-Identifier: Apache-2.0 */
/* How text and actions nest: control structures, definitions, and the template as a whole. */
#include "pkg/template/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pkg/template/parser.h"

static int parse_body(struct parser *parser, struct node **ret);

static int expect(struct parser *parser, enum token_type type, const char *context)
{
	if (parser_peek(parser) != type)
		return parser_unexpected(parser, context);
	parser->token++;
	return 0;
}

static void drop_variables(struct parser *parser, size_t count)
{
	while (parser->variables.count > count)
		strv_remove(&parser->variables, parser->variables.count - 1);
}

/* ---- control structures ---- */

/* {{else}}, {{else if …}}, {{else with …}} or {{end}}; the latter two nest in the first, and share its {{end}}. */
static int parse_control(struct parser *parser, enum node_type type, const char *keyword, struct node **ret);

static int parse_otherwise(struct parser *parser, enum node_type type, struct node **ret)
{
	if (parser->token->type == TOKEN_EOF || parser->token->type == TOKEN_ERROR)
		return parser_unexpected(parser, "input");
	parser->token++; /* {{ */
	if (parser_peek(parser) == TOKEN_END) {
		parser->token++;
		return expect(parser, TOKEN_RIGHT, "end");
	}
	parser->token++; /* else */
	if ((type == NODE_IF && parser_peek(parser) == TOKEN_IF) ||
	    (type == NODE_WITH && parser_peek(parser) == TOKEN_WITH))
		return parse_control(parser, type, type == NODE_IF ? "if" : "with", ret);
	int r = expect(parser, TOKEN_RIGHT, "else");
	if (r == 0)
		r = parse_body(parser, ret);
	if (r < 0)
		return r;
	if (parser->token->type == TOKEN_EOF || parser->token->type == TOKEN_ERROR)
		return parser_unexpected(parser, "input");
	parser->token++;
	if (parser_peek(parser) != TOKEN_END)
		return parser_fail(parser, "expected end; found {{else}}");
	parser->token++;
	return expect(parser, TOKEN_RIGHT, "end");
}

static int parse_control(struct parser *parser, enum node_type type, const char *keyword, struct node **ret)
{
	size_t variables = parser->variables.count;
	struct node *node = parser_node(parser, type);
	int r = parser_enter(parser);
	if (r < 0)
		return r;
	parser->token++;
	r = parser_pipeline(parser, keyword, TOKEN_RIGHT, &node->pipeline);
	if (r < 0)
		return r;
	size_t declared = parser->variables.count;
	parser->ranges += type == NODE_RANGE;
	r = parse_body(parser, &node->body);
	parser->ranges -= type == NODE_RANGE;
	drop_variables(parser, declared);
	if (r == 0)
		r = parse_otherwise(parser, type, &node->otherwise);
	drop_variables(parser, variables);
	parser->nesting--;
	*ret = node;
	return r;
}

static int parse_jump(struct parser *parser, enum node_type type, const char *keyword, struct node **ret)
{
	if (!parser->ranges)
		return parser_fail(parser, "{{%s}} outside {{range}}", keyword);
	*ret = parser_node(parser, type);
	parser->token++;
	char context[32];
	snprintf(context, sizeof(context), "{{%s}}", keyword);
	return expect(parser, TOKEN_RIGHT, context);
}

/* ---- templates ---- */

/* NULL, and the error is set, when none is there. */
static struct node *parse_template_name(struct parser *parser, const char *context)
{
	enum token_type type = parser_peek(parser);
	if (type != TOKEN_STRING && type != TOKEN_RAW_STRING) {
		parser_unexpected(parser, context);
		return NULL;
	}
	struct node *node = parser_node(parser, NODE_TEMPLATE);
	if (parser_string(parser, node) < 0)
		return NULL;
	parser->token++;
	return node;
}

/* The body of {{define}} or {{block}} up to its {{end}}; it sees no variable of its surroundings. */
static int parse_definition(struct parser *parser, const struct node *name)
{
	if (template_find(parser->template, name->text, name->length))
		return parser_fail(parser, "template: multiple definition of template \"%.*s\"", (int)name->length,
				   name->text);
	int r = parser_enter(parser);
	if (r < 0)
		return r;
	struct definition *definition = arena_alloc(parser->arena, sizeof(*definition));
	*definition = (struct definition){parser->template->definitions, name->text, name->length, NULL};
	parser->template->definitions = definition;

	struct strv outer = parser->variables;
	unsigned ranges = parser->ranges;
	parser->variables = STRV_INIT;
	parser->ranges = 0;
	strv_add(&parser->variables, "$");
	r = parse_body(parser, &definition->body);
	strv_free(&parser->variables);
	parser->variables = outer;
	parser->ranges = ranges;
	parser->nesting--;
	if (r < 0)
		return r;
	if (parser->token->type != TOKEN_LEFT)
		return parser_unexpected(parser, "input");
	parser->token++;
	r = expect(parser, TOKEN_END, "define clause");
	return r < 0 ? r : expect(parser, TOKEN_RIGHT, "end");
}

static int parse_define(struct parser *parser)
{
	parser->token++; /* {{ */
	parser_peek(parser);
	parser->token++; /* define */
	const struct node *name = parse_template_name(parser, "define clause");
	if (!name)
		return -EINVAL;
	int r = expect(parser, TOKEN_RIGHT, "define clause");
	return r < 0 ? r : parse_definition(parser, name);
}

/* {{template "name" pipeline}}, and {{block "name" pipeline}}body{{end}}, which defines it as well. */
static int parse_invocation(struct parser *parser, bool block, struct node **ret)
{
	const char *context = block ? "block clause" : "template clause";
	parser->token++;
	struct node *node = parse_template_name(parser, context);
	if (!node)
		return -EINVAL;
	int r = 0;
	if (!block && parser_peek(parser) == TOKEN_RIGHT)
		parser->token++;
	else
		r = parser_pipeline(parser, context, TOKEN_RIGHT, &node->pipeline);
	*ret = node;
	return r < 0 || !block ? r : parse_definition(parser, node);
}

/* ---- bodies ---- */

static int parse_action(struct parser *parser, struct node **ret)
{
	switch (parser_peek(parser)) {
	case TOKEN_IF:
		return parse_control(parser, NODE_IF, "if", ret);
	case TOKEN_WITH:
		return parse_control(parser, NODE_WITH, "with", ret);
	case TOKEN_RANGE:
		return parse_control(parser, NODE_RANGE, "range", ret);
	case TOKEN_BREAK:
		return parse_jump(parser, NODE_BREAK, "break", ret);
	case TOKEN_CONTINUE:
		return parse_jump(parser, NODE_CONTINUE, "continue", ret);
	case TOKEN_TEMPLATE:
		return parse_invocation(parser, false, ret);
	case TOKEN_BLOCK:
		return parse_invocation(parser, true, ret);
	default:
		*ret = parser_node(parser, NODE_ACTION);
		return parser_pipeline(parser, "command", TOKEN_RIGHT, &(*ret)->pipeline);
	}
}

/* In text, \t and \n stand for what they do in a string: nobody can type a tab into a shell's quotes. */
static void parse_text(struct parser *parser, struct node *node)
{
	char *to = arena_copy(parser->arena, node->text, node->length);
	const char *from = to, *end = to + node->length;
	node->text = to;
	while (from < end) {
		bool escape = from[0] == '\\' && (from[1] == 't' || from[1] == 'n');
		*to++ = !escape ? from[0] : from[1] == 't' ? '\t' : '\n';
		from += escape ? 2 : 1;
	}
	node->length = (size_t)(to - node->text);
	parser->token++;
}

/* Whether the action that is next starts with this word. */
static bool at_action(const struct parser *parser, enum token_type type)
{
	const struct token *token = parser->token + 1;
	if (parser->token->type != TOKEN_LEFT)
		return false;
	while (token->type == TOKEN_SPACE)
		token++;
	return token->type == type;
}

/* Up to, not with, an {{else}}, an {{end}}, the end of the text or a lexical error. */
static int parse_body(struct parser *parser, struct node **ret)
{
	while (!at_action(parser, TOKEN_ELSE) && !at_action(parser, TOKEN_END)) {
		int r = 0;
		if (parser->token->type == TOKEN_TEXT) {
			*ret = parser_node(parser, NODE_TEXT);
			parse_text(parser, *ret);
		} else if (parser->token->type != TOKEN_LEFT) {
			return 0;
		} else if (parser->nesting == 0 && at_action(parser, TOKEN_DEFINE)) {
			r = parse_define(parser);
		} else {
			parser->token++;
			r = parse_action(parser, ret);
		}
		if (r < 0)
			return r;
		if (*ret)
			ret = &(*ret)->next;
	}
	return 0;
}

/* The text as a whole. */
static int parse_main(struct parser *parser)
{
	struct definition *definition = arena_alloc(parser->arena, sizeof(*definition));
	definition->name = "";
	parser->template->definitions = definition;
	strv_add(&parser->variables, "$");
	int r = parse_body(parser, &definition->body);
	if (r < 0)
		return r;
	if (parser->token->type == TOKEN_LEFT)
		return parser_fail(parser, "unexpected {{%s}}", at_action(parser, TOKEN_END) ? "end" : "else");
	return parser->token->type == TOKEN_EOF ? 0 : parser_unexpected(parser, "input");
}

const struct definition *template_find(const struct template *template, const char *name, size_t length)
{
	const struct definition *definition = template->definitions;
	while (definition && (definition->length != length || memcmp(definition->name, name, length) != 0))
		definition = definition->next;
	return definition;
}

void template_free(struct template *template)
{
	if (!template)
		return;
	struct arena arena = template->arena; /* which the template itself is in */
	arena_free(&arena);
}

int template_parse(const char *text, struct template **ret, struct error *err)
{
	struct arena arena = ARENA_INIT;
	auto_template struct template *template = arena_alloc(&arena, sizeof(*template));
	template->arena = arena;
	template->text = arena_copy(&template->arena, text, strlen(text));
	auto_free struct token *tokens = template_lex(&template->arena, template->text);
	struct parser parser = {.template = template, .arena = &template->arena, .token = tokens, .err = err};
	int r = parse_main(&parser);
	strv_free(&parser.variables);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(template);
	return 0;
}
