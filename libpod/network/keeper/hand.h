/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * hand: what the keeper has in the user namespace of the living: two processes.
 *
 *	coracle-net-up   starts the uplink, which has one foot in the host's network namespace, and so stays there itself.
 *	                 When the uplink ends it starts another one. It is a member of the user namespace, so that the
 *	                 next container that starts finds that one. Its parts: hand_process.c
 *	coracle-net-in   lives in the shared network namespace, which was made with it, and does what has to be done from
 *	                 within: filter rules, sockets. It sees no file. Its parts: inside.c
 *
 * Both have given up what they do not need (confine_hand.c), and end with the keeper, which they notice by the end of
 * their sockets. When one of them is killed the keeper ends, and everything is made anew.
 */
/* clang-format on */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "pkg/error/error.h"
#include "pkg/ip/ip.h"
#include "rootless/idmap/idmap.h"

#define HAND_INSIDE_NAME "coracle-net-in" /* of at most 15 characters */

struct hand {
	pid_t pid;    /* of coracle-net-up, the other one's parent */
	int up, in;   /* the sockets that lead to them */
};
#define HAND_INIT ((struct hand){.up = -1, .in = -1})

/* Makes the processes and, with them, the shared network namespace. *ret_netlink is a netlink socket inside. */
int hand_start(int run_fd, const struct id_mapping *mapping, struct hand *ret, int *ret_netlink, struct error *err);
/* Ends them, and waits until they and the uplink are gone. */
void hand_end(struct hand *hand);
/* One of them is dead. */
bool hand_is_gone(const struct hand *hand);

/* Carries out commands of nft(8) there, as one transaction. */
int hand_filter(const struct hand *hand, const char *commands, struct error *err);
/* Listening sockets of the resolver, made there: resolver_listen(). */
int hand_listen(const struct hand *hand, const struct ip *gateway, int *ret_udp, int *ret_tcp, struct error *err);
/* Another socket from there, for servers that only the networks reach. The descriptor. */
int hand_socket(const struct hand *hand, int family, int type, struct error *err);
/* Starts the uplink, if it is not up, and waits for it. */
int hand_uplink(const struct hand *hand, struct ip *ret_address, struct ip *ret_host, struct error *err);
