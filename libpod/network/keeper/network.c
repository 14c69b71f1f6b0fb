/* SPDX-License-Identifier: Apache-2.0 */
/* Networks that have members: a bridge with the gateways' addresses, elements of the filter's sets, sockets of the
 * resolver. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpod/network/keeper/hand.h"
#include "libpod/network/keeper/link.h"
#include "libpod/network/keeper/state.h"
#include "pkg/text/text.h"

static void element(struct strbuf *commands, const char *verb, const char *set, const char *name, const char *second)
{
	strbuf_printf(commands, "%s element inet coracle %s { \"%s\"%s%s }\n", verb, set, name, second ? " . " : "",
		      second ? second : "");
}

/* What the network adds to the filter, or takes from it. Its name was checked: it can be written between quotation
 * marks. */
static int filter_network(struct keeper *keeper, const struct keeper_network *network, const char *verb,
			  struct error *err)
{
	auto_strbuf struct strbuf commands = STRBUF_INIT;
	auto_free char *quoted = xasprintf("\"%s\"", network->interface);
	char text[IP_TEXT_MAX];
	element(&commands, verb, "same", network->interface, quoted);
	if (!network->isolate)
		element(&commands, verb, "open", network->interface, NULL);
	if (!network->internal)
		element(&commands, verb, "outward", network->interface, NULL);
	if (network->host_loopback && !network->internal)
		element(&commands, verb, "loopback", network->interface, NULL);
	for (uint32_t i = 0; i < network->subnets_count; i++) {
		const struct ip *gateway = &network->subnets[i].gateway;
		if (ip_is_set(gateway))
			element(&commands, verb, gateway->family == AF_INET6 ? "gateways6" : "gateways4",
				network->interface, ip_format(gateway, text));
	}
	return hand_filter(&keeper->hand, strbuf_text(&commands), err);
}

static const struct ip *first_gateway(const struct keeper_network *network)
{
	for (uint32_t i = 0; i < network->subnets_count; i++)
		if (ip_is_set(&network->subnets[i].gateway))
			return &network->subnets[i].gateway;
	return NULL;
}

static int make_bridge(struct keeper *keeper, struct live_network *network, struct error *err)
{
	const struct keeper_network *is = &network->is;
	const struct ip *gateway = first_gateway(is);
	if (gateway)
		address_derive_mac(gateway, network->mac);
	int r = link_make_bridge(keeper->netlink, is->interface, gateway ? network->mac : NULL, is->mtu,
				 &network->interface_index, err);
	if (r == -EEXIST)
		return error_set(err, EEXIST, "interface %s is there already", is->interface);
	for (uint32_t i = 0; r == 0 && i < is->subnets_count; i++)
		if (ip_is_set(&is->subnets[i].gateway))
			r = link_add_address(keeper->netlink, network->interface_index, &is->subnets[i].gateway,
					     is->subnets[i].prefix.bits, err);
	if (r == 0)
		r = filter_network(keeper, is, "add", err);
	return r < 0 ? r : names_add_network(keeper, is, err);
}

static int want_uplink(struct keeper *keeper, struct error *err)
{
	if (keeper->uplink)
		return 0;
	int r = hand_uplink(&keeper->hand, &keeper->uplink_address, &keeper->host_address, err);
	keeper->uplink = r == 0;
	return r;
}

void network_tidy(struct keeper *keeper)
{
	for (struct live_network *network = keeper->networks, *next; network; network = next) {
		next = network->next;
		network_down(keeper, network);
	}
}

/* One whose record was removed, and what is made anew: they can have the same. */
static bool collides(const struct keeper_network *a, const struct keeper_network *b)
{
	if (strcmp(a->name, b->name) == 0 ||
	    (a->kind == KEEPER_BRIDGE && b->kind == KEEPER_BRIDGE && strcmp(a->interface, b->interface) == 0))
		return true;
	for (uint32_t i = 0; i < a->subnets_count; i++)
		for (uint32_t j = 0; j < b->subnets_count; j++)
			if (ip_prefix_overlaps(&a->subnets[i].prefix, &b->subnets[j].prefix))
				return true;
	return false;
}

int network_up(struct keeper *keeper, const struct keeper_network *is, struct live_network **ret, struct error *err)
{
	for (struct live_network *network = keeper->networks; network; network = network->next) {
		if (strcmp(network->is.id, is->id) != 0)
			continue;
		*ret = network;
		return 0;
	}
	for (struct live_network *network = keeper->networks; network; network = network->next)
		if (collides(&network->is, is) && member_leave_resting(keeper, network) > 0)
			return error_set(err, EBUSY,
					 "containers are still on network %s, which was removed and has the same name, "
					 "interface or addresses",
					 network->is.name);
	network_tidy(keeper);
	struct live_network *network = xcalloc(1, sizeof(*network));
	network->is = *is;
	network->next = keeper->networks;
	keeper->networks = network;
	int r = is->kind == KEEPER_BRIDGE && !is->internal ? want_uplink(keeper, err) : 0;
	if (r == 0 && is->kind == KEEPER_BRIDGE)
		r = make_bridge(keeper, network, err);
	if (r < 0) {
		network_down(keeper, network);
		return r;
	}
	*ret = network;
	return 0;
}

void network_down(struct keeper *keeper, struct live_network *network)
{
	if (network->members)
		return;
	struct live_network **at = &keeper->networks;
	while (*at && *at != network)
		at = &(*at)->next;
	if (*at)
		*at = network->next;
	if (network->is.kind == KEEPER_BRIDGE) {
		resolver_remove_network(keeper->resolver, network->is.name);
		filter_network(keeper, &network->is, "delete", NULL);
		if (network->interface_index)
			link_remove(keeper->netlink, network->is.interface, NULL);
	}
	free(network);
}
