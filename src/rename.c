/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/container/container.h"
#include "src/commands.h"
#include "src/session.h"

static int run(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_container struct container *container = NULL;
	int r = session_store(context, &store, err);
	if (r < 0 || (r = container_find(store, context->arguments.items[0], &container, err)) < 0 ||
	    (r = container_name_check(context->arguments.items[1], err)) < 0)
		return r;
	return container_rename(store, container, context->arguments.items[1], err);
}

const struct cli_command cmd_rename = {
    .name = "rename",
    .summary = "Give a container another name",
    .usage = "CONTAINER NAME",
    .min_arguments = 2,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
