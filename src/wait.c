/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "libpod/control/control.h"
#include "src/commands.h"
#include "src/each.h"

struct options {
	struct each_options each;
};

static const struct cli_option table[] = {
    EACH_OPTIONS,
    EACH_IGNORE,
    CLI_OPTIONS_END,
};

static int action(struct each *each, struct container_entry *entry, const char *name, struct error *err)
{
	(void)name;
	int exit_code;
	int r = control_wait(each->store, entry->container, &exit_code, err);
	if (r >= 0)
		printf("%d\n", exit_code);
	return r;
}

static int run(struct cli_context *context, struct error *err)
{
	return each_container(context, &(struct each){.action = action, .quiet = true}, err);
}

const struct cli_command cmd_wait = {
    .name = "wait",
    .summary = "Wait until containers have ended, and print their exit codes",
    .usage = "[OPTIONS] CONTAINER...",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
