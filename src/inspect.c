/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/inspect/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/size/size.h"
#include "pkg/message/message.h"
#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/session.h"
#include "storage/image/image.h"

struct options {
	const char *format, *type;
	bool latest, size;
};

static const struct cli_option table[] = {
    {'f', "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, or a Go template"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The container that was created last"},
    {'s', "size", CLI_FLAG, offsetof(struct options, size), NULL, "What the container has written, and its size with its image"},
    {'t', "type", CLI_STRING, offsetof(struct options, type), "TYPE", "What the names are: all, container or image", .values = "all|container|image"},
    CLI_OPTIONS_END,
};
static const struct cli_option container_table[] = {
    {'f', "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, or a Go template"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The container that was created last"},
    {'s', "size", CLI_FLAG, offsetof(struct options, size), NULL, "What the container has written, and its size with its image"},
    CLI_OPTIONS_END,
};
static const struct cli_option image_table[] = {
    {'f', "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, or a Go template"},
    CLI_OPTIONS_END,
};

static int inspect_found(struct store *store, const struct container_entry *entry, bool with_size, struct json_object **ret, struct error *err)
{
	struct container_size size;
	int r = with_size ? container_sizes(store, entry, 1, &size, err) : 0;
	if (r >= 0)
		r = inspect_container(store, entry, ret, err);
	if (r < 0 || !with_size)
		return r;
	json_add_int(*ret, "SizeRw", size.written);
	json_add_int(*ret, "SizeRootFs", size.total);
	return 0;
}

static int inspect_one(struct store *store, const char *name, const char *type, bool with_size, struct json_object **ret, struct error *err)
{
	int r = -ENOENT;
	error_clear(err);
	if (strcmp(type, "image") != 0) {
		auto_strv struct strv names = STRV_INIT;
		auto_container_list struct container_list list = {0};
		strv_add(&names, name);
		r = container_select(store, &(struct container_selection){.names = &names}, &list, err);
		if (r >= 0)
			return inspect_found(store, &list.items[0], with_size, ret, err);
	}
	if (r == -ENOENT && strcmp(type, "container") != 0) {
		r = image_inspect(store, name, ret, err);
		if (r == -ENOENT && strcmp(type, "all") == 0)
			return error_set(err, ENOENT, "no such container or image: %s", name);
	}
	return r;
}

static int print_all(struct json_object *objects, const char *format, struct error *err)
{
	if (!format || strcmp(format, "json") == 0) {
		auto_free char *text = json_text(objects, true);
		printf("%s\n", text);
		return 0;
	}
	auto_template struct template *template = NULL;
	int r = template_parse(format, &template, err);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(objects); i++) {
		auto_strbuf struct strbuf out = STRBUF_INIT;
		r = template_execute(template, json_object_array_get_idx(objects, i), &out, err);
		if (r >= 0)
			printf("%s\n", strbuf_text(&out));
	}
	return r;
}

static int inspect_all(struct cli_context *context, const char *type, struct error *err)
{
	const struct options *options = context->options;
	if (options->latest == (context->arguments.count > 0))
		return error_set(err, EINVAL, "give either names or --latest");
	auto_store struct store *store = NULL;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	auto_strv struct strv names = STRV_INIT;
	session_behind(context, 0, &names);
	if (options->latest) {
		auto_container_list struct container_list list = {0};
		if ((r = container_select(store, &(struct container_selection){.latest = true}, &list, err)) < 0)
			return r;
		if (list.count == 0)
			return error_set(err, ENOENT, "there is no container");
		strv_add(&names, list.items[0].container->id);
	}
	/* Those that are there are shown even when others are not, as docker does. */
	auto_json struct json_object *objects = json_object_new_array();
	bool good = true;
	for (size_t i = 0; i < names.count; i++) {
		struct json_object *object;
		if (inspect_one(store, names.items[i], type, options->size, &object, err) >= 0) {
			json_object_array_add(objects, object);
			continue;
		}
		message_error("%s", err->text);
		good = false;
	}
	if ((good || json_object_array_length(objects) || !options->format) && (r = print_all(objects, options->format, err)) < 0)
		return r;
	return good ? 0 : 125;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	return inspect_all(context, options->type ? options->type : "all", err);
}

static int run_container(struct cli_context *context, struct error *err)
{
	return inspect_all(context, "container", err);
}

static int run_image(struct cli_context *context, struct error *err)
{
	return inspect_all(context, "image", err);
}

const struct cli_command cmd_inspect = {
    .name = "inspect",
    .summary = "Show all about containers and images",
    .usage = "[OPTIONS] NAME...",
    .description = "Prints what is known of containers or images as JSON, or through a template.",
    .examples = "coracle inspect --format '{{.State.Status}}' web",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};

const struct cli_command cmd_container_inspect = {
    .name = "inspect",
    .summary = "Show all about containers",
    .usage = "[OPTIONS] CONTAINER...",
    .options = container_table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run_container,
};

const struct cli_command cmd_image_inspect = {
    .name = "inspect",
    .summary = "Show all about images",
    .usage = "[OPTIONS] IMAGE...",
    .options = image_table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_image,
};
