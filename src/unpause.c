/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/control/control.h"
#include "src/commands.h"
#include "src/each.h"

static const struct cli_option table[] = {
    EACH_OPTIONS,
    CLI_OPTIONS_END,
};

static int action(struct each *each, struct container_entry *entry, const char *name, struct error *err)
{
	(void)name;
	const struct each_options *options = each->options;
	/* --all means all of which it can be said. */
	if (options->all && entry->state.status != CONTAINER_PAUSED)
		return 1;
	return control_unpause(each->store, entry->container, err);
}

static int run(struct cli_context *context, struct error *err)
{
	return each_container(context, &(struct each){.action = action}, err);
}

const struct cli_command cmd_unpause = {
    .name = "unpause",
    .summary = "Let paused containers go on",
    .usage = "[OPTIONS] CONTAINER...",
    .description = "Lets the processes of paused containers go on.",
    .options = table,
    .options_size = sizeof(struct each_options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_RUNNING_CONTAINER,
    .run = run,
};
