/* SPDX-License-Identifier: Apache-2.0 */
/* network connect, disconnect, reload. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/network/heal.h"
#include "libpod/networks/networks.h"
#include "libpod/plan/plan.h"
#include "src/commands.h"
#include "src/each.h"
#include "src/network_change.h"

static int change_networks(const struct cli_context *context, struct network_change *change, struct error *err)
{
	int r = network_change_open(context, context->arguments.items[1], change, err);
	if (r < 0 || strcmp(change->container->network, "bridge") == 0)
		return r;
	return error_set(err, EINVAL,
			 "\"%s\" is not supported: invalid network mode; container %s was not made with --network bridge or a "
			 "network of yours",
			 change->container->network, change->container->name);
}

/* ---- connect ---- */
struct connect_options {
	struct strv aliases;
	const char *ip, *ip6, *mac, *interface;
};

static const struct cli_option connect_table[] = {
    {0, "alias", CLI_LIST, offsetof(struct connect_options, aliases), "NAME",
     "A further name of the container on the network"},
    {0, "interface-name", CLI_STRING, offsetof(struct connect_options, interface), "NAME",
     "Name of the interface in the container"},
    {0, "ip", CLI_STRING, offsetof(struct connect_options, ip), "ADDRESS", "IPv4 address on the network"},
    {0, "ip6", CLI_STRING, offsetof(struct connect_options, ip6), "ADDRESS", "IPv6 address on the network"},
    {0, "mac-address", CLI_STRING, offsetof(struct connect_options, mac), "ADDRESS", "Hardware address on the network"},
    CLI_OPTIONS_END,
};

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static int run_connect(struct cli_context *context, struct error *err)
{
	const struct connect_options *options = context->options;
	auto_network_change struct network_change change = NETWORK_CHANGE_INIT;
	auto_network_record struct network_record *record = NULL;
	int r = change_networks(context, &change, err);
	if (r < 0 || (r = networks_find(change.store, context->arguments.items[0], &record, err)) < 0)
		return r;
	if (container_network_find(change.container, record->name))
		return error_set(err, EEXIST,
				 "container %s is already connected to network %s: network is already connected",
				 change.container->name, record->name);
	struct container_network *network = container_network_add(change.container, record->name);
	network->ip = copy(options->ip);
	network->ip6 = copy(options->ip6);
	network->mac = copy(options->mac);
	network->interface = copy(options->interface);
	strv_add_all(&network->aliases, &options->aliases);
	if ((r = plan_check_network(change.store, network, err)) < 0)
		return r;
	if (network_change_runs(&change) &&
	    (r = network_attach_running(change.store, change.container, record->name, err)) < 0)
		return r;
	return container_write(change.directory, change.container, err);
}

const struct cli_command cmd_network_connect = {
    .name = "connect",
    .summary = "Put a container on a further network",
    .usage = "[OPTIONS] NETWORK CONTAINER",
    .description =
	"The container may be running: it has one more interface at once, and its names are answered on the network.",
    .examples = "coracle network connect --alias db back postgres",
    .options = connect_table,
    .options_size = sizeof(struct connect_options),
    .min_arguments = 2,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_NETWORK,
    .run = run_connect,
};

/* ---- disconnect ---- */
struct disconnect_options {
	bool force;
};

static const struct cli_option disconnect_table[] = {
    {'f', "force", CLI_FLAG, offsetof(struct disconnect_options, force), NULL,
     "Also a container that is not there, or not on the network"},
    CLI_OPTIONS_END,
};

static int disconnect(struct cli_context *context, struct error *err)
{
	auto_network_change struct network_change change = NETWORK_CHANGE_INIT;
	auto_network_record struct network_record *record = NULL;
	int r = change_networks(context, &change, err);
	if (r < 0 || (r = networks_find(change.store, context->arguments.items[0], &record, err)) < 0)
		return r;
	if (!container_network_find(change.container, record->name))
		return error_set(err, ENOENT, "container %s is not connected to network %s", change.container->name,
				 record->name);
	container_network_remove(change.container, record->name);
	if (network_change_runs(&change) &&
	    (r = network_detach_running(change.store, change.container, record->name, err)) < 0)
		return r;
	return container_write(change.directory, change.container, err);
}

static int run_disconnect(struct cli_context *context, struct error *err)
{
	const struct disconnect_options *options = context->options;
	int r = disconnect(context, err);
	if (r != -ENOENT || !options->force)
		return r;
	error_clear(err);
	return 0;
}

const struct cli_command cmd_network_disconnect = {
    .name = "disconnect",
    .summary = "Take a container from a network",
    .usage = "[OPTIONS] NETWORK CONTAINER",
    .options = disconnect_table,
    .options_size = sizeof(struct disconnect_options),
    .min_arguments = 2,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_NETWORK,
    .run = run_disconnect,
};

/* ---- reload ---- */
static const struct cli_option reload_table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct each_options, all), NULL, "All running containers"},
    {'l', "latest", CLI_FLAG, offsetof(struct each_options, latest), NULL, "The container that was created last"},
    CLI_OPTIONS_END,
};

/* All over: its links are made anew, with the same addresses. */
static int reload(struct each *each, struct container_entry *entry, const char *name, struct error *err)
{
	(void)name;
	const struct container *container = entry->container;
	bool all = ((const struct each_options *)each->options)->all;
	if (!container->networks_count)
		return all ? 1 : error_set(err, EINVAL, "container %s is on no network of yours", container->name);
	if (entry->state.status != CONTAINER_RUNNING && entry->state.status != CONTAINER_PAUSED)
		return all ? 1 : error_set(err, ESRCH, "container %s is not running", container->name);
	int r = network_attach_running(each->store, container, NULL, err);
	if (r == 0)
		printf("%s\n", container->id);
	return r;
}

static int run_reload(struct cli_context *context, struct error *err)
{
	return each_container(context, &(struct each){.action = reload, .quiet = true}, err);
}

const struct cli_command cmd_network_reload = {
    .name = "reload",
    .summary = "Make the network of running containers anew",
    .usage = "[OPTIONS] [CONTAINER...]",
    .description = "Makes the interfaces, addresses and names of running containers anew, with the addresses that they "
		   "had. Containers that have lost their network "
		   "because its keeper was killed get it back by any command that looks at them (ps, start, run, "
		   "network inspect); this one does it for certain, and prints whose it was.",
    .examples = "coracle network reload --all",
    .options = reload_table,
    .options_size = sizeof(struct each_options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_RUNNING_CONTAINER,
    .run = run_reload,
};
