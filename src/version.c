/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "libpod/info/info.h"
#include "pkg/template/template.h"
#include "src/commands.h"

struct options {
	const char *format;
};

static const struct cli_option table[] = {
    {'f', "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, or a Go template"},
    CLI_OPTIONS_END,
};

/* docker and podman tell of two programs; here both are one. */
static struct json_object *versions(const char *platform)
{
	struct json_object *object = json_object_new_object(), *program = json_object_new_object();
	json_add_string(program, "APIVersion", CORACLE_VERSION);
	json_add_string(program, "Version", CORACLE_VERSION);
	json_add_string(program, "OsArch", platform);
	json_add_string(program, "Os", "linux");
	json_add_string(program, "Arch", strchr(platform, '/') + 1);
	json_object_object_add(object, "Client", program);
	json_object_object_add(object, "Server", json_object_get(program));
	return object;
}

/* As podman has it, templates may leave out which of the two. */
static void add_short_names(struct json_object *object)
{
	json_object_object_foreach(json_object_object_get(object, "Client"), key, value)
		json_object_object_add(object, key, json_object_get(value));
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_free char *architecture = info_architecture();
	auto_free char *platform = xasprintf("linux/%s", architecture);
	if (!options->format) {
		printf("Version:      %s\nOS/Arch:      %s\n", CORACLE_VERSION, platform);
		return 0;
	}
	auto_json struct json_object *object = versions(platform);
	if (strcmp(options->format, "json") == 0) {
		auto_free char *text = json_text(object, true);
		printf("%s\n", text);
		return 0;
	}
	add_short_names(object);
	auto_template struct template *template = NULL;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	int r = template_parse(options->format, &template, err);
	if (r < 0 || (r = template_execute(template, object, &out, err)) < 0)
		return r;
	printf("%s\n", strbuf_text(&out));
	return 0;
}

const struct cli_command cmd_version = {
    .name = "version",
    .summary = "Show the version of coracle",
    .usage = "[OPTIONS]",
    .options = table,
    .options_size = sizeof(struct options),
    .run = run,
};
