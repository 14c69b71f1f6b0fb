/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/filter/filter.h"
#include "src/commands.h"
#include "src/port_list.h"
#include "src/session.h"

struct options {
	bool all, latest;
};

static const struct cli_option table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "All running containers"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The container that was created last"},
    CLI_OPTIONS_END,
};

/* Prints those that match "80" or "80/udp" (NULL: all). How many there were. */
static size_t print_ports(const struct container *container, const char *wanted, const char *indent)
{
	size_t printed = 0;
	for (size_t i = 0; i < container->ports_count; i++) {
		const struct container_port *port = &container->ports[i];
		for (uint32_t offset = 0; offset < port->range; offset++) {
			auto_free char *inside = port_inside(port, offset), *outside = port_outside(port, offset);
			auto_free char *tcp = wanted && !strchr(wanted, '/') ? xasprintf("%s/tcp", wanted) : NULL;
			if (wanted && strcmp(inside, tcp ? tcp : wanted) != 0)
				continue;
			if (!wanted)
				printf("%s%s -> ", indent, inside);
			printf("%s\n", outside);
			printed++;
		}
	}
	return printed;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	bool many = options->all || options->latest;
	if (many == (context->arguments.count > 0))
		return error_set(err, EINVAL, "give either the name of a container or one of --all and --latest");
	auto_store struct store *store = NULL;
	auto_strv struct strv names = STRV_INIT;
	auto_container_list struct container_list list = {0};
	if (!many)
		strv_add(&names, context->arguments.items[0]);
	int r = session_store(context, &store, err);
	if (r < 0 || (r = container_select(store, &(struct container_selection){.names = &names, .latest = options->latest}, &list, err)) < 0)
		return r;
	const char *wanted = context->arguments.count > 1 ? context->arguments.items[1] : NULL;
	for (size_t i = 0; i < list.count; i++) {
		struct container *container = list.items[i].container;
		if (options->all && container->ports_count)
			printf("%.12s\n", container->id);
		if (print_ports(container, wanted, options->all ? "\t" : "") == 0 && wanted)
			return error_set(err, ENOENT, "container %s publishes no port %s", container->name, wanted);
	}
	return 0;
}

const struct cli_command cmd_port = {
    .name = "port",
    .summary = "List the published ports of a container",
    .usage = "[OPTIONS] CONTAINER [PORT[/PROTOCOL]]",
    .description = "Published ports are set by `coracle run --publish`, and changed by `coracle network publish` and `unpublish`, also while the container "
		   "runs. A server sees the address of its client on TCP ports; of one on the machine's loopback, and on UDP ports, it sees the "
		   "container's own address. With --network slirp4netns:port_handler=rootlesskit it always does.",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = 2,
    .complete = CLI_COMPLETE_RUNNING_CONTAINER,
    .run = run,
};
