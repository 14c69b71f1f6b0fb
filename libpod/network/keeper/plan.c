/* SPDX-License-Identifier: Apache-2.0 */
/* From records to a request. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/network/keeper/keeper.h"

/* The kernel's numbers: linux/if_link.h. */
static int parse_mode(const char *driver, const char *mode, uint8_t *ret, struct error *err)
{
	static const struct {
		const char *driver, *mode;
		uint8_t number;
	} modes[] = {
	    {"macvlan", "private", 1}, {"macvlan", "vepa", 2}, {"macvlan", "bridge", 4}, {"macvlan", "passthru", 8},
	    {"ipvlan", "l2", 0},       {"ipvlan", "l3", 1},    {"ipvlan", "l3s", 2},
	};
	*ret = 0;
	for (size_t i = 0; mode && i < ARRAY_SIZE(modes); i++) {
		if (strcmp(modes[i].driver, driver) != 0 || strcmp(modes[i].mode, mode) != 0)
			continue;
		*ret = modes[i].number;
		return 0;
	}
	return mode ? error_set(err, EINVAL, "unknown %s mode %s", driver, mode) : 0;
}

static int plan_network(const struct network_record *record, struct keeper_network *ret, struct error *err)
{
	struct network_features features;
	struct keeper_network network = {.internal = record->internal, .dns = record->dns};
	int r = network_features(record, &features, err);
	if (r < 0 || (r = parse_mode(record->driver, features.mode, &network.mode, err)) < 0)
		return r;
	memcpy(network.id, record->id, sizeof(network.id));
	snprintf(network.name, sizeof(network.name), "%s", record->name);
	snprintf(network.interface, sizeof(network.interface), "%s", record->interface ? record->interface : "");
	network.kind = strcmp(record->driver, "macvlan") == 0  ? KEEPER_MACVLAN
		       : strcmp(record->driver, "ipvlan") == 0 ? KEEPER_IPVLAN
							       : KEEPER_BRIDGE;
	network.isolate = features.isolate;
	network.no_default_route = features.no_default_route;
	network.host_loopback = features.host_loopback;
	network.mtu = features.mtu;
	network.metric = features.metric;
	network.subnets_count = (uint32_t)record->subnets_count;
	network.routes_count = (uint32_t)record->routes_count;
	network.servers_count = (uint32_t)record->servers_count;
	memcpy(network.subnets, record->subnets, sizeof(network.subnets));
	memcpy(network.routes, record->routes, sizeof(network.routes));
	memcpy(network.servers, record->servers, sizeof(network.servers));
	*ret = network;
	return 0;
}

/* "02:42:0a:59:00:02" */
static bool parse_mac(const char *text, uint8_t mac[6])
{
	int end = -1;
	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		      &mac[5], &end) == 6 &&
	       !text[end] && !(mac[0] & 1);
}

struct name_list {
	char *names;
	size_t used;
};

/* What does not fit is left out: there is room for some dozens. */
static void add_name(struct name_list *list, const char *name)
{
	size_t length = text_is_empty(name) ? 0 : strlen(name) + 1;
	for (size_t at = 0; at < list->used; at += strlen(list->names + at) + 1)
		if (length && strcmp(list->names + at, name) == 0)
			return;
	if (!length || list->used + length + 1 > KEEPER_NAMES_MAX)
		return;
	memcpy(list->names + list->used, name, length);
	list->used += length;
}

static int plan_wish(struct store *store, const struct container *container, const struct container_network *network,
		     struct keeper_wish *ret, struct error *err)
{
	auto_network_record struct network_record *record = NULL;
	int r = networks_find(store, network->name, &record, err);
	if (r < 0 || (r = plan_network(record, &ret->network, err)) < 0)
		return r;
	if (network->interface)
		snprintf(ret->interface, sizeof(ret->interface), "%s", network->interface);
	if (network->ip && !ip_parse(network->ip, &ret->ip))
		return error_set(err, EINVAL, "\"%s\" is not an IP address", network->ip);
	if (network->ip6 && !ip_parse(network->ip6, &ret->ip6))
		return error_set(err, EINVAL, "\"%s\" is not an IP address", network->ip6);
	ret->has_mac = network->mac;
	if (network->mac && !parse_mac(network->mac, ret->mac))
		return error_set(err, EINVAL, "\"%s\" is not a MAC address of one interface", network->mac);
	struct name_list list = {.names = ret->names};
	auto_free char *short_id = xstrndup(container->id, 12);
	add_name(&list, container->name);
	add_name(&list, short_id);
	for (size_t i = 0; i < network->aliases.count; i++)
		add_name(&list, network->aliases.items[i]);
	add_name(&list, container->hostname);
	return 0;
}

int keeper_plan_name(struct store *store, const char *network, struct keeper_wish *ret, struct error *err)
{
	auto_network_record struct network_record *record = NULL;
	int r = networks_find(store, network, &record, err);
	return r < 0 ? r : plan_network(record, &ret->network, err);
}

int keeper_plan(struct store *store, const struct container *container, const char *only, struct keeper_request *ret,
		struct error *err)
{
	ret->magic = KEEPER_MAGIC;
	ret->verb = only ? KEEPER_CONNECT : KEEPER_ATTACH;
	snprintf(ret->id, sizeof(ret->id), "%s", container->id);
	for (size_t i = 0; i < container->dns.count && ret->servers_count < NETWORK_SERVERS_MAX; i++)
		if (ip_parse(container->dns.items[i], &ret->servers[ret->servers_count]))
			ret->servers_count++;
	for (size_t i = 0; i < container->networks_count; i++) {
		const struct container_network *network = &container->networks[i];
		if (only && strcmp(network->name, only) != 0)
			continue;
		if (ret->count == KEEPER_NETWORKS_MAX)
			return error_set(err, E2BIG, "a container can be on %d networks at most", KEEPER_NETWORKS_MAX);
		int r = plan_wish(store, container, network, &ret->wishes[ret->count++], err);
		if (r < 0)
			return r;
	}
	return 0;
}
