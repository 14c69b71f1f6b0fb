/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "libpod/networks/internal.h"

#define NAME_SIZE 128

static int parse_servers(const struct network_request *request, struct network_record *record, struct error *err)
{
	for (size_t i = 0; i < request->servers.count; i++) {
		if (i == NETWORK_SERVERS_MAX)
			return error_set(err, E2BIG, "a network has at most %d name servers", NETWORK_SERVERS_MAX);
		if (!ip_parse(request->servers.items[i], &record->servers[i]))
			return error_set(err, EINVAL, "--dns %s: not an IP address", request->servers.items[i]);
		record->servers_count++;
	}
	return 0;
}

/* --route DESTINATION,GATEWAY[,METRIC] */
static int parse_route(const char *text, struct network_record *record, struct error *err)
{
	auto_strv struct strv parts = STRV_INIT;
	struct network_route route = {0};
	int64_t metric = 0;
	strv_split(&parts, text, ',');
	if (parts.count < 2 || parts.count > 3 || !ip_prefix_parse(parts.items[0], &route.destination) ||
	    !ip_parse(parts.items[1], &route.gateway))
		return error_set(
		    err, EINVAL,
		    "--route %s: give DESTINATION,GATEWAY or DESTINATION,GATEWAY,METRIC, as 192.168.7.0/24,10.89.3.2",
		    text);
	if (route.destination.address.family != route.gateway.family)
		return error_set(err, EINVAL, "--route %s: destination and gateway are of different families", text);
	int r = parts.count == 3 ? parse_int64(parts.items[2], "--route's metric", 1, INT32_MAX, &metric, err) : 0;
	if (r < 0)
		return r;
	if (record->routes_count == NETWORK_ROUTES_MAX)
		return error_set(err, E2BIG, "a network has at most %d routes", NETWORK_ROUTES_MAX);
	route.metric = (uint32_t)metric;
	record->routes[record->routes_count++] = route;
	return 0;
}

static int check_labels(const struct strv *labels, struct strv *ret, struct error *err)
{
	for (size_t i = 0; i < labels->count; i++) {
		auto_free char *label =
		    strchr(labels->items[i], '=') ? xstrdup(labels->items[i]) : xasprintf("%s=", labels->items[i]);
		if (*label == '=')
			return error_set(err, EINVAL, "label \"%s\" has no name", labels->items[i]);
		strv_env_set(ret, label);
	}
	return 0;
}

int network_name_check(const char *name, struct error *err)
{
	static const char *const words[] = {"none",      "host", "private",     "default",
					    "container", "ns",   "slirp4netns", "pasta"};
	size_t length = strlen(name);
	bool good = length && isalnum((unsigned char)*name);
	for (const char *c = name; *c; c++)
		good &= isalnum((unsigned char)*c) || strchr("_.-", *c);
	if (!good)
		return error_set(err, EINVAL,
				 "network name \"%s\" invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*", name);
	if (length >= NAME_SIZE)
		return error_set(err, EINVAL, "network name \"%.20s...\" is too long: it has %zu characters, and may have %d",
				 name, length, NAME_SIZE - 1);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(name, words[i]) == 0)
			return error_set(
			    err, EINVAL,
			    "cannot create network with name \"%s\" because it conflicts with a valid network mode",
			    name);
	return 0;
}

static bool name_is_used(const struct network_list *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->items[i]->name, name) == 0)
			return true;
	return false;
}

static bool interface_is_used(const struct network_list *all, const char *interface)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->items[i]->driver, "bridge") == 0 && strcmp(all->items[i]->interface, interface) == 0)
			return true;
	return false;
}

static int choose_name(const struct network_request *request, const struct network_list *all,
		       struct network_record *record, struct error *err)
{
	int r = request->name ? network_name_check(request->name, err) : 0;
	if (r < 0)
		return r;
	if (request->name && name_is_used(all, request->name))
		return error_set(err, EEXIST, "network name %s already used: network already exists", request->name);
	record->name = request->name ? xstrdup(request->name) : NULL;
	for (unsigned int i = 1; !record->name; i++) {
		auto_free char *name = xasprintf("coracle%u", i);
		if (!name_is_used(all, name))
			record->name = TAKE_PTR(name);
	}
	return 0;
}

/* A name that the kernel takes (dev_valid_name), and that our rules can be written with. */
static int check_interface(const char *name, struct error *err)
{
	bool good = *name && strlen(name) < IF_NAMESIZE;
	for (const char *c = name; *c; c++)
		good &= isalnum((unsigned char)*c) || strchr("_.-", *c);
	if (!good || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lo") == 0)
		return error_set(err, EINVAL,
				 "interface name \"%s\": give 1 to %d letters, digits, \"_\", \".\" and \"-\"", name,
				 IF_NAMESIZE - 1);
	return 0;
}

static int choose_interface(const struct network_request *request, const struct network_list *all,
			    struct network_record *record, struct error *err)
{
	const char *wanted =
	    request->interface ? request->interface : strv_env_get(&record->options, "com.docker.network.bridge.name");
	bool bridge = strcmp(record->driver, "bridge") == 0;
	if (!wanted && !bridge)
		wanted = strv_env_get(&record->options, "parent");
	int r = wanted ? check_interface(wanted, err) : 0;
	if (r < 0)
		return r;
	if (!bridge && text_is_empty(wanted))
		return error_set(err, EINVAL, "a network of the driver %s needs a parent: --opt parent=NAME, the bridge of one of your networks "
					      "(network_interface in `coracle network inspect`)", record->driver);
	if (wanted && bridge && interface_is_used(all, wanted))
		return error_set(err, EEXIST, "bridge name %s already in use", wanted);
	record->interface = wanted ? xstrdup(wanted) : NULL;
	for (unsigned int i = 1; !record->interface; i++) {
		auto_free char *name = xasprintf("coracle%u", i);
		if (!interface_is_used(all, name))
			record->interface = TAKE_PTR(name);
	}
	return 0;
}

static int choose_driver(const struct network_request *request, struct network_record *record, struct error *err)
{
	const char *driver = request->driver ? request->driver : "bridge";
	if (strcmp(driver, "bridge") != 0 && strcmp(driver, "macvlan") != 0 && strcmp(driver, "ipvlan") != 0)
		return error_set(err, EINVAL, "unsupported driver %s: there are bridge, macvlan and ipvlan", driver);
	record->driver = xstrdup(driver);
	return 0;
}

int network_plan(const struct network_request *request, const struct network_list *all, struct network_record **ret,
		 struct error *err)
{
	auto_network_record struct network_record *record = network_record_new();
	struct network_features features;
	int r;
	for (size_t i = 0; i < request->options.count; i++)
		strv_env_set(&record->options, request->options.items[i]);
	if ((r = choose_driver(request, record, err)) < 0 || (r = network_features(record, &features, err)) < 0 ||
	    (r = choose_name(request, all, record, err)) < 0 || (r = choose_interface(request, all, record, err)) < 0 ||
	    (r = check_labels(&request->labels, &record->labels, err)) < 0 ||
	    (r = network_choose_subnets(request, all, record, err)) < 0 ||
	    (r = parse_servers(request, record, err)) < 0)
		return r;
	for (size_t i = 0; i < request->routes.count; i++)
		if ((r = parse_route(request->routes.items[i], record, err)) < 0)
			return r;
	record->internal = request->internal;
	/* podman: only bridges have name resolution. */
	record->dns = !request->disable_dns && strcmp(record->driver, "bridge") == 0;
	record->created_ns = time_now_ns();
	text_random_hex(record->id, 32);
	*ret = TAKE_PTR(record);
	return 0;
}
