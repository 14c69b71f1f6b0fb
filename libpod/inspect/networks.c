/* SPDX-License-Identifier: Apache-2.0 */
/* NetworkSettings: as docker has them. What a running container was given, its networks' keeper knows. */
#include <stdio.h>
#include <string.h>

#include "libpod/inspect/inspect.h"
#include "libpod/network/keeper/keeper.h"
#include "pkg/template/template.h"

static void add_address(struct json_object *object, const struct keeper_given *given, uint16_t family)
{
	static const struct {
		uint16_t family;
		const char *address, *length, *gateway;
	} keys[] = {{AF_INET, "IPAddress", "IPPrefixLen", "Gateway"},
		    {AF_INET6, "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPv6Gateway"}};
	char address[IP_TEXT_MAX] = "", gateway[IP_TEXT_MAX] = "";
	int64_t bits = 0;
	for (uint32_t i = given ? given->count : 0; i-- > 0;) {
		if (given->addresses[i].address.family != family)
			continue;
		ip_format(&given->addresses[i].address, address);
		ip_format(&given->addresses[i].gateway, gateway);
		bits = given->addresses[i].bits;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].family != family)
			continue;
		json_add_string(object, keys[i].gateway, gateway);
		json_add_string(object, keys[i].address, address);
		json_add_int(object, keys[i].length, bits);
	}
}

/* `given` NULL: it does not run. */
static void add_endpoint(struct json_object *object, const struct keeper_given *given)
{
	char mac[18] = "";
	if (given)
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", given->mac[0], given->mac[1], given->mac[2],
			 given->mac[3], given->mac[4], given->mac[5]);
	json_add_string(object, "EndpointID", "");
	add_address(object, given, AF_INET);
	add_address(object, given, AF_INET6);
	json_add_string(object, "MacAddress", mac);
}

static struct json_object *network_json(struct store *store, const struct container *container,
					const struct container_network *network, const struct keeper_given *given)
{
	struct json_object *object = json_object_new_object(), *ipam = NULL;
	auto_network_record struct network_record *record = NULL;
	auto_strv struct strv aliases = STRV_INIT;
	auto_free char *short_id = xstrndup(container->id, 12);
	add_endpoint(object, given);
	networks_find(store, network->name, &record, NULL);
	json_add_string(object, "NetworkID", record ? record->id : "");
	json_object_object_add(object, "DriverOpts", NULL);
	if (network->ip || network->ip6) {
		ipam = json_object_new_object();
		json_add_string(ipam, "IPv4Address", network->ip);
		json_add_string(ipam, "IPv6Address", network->ip6);
	}
	json_object_object_add(object, "IPAMConfig", ipam);
	json_object_object_add(object, "Links", NULL);
	strv_add_all(&aliases, &network->aliases);
	strv_add(&aliases, short_id);
	json_add_strv(object, "Aliases", &aliases);
	return object;
}

static const struct keeper_given *given_on(const struct keeper_listing *listing, const char *network)
{
	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing->items[i].network, network) == 0)
			return &listing->items[i];
	return NULL;
}

struct json_object *inspect_network_settings(struct store *store, const struct container *container)
{
	struct json_object *object = json_object_new_object(), *networks = json_object_new_object();
	auto_keeper_listing struct keeper_listing listing = {0};
	if (container->networks_count)
		keeper_list(store->run_fd, container->id, &listing, NULL);
	const struct keeper_given *first =
	    container->networks_count ? given_on(&listing, container->networks[0].name) : NULL;
	add_endpoint(object, first);
	json_add_string(object, "Bridge", "");
	json_add_string(object, "SandboxID", "");
	json_add_string(object, "SandboxKey", "");
	json_add_bool(object, "HairpinMode", false);
	json_add_string(object, "LinkLocalIPv6Address", "");
	json_add_int(object, "LinkLocalIPv6PrefixLen", 0);
	json_object_object_add(object, "Ports", inspect_ports(container, true));
	for (size_t i = 0; i < container->networks_count; i++) {
		const struct container_network *network = &container->networks[i];
		json_object_object_add(networks, network->name,
				       network_json(store, container, network, given_on(&listing, network->name)));
	}
	json_object_object_add(object, "Networks", template_mark_map(networks));
	return object;
}
