/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/control/control.h"
#include "src/commands.h"
#include "src/each.h"

struct options {
	struct each_options each;
	int64_t time;
	bool time_given;
};

static const struct cli_option table[] = {
    EACH_OPTIONS,
    EACH_IGNORE,
    {'t', "time", CLI_INT, offsetof(struct options, time), "SECONDS", "Seconds to wait before SIGKILL (the container's own by default; -1: for ever)", .given_offset = offsetof(struct options, time_given)},
    CLI_OPTIONS_END,
};

static int action(struct each *each, struct container_entry *entry, const char *name, struct error *err)
{
	(void)name;
	const struct options *options = each->options;
	return control_stop(each->store, entry->container, options->time_given ? options->time : CONTROL_OWN_TIMEOUT, err);
}

static int run(struct cli_context *context, struct error *err)
{
	return each_container(context, &(struct each){.action = action}, err);
}

const struct cli_command cmd_stop = {
    .name = "stop",
    .summary = "Stop running containers",
    .usage = "[OPTIONS] CONTAINER...",
    .description = "Sends each container its stop signal (SIGTERM, unless the image or --stop-signal says another), waits, and sends SIGKILL to those that have not "
		   "ended by then.",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_RUNNING_CONTAINER,
    .run = run,
};
