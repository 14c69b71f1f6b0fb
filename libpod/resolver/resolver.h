/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver: the name server of the user's bridge networks, as a part of the keeper's event loop.
 *
 *	container ──► gateway of its network, port 53, UDP or TCP (RFC 1035, 6891, 7766)
 *	                 │
 *	             name of a container that the asker shares a network with?   answered from memory
 *	                 │ no
 *	             the asker is on internal networks only?                     NXDOMAIN
 *	                 │ no
 *	             servers of the asker (--dns), of its networks (network create --dns), or the host's resolv.conf
 *
 * Who asks is told by the source address: the asker sees the names of all networks that it is on, whichever of their
 * gateways it asks; somebody unknown (the namespace itself) sees those of the network whose gateway was asked. Names
 * are compared without case, with or without the domain behind them. A name that several members have is answered with
 * all of their addresses, each time beginning with another one. A name that is there, but not with an address of the
 * wanted family, is an empty answer (NODATA), never "no such name". The addresses of members have PTR records.
 *
 * ---- Network namespaces ----
 * A process that has left the host's network namespace cannot come back. The sockets for the host's servers (which may
 * be on its loopback: 127.0.0.53) are therefore all made by resolver_new(), which is called before, in the host's
 * network namespace; each is used again and again, and disconnected in between so that every query has another random
 * source port. Sockets for servers that were named by the user are made when they are needed, in the network namespace
 * that the process is in then: a server can be a container, and the rest of the world is reached through the uplink.
 *
 *	resolver_new()                      in the host's network namespace
 *	setns(shared network namespace)
 *	resolver_listen(), resolver_add_network(), resolver_add_member()
 *	epoll_ctl(own epoll, EPOLL_CTL_ADD, resolver_fd(), EPOLLIN)
 *	every time that it is readable:     resolver_turn()
 *
 * ---- What it promises ----
 * Nothing blocks, there is no thread and no signal, and resolver_turn() comes back after a bounded number of steps.
 * Memory grows with networks and members only: queries under way, TCP clients and their buffers have room that is made
 * once, and who comes when there is none gets SERVFAIL or, a TCP client, replaces the one that has been silent the
 * longest. Nothing is kept that is not handed in: a keeper that starts anew adds its networks and members again.
 *
 * A query to the outside is sent by UDP with a random id from a random port, as it came (so that EDNS passes through);
 * an answer counts only if it comes from the server's address and port and has the id and the very question. What comes
 * truncated is asked again over TCP. A server that is silent (2 s), unreachable, or answers SERVFAIL or REFUSED is
 * followed by the next one; one that was silent goes to the end of the list for half a minute. resolv.conf is looked at
 * (stat) with every query that goes outside and read again when it has changed.
 *
 * ---- System calls, for a seccomp filter ----
 * Everything: epoll_ctl, epoll_wait/epoll_pwait, recvfrom, recvmsg, sendto, sendmsg, read, write, accept4, socket,
 * bind, connect, setsockopt, getsockopt, shutdown, close, fcntl, openat, newfstatat, fstat, timerfd_settime,
 * clock_gettime, getrandom, ioctl (SIOCGIFINDEX), brk, mmap, munmap, mremap. resolver_new() and resolver_listen() also: epoll_create1,
 * timerfd_create, listen. No capability is used by resolver_turn(); resolver_listen() needs CAP_NET_BIND_SERVICE in the
 * network namespace.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pkg/error/error.h"

struct resolver;

struct resolver_address {
	int family;              /* AF_INET or AF_INET6 */
	unsigned char bytes[16]; /* in network byte order; AF_INET uses the first 4 */
};

/* Takes "10.89.0.1" or "fd00::1"; a zone ("fe80::1%eth0") is no address. false: it is none. */
bool resolver_parse_address(const char *text, struct resolver_address *ret);

struct resolver_options {
	/* For a process that stays in the host's network namespace: makes the sockets for servers that were named by the user (`type` has SOCK_NONBLOCK and
	 * SOCK_CLOEXEC). The descriptor or negative. NULL: socket(2). */
	int (*open_socket)(void *data, int family, int type);
	void *data;
	const char
	    *resolv_conf; /* the host's, opened by this name whenever it changes; NULL: /etc/resolv.conf. When it is
			   * missing or names nobody, 127.0.0.1 is asked (resolv.conf(5)). It has to stay visible
			   * in the process's mount namespace together with the directories that its symlinks lead to */
};

/* Makes an empty one. In the host's network namespace: see above. Takes about 220 descriptors (raise RLIMIT_NOFILE
 * before, where the soft limit is low); fewer where the limit leaves no more, at least one for each family. */
int resolver_new(const struct resolver_options *options, struct resolver **ret, struct error *err);
/* Closes everything; queries under way are never answered. NULL is allowed. */
void resolver_free(struct resolver *resolver);

/* Readable when there is something to do, timeouts included. Owned by the resolver; O_CLOEXEC. */
int resolver_fd(const struct resolver *resolver);
/* Does what is to be done now, and never blocks. Failures concern single queries and are answered to those who asked.
 */
void resolver_turn(struct resolver *resolver);

/* ---- networks ---- */
struct resolver_network {
	const char *name; /* the key */
	const char
	    *domain; /* "dns.podman": NAME.dns.podman is NAME; NULL or "": none. What is unknown under it is NXDOMAIN */
	bool internal; /* members that are on internal networks only learn nothing of the outside */
	const struct resolver_address *servers; /* instead of the host's; asked from the shared network namespace */
	size_t servers_count;
};

/* Opens the sockets of one gateway address, in the network namespace of the caller. Both are nonblocking and O_CLOEXEC;
 * the address need not be there yet (IP_FREEBIND): an IPv6 address may be tentative. */
int resolver_listen(const struct resolver_address *gateway, int *ret_udp, int *ret_tcp, struct error *err);

/* Adds a network, or changes the properties of the one that has this name, whose members and sockets stay. */
int resolver_add_network(struct resolver *resolver, const struct resolver_network *network, struct error *err);
/* Answers for the network on these sockets too (one pair for each gateway address). They become the resolver's and are
 * closed with the network, also when this fails. -ENOENT: there is no such network. */
int resolver_add_sockets(struct resolver *resolver, const char *network, int udp, int tcp, struct error *err);
/* Removes it with its members and sockets; one that is not there is fine. */
void resolver_remove_network(struct resolver *resolver, const char *network);

/* ---- members ---- */
struct resolver_member {
	const char *id; /* of the container: the same on all of its networks */
	const char *const
	    *names; /* NULL-terminated: name, short id, host name, aliases; the first is what PTR answers */
	const struct resolver_address *addresses; /* on this network */
	size_t addresses_count;
	const struct resolver_address *servers; /* the container's own --dns, before those of its networks */
	size_t servers_count;
};

/* Adds a container to a network, or replaces what was known of it there. Everything is copied. Names that no query can
 * have (an empty or too long label: RFC 1035, 2.3.4) are left out. -ENOENT: there is no such network. */
int resolver_add_member(struct resolver *resolver, const char *network, const struct resolver_member *member,
			struct error *err);
/* One that is not there is fine. */
void resolver_remove_member(struct resolver *resolver, const char *network, const char *id);

/* The addresses that host.containers.internal and host.docker.internal have for everybody; replaces those of before. 0
 * addresses: these names are like any other. */
int resolver_set_host(struct resolver *resolver, const struct resolver_address *addresses, size_t count,
		      struct error *err);
