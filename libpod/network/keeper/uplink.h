/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink: how the shared network namespace reaches the host's: slirp4netns, or pasta where that is not installed. Its
 * addresses are of a range that is meant for tests between routers (RFC 2544), and which nobody's network has.
 */
#pragma once

#include "pkg/ip/ip.h"
#include "rootless/netns/netns.h"

#define UPLINK_CIDR    "198.19.255.0/24"
#define UPLINK_ADDRESS "198.19.255.100"
#define UPLINK_HOST    "198.19.255.2" /* the gateway, at which the host's loopback is */
#define UPLINK_HOST6   "fd00::2"      /* the same, of slirp4netns alone, which knows no other one */
#define UPLINK_NETMASK "255.255.255.0"

/* Begins it for the namespace behind netns_fd, from the host's, as root of the user namespace; netns_helper_wait()
 * waits. */
int uplink_begin(int netns_fd, struct netns_helper *ret, struct error *err);
