/* SPDX-License-Identifier: Apache-2.0 */
/* network ls, inspect. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/network/heal.h"
#include "libpod/network/keeper/keeper.h"
#include "pkg/json/json.h"
#include "pkg/message/message.h"
#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/network_filter.h"
#include "src/session.h"

/* ---- as templates see a network: the names are those of podman's types ---- */
static void move(struct json_object *from, const char *key, struct json_object *to, const char *name)
{
	struct json_object *value = NULL;
	json_object_object_get_ex(from, key, &value);
	json_object_object_add(to, name, json_object_get(value));
}

static struct json_object *template_subnets(struct json_object *subnets)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; subnets && i < json_object_array_length(subnets); i++) {
		struct json_object *from = json_object_array_get_idx(subnets, i), *to = json_object_new_object(),
				   *range = NULL, *named = NULL;
		move(from, "subnet", to, "Subnet");
		move(from, "gateway", to, "Gateway");
		if (json_object_object_get_ex(from, "lease_range", &range)) {
			named = json_object_new_object();
			move(range, "start_ip", named, "StartIP");
			move(range, "end_ip", named, "EndIP");
		}
		json_object_object_add(to, "LeaseRange", named);
		json_object_array_add(array, to);
	}
	return array;
}

static void add_map(struct json_object *object, const char *key, const struct strv *pairs)
{
	json_add_map(object, key, pairs);
	template_mark_map(json_object_object_get(object, key));
}

/* docker's part of it, for templates that were written for docker. */
static struct json_object *docker_ipam(struct json_object *subnets)
{
	struct json_object *object = json_object_new_object(), *config = template_subnets(subnets);
	json_add_string(object, "Driver", "default");
	json_object_object_add(object, "Config", config);
	return object;
}

static struct json_object *template_network(const struct network_record *record, bool short_id)
{
	struct json_object *json = network_record_json(record), *object = json_object_new_object(), *subnets = NULL;
	static const char *const names[][2] = {
	    {"name", "Name"},
	    {"driver", "Driver"},
	    {"network_interface", "NetworkInterface"},
	    {"created", "Created"},
	    {"ipv6_enabled", "IPv6Enabled"},
	    {"ipv6_enabled", "EnableIPv6"},
	    {"internal", "Internal"},
	    {"dns_enabled", "DNSEnabled"},
	    {"network_dns_servers", "NetworkDNSServers"},
	    {"routes", "Routes"},
	};
	auto_free char *id = xstrndup(record->id, short_id ? 12 : 64);
	json_add_string(object, "ID", id);
	json_add_string(object, "Id", id);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		move(json, names[i][0], object, names[i][1]);
	json_object_object_get_ex(json, "subnets", &subnets);
	json_object_object_add(object, "Subnets", template_subnets(subnets));
	json_object_object_add(object, "IPAM", docker_ipam(subnets));
	json_add_string(object, "Scope", "local");
	add_map(object, "Labels", &record->labels);
	add_map(object, "Options", &record->options);
	struct json_object *ipam = NULL;
	json_object_object_get_ex(json, "ipam_options", &ipam);
	json_object_object_add(object, "IPAMOptions", template_mark_map(json_object_get(ipam)));
	json_object_put(json);
	return object;
}

/* ---- ls ---- */
struct ls_options {
	bool quiet, no_trunc, no_heading;
	struct strv filters;
	const char *format;
};

static const struct cli_option ls_table[] = {
    {'f', "filter", CLI_LIST, offsetof(struct ls_options, filters), "KEY=VALUE",
     "Only those that match: name (a regular expression), id, driver, label, label!, until, dangling, scope, type (builtin or custom)"},
    {0, "format", CLI_STRING, offsetof(struct ls_options, format), "FORMAT", "json, table TEMPLATE, or a Go template"},
    {0, "no-trunc", CLI_FLAG, offsetof(struct ls_options, no_trunc), NULL, "Do not shorten ids"},
    {'n', "noheading", CLI_FLAG, offsetof(struct ls_options, no_heading), NULL, "Print no column titles"},
    {'q', "quiet", CLI_FLAG, offsetof(struct ls_options, quiet), NULL, "Print only names"},
    CLI_OPTIONS_END,
};

static int run_ls(struct cli_context *context, struct error *err)
{
	const struct ls_options *options = context->options;
	bool json = options->format && strcmp(options->format, "json") == 0;
	auto_store struct store *store = NULL;
	auto_network_list struct network_list list = {0};
	if (options->quiet && options->format)
		return error_set(err, EINVAL, "--quiet and --format contradict each other");
	int r = network_check_filters(&options->filters, "name id driver label label! until dangling scope type", err);
	if (r < 0 || (r = session_store(context, &store, err)) < 0 || (r = networks_list(store, &list, err)) < 0)
		return r;
	auto_json struct json_object *rows = json_object_new_array(), *titles = json_object_new_object();
	json_add_string(titles, "ID", "NETWORK ID");
	for (size_t i = 0; i < list.count; i++) {
		if ((r = network_matches(store, list.items[i], &options->filters, err)) < 0)
			return r;
		if (r > 0)
			json_object_array_add(rows, json ? network_record_json(list.items[i])
							 : template_network(list.items[i], !options->no_trunc));
	}
	auto_strbuf struct strbuf out = STRBUF_INIT;
	r = template_list(options->quiet ? "{{.Name}}" : options->format, "table {{.ID}}\t{{.Name}}\t{{.Driver}}",
			  titles, rows, options->no_heading, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r < 0 ? r : 0;
}

const struct cli_command cmd_network_ls = {
    .name = "ls",
    .summary = "List networks",
    .usage = "[OPTIONS]",
    .description = "Lists the networks. The one called bridge is always there: run --network bridge.",
    .examples = "coracle network ls\ncoracle network ls --filter label=team=a --format '{{.Name}} {{(index .Subnets "
		"0).Subnet}}'",
    .options = ls_table,
    .options_size = sizeof(struct ls_options),
    .run = run_ls,
};

/* ---- inspect ---- */
struct inspect_options {
	const char *format;
};

static const struct cli_option inspect_table[] = {
    {'f', "format", CLI_STRING, offsetof(struct inspect_options, format), "FORMAT", "json, or a Go template"},
    CLI_OPTIONS_END,
};

static void mac_format(const struct keeper_given *given, char out[18])
{
	snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", given->mac[0], given->mac[1], given->mac[2], given->mac[3],
		 given->mac[4], given->mac[5]);
}

static struct json_object *interface_json(const struct keeper_given *given)
{
	struct json_object *object = json_object_new_object(), *subnets = json_object_new_array();
	char text[IP_TEXT_MAX], mac[18];
	mac_format(given, mac);
	for (uint32_t i = 0; i < given->count; i++) {
		struct json_object *subnet = json_object_new_object();
		auto_free char *address =
		    xasprintf("%s/%u", ip_format(&given->addresses[i].address, text), given->addresses[i].bits);
		json_add_string(subnet, "ipnet", address);
		json_add_string(subnet, "gateway", ip_format(&given->addresses[i].gateway, text));
		json_object_array_add(subnets, subnet);
	}
	json_object_object_add(object, "subnets", subnets);
	json_add_string(object, "mac_address", mac);
	return object;
}

/* For templates: the names of podman's types, and docker's, beside those of the JSON, which {{json .Containers}} shows. */
static void name_for_templates(struct json_object *one, const struct keeper_given *given)
{
	struct json_object *interface = json_object_new_object(), *interfaces = json_object_new_object(),
			   *subnets = json_object_new_array();
	char text[IP_TEXT_MAX], mac[18];
	mac_format(given, mac);
	json_add_string(one, "IPv4Address", "");
	json_add_string(one, "IPv6Address", "");
	for (uint32_t i = 0; i < given->count; i++) {
		struct json_object *subnet = json_object_new_object();
		const struct ip *ip = &given->addresses[i].address;
		auto_free char *address = xasprintf("%s/%u", ip_format(ip, text), given->addresses[i].bits);
		json_add_string(one, ip->family == AF_INET6 ? "IPv6Address" : "IPv4Address", address);
		json_add_string(subnet, "IPNet", address);
		json_add_string(subnet, "Gateway", ip_format(&given->addresses[i].gateway, text));
		json_object_array_add(subnets, subnet);
	}
	json_object_object_add(interface, "Subnets", subnets);
	json_add_string(interface, "MacAddress", mac);
	json_object_object_add(interfaces, given->interface, interface);
	move(one, "name", one, "Name");
	json_object_object_add(one, "Interfaces", template_mark_map(interfaces));
	json_add_string(one, "MacAddress", mac);
}

/* The running containers on it, as podman shows them. */
static struct json_object *containers_json(struct store *store, const struct network_record *record,
					   const struct keeper_listing *listing, bool plain)
{
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < listing->count; i++) {
		const struct keeper_given *given = &listing->items[i];
		auto_container struct container *container = NULL;
		if (strcmp(given->network, record->name) != 0 ||
		    container_read_listed(store, given->id, &container, NULL) < 0)
			continue;
		struct json_object *one = json_object_new_object(), *interfaces = json_object_new_object();
		json_add_string(one, "name", container->name);
		json_object_object_add(interfaces, given->interface, interface_json(given));
		json_object_object_add(one, "interfaces", template_mark_map(interfaces));
		if (!plain)
			name_for_templates(one, given);
		json_object_object_add(object, given->id, one);
	}
	return template_mark_map(object);
}

static int run_inspect(struct cli_context *context, struct error *err)
{
	const struct inspect_options *options = context->options;
	bool plain = !options->format || strcmp(options->format, "json") == 0;
	auto_store struct store *store = NULL;
	auto_keeper_listing struct keeper_listing listing = {0};
	auto_json struct json_object *array = json_object_new_array();
	int status = 0, r = session_store(context, &store, err);
	if (r < 0 || (r = network_heal(store, err)) < 0 || (r = keeper_list(store->run_fd, NULL, &listing, err)) < 0)
		return r;
	for (size_t i = 0; i < context->arguments.count; i++) {
		struct error problem = ERROR_INIT;
		auto_network_record struct network_record *record = NULL;
		if ((r = networks_find(store, context->arguments.items[i], &record, &problem)) < 0) {
			message_error("%s", problem.text);
			status = r == -ENOENT && status == 0 ? 1 : status ? status : 125;
			continue;
		}
		struct json_object *one = plain ? network_record_json(record) : template_network(record, false);
		json_object_object_add(one, plain ? "containers" : "Containers",
				       containers_json(store, record, &listing, plain));
		json_object_array_add(array, one);
	}
	auto_strbuf struct strbuf out = STRBUF_INIT;
	if (plain) {
		auto_free char *text = json_text(array, true);
		printf("%s\n", text);
		return status;
	}
	auto_json struct json_object *titles = json_object_new_object();
	r = template_list(options->format, "", titles, array, true, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r < 0 ? r : status;
}

const struct cli_command cmd_network_inspect = {
    .name = "inspect",
    .summary = "Show all about networks",
    .usage = "[OPTIONS] NETWORK...",
    .description = "Prints JSON: what each network was made with, and the running containers on it with their "
		   "addresses. The exit status is 1 when a network is not there. Templates know a container's Name, IPv4Address, IPv6Address, "
		   "MacAddress and Interfaces.",
    .examples =
	"coracle network inspect web\ncoracle network inspect --format '{{range .Subnets}}{{.Subnet}} {{end}}' web\n"
	"coracle network inspect --format '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{println}}{{end}}' web",
    .options = inspect_table,
    .options_size = sizeof(struct inspect_options),
    .min_arguments = 1,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_NETWORK,
    .run = run_inspect,
};
