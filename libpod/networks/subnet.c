/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subnets of a new network: those that were asked for, or free ones. Left to us, IPv4 is a /24 of 10.89.0.0
 * to 10.255.255.0 (podman's pool), IPv6 a /64 of a random unique local prefix (RFC 4193).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "libpod/networks/internal.h"
#include "pkg/message/message.h"

/* ---- what the host has routes for ---- */
#define HOST_ROUTES_MAX 1024
struct host_routes {
	struct ip_prefix items[HOST_ROUTES_MAX];
	size_t count;
};

static void add_route(struct host_routes *routes, const struct ip_prefix *prefix)
{
	/* The default route leads everywhere, and collides with nothing. */
	if (prefix->bits && routes->count < HOST_ROUTES_MAX)
		routes->items[routes->count++] = *prefix;
}

/* /proc/net/route: interface, destination, gateway, flags, …, mask: numbers as they lie in memory (proc(5)). */
static void read_ipv4_routes(struct host_routes *routes)
{
	char line[256];
	auto_fclose FILE *file = fopen("/proc/self/net/route", "re");
	while (file && fgets(line, sizeof(line), file)) {
		uint32_t destination, mask;
		struct ip_prefix prefix = {.address.family = AF_INET};
		if (sscanf(line, "%*s %" SCNx32 " %*x %*x %*d %*d %*d %" SCNx32, &destination, &mask) != 2)
			continue;
		memcpy(prefix.address.bytes, &destination, sizeof(destination));
		prefix.bits = (uint8_t)__builtin_popcount(mask);
		add_route(routes, &prefix);
	}
}

/* /proc/net/ipv6_route: destination and its prefix's length, in hexadecimal, come first. Only unique local ones are of
 * interest: the others are never chosen. */
static void read_ipv6_routes(struct host_routes *routes)
{
	char line[256];
	auto_fclose FILE *file = fopen("/proc/self/net/ipv6_route", "re");
	while (file && fgets(line, sizeof(line), file)) {
		struct ip_prefix prefix = {.address.family = AF_INET6};
		unsigned int bits = 0;
		bool good = line[0] == 'f' && (line[1] == 'c' || line[1] == 'd') && sscanf(line + 32, "%x", &bits) == 1;
		for (size_t i = 0; good && i < 16; i++) {
			unsigned int byte = 0;
			good = sscanf(line + 2 * i, "%2x", &byte) == 1;
			prefix.address.bytes[i] = (uint8_t)byte;
		}
		prefix.bits = (uint8_t)bits;
		if (good)
			add_route(routes, &prefix);
	}
}

/* ---- choosing ---- */
static const struct network_record *user_of(const struct network_list *all, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < all->count; i++)
		for (size_t j = 0; j < all->items[i]->subnets_count; j++)
			if (ip_prefix_overlaps(&all->items[i]->subnets[j].prefix, prefix))
				return all->items[i];
	return NULL;
}

static bool is_free(const struct network_list *all, const struct host_routes *routes, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < routes->count; i++)
		if (ip_prefix_overlaps(&routes->items[i], prefix))
			return false;
	return !user_of(all, prefix);
}

static int choose_ipv4(const struct network_list *all, const struct host_routes *routes, struct ip_prefix *ret,
		       struct error *err)
{
	for (uint32_t n = 10u << 24 | 89u << 16; n <= (10u << 24 | 255u << 16 | 255u << 8); n += 256) {
		struct ip_prefix prefix = {.address.family = AF_INET, .bits = 24};
		uint32_t big_endian = htonl(n);
		memcpy(prefix.address.bytes, &big_endian, sizeof(big_endian));
		if (is_free(all, routes, &prefix)) {
			*ret = prefix;
			return 0;
		}
	}
	return error_set(err, EADDRINUSE,
			 "there is no free subnet from 10.89.0.0/24 to 10.255.255.0/24; give one with --subnet");
}

static int choose_ipv6(const struct network_list *all, const struct host_routes *routes, struct ip_prefix *ret,
		       struct error *err)
{
	for (int i = 0; i < 100; i++) {
		struct ip_prefix prefix = {.address = {.family = AF_INET6, .bytes = {0xfd}}, .bits = 64};
		if (getrandom(prefix.address.bytes + 1, 5, 0) != 5)
			return error_sys(err, errno, "choose a subnet");
		if (is_free(all, routes, &prefix)) {
			*ret = prefix;
			return 0;
		}
	}
	return error_set(err, EADDRINUSE, "no free unique local subnet was found; give one with --subnet");
}

static int add_subnet(struct network_record *record, const struct ip_prefix *prefix, struct error *err)
{
	if (record->subnets_count == NETWORK_SUBNETS_MAX)
		return error_set(err, E2BIG, "a network has at most %d subnets", NETWORK_SUBNETS_MAX);
	record->subnets[record->subnets_count++] = (struct network_subnet){.prefix = *prefix};
	record->ipv6 |= prefix->address.family == AF_INET6;
	return 0;
}

static bool has_family(const struct network_record *record, uint16_t family)
{
	for (size_t i = 0; i < record->subnets_count; i++)
		if (record->subnets[i].prefix.address.family == family)
			return true;
	return false;
}

/* An address belongs to the subnet that it lies in. */
static struct network_subnet *subnet_of(struct network_record *record, const struct ip *ip)
{
	for (size_t i = 0; i < record->subnets_count; i++)
		if (ip_prefix_has(&record->subnets[i].prefix, ip))
			return &record->subnets[i];
	return NULL;
}

static int set_gateways(const struct network_request *request, struct network_record *record, struct error *err)
{
	for (size_t i = 0; i < request->gateways.count; i++) {
		struct ip ip;
		const char *text = request->gateways.items[i];
		if (!ip_parse(text, &ip))
			return error_set(err, EINVAL, "--gateway %s: not an IP address", text);
		struct network_subnet *subnet = subnet_of(record, &ip);
		if (!subnet)
			return error_set(err, EINVAL, "gateway %s not in any of the network's subnets", text);
		if (!ip_prefix_is_host(&subnet->prefix, &ip))
			return error_set(err, EINVAL, "gateway %s: a subnet's first address, and IPv4's last one, are nobody's", text);
		subnet->gateway = ip;
	}
	for (size_t i = 0; i < record->subnets_count; i++) {
		struct network_subnet *subnet = &record->subnets[i];
		if (ip_is_set(&subnet->gateway))
			continue;
		subnet->gateway = subnet->prefix.address;
		/* Of two addresses the first one is as good. */
		if (subnet->prefix.bits + 1 < ip_bits(subnet->prefix.address.family))
			ip_add(&subnet->gateway, 1);
	}
	return 0;
}

/* podman takes "FIRST-LAST" too. */
static bool parse_range(const char *text, struct ip *first, struct ip *last)
{
	struct ip_prefix prefix = {.bits = 0};
	if (ip_prefix_parse(text, &prefix)) {
		*first = prefix.address;
		*last = ip_prefix_last(&prefix);
		return true;
	}
	const char *dash = strchr(text, '-');
	auto_free char *low = dash ? xstrndup(text, (size_t)(dash - text)) : NULL;
	return low && ip_parse(low, first) && ip_parse(dash + 1, last) && ip_compare(first, last) <= 0;
}

static int set_ranges(const struct network_request *request, struct network_record *record, struct error *err)
{
	for (size_t i = 0; i < request->ranges.count; i++) {
		struct ip first, last;
		const char *text = request->ranges.items[i];
		if (!parse_range(text, &first, &last))
			return error_set(err, EINVAL, "--ip-range %s: give a network as 10.89.3.128/25, or FIRST-LAST",
					 text);
		struct network_subnet *subnet = subnet_of(record, &first);
		if (!subnet || subnet_of(record, &last) != subnet)
			return error_set(err, EINVAL, "--ip-range %s: it does not lie in a subnet of the network",
					 text);
		if (!ip_prefix_is_host(&subnet->prefix, &first))
			ip_add(&first, 1);
		subnet->first = first;
		subnet->last = last;
	}
	return 0;
}

/* What no container can have: this machine's own loopback, groups, one link's, what is reserved (RFC 6890). */
static const char *reserved_for(const struct ip_prefix *prefix)
{
	static const struct {
		const char *range, *what;
	} reserved[] = {
	    {"0.0.0.0/8", "for \"this network\""},	{"127.0.0.0/8", "for the loopback"}, {"224.0.0.0/4", "for multicast"},
	    {"240.0.0.0/4", "and not in use"},		{"::/127", "for the loopback"},      {"::ffff:0:0/96", "for IPv4"},
	    {"fe80::/10", "for each single link"}, {"ff00::/8", "for multicast"},
	};
	struct ip_prefix range;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (ip_prefix_parse(reserved[i].range, &range) && ip_prefix_overlaps(&range, prefix))
			return reserved[i].what;
	return NULL;
}

/* podman refuses it, because its networks may be the host's; ours are not, so that it is merely seldom what was meant. */
static void warn_of_hosts(const struct network_record *record, const struct host_routes *routes)
{
	char subnet[IP_TEXT_MAX], route[IP_TEXT_MAX];
	for (size_t i = 0; i < record->subnets_count; i++)
		for (size_t j = 0; j < routes->count; j++)
			if (ip_prefix_overlaps(&record->subnets[i].prefix, &routes->items[j])) {
				message_warn("subnet %s: this machine has a route to %s, and what is there cannot be "
					     "reached from the network's containers",
					     ip_prefix_format(&record->subnets[i].prefix, subnet),
					     ip_prefix_format(&routes->items[j], route));
				break;
			}
}

static int set_asked(const struct network_request *request, const struct network_list *all,
		     struct network_record *record, struct error *err)
{
	for (size_t i = 0; i < request->subnets.count; i++) {
		struct ip_prefix prefix = {.bits = 0};
		const char *text = request->subnets.items[i];
		if (!ip_prefix_parse(text, &prefix))
			return error_set(err, EINVAL, "--subnet %s: give a network as 10.89.3.0/24 or fd00:1::/64",
					 text);
		if (prefix.bits >= ip_bits(prefix.address.family))
			return error_set(err, EINVAL, "--subnet %s: it has no room for a gateway and a container",
					 text);
		const char *what = reserved_for(&prefix);
		if (what)
			return error_set(err, EINVAL, "--subnet %s: its addresses are reserved %s, and containers cannot have them", text,
					 what);
		const struct network_record *user = user_of(all, &prefix);
		if (user)
			return error_set(err, EADDRINUSE, "subnet %s is already used by network %s", text, user->name);
		int r = subnet_of(record, &prefix.address) ? error_set(err, EINVAL, "--subnet %s: given twice", text)
							   : add_subnet(record, &prefix, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int network_choose_subnets(const struct network_request *request, const struct network_list *all,
			   struct network_record *record, struct error *err)
{
	auto_free struct host_routes *routes = xcalloc(1, sizeof(*routes));
	struct ip_prefix prefix = {.bits = 0};
	int r = set_asked(request, all, record, err);
	if (r < 0)
		return r;
	read_ipv4_routes(routes);
	read_ipv6_routes(routes);
	if (!request->internal)
		warn_of_hosts(record, routes);
	if (record->subnets_count == 0 &&
	    ((r = choose_ipv4(all, routes, &prefix, err)) < 0 || (r = add_subnet(record, &prefix, err)) < 0))
		return r;
	record->ipv6 |= request->ipv6;
	if (request->ipv6 && !has_family(record, AF_INET6) &&
	    ((r = choose_ipv6(all, routes, &prefix, err)) < 0 || (r = add_subnet(record, &prefix, err)) < 0))
		return r;
	if (request->ipv6 && request->subnets.count && !has_family(record, AF_INET) &&
	    ((r = choose_ipv4(all, routes, &prefix, err)) < 0 || (r = add_subnet(record, &prefix, err)) < 0))
		return r;
	if ((r = set_gateways(request, record, err)) < 0)
		return r;
	return set_ranges(request, record, err);
}
