/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network: the private network of one container, and its published ports.
 *
 * The network program (slirp4netns or pasta) and the port forwarder are children of the monitor process, inside its
 * pid namespace: they die with it. Listening sockets are opened by the command line before anything is made, so that
 * a taken port is an error that costs nothing, and handed down.
 *
 *	command line      network_mode, network_listen, network_hosts, network_resolv_conf
 *	monitor process   network_begin as soon as the network namespace is there, network_ready last of all
 *	later             network_mend for what has died; libpod/network/publish.h for ports that come and go
 *	first process     network_loopback_up
 *
 * The default is slirp4netns where it is installed. Measured on the reference machine (2 cores, Linux 6.18,
 * slirp4netns 1.2.0, passt 2023-03): ready after 6.7 ms against 24 ms, 4.7 and 4.2 Gbit/s up and down against 9.7 and
 * 9.6. A start is waited for every time; few containers move more than 4 Gbit/s, published ports pass neither
 * program, and slirp4netns works on a host without a route as well. `--network pasta` is there for those that do.
 *
 * Inside, both give the same network: the container is 10.0.2.100/24 (slirp4netns's cidr= changes it), the gateway
 * .2, and .3 answers DNS.
 */
#pragma once

#include "libpod/container/container.h"
#include "pkg/error/error.h"
#include "rootless/idmap/idmap.h"
#include "rootless/netns/netns.h"

/*
 * Checks the text of --network and lays it into container->network and container->network_options:
 *
 *	"", "private", "default"             the default program: `preferred` (NULL: whichever is installed)
 *	none, host, container:NAME, ns:PATH  (the name is left as it is)
 *	slirp4netns[:OPTION=VALUE,…]         allow_host_loopback, mtu, cidr, enable_ipv6 (default: false),
 *	                                     outbound_addr, outbound_addr6, port_handler=rootlesskit|slirp4netns
 *	pasta[:ARGUMENT,…]                   arguments of pasta(1), which take precedence over ours; --map-gw
 *
 * With port_handler=slirp4netns published ports are forwarded by slirp4netns: slower, and from IPv4 addresses only. With
 * port_handler=rootlesskit servers do not see who connects, but the container's own address (libpod/network/forward/source.c),
 * unless container->client_address says otherwise.
 *
 * A program that is not installed is -ENOENT and the name of its package.
 */
int network_mode(const char *text, const char *preferred, struct container *container, struct error *err);
/* Whether a text of --network is one of these. Every other one begins with the name of a network. */
bool network_is_mode(const char *text);

/* Opens the listening sockets of all published ports, and chooses those that were left to us (container->ports is
 * completed). `ret_fds` is malloc'd, one for each port number of every range in order, O_CLOEXEC, none below 3. A
 * taken port: -EADDRINUSE, "port 8080 … is in use (by nginx, pid 123)" where that can be known. Networks that publish
 * nothing (none, host, container:…) have no sockets. */
int network_listen(struct container *container, int **ret_fds, size_t *ret_count, struct error *err);

/* Whether it has helpers that may die, or may get some while it runs. */
bool network_has_helpers(const struct container *container);

/* Brings `lo` up; in the network namespace of the caller. */
int network_loopback_up(struct error *err);

/*
 * On bridge networks, in the command line: a connection to their keeper, which is made when there is none, and what will be asked of it. `mapping` NULL: none is made, because
 * that can only be done outside the user namespace; without a keeper the container then starts without a network, until somebody attaches it (libpod/network/heal.h).
 */
struct keeper_request;
struct keeper_reply;
struct network_bridges {
	int keeper_fd; /* -1: no bridge networks, or no keeper */
	struct keeper_request *request;
};
#define NETWORK_BRIDGES_INIT ((struct network_bridges){.keeper_fd = -1})
void network_bridges_free(struct network_bridges *bridges);
#define auto_network_bridges CLEANUP(network_bridges_free)
int network_prepare(struct store *store, const struct container *container, const struct id_mapping *mapping, struct network_bridges *ret, struct error *err);

/*
 * In the monitor process (root in the user namespace, host's network namespace): begins the network program for the
 * namespace behind netns_fd and, when there are ports, the forwarder. Returns at once. The listening descriptors can
 * be closed afterwards.
 */
struct network_start {
	const struct container *container;
	int run_fd, directory_fd; /* the run directory, the container's */
	int netns_fd, pidfd;      /* of the first process */
	const struct forward_port *ports; /* published; libpod/network/forward/protocol.h */
	size_t ports_count;
	int control_fd; /* where the forwarder will be told what changes; -1: nothing will be */
	const struct network_bridges *bridges;
	/* On bridge networks, when their keeper was killed meanwhile: a connection to another one, by who is outside of
	 * the user namespace. The descriptor, or negative. NULL: nobody is (libpod/network/keeper/keeper.h). */
	int (*another_keeper)(const void *data, struct error *err);
	const void *data;
	bool sibling; /* what is begun is to be a child of our parent's */
};
struct network_pids {
	pid_t program, forwarder; /* 0: there is none */
};
struct network {
	struct netns_helper program, forwarder;
	bool second_try; /* the program is begun in the other way that there is: start.c */
	int netns_fd;    /* a copy, until network_ready() */
	int api_dir;     /* where slirp4netns listens to us until then, <run directory>/<id>; -1 */
};
int network_begin(const struct network_start *start, struct network *ret, struct error *err);
/* Waits until the interface is configured and the forwarder accepts. Closes all descriptors; the children stay. When it
 * fails nothing is left running. */
int network_ready(const struct network_start *start, struct network *network, struct network_pids *ret, struct error *err);
/* Begins again, for a container that runs, what of it has died (`lost`), and waits for that. */
struct network_lost {
	bool program, forwarder;
};
int network_mend(const struct network_start *start, struct network_lost lost, struct network_pids *ret, struct error *err);
/* Ends what network_begin() began, when the start fails for another reason. */
void network_kill(struct network *network);

/* Contents of /etc/hosts and /etc/resolv.conf (malloc'd) for the container's network. With container:… they are those
 * of the other container: *ret is NULL then. On bridge networks they are written anew at each start, when the addresses are known. */
int network_hosts(const struct container *container, char **ret, struct error *err);
int network_resolv_conf(const struct container *container, char **ret, struct error *err);

/* The container's own IPv4 address, as `inspect` shows it; "" for networks that have none of their own. `out` has 16
 * bytes. */
void network_address(const struct container *container, char *out);
