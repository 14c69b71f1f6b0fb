/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/template/functions.h"
#include "pkg/template/parse.h"

void node_locate(const char *text, size_t position, size_t *ret_line, size_t *ret_column)
{
	*ret_line = 1;
	*ret_column = position;
	for (size_t i = 0; i < position; i++)
		if (text[i] == '\n') {
			++*ret_line;
			*ret_column = position - i - 1;
		}
}

static void describe_names(const struct name *name, const char *before, const char *between, struct strbuf *out)
{
	for (; name; name = name->next, before = between) {
		strbuf_puts(out, before);
		strbuf_add(out, name->text, name->length);
	}
}

static void describe_pipeline(const struct node *node, struct strbuf *out)
{
	describe_names(node->names, "", ", ", out);
	if (node->names)
		strbuf_puts(out, node->boolean ? " := " : " = ");
	for (const struct node *command = node->operands; command; command = command->next) {
		node_describe(command, out);
		if (command->next)
			strbuf_puts(out, " | ");
	}
}

static void describe_operand(const struct node *node, struct strbuf *out)
{
	if (node->type == NODE_PIPELINE)
		strbuf_putc(out, '(');
	node_describe(node, out);
	if (node->type == NODE_PIPELINE)
		strbuf_putc(out, ')');
}

void node_describe(const struct node *node, struct strbuf *out)
{
	switch (node->type) {
	case NODE_TEMPLATE:
		strbuf_puts(out, "{{template ");
		strbuf_add(out, node->source, node->source_length);
		if (node->pipeline) {
			strbuf_putc(out, ' ');
			node_describe(node->pipeline, out);
		}
		strbuf_puts(out, "}}");
		break;
	case NODE_PIPELINE:
		describe_pipeline(node, out);
		break;
	case NODE_COMMAND:
		for (const struct node *operand = node->operands; operand; operand = operand->next) {
			describe_operand(operand, out);
			if (operand->next)
				strbuf_putc(out, ' ');
		}
		break;
	case NODE_FIELD:
		describe_names(node->names, ".", ".", out);
		break;
	case NODE_VARIABLE:
		describe_names(node->names, "", ".", out);
		break;
	case NODE_CHAIN:
		describe_operand(node->operands, out);
		describe_names(node->names, ".", ".", out);
		break;
	case NODE_FUNCTION:
		strbuf_puts(out, node->function->name);
		break;
	case NODE_STRING:
		strbuf_add(out, node->source, node->source_length);
		break;
	default:
		strbuf_add(out, node->text, node->length);
	}
}
