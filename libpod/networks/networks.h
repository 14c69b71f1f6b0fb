/* SPDX-License-Identifier: Apache-2.0 */
/*
 * networks: the records of the user's networks.
 *
 *	networks/<name>.json     one network, in podman's words (netavark's JSON), written by rename
 *	networks/.lock           held while one is made or changed: subnets and interface names are chosen among all
 *
 * A record says what a network is to be; that it *is* there, its bridge and its addresses, is the matter of the keeper
 * (libpod/network/keeper), which makes it with the first container on it and takes it away with the last. So a record
 * can be written, and removed, without anything else.
 *
 * The network "bridge" is always there, without a file: what `--network bridge` means.
 */
#pragma once

#include <stdint.h>

#include "pkg/ip/ip.h"
#include "storage/store/store.h"

#define NETWORKS_DEFAULT    "bridge"
#define NETWORK_SUBNETS_MAX 4
#define NETWORK_ROUTES_MAX  8
#define NETWORK_SERVERS_MAX 4

struct network_subnet {
	struct ip_prefix prefix;
	struct ip gateway;     /* none: internal networks of macvlan, or not to be had */
	struct ip first, last; /* --ip-range: addresses are given out of it only; none: of all */
};

struct network_route {
	struct ip_prefix destination;
	struct ip gateway;
	uint32_t metric; /* 0: the kernel's */
};

struct network_record {
	char id[65];
	char *name;
	char *driver;    /* "bridge" "macvlan" "ipvlan" */
	char *interface; /* of the bridge, in the shared network namespace; of macvlan and ipvlan: the parent */
	int64_t created_ns;
	struct network_subnet subnets[NETWORK_SUBNETS_MAX];
	size_t subnets_count;
	struct network_route routes[NETWORK_ROUTES_MAX];
	size_t routes_count;
	struct ip servers[NETWORK_SERVERS_MAX]; /* --dns: asked instead of the host's */
	size_t servers_count;
	bool ipv6, internal, dns;
	struct strv labels, options; /* "key=value" */
};
struct network_record *network_record_new(void);
void network_record_free(struct network_record *record);
DEFINE_CLEANUP(struct network_record *, network_record_free)
#define auto_network_record CLEANUP(network_record_freep)

/* Options of a network that mean something: mtu=NUMBER, isolate=BOOL (true; false lets it talk with others that say
 * false), no_default_route=BOOL, metric=NUMBER, mode=MODE and parent=INTERFACE (macvlan, ipvlan), host_loopback=BOOL
 * (the host's 127.0.0.1 can be reached at host.containers.internal). */
struct network_features {
	uint32_t mtu, metric; /* 0: the kernel's */
	bool isolate, no_default_route, host_loopback;
	const char *mode, *parent; /* borrowed; NULL: not said */
};
int network_features(const struct network_record *record, struct network_features *ret, struct error *err);

/* What `network create` is told. Texts are borrowed; NULL: not said. */
struct network_request {
	const char *name, *driver, *interface;
	struct strv subnets, gateways, ranges, servers, routes, labels, options;
	bool ipv6, internal, disable_dns;
};
/* Makes one: checks the request, chooses what was left open (a name, an interface, a subnet that neither another
 * network nor a route of the host has), writes it. -EEXIST: "network name x already used". */
int networks_create(struct store *store, const struct network_request *request, struct network_record **ret,
		    struct error *err);

/* By name, id or unique start of an id. -ENOENT: "unable to find network with name or ID x: network not found". */
int networks_find(struct store *store, const char *name, struct network_record **ret, struct error *err);
/* All of them, by name. */
struct network_list {
	struct network_record **items;
	size_t count;
};
void network_list_free(struct network_list *list);
#define auto_network_list CLEANUP(network_list_free)
int networks_list(struct store *store, struct network_list *ret, struct error *err);
/* Removes the record. The default one stays: -EPERM. -ENOENT. */
int networks_remove(struct store *store, const struct network_record *record, struct error *err);

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, and none of the words that --network knows. */
int network_name_check(const char *name, struct error *err);

/* podman's JSON of it: what the file has, and what `network inspect` prints. */
struct json_object *network_record_json(const struct network_record *record);
