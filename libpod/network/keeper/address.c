/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which address. What is given out stands in the attachments of the members, and nowhere else.
 *
 * Addresses are given one after the other, so that one that has become free is not given to the next at once; and the
 * hardware address follows from the IP address: what a neighbour still remembers of the one before is right.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/network/keeper/state.h"

static bool attachment_has(const struct attachment *attachment, const struct ip *ip)
{
	for (uint32_t i = 0; i < attachment->given.count; i++)
		if (ip_equal(&attachment->given.addresses[i].address, ip))
			return true;
	return false;
}

/* Who has it, but for `except`; those at rest too, unless `only_living`. */
static const struct member *owner_of(const struct keeper *keeper, const struct live_network *network,
				     const struct ip *ip, const struct member *except, bool only_living)
{
	for (const struct member *member = keeper->members; member; member = member->next) {
		if (member == except || (only_living && member->process < 0))
			continue;
		for (const struct attachment *attachment = member->attachments; attachment;
		     attachment = attachment->next)
			if (attachment->network == network && attachment_has(attachment, ip))
				return member;
	}
	return NULL;
}

static int check_wish(const struct keeper *keeper, const struct live_network *network,
		      const struct network_subnet *subnet, const struct member *member, const struct ip *wish,
		      struct error *err)
{
	char text[IP_TEXT_MAX];
	ip_format(wish, text);
	if (!ip_prefix_is_host(&subnet->prefix, wish) || ip_equal(wish, &subnet->gateway))
		return error_set(err, EINVAL, "requested ip address %s is the gateway's, or nobody's, in network %s",
				 text, network->is.name);
	const struct member *owner = owner_of(keeper, network, wish, member, true);
	if (owner)
		return error_set(err, EADDRINUSE, "requested ip address %s is already allocated to container ID %s",
				 text, owner->id);
	return 0;
}

static int choose_free(const struct keeper *keeper, struct live_network *network, uint32_t index, struct ip *ret,
		       struct error *err)
{
	const struct network_subnet *subnet = &network->is.subnets[index];
	struct ip first = ip_is_set(&subnet->first) ? subnet->first : subnet->prefix.address;
	struct ip last = ip_is_set(&subnet->last) ? subnet->last : ip_prefix_last(&subnet->prefix);
	struct ip at = ip_is_set(&network->last[index]) ? network->last[index] : last, begin = at;
	do {
		if (ip_compare(&at, &last) >= 0 || !ip_add(&at, 1))
			at = first;
		if (!ip_prefix_is_host(&subnet->prefix, &at) || ip_equal(&at, &subnet->gateway) ||
		    owner_of(keeper, network, &at, NULL, false))
			continue;
		*ret = network->last[index] = at;
		return 0;
	} while (!ip_equal(&at, &begin));
	char text[IP_TEXT_MAX];
	return error_set(err, ENOSPC, "all addresses of %s are in use", ip_prefix_format(&subnet->prefix, text));
}

/* The address that the wish has for this subnet, or none. */
static const struct ip *wish_for(const struct keeper_wish *wish, const struct network_subnet *subnet)
{
	if (ip_is_set(&wish->ip) && ip_prefix_has(&subnet->prefix, &wish->ip))
		return &wish->ip;
	return ip_is_set(&wish->ip6) && ip_prefix_has(&subnet->prefix, &wish->ip6) ? &wish->ip6 : NULL;
}

static int check_fit(const struct live_network *network, const struct ip *wish, struct error *err)
{
	char text[IP_TEXT_MAX];
	for (uint32_t i = 0; ip_is_set(wish) && i < network->is.subnets_count; i++)
		if (ip_prefix_has(&network->is.subnets[i].prefix, wish))
			return 0;
	if (!ip_is_set(wish))
		return 0;
	return error_set(err, EINVAL, "requested static ip %s not in any subnet on network %s", ip_format(wish, text),
			 network->is.name);
}

void address_derive_mac(const struct ip *ip, uint8_t *mac)
{
	mac[0] = 0x02;
	mac[1] = 0x42;
	memcpy(mac + 2, ip->bytes + ip_bits(ip->family) / 8 - 4, 4);
}

/* From the IPv4 address, or whichever there is. */
static void derive_mac(const struct keeper_given *given, uint8_t *mac)
{
	const struct ip *ip = given->count ? &given->addresses[0].address : NULL;
	for (uint32_t i = 0; i < given->count; i++)
		if (given->addresses[i].address.family == AF_INET)
			ip = &given->addresses[i].address;
	if (ip)
		address_derive_mac(ip, mac);
}

int address_choose(const struct keeper *keeper, struct live_network *network, const struct member *member,
		   const struct keeper_wish *wish, struct keeper_given *ret, struct error *err)
{
	struct keeper_given given = {.dns = network->is.dns, .count = network->is.subnets_count};
	int r;
	if ((r = check_fit(network, &wish->ip, err)) < 0 || (r = check_fit(network, &wish->ip6, err)) < 0)
		return r;
	for (uint32_t i = 0; i < network->is.subnets_count; i++) {
		const struct network_subnet *subnet = &network->is.subnets[i];
		const struct ip *asked = wish_for(wish, subnet);
		r = asked ? check_wish(keeper, network, subnet, member, asked, err)
			  : choose_free(keeper, network, i, &given.addresses[i].address, err);
		if (r < 0)
			return r;
		if (asked)
			given.addresses[i].address = *asked;
		given.addresses[i].bits = subnet->prefix.bits;
		given.addresses[i].gateway = subnet->gateway;
		given.addresses[i].resolver = network->is.kind == KEEPER_BRIDGE && ip_is_set(&subnet->gateway);
	}
	if (wish->has_mac)
		memcpy(given.mac, wish->mac, sizeof(given.mac));
	else
		derive_mac(&given, given.mac);
	snprintf(given.id, sizeof(given.id), "%s", member->id);
	snprintf(given.network, sizeof(given.network), "%s", network->is.name);
	snprintf(given.network_id, sizeof(given.network_id), "%s", network->is.id);
	*ret = given;
	return 0;
}
