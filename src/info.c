/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/info/info.h"

#include <stdio.h>
#include <string.h>

#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/session.h"

struct options {
	const char *format;
};

static const struct cli_option table[] = {
    {'f', "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, or a Go template"},
    CLI_OPTIONS_END,
};

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	auto_json struct json_object *info = NULL;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	int r = session_store(context, &store, err);
	if (r < 0 || (r = info_collect(store, &info, err)) < 0)
		return r;
	if (!options->format) {
		info_text(info, &out);
	} else if (strcmp(options->format, "json") == 0) {
		auto_free char *text = json_text(info, true);
		strbuf_printf(&out, "%s\n", text);
	} else {
		auto_template struct template *template = NULL;
		auto_json struct json_object *view = info_template_view(info);
		if ((r = template_parse(options->format, &template, err)) < 0 || (r = template_execute(template, view, &out, err)) < 0)
			return r;
		strbuf_putc(&out, '\n');
	}
	fputs(strbuf_text(&out), stdout);
	return 0;
}

const struct cli_command cmd_info = {
    .name = "info",
    .summary = "Show what coracle finds on this machine, and what would give it more",
    .usage = "[OPTIONS]",
    .description = "Prints which ids, storage driver, network program and cgroups containers get here, why not better ones, and how those are had.",
    .examples = "coracle info\ncoracle info --format '{{.Store.GraphDriverName}}'",
    .options = table,
    .options_size = sizeof(struct options),
    .run = run,
};
