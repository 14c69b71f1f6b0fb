/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol: what is said on the keeper's socket, <run directory>/network/socket, a SOCK_SEQPACKET. One message is one
 * request; each is answered by one reply, KEEPER_LIST by one for each attachment and then one without. Both ends are
 * programs of one build; all the same the keeper takes nothing of a message on trust.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libpod/networks/networks.h"

#define KEEPER_MAGIC        0x6e657432u /* changes with the structures */
#define KEEPER_NETWORKS_MAX 32          /* of one container */
#define KEEPER_NAMES_MAX    1024
#define KEEPER_FDS_MAX      3 /* with a request */
#define NETWORK_DOMAIN      "dns.coracle" /* behind the names of containers */

enum keeper_verb {
	KEEPER_ATTACH = 1, /* a container that has just been made, to all of its networks; with descriptors: a netlink
			    * socket in its network namespace, a pidfd of its first process and one of its monitor.
			    * Whatever was attached by this id before is gone */
	KEEPER_HEAL,       /* the same, but one that is attached already stays as it is: two may be healing at once */
	KEEPER_CONNECT,    /* a container that runs to further ones; the same descriptors */
	KEEPER_DISCONNECT, /* from one */
	KEEPER_LIST,       /* of the container `id`, or, when that is empty, of all */
	KEEPER_HOLD,       /* a container whose monitor, the only descriptor, is about to start it again: there will be
			    * a member. One that is known already is left as it is */
};

enum keeper_kind {
	KEEPER_BRIDGE,
	KEEPER_MACVLAN,
	KEEPER_IPVLAN,
};

/* A network as the keeper has to know it. */
struct keeper_network {
	char id[65], name[129];
	char interface[IF_NAMESIZE]; /* the bridge; or the parent */
	uint8_t kind;
	uint8_t mode; /* of macvlan and ipvlan, in the kernel's numbers; 0: the usual one */
	bool internal, dns, isolate, no_default_route, host_loopback;
	uint32_t mtu, metric;
	uint32_t subnets_count, routes_count, servers_count;
	struct network_subnet subnets[NETWORK_SUBNETS_MAX];
	struct network_route routes[NETWORK_ROUTES_MAX];
	struct ip servers[NETWORK_SERVERS_MAX];
};

struct keeper_wish {
	struct keeper_network network;
	char interface[IF_NAMESIZE]; /* inside; "": the first free eth… */
	struct ip ip, ip6;           /* none: any */
	uint8_t mac[6];
	bool has_mac;
	char names[KEEPER_NAMES_MAX]; /* the first is the container's; each ends in a NUL, and all of them in another
					 one */
};

struct keeper_request {
	uint32_t magic;
	uint32_t verb;
	char id[65];
	uint32_t servers_count, count;
	struct ip servers[NETWORK_SERVERS_MAX];         /* the container's own --dns */
	struct keeper_wish wishes[KEEPER_NETWORKS_MAX]; /* only `count` of them are sent */
};

struct keeper_given {
	char id[65], network[129], network_id[65];
	char interface[IF_NAMESIZE];
	uint8_t mac[6];
	bool dns; /* names are answered, at the gateways */
	uint32_t count;
	struct {
		struct ip address;
		uint8_t bits;
		struct ip gateway; /* of the network, whether or not a default route leads there */
		bool resolver;     /* something answers DNS at the gateway */
	} addresses[NETWORK_SUBNETS_MAX];
};

struct keeper_reply {
	uint32_t magic;
	int32_t errnum; /* positive; 0: done */
	char text[512];
	struct ip uplink_address, host_address; /* of the shared namespace towards the host; where the host's loopback
						   is, when it can be reached. None: there is no uplink */
	uint32_t count;
	struct keeper_given given[KEEPER_NETWORKS_MAX];
};

static inline size_t keeper_request_size(const struct keeper_request *request)
{
	return offsetof(struct keeper_request, wishes) + request->count * sizeof(request->wishes[0]);
}

static inline size_t keeper_reply_size(const struct keeper_reply *reply)
{
	return offsetof(struct keeper_reply, given) + reply->count * sizeof(reply->given[0]);
}
