/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/commands.h"
#include "src/create_image.h"
#include "src/create_options.h"
#include "src/session.h"

static const struct cli_option table[] = {
    {'a', "attach", CLI_LIST, offsetof(struct create_options, attach), "STREAM", "As with docker, for scripts: stdin, stdout or stderr; what is attached is up to \"start\""},
    CLI_OPTIONS_END,
};

static int run(struct cli_context *context, struct error *err)
{
	struct create_options *options = context->options;
	options->command_line = context->command_line;
	int r = create_options_check(options, err);
	if (r < 0)
		return r;
	auto_store struct store *store = NULL;
	if ((r = session_store(context, &store, err)) < 0)
		return r;
	auto_plan struct plan plan = {0};
	if ((r = create_of_image(context, store, false, &plan, err)) != 0)
		return r;
	printf("%s\n", plan.container->id);
	return 0;
}

const struct cli_command cmd_create = {
    .name = "create",
    .summary = "Create a container without starting it",
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .description = "Makes a container of an image and prints its id. It is started with `coracle start`.",
    .examples = "coracle create --name web -p 8080:80 localhost/nginx\ncoracle start web",
    .shared = (const struct cli_option *const[]){create_option_table, NULL},
    .options = table,
    .options_size = sizeof(struct create_options),
    .defaults = create_option_defaults,
    .min_arguments = 1,
    .max_arguments = -1,
    .flags = CLI_STOP_AT_POSITIONAL,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
