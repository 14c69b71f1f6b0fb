/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: text, actions and control structures. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pkg/template/eval.h"
#include "pkg/template/format.h"
#include "pkg/template/template.h"

/* How a body ended, besides errors: normally (0), or by a jump that the range around it takes up. */
enum {
	BODY_BREAK = 1,
	BODY_CONTINUE,
};

static int run_body(struct execution *execution, const struct value *dot, const struct node *body);

static int run_action(struct execution *execution, const struct value *dot, const struct node *node)
{
	struct value value;
	int r = eval_pipeline(execution, dot, node->pipeline, &value);
	if (r < 0 || node->pipeline->names)
		return r;
	if (value.kind == VALUE_NONE)
		strbuf_puts(execution->out, "<no value>");
	else
		format_value(execution->out, &value);
	return 0;
}

static int run_choice(struct execution *execution, const struct value *dot, const struct node *node)
{
	size_t variables = execution->variable_count;
	struct value value;
	int r = eval_pipeline(execution, dot, node->pipeline, &value);
	if (r < 0)
		return r;
	if (!value_truth(&value))
		r = run_body(execution, dot, node->otherwise);
	else
		r = run_body(execution, node->type == NODE_WITH ? &value : dot, node->body);
	execution->variable_count = variables;
	return r;
}

/* ---- range ---- */

/* One round. 0 to go on, BODY_BREAK, or an error. */
static int run_round(struct execution *execution, const struct node *node, const struct value *index,
		     const struct value *element)
{
	size_t variables = execution->variable_count;
	const struct name *name = node->pipeline->names;
	int r = execution_step(execution, node->pipeline);
	if (r < 0)
		return r;
	if (name && name->next) {
		variable_find(execution, name->text)->value = *index;
		name = name->next;
	}
	if (name)
		variable_find(execution, name->text)->value = *element;
	r = run_body(execution, element, node->body);
	execution->variable_count = variables;
	return r == BODY_CONTINUE ? 0 : r;
}

static int range_list(struct execution *execution, const struct node *node, const struct value *list)
{
	int r = 0;
	for (size_t i = 0; i < list->list.length && r == 0; i++) {
		struct value index = value_integer((int64_t)i);
		struct value element = value_item(list, i);
		r = run_round(execution, node, &index, &element);
	}
	return r;
}

static int range_map(struct execution *execution, const struct node *node, const struct value *map)
{
	int r = 0;
	size_t count;
	auto_free struct member *members = value_members(map, &count);
	for (size_t i = 0; i < count && r == 0; i++) {
		struct value key = value_string(members[i].key, strlen(members[i].key));
		r = run_round(execution, node, &key, &members[i].value);
	}
	return r;
}

static int range_integer(struct execution *execution, const struct node *node, int64_t count)
{
	int r = 0;
	if (node->pipeline->names && node->pipeline->names->next)
		return execution_fail(execution, node->pipeline->operands,
				      "can't use %lld to iterate over more than one variable", (long long)count);
	for (int64_t i = 0; i < count && r == 0; i++) {
		struct value element = value_integer(i);
		r = run_round(execution, node, &element, &element);
	}
	return r;
}

static int range_impossible(struct execution *execution, const struct node *node, const struct value *value)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	format_value(&text, value);
	return execution_fail(execution, node->pipeline->operands, "range can't iterate over %.200s",
			      strbuf_text(&text));
}

static int run_elements(struct execution *execution, const struct value *dot, const struct node *node,
			const struct value *value)
{
	bool empty = value->kind == VALUE_INTEGER ? value->integer <= 0 : value_length(value) == 0;
	if (value->title)
		return run_round(execution, node, value, value);
	if (value_is_nil(value) ||
	    (empty && (value->kind == VALUE_LIST || value->kind == VALUE_MAP || value->kind == VALUE_INTEGER)))
		return run_body(execution, dot, node->otherwise);
	switch (value->kind) {
	case VALUE_LIST:
		return range_list(execution, node, value);
	case VALUE_MAP:
		return range_map(execution, node, value);
	case VALUE_INTEGER:
		return range_integer(execution, node, value->integer);
	default:
		return range_impossible(execution, node, value);
	}
}

static int run_range(struct execution *execution, const struct value *dot, const struct node *node)
{
	size_t variables = execution->variable_count;
	struct value value;
	int r = eval_pipeline(execution, dot, node->pipeline, &value);
	if (r < 0)
		return r;
	r = run_elements(execution, dot, node, &value);
	execution->variable_count = variables;
	return r == BODY_BREAK ? 0 : r;
}

/* ---- definitions ---- */

static int run_definition(struct execution *execution, const struct definition *definition, const struct value *data)
{
	size_t base = execution->variable_base, count = execution->variable_count;
	const struct definition *outer = execution->definition;
	execution->variable_base = count;
	execution->definition = definition;
	variable_push(execution, "$", data);
	int r = run_body(execution, data, definition->body);
	execution->variable_base = base;
	execution->variable_count = count;
	execution->definition = outer;
	return r;
}

static int run_template(struct execution *execution, const struct value *dot, const struct node *node)
{
	const struct definition *definition = template_find(execution->template, node->text, node->length);
	struct value data = {.kind = VALUE_NONE};
	if (!definition)
		return execution_fail(execution, node, "template \"%.*s\" not defined", (int)node->length, node->text);
	int r = node->pipeline ? eval_pipeline(execution, dot, node->pipeline, &data) : 0;
	return r < 0 ? r : run_definition(execution, definition, &data);
}

/* ---- bodies ---- */

static int run_nested(struct execution *execution, const struct value *dot, const struct node *node)
{
	int r = execution_enter(execution, node->pipeline ? node->pipeline : node);
	if (r < 0)
		return r;
	r = node->type == NODE_TEMPLATE ? run_template(execution, dot, node)
	    : node->type == NODE_RANGE  ? run_range(execution, dot, node)
					: run_choice(execution, dot, node);
	execution->depth--;
	return r;
}

static int run_node(struct execution *execution, const struct value *dot, const struct node *node)
{
	switch (node->type) {
	case NODE_TEXT:
		strbuf_add(execution->out, node->text, node->length);
		return execution_step(execution, node);
	case NODE_ACTION:
		return run_action(execution, dot, node);
	case NODE_BREAK:
		return BODY_BREAK;
	case NODE_CONTINUE:
		return BODY_CONTINUE;
	default:
		return run_nested(execution, dot, node);
	}
}

static int run_body(struct execution *execution, const struct value *dot, const struct node *body)
{
	int r = 0;
	for (const struct node *node = body; node && r == 0; node = node->next)
		r = run_node(execution, dot, node);
	return r;
}

int execution_run(const struct template *template, const struct value *data, struct json_object *titles,
		  struct strbuf *out, struct error *err)
{
	struct execution execution = {
	    .template = template,
	    .titles = titles,
	    .out = out,
	    .start = out->length,
	    .err = err,
	};
	int r = run_definition(&execution, template_find(template, "", 0), data);
	if (r < 0)
		strbuf_truncate(out, execution.start);
	free(execution.variables);
	arena_free(&execution.arena);
	return r;
}

int template_execute(const struct template *template, struct json_object *data, struct strbuf *out, struct error *err)
{
	struct value value = value_of_json(data, VALUE_NIL);
	return execution_run(template, &value, NULL, out, err);
}
