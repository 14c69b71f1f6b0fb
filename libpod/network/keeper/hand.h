/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hand: the keeper's hand in the shared network namespace, a process of its own. It is root in the user namespace of
 * the living, which owns the shared namespace, and belongs to its members: so the next container that starts finds that
 * user namespace.
 *
 * It stays in the host's network namespace, because the uplink it starts has one foot there; what is to be done inside
 * it does in a child that joins the shared namespace. It waits for requests and, meanwhile, for the end of the uplink,
 * which it then starts again. It ends with the keeper, which it notices by the end of their socket.
 */
#pragma once

#include <sys/types.h>

#include "pkg/error/error.h"
#include "pkg/ip/ip.h"
#include "rootless/idmap/idmap.h"

/* Makes the process and, with it, the shared network namespace. *ret_socket leads to it, *ret_netlink is a netlink
 * socket inside. */
int hand_start(int run_fd, const struct id_mapping *mapping, pid_t *ret_pid, int *ret_socket, int *ret_netlink,
	       struct error *err);
/* Ends it, and waits until it and the uplink are gone. */
void hand_end(pid_t pid, int socket);

/* Carries out commands of nft(8) there, as one transaction. */
int hand_filter(int socket, const char *commands, struct error *err);
/* Listening sockets of the resolver, made there: resolver_listen(). */
int hand_listen(int socket, const struct ip *gateway, int *ret_udp, int *ret_tcp, struct error *err);
/* Another socket from there, for servers that only the networks reach. The descriptor. */
int hand_socket(int socket, int family, int type, struct error *err);
/* Starts the uplink, if it is not up, and waits for it. */
int hand_uplink(int socket, struct ip *ret_address, struct ip *ret_host, struct error *err);
