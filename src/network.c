/* SPDX-License-Identifier: Apache-2.0 */
/* network create, rm, prune, exists. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/control/control.h"
#include "libpod/networks/networks.h"
#include "pkg/message/message.h"
#include "src/commands.h"
#include "src/network_filter.h"
#include "src/prompt.h"
#include "src/session.h"

/* podman's exit statuses */
enum { STATUS_NOT_THERE = 1, STATUS_IN_USE = 2, STATUS_FAILED = 125 };

/* ---- create ---- */
struct create_options {
	struct network_request request;
	bool ignore;
};

#define AT(member) offsetof(struct create_options, request.member)
static const struct cli_option create_table[] = {
    {0, "disable-dns", CLI_FLAG, AT(disable_dns), NULL, "Do not answer the names of its containers"},
    {0, "dns", CLI_LIST, AT(servers), "ADDRESS", "Ask this name server instead of the host's"},
    {'d', "driver", CLI_STRING, AT(driver), "DRIVER", "bridge (the default), macvlan or ipvlan"},
    {0, "gateway", CLI_LIST, AT(gateways), "ADDRESS", "Address of the gateway in a subnet (its first one by default)"},
    {0, "ignore", CLI_FLAG, offsetof(struct create_options, ignore), NULL,
     "A network of this name that is there already is as good"},
    {0, "interface-name", CLI_STRING, AT(interface), "NAME",
     "Name of the bridge; of macvlan and ipvlan: the parent interface"},
    {0, "internal", CLI_FLAG, AT(internal), NULL, "Let nothing of it reach the outside"},
    {0, "ip-range", CLI_LIST, AT(ranges), "RANGE", "Give containers addresses out of this part of a subnet"},
    {0, "ipv6", CLI_FLAG, AT(ipv6), NULL, "Give it an IPv6 subnet too"},
    {0, "label", CLI_LIST, AT(labels), "KEY=VALUE", "Set a label of the network"},
    {'o', "opt", CLI_LIST, AT(options), "OPTION=VALUE",
     "mtu, isolate, no_default_route, metric, host_loopback; of macvlan and ipvlan: mode, parent"},
    {0, "route", CLI_LIST, AT(routes), "NETWORK,GATEWAY[,METRIC]", "Give containers a further route"},
    {0, "subnet", CLI_LIST, AT(subnets), "NETWORK",
     "Its addresses, as 10.89.3.0/24 or fd00:1::/64 (a free one by default)"},
    CLI_OPTIONS_END,
};

static int run_create(struct cli_context *context, struct error *err)
{
	struct create_options *options = context->options;
	auto_store struct store *store = NULL;
	auto_network_record struct network_record *record = NULL;
	options->request.name = context->arguments.count ? context->arguments.items[0] : NULL;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	r = networks_create(store, &options->request, &record, err);
	bool there = r == -EEXIST && options->ignore && options->request.name;
	if (there) {
		error_clear(err);
		r = networks_find(store, options->request.name, &record, err);
	}
	if (r < 0)
		return r;
	printf("%s\n", record->name);
	return 0;
}

const struct cli_command cmd_network_create = {
    .name = "create",
    .summary = "Create a network",
    .usage = "[OPTIONS] [NAME]",
    .description = "Makes a network and prints its name. Containers on it (run --network NAME) reach each other by "
		   "address and, unless --disable-dns is given, by name, and "
		   "the outside, unless it is --internal. Other networks they do not reach, unless both were made with "
		   "--opt isolate=false.\n\nThe network takes nothing while no "
		   "container is on it. Its interfaces are in a network namespace of yours, not the host's: macvlan "
		   "and ipvlan need a parent there (--opt parent=NAME), which can be the "
		   "bridge of another network.",
    .examples = "coracle network create web\ncoracle network create --subnet 10.90.0.0/24 --ip-range 10.90.0.128/25 "
		"--label team=a db\ncoracle network create --internal --ipv6 back",
    .options = create_table,
    .options_size = sizeof(struct create_options),
    .max_arguments = 1,
    .run = run_create,
};

/* ---- exists ---- */
static const struct cli_option no_table[] = {CLI_OPTIONS_END};

static int run_exists(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_network_record struct network_record *record = NULL;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	r = networks_find(store, context->arguments.items[0], &record, err);
	return r == -ENOENT ? STATUS_NOT_THERE : r;
}

const struct cli_command cmd_network_exists = {
    .name = "exists",
    .summary = "Tell whether a network is there",
    .usage = "NETWORK",
    .description = "Prints nothing. The exit status is 0 when there is such a network, 1 when there is none, and 125 "
		   "when that cannot be told.",
    .examples = "coracle network exists web || coracle network create web",
    .options = no_table,
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_NETWORK,
    .run = run_exists,
};

/* ---- rm ---- */
struct rm_options {
	bool force;
	int64_t time;
	bool time_given;
};

static const struct cli_option rm_table[] = {
    {'f', "force", CLI_FLAG, offsetof(struct rm_options, force), NULL,
     "Remove the containers that are on it first; say nothing of networks that are not there"},
    {'t', "time", CLI_INT, offsetof(struct rm_options, time), "SECONDS",
     "Seconds between the stop signal to such containers and SIGKILL",
     .given_offset = offsetof(struct rm_options, time_given)},
    CLI_OPTIONS_END,
};

static int remove_containers(struct store *store, const struct strv *ids, int64_t timeout_s, struct error *err)
{
	for (size_t i = 0; i < ids->count; i++) {
		auto_container struct container *container = NULL;
		int r = container_read(store, ids->items[i], &container, err);
		if (r == 0)
			r = control_remove(store, container, true, timeout_s, err);
		if (r < 0 && r != -ENOENT)
			return r;
		error_clear(err);
	}
	return 0;
}

static int remove_network(struct store *store, const char *name, const struct rm_options *options, struct error *err)
{
	auto_network_record struct network_record *record = NULL;
	auto_strv struct strv users = STRV_INIT;
	int r = networks_find(store, name, &record, err);
	if (r == -ENOENT && options->force) {
		error_clear(err);
		return 0;
	}
	if (r < 0 || (r = network_users(store, record->name, &users, err)) < 0)
		return r;
	if (users.count && strcmp(record->name, NETWORKS_DEFAULT) != 0) {
		if (!options->force)
			return error_set(err, EBUSY,
					 "\"%s\" has associated containers with it. Use -f to forcibly delete "
					 "containers and pods: network is being used",
					 record->name);
		if ((r = remove_containers(store, &users, options->time_given ? options->time : CONTROL_OWN_TIMEOUT, err)) < 0)
			return r;
	}
	if ((r = networks_remove(store, record, err)) == 0)
		printf("%s\n", name);
	return r;
}

static int run_rm(struct cli_context *context, struct error *err)
{
	const struct rm_options *options = context->options;
	auto_store struct store *store = NULL;
	int status = 0, r = session_store(context, &store, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < context->arguments.count; i++) {
		struct error problem = ERROR_INIT;
		r = remove_network(store, context->arguments.items[i], options, &problem);
		if (r >= 0)
			continue;
		message_error("%s", problem.text);
		int this = r == -EBUSY ? STATUS_IN_USE : r == -ENOENT ? STATUS_NOT_THERE : STATUS_FAILED;
		status = this > status ? this : status;
	}
	return status;
}

const struct cli_command cmd_network_rm = {
    .name = "rm",
    .summary = "Remove networks",
    .usage = "[OPTIONS] NETWORK...",
    .description = "Removes networks that no container is on. The exit status is 1 when a network is not there, 2 when "
		   "one is in use, and 125 for anything else.",
    .options = rm_table,
    .options_size = sizeof(struct rm_options),
    .min_arguments = 1,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_NETWORK,
    .run = run_rm,
};

/* ---- prune ---- */
struct prune_options {
	bool force;
	struct strv filters;
};

static const struct cli_option prune_table[] = {
    {0, "filter", CLI_LIST, offsetof(struct prune_options, filters), "KEY=VALUE",
     "Only what matches: until, label, label!"},
    {'f', "force", CLI_FLAG, offsetof(struct prune_options, force), NULL, "Do not ask"},
    CLI_OPTIONS_END,
};

int network_prune(struct store *store, const struct strv *filters, struct strv *ret, struct error *err)
{
	auto_network_list struct network_list list = {0};
	int r = networks_list(store, &list, err);
	for (size_t i = 0; r >= 0 && i < list.count; i++) {
		const struct network_record *record = list.items[i];
		auto_strv struct strv users = STRV_INIT;
		if (strcmp(record->name, NETWORKS_DEFAULT) == 0)
			continue;
		if ((r = network_users(store, record->name, &users, err)) < 0 || users.count)
			continue;
		if ((r = network_matches(store, record, filters, err)) > 0 &&
		    (r = networks_remove(store, record, err)) == 0)
			strv_add(ret, record->name);
	}
	return r < 0 ? r : 0;
}

static int run_prune(struct cli_context *context, struct error *err)
{
	const struct prune_options *options = context->options;
	auto_store struct store *store = NULL;
	auto_strv struct strv removed = STRV_INIT;
	int r = network_check_filters(&options->filters, "until label label!", err);
	if (r < 0 || (r = session_store(context, &store, err)) < 0)
		return r;
	if (!options->force &&
	    !prompt_continue("WARNING! This will remove all networks not used by at least one container.\n"))
		return 0;
	r = network_prune(store, &options->filters, &removed, err);
	for (size_t i = 0; i < removed.count; i++)
		printf("%s\n", removed.items[i]);
	return r;
}

const struct cli_command cmd_network_prune = {
    .name = "prune",
    .summary = "Remove networks that are not used",
    .usage = "[OPTIONS]",
    .examples = "coracle network prune --force --filter label=test",
    .options = prune_table,
    .options_size = sizeof(struct prune_options),
    .run = run_prune,
};
