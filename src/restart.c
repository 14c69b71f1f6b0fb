/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/control/control.h"
#include "libpod/launch/launch.h"
#include "src/commands.h"
#include "src/each.h"

struct options {
	struct each_options each;
	bool running;
	int64_t time;
	bool time_given;
};

static const struct cli_option table[] = {
    EACH_OPTIONS,
    {0, "running", CLI_FLAG, offsetof(struct options, running), NULL, "Only those that are running"},
    {'t', "time", CLI_INT, offsetof(struct options, time), "SECONDS", "Seconds to wait before SIGKILL (the container's own by default; -1: for ever)", .given_offset = offsetof(struct options, time_given)},
    CLI_OPTIONS_END,
};

static int action(struct each *each, struct container_entry *entry, const char *name, struct error *err)
{
	(void)name;
	const struct options *options = each->options;
	if (options->running && entry->state.status != CONTAINER_RUNNING)
		return 1;
	int r = control_stop_to_restart(each->store, entry->container, options->time_given ? options->time : CONTROL_OWN_TIMEOUT, err);
	if (r < 0)
		return r;
	auto_launch struct launch launch = LAUNCH_INIT;
	return launch_container(each->store, entry->container, NULL, &(struct launch_streams){0}, &launch, err);
}

static int run(struct cli_context *context, struct error *err)
{
	struct options *options = context->options;
	options->each.all |= options->running && context->arguments.count == 0;
	return each_container(context, &(struct each){.action = action}, err);
}

const struct cli_command cmd_restart = {
    .name = "restart",
    .summary = "Stop containers, and start them again",
    .usage = "[OPTIONS] CONTAINER...",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
