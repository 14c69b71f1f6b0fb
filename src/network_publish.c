/* SPDX-License-Identifier: Apache-2.0 */
/* network publish, unpublish. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/network/publish.h"
#include "libpod/plan/plan.h"
#include "pkg/message/message.h"
#include "src/commands.h"
#include "src/network_change.h"
#include "src/port_list.h"

static const struct cli_option table[] = {CLI_OPTIONS_END};

/* The monitor has its listening sockets, between two lives too. */
static bool has_monitor(const struct network_change *change)
{
	return network_change_runs(change) || network_change_waits(change);
}

static int open_change(const struct cli_context *context, struct network_change *change, struct error *err)
{
	change->even_waiting = true;
	int r = network_change_open(context, context->arguments.items[0], change, err);
	if (r < 0)
		return r;
	if (change->state.status == CONTAINER_STOPPING)
		return error_set(err, EBUSY, "container %s is just being stopped; try again in a moment",
				 change->container->name);
	return network_can_publish(change->container, has_monitor(change), err);
}

static void say_if_it_waits(const struct network_change *change)
{
	if (network_change_waits(change))
		message_warn("container %s waits for its restart: what was changed is there with its next life",
			     change->container->name);
}

/* ---- publish ---- */

/* As with -p: what is published is exposed. */
static void expose(struct container *container, size_t first)
{
	for (size_t i = first; i < container->ports_count; i++)
		for (uint32_t offset = 0; offset < container->ports[i].range; offset++) {
			auto_free char *entry = xasprintf("%u/%s", container->ports[i].container_port + offset,
							  container->ports[i].protocol);
			if (!strv_contains(&container->exposed, entry))
				strv_add(&container->exposed, entry);
		}
}

static int run_publish(struct cli_context *context, struct error *err)
{
	auto_network_change struct network_change change = NETWORK_CHANGE_INIT;
	int r = open_change(context, &change, err);
	if (r < 0)
		return r;
	struct container *container = change.container;
	size_t first = container->ports_count;
	for (size_t i = 1; i < context->arguments.count; i++)
		if ((r = plan_port(context->arguments.items[i], container, err)) < 0)
			return r;
	expose(container, first);
	if (has_monitor(&change))
		r = network_publish(change.store, container, first, change.directory, err);
	else
		r = container_write(change.directory, container, err);
	for (size_t i = first; r == 0 && i < container->ports_count; i++)
		if (container->ports[i].host_port)
			port_print(&container->ports[i]);
	if (r == 0)
		say_if_it_waits(&change);
	return r;
}

const struct cli_command cmd_network_publish = {
    .name = "publish",
    .summary = "Publish ports of a container that is there",
    .usage = "CONTAINER PORT...",
    .description =
	"Ports are written as with `coracle run --publish`: [[ADDRESS:][HOST-PORT]:]PORT[/PROTOCOL], with ranges. "
	"Those of a "
	"running container are open when the command returns, and connections to its other ports go on undisturbed; "
	"what was "
	"published is printed as by `coracle port`. The ports belong to the container, which has them again after a "
	"restart. One "
	"that waits for its restart has them open at once, and answers on them from its next life on. One "
	"that is not running has them from its next start on; whether they are free is seen then. Containers with "
	"--network host, none, container:... or ns:... have no ports of their own to publish.",
    .examples =
	"coracle network publish web 8081:81\ncoracle network publish web 127.0.0.1::5432 9000-9009:9000-9009/udp",
    .options = table,
    .min_arguments = 2,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run_publish,
};

/* ---- unpublish ---- */

struct removed {
	struct container_port *items;
	size_t count;
};

static void removed_free(struct removed *removed)
{
	free(removed->items);
}

static int remove_all(const struct container *specs, struct network_change *change, struct removed *all,
		      struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < specs->ports_count && r == 0; i++) {
		auto_free struct container_port *ports = NULL;
		size_t count = 0;
		r = network_remove_ports(change->container, &specs->ports[i], &ports, &count, err);
		if (r < 0)
			return r;
		all->items = xrealloc(all->items, (all->count + count) * sizeof(*ports));
		memcpy(all->items + all->count, ports, count * sizeof(*ports));
		all->count += count;
	}
	return r;
}

static int run_unpublish(struct cli_context *context, struct error *err)
{
	auto_network_change struct network_change change = NETWORK_CHANGE_INIT;
	auto_container struct container *specs = container_new();
	CLEANUP(removed_free) struct removed removed = {.items = NULL};
	int r = open_change(context, &change, err);
	for (size_t i = 1; r == 0 && i < context->arguments.count; i++)
		r = plan_port(context->arguments.items[i], specs, err);
	if (r < 0 || (r = remove_all(specs, &change, &removed, err)) < 0)
		return r;
	if (has_monitor(&change) &&
	    (r = network_unpublish(change.store, change.container, removed.items, removed.count, err)) < 0)
		return r;
	return container_write(change.directory, change.container, err);
}

const struct cli_command cmd_network_unpublish = {
    .name = "unpublish",
    .summary = "Take published ports of a container away",
    .usage = "CONTAINER PORT...",
    .description = "Ports are written as with `coracle run --publish`: [[ADDRESS:][HOST-PORT]:]PORT[/PROTOCOL], with "
		   "ranges. What is not "
		   "said matches all: 80 is every port of the host, at whatever address, that leads to port 80. A part "
		   "of a published range "
		   "may be taken. Of a running container they are free for others when the command returns; "
		   "connections that are open go on.",
    .examples = "coracle network unpublish web 8081:81\ncoracle network unpublish web 81 9003-9005/udp",
    .options = table,
    .min_arguments = 2,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run_unpublish,
};
