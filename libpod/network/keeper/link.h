/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link: interfaces, addresses and routes, through rtnetlink(7). Each function takes a socket, which says the network
 * namespace, and waits for the kernel's answer.
 *
 * Messages are sent to the kernel's address, by name (sendto(2)): the kernel then asks for the rights of who sends, not
 * also for those of who opened the socket (netlink_ns_capable()), which are another user namespace's.
 */
#pragma once

#include "libpod/network/keeper/protocol.h"
#include "pkg/error/error.h"

/* A bridge, up. *ret_index is its number. `mac` NULL: it has that of one of its ports, now of this and now of that one.
 * -EEXIST. */
int link_make_bridge(int netlink, const char *name, const uint8_t *mac, uint32_t mtu, uint32_t *ret_index,
		     struct error *err);
/* A cable: `name` is our end, plugged into the bridge and up; the other end is `inside` in the network namespace of the
 * socket `other`. -EEXIST: there is an `inside` already. */
struct link_cable {
	const char *name, *inside;
	uint32_t bridge;
	const uint8_t *mac; /* of the inner end */
	uint32_t mtu;
};
int link_make_cable(int netlink, int other, const struct link_cable *cable, struct error *err);
/* A macvlan or ipvlan of the parent, as `inside` in the network namespace of the socket `other`. */
struct link_child {
	const char *parent, *inside;
	uint8_t kind, mode;
	const uint8_t *mac;
	uint32_t mtu;
};
int link_make_child(int netlink, int other, const struct link_child *child, struct error *err);
/* Permanent entries of the neighbour table (arp(7)), made or changed, or removed. What fails is passed over. */
struct link_neighbour {
	struct ip address;
	uint8_t mac[6];
};
void link_set_neighbours(int netlink, uint32_t index, const struct link_neighbour *items, size_t count, bool add);
int link_remove(int netlink, const char *name, struct error *err);
int link_up(int netlink, const char *name, struct error *err);
/* There is such an interface, and it has this hardware address. */
bool link_has_mac(int netlink, const char *name, const uint8_t *mac);
/* The interface's number; -ENODEV. */
int link_index(int netlink, const char *name, struct error *err);
/* An address that can be used at once (no duplicate address detection: we give them out). */
int link_add_address(int netlink, uint32_t index, const struct ip *address, uint8_t bits, struct error *err);
/* destination NULL: the default route. */
int link_add_route(int netlink, uint32_t index, const struct ip_prefix *destination, const struct ip *gateway,
		   uint32_t metric, struct error *err);
