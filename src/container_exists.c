/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "libpod/container/container.h"
#include "src/commands.h"
#include "src/session.h"

static const struct cli_option table[] = {CLI_OPTIONS_END};

static int run(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_container struct container *container = NULL;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	r = container_find(store, context->arguments.items[0], &container, err);
	return r == -ENOENT ? 1 : r;
}

const struct cli_command cmd_container_exists = {
    .name = "exists",
    .summary = "Tell whether a container is there",
    .usage = "CONTAINER",
    .description = "Prints nothing. The exit status is 0 when there is such a container, 1 when there is none, and 125 "
		   "when that cannot be told.",
    .examples = "coracle container exists web || coracle run -d --name web nginx",
    .options = table,
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
