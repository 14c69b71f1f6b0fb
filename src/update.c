/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "libpod/limits/update.h"
#include "src/commands.h"
#include "src/session.h"

struct options {
	struct limit_options limits;
};

static const struct cli_option table[] = {
    LIMIT_OPTIONS(offsetof(struct options, limits)),
    CLI_OPTIONS_END,
};

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	auto_container struct container *container = NULL;
	struct container_state state;
	auto_json struct json_object *asked = NULL;
	int r = limits_from_options(&options->limits, &asked, err);
	if (r == 0 && !asked)
		return error_set(err, EINVAL, "say what is to be changed: --memory, --cpus, --pids-limit …");
	if (r < 0 || (r = session_store(context, &store, err)) < 0 || (r = container_find(store, context->arguments.items[0], &container, err)) < 0 ||
	    (r = container_state(store, container->id, &state, err)) < 0 || (r = limits_update(store, container, &state, &options->limits, err)) < 0)
		return r;
	printf("%s\n", container->id);
	return 0;
}

const struct cli_command cmd_update = {
    .name = "update",
    .summary = "Change the limits of a container",
    .usage = "[OPTIONS] CONTAINER",
    .description = "Changes how much of the machine a container may use, at once if it is running, and for all later starts. What is not named stays as it is.",
    .examples = "coracle update --memory 512m --cpus 1.5 web",
    .options = table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
