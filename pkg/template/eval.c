/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/template/eval.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pkg/template/functions.h"

/* What a command gives to its function or field besides the operands written there: the value piped into it, if any. */
struct arguments {
	const struct node *nodes;
	const struct value *final;
};

static int eval_operand(struct execution *execution, const struct value *dot, const struct node *node,
			struct value *ret);

/* ---- errors and limits ---- */

int execution_fail(const struct execution *execution, const struct node *node, const char *format, ...)
{
	char message[512];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	size_t line, column;
	node_locate(execution->template->text, node->position, &line, &column);
	auto_strbuf struct strbuf text = STRBUF_INIT;
	node_describe(node, &text);
	return error_set(execution->err, EINVAL, "template: :%zu:%zu: executing \"%.*s\" at <%.200s>: %s", line, column,
			 (int)(execution->definition->length > 100 ? 100 : execution->definition->length),
			 execution->definition->name, strbuf_text(&text), message);
}

int execution_step(struct execution *execution, const struct node *node)
{
	if (++execution->steps > STEPS_MAX)
		return execution_fail(execution, node, "the template does not come to an end");
	if (execution->arena.used > TEMPLATE_BYTES_MAX ||
	    execution->out->length - execution->start > TEMPLATE_BYTES_MAX)
		return execution_fail(execution, node, "the output is longer than %zu MiB", TEMPLATE_BYTES_MAX >> 20);
	return 0;
}

int execution_enter(struct execution *execution, const struct node *node)
{
	if (execution->depth >= DEPTH_MAX)
		return execution_fail(execution, node, "exceeded maximum template depth (%d)", DEPTH_MAX);
	execution->depth++;
	return 0;
}

/* ---- variables ---- */

void variable_push(struct execution *execution, const char *name, const struct value *value)
{
	if (execution->variable_count == execution->variable_capacity) {
		execution->variable_capacity = execution->variable_capacity ? 2 * execution->variable_capacity : 16;
		execution->variables =
		    xrealloc(execution->variables, execution->variable_capacity * sizeof(*execution->variables));
	}
	execution->variables[execution->variable_count++] = (struct variable){name, *value};
}

/* The parser saw to it that there is one. */
struct variable *variable_find(const struct execution *execution, const char *name)
{
	size_t i = execution->variable_count - 1;
	while (i > execution->variable_base && strcmp(execution->variables[i].name, name) != 0)
		i--;
	return &execution->variables[i];
}

/* ---- fields ---- */

static struct value title_of(struct execution *execution, const char *name)
{
	struct json_object *title;
	struct value value;
	if (json_object_object_get_ex(execution->titles, name, &title) &&
	    json_object_is_type(title, json_type_string)) {
		value = value_of_json(title, VALUE_NONE);
	} else {
		size_t length = strlen(name);
		char *capitals = arena_copy(&execution->arena, name, length);
		for (char *c = capitals; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		value = value_string(capitals, length);
	}
	value.title = true;
	return value;
}

static int get_field(struct execution *execution, const struct node *node, const struct value *receiver,
		     const char *name, struct value *ret)
{
	struct value member = {.kind = VALUE_NONE};
	if (execution->titles) {
		*ret = title_of(execution, name);
		return 0;
	}
	switch (receiver->kind) {
	case VALUE_NONE:
		break;
	case VALUE_NULL:
		return execution_fail(execution, node, "nil pointer evaluating interface {}.%s", name);
	case VALUE_NIL:
		return execution_fail(execution, node, "nil pointer evaluating .%s", name);
	case VALUE_MAP:
		value_member(receiver, name, strlen(name), &member);
		break;
	case VALUE_STRUCT:
		if (!value_member(receiver, name, strlen(name), &member))
			return execution_fail(execution, node, "can't evaluate field %s", name);
		break;
	default:
		return execution_fail(execution, node, "can't evaluate field %s in type %s", name,
				      value_type(receiver));
	}
	*ret = member;
	return 0;
}

/* docker's {{.Label "key"}}: a struct's map "Labels", asked for one of its keys. */
static bool get_plural(const struct value *receiver, const char *name, struct value *ret)
{
	auto_free char *plural = xasprintf("%ss", name);
	return receiver->kind == VALUE_STRUCT && value_member(receiver, plural, strlen(plural), ret) &&
	       ret->kind == VALUE_MAP;
}

static int call_field(struct execution *execution, const struct value *dot, const struct node *node,
		      const struct value *receiver, const char *name, const struct arguments *arguments,
		      struct value *ret)
{
	struct value map = {.kind = VALUE_NONE}, key = {.kind = VALUE_NONE};
	bool single = arguments->nodes ? !arguments->nodes->next && !arguments->final : arguments->final != NULL;
	bool has_methods = receiver->kind == VALUE_STRUCT; /* *ret may be *receiver */
	int r = 0;
	if (execution->titles)
		return get_field(execution, node, receiver, name, ret);
	if (!get_plural(receiver, name, &map) || !single) {
		r = get_field(execution, node, receiver, name, ret);
		if (r < 0)
			return r;
		return execution_fail(execution, node,
				      has_methods ? "%s has arguments but cannot be invoked as function"
						  : "%s is not a method but has arguments",
				      name);
	}
	if (arguments->nodes)
		r = eval_operand(execution, dot, arguments->nodes, &key);
	else
		key = *arguments->final;
	if (r < 0)
		return r;
	if (key.kind != VALUE_STRING)
		return execution_fail(execution, node, "wrong type for value; expected string; got %s",
				      value_type(&key));
	if (!value_member(&map, key.string.text, key.string.length, ret))
		*ret = zero_of(&map);
	return 0;
}

/* A chain of fields, the last of which gets the arguments. */
static int eval_fields(struct execution *execution, const struct value *dot, const struct node *node,
		       const struct name *names, struct value receiver, const struct arguments *arguments,
		       struct value *ret)
{
	for (const struct name *name = names; name; name = name->next) {
		bool called = !name->next && (arguments->nodes || arguments->final);
		int r = called ? call_field(execution, dot, node, &receiver, name->text, arguments, &receiver)
			       : get_field(execution, node, &receiver, name->text, &receiver);
		if (r < 0)
			return r;
	}
	*ret = receiver;
	return 0;
}

/* ---- functions ---- */

static const char *type_named(char parameter)
{
	return parameter == 's' ? "string" : parameter == 'i' ? "int" : "[]string";
}

/* `node` is what the argument was written as, or the function it was piped into. */
static int check_argument(const struct execution *execution, const struct node *node, char parameter,
			  struct value *value)
{
	if (parameter == 'a' || (parameter == 's' && value->kind == VALUE_STRING) ||
	    (parameter == 'i' && value->kind == VALUE_INTEGER) || (parameter == 'l' && value->kind == VALUE_LIST))
		return 0;
	if (parameter == 'l' && value->kind == VALUE_NIL) {
		/* Go's nil slice has no elements. */
		*value = (struct value){.kind = VALUE_LIST};
		return 0;
	}
	/* Written as a literal, 2.0 is an integer where one is wanted. */
	if (parameter == 'i' && node->type == NODE_FLOAT && node->number > -1e15 && node->number < 1e15 &&
	    (double)(int64_t)node->number >= node->number && (double)(int64_t)node->number <= node->number) {
		*value = value_integer((int64_t)node->number);
		return 0;
	}
	if (node->type == NODE_NIL)
		return execution_fail(execution, node, "cannot assign nil to %s", type_named(parameter));
	if (node->type >= NODE_BOOL && node->type <= NODE_STRING) {
		auto_strbuf struct strbuf text = STRBUF_INIT;
		node_describe(node, &text);
		return execution_fail(execution, node, "expected %s; found %.100s",
				      parameter == 'i' ? "integer" : type_named(parameter), strbuf_text(&text));
	}
	if (value_is_nil(value))
		return execution_fail(execution, node, "invalid value; expected %s", type_named(parameter));
	return execution_fail(execution, node, "wrong type for value; expected %s; got %s", type_named(parameter),
			      value_type(value));
}

static int check_count(const struct execution *execution, const struct node *node, size_t count)
{
	const struct function *function = node->function;
	size_t wanted = strcspn(function->parameters, "*");
	bool variadic = function->parameters[wanted] == '*';
	wanted -= variadic;
	if (count < wanted || (count > wanted && !variadic))
		return execution_fail(execution, node, "wrong number of args for %s: want %s%zu got %zu",
				      function->name, variadic ? "at least " : "", wanted, count);
	return 0;
}

/* and, or: the first argument that decides, and the others are not looked at. */
static int eval_logic(struct execution *execution, const struct value *dot, const struct node *node,
		      const struct arguments *arguments, struct value *ret)
{
	bool deciding = node->function->name[0] == 'o';
	for (const struct node *argument = arguments->nodes; argument; argument = argument->next) {
		int r = eval_operand(execution, dot, argument, ret);
		if (r < 0 || value_truth(ret) == deciding)
			return r;
	}
	if (arguments->final)
		*ret = *arguments->final;
	return 0;
}

static int eval_arguments(struct execution *execution, const struct value *dot, const struct node *node,
			  const struct arguments *arguments, struct value *values, const struct value **ret_title)
{
	const char *parameter = node->function->parameters;
	size_t count = 0;
	*ret_title = NULL;
	for (const struct node *argument = arguments->nodes; argument || arguments->final; count++) {
		struct value *value = &values[count];
		const struct node *place = argument ? argument : node;
		int r = 0;
		if (argument)
			r = eval_operand(execution, dot, argument, value);
		else
			*value = *arguments->final;
		if (r == 0 && value->title && !*ret_title)
			*ret_title = value;
		if (r == 0 && !*ret_title)
			r = check_argument(execution, place, *parameter, value);
		if (r < 0)
			return r;
		/* A starred parameter stands for all that follow. */
		parameter += parameter[1] == '*' || !parameter[1] ? 0 : 1;
		if (!argument)
			break;
		argument = argument->next;
	}
	return 0;
}

/* `command` is what a failing function is said to be in. */
static int eval_function(struct execution *execution, const struct value *dot, const struct node *node,
			 const struct node *command, const struct arguments *arguments, struct value *ret)
{
	size_t count = arguments->final != NULL;
	for (const struct node *argument = arguments->nodes; argument; argument = argument->next)
		count++;
	int r = check_count(execution, node, count);
	if (r < 0)
		return r;
	if (!node->function->run)
		return eval_logic(execution, dot, node, arguments, ret);

	const struct value *title;
	auto_free struct value *values = xcalloc(count, sizeof(*values));
	r = eval_arguments(execution, dot, node, arguments, values, &title);
	if (r < 0)
		return r;
	if (title) {
		*ret = *title;
		return 0;
	}
	struct call call = {.arena = &execution->arena, .args = values, .count = count};
	struct error err = ERROR_INIT;
	r = node->function->run(&call, ret, &err);
	if (r < 0)
		return execution_fail(execution, command, "error calling %s: %s", node->function->name, err.text);
	return execution_step(execution, command);
}

/* ---- operands and commands ---- */

static int eval_parentheses(struct execution *execution, const struct value *dot, const struct node *node,
			    struct value *ret)
{
	int r = execution_enter(execution, node);
	if (r < 0)
		return r;
	r = eval_pipeline(execution, dot, node, ret);
	execution->depth--;
	return r;
}

/* What can take arguments. */
static int eval_callable(struct execution *execution, const struct value *dot, const struct node *node,
			 const struct node *command, const struct arguments *arguments, struct value *ret)
{
	struct value start;
	int r;
	switch (node->type) {
	case NODE_FIELD:
		return eval_fields(execution, dot, node, node->names, *dot, arguments, ret);
	case NODE_CHAIN:
		r = eval_operand(execution, dot, node->operands, &start);
		return r < 0 ? r : eval_fields(execution, dot, node, node->names, start, arguments, ret);
	case NODE_VARIABLE:
		start = variable_find(execution, node->names->text)->value;
		return eval_fields(execution, dot, node, node->names->next, start, arguments, ret);
	default:
		return eval_function(execution, dot, node, command, arguments, ret);
	}
}

static struct value literal(const struct value *dot, const struct node *node)
{
	switch (node->type) {
	case NODE_DOT:
		return *dot;
	case NODE_BOOL:
		return value_boolean(node->boolean);
	case NODE_INTEGER:
		return value_integer(node->integer);
	case NODE_FLOAT:
		return (struct value){.kind = VALUE_FLOAT, .number = node->number};
	case NODE_STRING:
		return value_string(node->text, node->length);
	default:
		return (struct value){.kind = VALUE_NULL};
	}
}

static bool is_callable(const struct node *node)
{
	return node->type == NODE_FIELD || node->type == NODE_CHAIN || node->type == NODE_VARIABLE ||
	       node->type == NODE_FUNCTION;
}

static int eval_operand(struct execution *execution, const struct value *dot, const struct node *node,
			struct value *ret)
{
	static const struct arguments none;
	if (is_callable(node))
		return eval_callable(execution, dot, node, node, &none, ret);
	if (node->type == NODE_PIPELINE)
		return eval_parentheses(execution, dot, node, ret);
	*ret = literal(dot, node);
	return 0;
}

static int eval_command(struct execution *execution, const struct value *dot, const struct node *command,
			const struct value *final, struct value *ret)
{
	const struct node *node = command->operands;
	struct arguments arguments = {node->next, final};
	bool variable = node->type == NODE_VARIABLE && !node->names->next;
	if (is_callable(node) && !variable)
		return eval_callable(execution, dot, node, command, &arguments, ret);
	if (node->type == NODE_NIL)
		return execution_fail(execution, node, "nil is not a command");
	if (arguments.nodes || final) {
		auto_strbuf struct strbuf text = STRBUF_INIT;
		node_describe(node, &text);
		return execution_fail(execution, node, "can't give argument to non-function %.100s",
				      strbuf_text(&text));
	}
	return eval_operand(execution, dot, node, ret);
}

int eval_pipeline(struct execution *execution, const struct value *dot, const struct node *pipeline, struct value *ret)
{
	struct value value = {.kind = VALUE_NONE};
	const struct value *final = NULL;
	int r = execution_step(execution, pipeline);
	if (r < 0)
		return r;
	for (const struct node *command = pipeline->operands; command; command = command->next) {
		struct value next = {.kind = VALUE_NONE};
		r = eval_command(execution, dot, command, final, &next);
		if (r < 0)
			return r;
		/* A nil interface is no value once it is looked at. */
		value = next.kind == VALUE_NULL ? (struct value){.kind = VALUE_NONE} : next;
		final = &value;
	}
	for (const struct name *name = pipeline->names; name; name = name->next) {
		if (pipeline->boolean)
			variable_push(execution, name->text, &value);
		else
			variable_find(execution, name->text)->value = value;
	}
	*ret = value;
	return 0;
}
