/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "libpod/container/dependencies.h"
#include "libpod/control/control.h"
#include "src/commands.h"
#include "src/each.h"

struct options {
	struct each_options each;
	bool depend, force, volumes;
	int64_t time;
	bool time_given;
};

static const struct cli_option table[] = {
    EACH_OPTIONS_LONG_FILTER,
    EACH_IGNORE,
    {0, "depend", CLI_FLAG, offsetof(struct options, depend), NULL, "Remove all containers that need them, too: that share their namespaces, or require them"},
    {'f', "force", CLI_FLAG, offsetof(struct options, force), NULL, "Stop those that are running first; those that are not there are no error"},
    {'t', "time", CLI_INT, offsetof(struct options, time), "SECONDS", "With --force: seconds to wait before SIGKILL", .given_offset = offsetof(struct options, time_given)},
    {'v', "volumes", CLI_FLAG, offsetof(struct options, volumes), NULL, "Remove their anonymous volumes too"},
    CLI_OPTIONS_END,
};

static int remove_one(struct each *each, const struct container *container, struct error *err)
{
	const struct options *options = each->options;
	int64_t timeout = options->time_given ? options->time : CONTROL_OWN_TIMEOUT;
	return (options->volumes ? control_remove_with_volumes : control_remove)(each->store, container, options->force, timeout, err);
}

/* Those that need it, first; one that cannot be removed keeps all that it needs. */
static int remove_dependents(struct each *each, const char *id, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_dependents(each->store, id, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		if ((r = container_read(each->store, ids.items[i], &container, err)) < 0 || (r = remove_one(each, container, err)) < 0)
			return r;
		strv_add(&each->gone, container->id);
		strv_add(&each->gone, container->name);
		printf("%s\n", container->id);
	}
	return r;
}

static int action(struct each *each, struct container_entry *entry, const char *name, struct error *err)
{
	(void)name;
	const struct options *options = each->options;
	int r = options->depend ? remove_dependents(each, entry->container->id, err) : 0;
	return r < 0 ? r : remove_one(each, entry->container, err);
}

static int run(struct cli_context *context, struct error *err)
{
	struct options *options = context->options;
	/* podman: `rm -f` of what is not there has done what was asked for. */
	options->each.ignore |= options->force;
	return each_container(context, &(struct each){.action = action, .after = store_empty_trash_later}, err);
}

const struct cli_command cmd_rm = {
    .name = "rm",
    .summary = "Remove containers",
    .usage = "[OPTIONS] CONTAINER...",
    .description = "Removes containers with everything they have written, except to mounted folders and volumes. A volume that was made for a container without a name is kept, too, unless --volumes is given.",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
