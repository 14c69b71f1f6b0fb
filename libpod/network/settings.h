/* SPDX-License-Identifier: Apache-2.0 */
/* What is inside the module: a container's network options, read. */
#pragma once

#include <netinet/in.h>

#include "libpod/network/keeper/keeper.h"
#include "libpod/network/network.h"

enum network_kind {
	NETWORK_NONE,
	NETWORK_HOST,
	NETWORK_CONTAINER,
	NETWORK_SLIRP4NETNS,
	NETWORK_PASTA,
	NETWORK_BRIDGE, /* one or several of the user's own: libpod/networks */
	NETWORK_NAMESPACE, /* one that is there, by its path */
};

struct network_settings {
	enum network_kind kind;
	char address[INET_ADDRSTRLEN], netmask[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN], dns[INET_ADDRSTRLEN];
	struct netns_slirp4netns slirp4netns; /* its texts are in `texts` */
	bool forwards; /* port_handler=slirp4netns: it forwards published ports, not we */
	const char *source; /* whose address servers see, in the forwarder's words: forward/forward_main.c */
	struct strv texts;
	struct strv arguments; /* of pasta */
};
void network_settings_free(struct network_settings *settings);
#define auto_network_settings CLEANUP(network_settings_free)

/* From container->network and container->network_options. */
int network_settings(const struct container *container, struct network_settings *ret, struct error *err);

/* Whether the network is the container's own, behind a network program. */
static inline bool network_is_private(const struct network_settings *settings)
{
	return settings->kind == NETWORK_SLIRP4NETNS || settings->kind == NETWORK_PASTA;
}

/* Whether ports of it can be published. */
static inline bool network_publishes(const struct network_settings *settings)
{
	return network_is_private(settings) || settings->kind == NETWORK_BRIDGE;
}

/* An address of the host that can be reached from the container's network: false when it has none. */
bool network_host_address(const struct network_settings *settings, char *out);

/* Who has the port: "by nginx, pid 123", "by a process of user id 33"; false when that cannot be known. */
bool network_port_owner(const char *protocol, uint16_t port, char *out, size_t size);

/* On bridge networks: what the keeper gave; NULL while the container does not run. */
struct network_given {
	const struct keeper_given *items;
	size_t count;
	const char *host; /* the host's address as they reach it; "": they do not */
};

/* The texts of /etc/hosts and /etc/resolv.conf from those of the host: for tests. */
int network_hosts_from(const struct container *container, const struct network_settings *settings,
		       const struct network_given *given, const char *host_text, char **ret, struct error *err);
char *network_resolv_conf_from(const struct container *container, const struct network_settings *settings,
			       const struct network_given *given, const char *host_text);
/* The host's files, or what stands in for them. malloc'd. */
char *network_host_hosts(void);
char *network_host_resolv_conf(void);

/* bridge.c: the part of network_begin() and network_ready() that is done for bridge networks. */
int bridge_begin(const struct network_start *start, struct network *network, struct error *err);
/* Writes the container's /etc/hosts and /etc/resolv.conf (through its directory), those that are there, for what it was given. */
int bridge_write_files(const struct container *container, int directory_fd, const struct keeper_request *request, const struct keeper_given *items, size_t count,
		       const struct ip *host_address, struct error *err);
/* *ret_target: the addresses that published ports lead to (FORWARD_TARGET_MAX bytes). */
int bridge_ready(const struct network_start *start, struct network *network, char *ret_target, struct error *err);
/* The addresses that published ports lead to, of those that it was given: of each family that of the first of the
 * container's networks where it has one, with a comma between them (FORWARD_TARGET_MAX bytes); "" when it has none. */
void bridge_target(const struct container *container, const struct keeper_given *items, size_t count, char *ret);
/* The same of a container that runs, as its keeper has it now. */
int bridge_target_now(const struct container *container, int run_fd, char *ret, struct error *err);
