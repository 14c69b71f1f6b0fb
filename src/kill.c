/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "libpod/control/control.h"
#include "pkg/process/process.h"
#include "src/commands.h"
#include "src/each.h"

struct options {
	struct each_options each;
	const char *signal;
};

static const struct cli_option table[] = {
    EACH_OPTIONS,
    {'s', "signal", CLI_STRING, offsetof(struct options, signal), "SIGNAL", "Signal to send (KILL by default)", .complete = CLI_COMPLETE_SIGNAL},
    CLI_OPTIONS_END,
};

static int action(struct each *each, struct container_entry *entry, const char *name, struct error *err)
{
	(void)name;
	const struct options *options = each->options;
	/* --all means all that can be killed. */
	if (options->each.all && (entry->state.status == CONTAINER_EXITED || entry->state.status == CONTAINER_CREATED))
		return 1;
	return control_kill(each->store, entry->container, signal_from_name(options->signal ? options->signal : "KILL"), err);
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	if (options->signal && signal_from_name(options->signal) < 0)
		return error_set(err, EINVAL, "unknown signal \"%s\"; see signal(7)", options->signal);
	return each_container(context, &(struct each){.action = action}, err);
}

const struct cli_command cmd_kill = {
    .name = "kill",
    .summary = "Send a signal to running containers",
    .usage = "[OPTIONS] CONTAINER...",
    .description = "Sends a signal, SIGKILL by default, to the first process of each container.",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_RUNNING_CONTAINER,
    .run = run,
};
