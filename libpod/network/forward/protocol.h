/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol: what a running forwarder is told, over one end of a SOCK_SEQPACKET pair that its container's monitor has
 * the other end of: ports that come and go, and the container's address when that changes. A message is a request,
 * and each is answered, in order. The monitor passes on what a command has asked of it (libpod/monitor/protocol.h).
 *
 * A port is known by its listening socket, and a listening socket says itself what it is: protocol, address and port.
 * Nothing is counted or numbered between the processes, so that nothing can get out of step when one of them is
 * killed.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define FORWARD_FDS_MAX       64   /* in one message */
#define FORWARD_LISTENERS_MAX 4096 /* of one container */
/* Text of where the container is: an address, or one of each family with a comma between them. */
#define FORWARD_TARGET_MAX (2ul * INET6_ADDRSTRLEN)

/* Listening sockets: those of `count` ports from `first` on, host byte order. */
struct listening {
	bool tcp;
	uint8_t family;      /* AF_INET, AF_INET6; AF_UNSPEC: all addresses, of either family */
	uint8_t address[16]; /* the first 4 bytes for IPv4 */
	uint16_t first, count;
};
/* What the socket is; 0 or negative errno. One for all addresses of both families says AF_INET6. */
int listening_of(int fd, struct listening *ret);
/* Fills in protocol and address from texts ("tcp" or "udp"; "": all addresses), and the range. 0 or -EINVAL. */
int listening_set(const char *protocol, const char *ip, uint16_t first, uint16_t count, struct listening *ret);
/* Whether the socket is one of those. */
bool listening_has(const struct listening *set, int fd);

/* A published port: its listening socket, and where in the container it leads. */
struct forward_port {
	int32_t fd;
	uint16_t port;
};

enum forward_request_type {
	FORWARD_ADD = 1, /* with descriptors, for as many ports in the container from `port` on */
	FORWARD_REMOVE,  /* `listening`: no more is accepted there; connections that are open go on */
	FORWARD_TARGET,  /* `target`: the container's addresses are others now; what was connected to the one before is
			    reset */
};

struct forward_request {
	uint32_t type;
	uint16_t port, count; /* of FORWARD_ADD; count: of the descriptors */
	struct listening listening;
	char target[FORWARD_TARGET_MAX];
};

struct forward_reply {
	int32_t errnum; /* positive; 0: done */
};
