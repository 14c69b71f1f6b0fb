/* SPDX-License-Identifier: Apache-2.0 */
/* What the resolver is told: networks, and who is on them by which names. */
#include <string.h>

#include "libpod/network/keeper/hand.h"
#include "libpod/network/keeper/state.h"
#include "pkg/cleanup/cleanup.h"

#define NAMES_MAX 64

static struct resolver_address address_of(const struct ip *ip)
{
	struct resolver_address address = {.family = ip->family};
	memcpy(address.bytes, ip->bytes, sizeof(address.bytes));
	return address;
}

static size_t addresses_of(const struct ip *ips, size_t count, struct resolver_address *ret)
{
	for (size_t i = 0; i < count; i++)
		ret[i] = address_of(&ips[i]);
	return count;
}

static int open_sockets(struct keeper *keeper, const struct keeper_network *network, struct error *err)
{
	for (uint32_t i = 0; i < network->subnets_count; i++) {
		int udp = -1, tcp = -1, r = 0;
		if (ip_is_set(&network->subnets[i].gateway))
			r = hand_listen(&keeper->hand, &network->subnets[i].gateway, &udp, &tcp, err);
		if (r == 0 && udp >= 0)
			r = resolver_add_sockets(keeper->resolver, network->name, udp, tcp, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int names_add_network(struct keeper *keeper, const struct keeper_network *network, struct error *err)
{
	struct resolver_address servers[NETWORK_SERVERS_MAX];
	struct resolver_network is = {
	    .name = network->name,
	    .domain = network->dns ? NETWORK_DOMAIN : NULL,
	    .internal = network->internal,
	    .servers = servers,
	    .servers_count = addresses_of(network->servers, network->servers_count, servers),
	};
	int r = resolver_add_network(keeper->resolver, &is, err);
	return r < 0 ? r : open_sockets(keeper, network, err);
}

int names_add(struct keeper *keeper, const struct member *member, const struct attachment *attachment,
	      const char *names, struct error *err)
{
	const char *list[NAMES_MAX + 1];
	struct resolver_address addresses[NETWORK_SUBNETS_MAX], servers[NETWORK_SERVERS_MAX];
	const struct keeper_given *given = &attachment->given;
	size_t count = 0;
	/* A network without names asks outside for its members, and that is all. */
	for (; attachment->network->is.dns && *names && count < NAMES_MAX; names += strlen(names) + 1)
		list[count++] = names;
	list[count] = NULL;
	for (uint32_t i = 0; i < given->count; i++)
		addresses[i] = address_of(&given->addresses[i].address);
	struct resolver_member is = {
	    .id = member->id,
	    .names = list,
	    .addresses = addresses,
	    .addresses_count = given->count,
	    .servers = servers,
	    .servers_count = addresses_of(member->servers, member->servers_count, servers),
	};
	return resolver_add_member(keeper->resolver, given->network, &is, err);
}
