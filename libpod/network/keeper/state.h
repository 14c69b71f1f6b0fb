/* SPDX-License-Identifier: Apache-2.0 */
/* state: what the keeper's files share. All of it is inside the program coracle-network. */
#pragma once

#include <sys/types.h>

#include "libpod/network/keeper/hand.h"
#include "libpod/network/keeper/protocol.h"
#include "libpod/resolver/resolver.h"
#include "pkg/error/error.h"

#define UPLINK_INTERFACE "tap0"
#define REQUESTS_MAX     64 /* connections at a time */

/* A network that has members. */
struct live_network {
	struct keeper_network is;
	uint32_t interface_index;
	uint8_t mac[6]; /* of the bridge */
	size_t members;
	struct ip last[NETWORK_SUBNETS_MAX]; /* given out: the next one is looked for behind it */
	struct live_network *next;
};

struct attachment {
	struct live_network *network;
	struct keeper_given given;
	char link[IF_NAMESIZE]; /* our end of the cable */
	uint32_t index;         /* of the other one, in the container's network namespace */
	struct attachment *next;
};

/* A container. It is at rest while its process is gone and its monitor, which may start it again, is not: then its
 * addresses are kept for it, unless somebody asks for just them, and it has neither links nor names. */
struct member {
	char id[65];
	int process, monitor; /* pidfds; process -1: at rest */
	int netlink;          /* in its network namespace, which cannot end while this is open; -1: at rest */
	struct ip servers[NETWORK_SERVERS_MAX];
	size_t servers_count;
	struct attachment *attachments;
	struct member *next;
};

/* Our ends of cables whose container is gone. They go with its network namespace, which the kernel takes apart in its
 * own time; what is there after ours is removed. */
struct dead_link {
	char name[IF_NAMESIZE];
	int64_t due_ms;
	struct dead_link *next;
};

enum event_kind {
	EVENT_MEMBER, /* the value is a pointer to the member */
	EVENT_LISTENER,
	EVENT_RESOLVER,
	EVENT_REQUEST,
	EVENT_HAND,
};

struct keeper {
	int epoll;
	int directory; /* <run directory>/network */
	int listener;
	int netlink; /* in the shared namespace */
	struct hand hand;
	struct resolver *resolver;
	struct live_network *networks;
	struct member *members;
	bool uplink; /* there is one */
	struct ip uplink_address, host_address;
	uint32_t links; /* made so far: their names are numbered */
	struct dead_link *dead_links;
	int64_t idle_since_ms;         /* without a member; 0: there are some */
	int requests[REQUESTS_MAX];    /* connections; -1: none */
	bool full;                     /* no place is free, and the listener not watched */
	struct keeper_request request; /* too large for a stack */
	struct keeper_reply reply;
};

/* ---- address.c ---- */
/* The hardware address of who has this one: docker's form, 02:42 and the IPv4 address; of an IPv6 address its last
 * bytes. */
void address_derive_mac(const struct ip *ip, uint8_t *mac);
/* Chooses the addresses of one attachment of the member, and its hardware address. -EADDRINUSE, -ENOSPC. */
int address_choose(const struct keeper *keeper, struct live_network *network, const struct member *member,
		   const struct keeper_wish *wish, struct keeper_given *ret, struct error *err);

/* ---- network.c ---- */
/* The live network of this record, made (bridge, addresses, rules, resolver) when it has no members yet. */
int network_up(struct keeper *keeper, const struct keeper_network *is, struct live_network **ret, struct error *err);
/* Takes it away when it has no members; all those that have none. */
void network_down(struct keeper *keeper, struct live_network *network);
void network_tidy(struct keeper *keeper);

/* ---- member.c ---- */
struct member *member_find(struct keeper *keeper, const char *id);
/* Carries out a request; `fds` are taken. Fills keeper->reply. */
struct request_fds {
	int netlink, process, monitor;
};
int member_attach(struct keeper *keeper, const struct keeper_request *request, struct request_fds *fds,
		  struct error *err);
/* One that is at rest, and is on no network yet. */
int member_hold(struct keeper *keeper, const struct keeper_request *request, struct request_fds *fds,
		struct error *err);
int member_disconnect(struct keeper *keeper, const struct keeper_request *request, struct error *err);
/* Its process or its monitor is gone: looks which. */
void member_event(struct keeper *keeper, struct member *member);
/* Takes members whose process is gone off the network. How many are left on it. */
size_t member_leave_resting(struct keeper *keeper, struct live_network *network);
/* Removes dead links that are due, and networks without members. */
void member_tidy(struct keeper *keeper, int64_t now_ms);

/* ---- names.c: what the resolver is to know ---- */
int names_add_network(struct keeper *keeper, const struct keeper_network *network, struct error *err);
int names_add(struct keeper *keeper, const struct member *member, const struct attachment *attachment,
	      const char *names, struct error *err);

/* ---- neighbours.c ---- */
/* Tells all that are on the network, and the bridge, of one that has joined it, or that is leaving it; of a bridge
 * network. */
void neighbours_add(const struct keeper *keeper, const struct member *member, const struct attachment *attachment);
void neighbours_remove(const struct keeper *keeper, const struct member *member, const struct attachment *attachment);

/* ---- request.c ---- */
void request_accept(struct keeper *keeper);
void request_read(struct keeper *keeper, size_t index);
/* There is a connection. */
bool request_is_open(const struct keeper *keeper);

/* ---- loop.c ---- */
int64_t keeper_now_ms(void);
int keeper_watch(struct keeper *keeper, int fd, enum event_kind kind, uint64_t value);
/* Whether connections are taken: while all places are in use they wait in the backlog. */
void keeper_accept_more(struct keeper *keeper, bool more);
/* Until there is no member left. 0, or negative when it cannot go on. */
int keeper_loop(struct keeper *keeper);
/* The socket under its name. */
int keeper_listen(int directory, struct error *err);

/* ---- watch.c ---- */
/* How the keeper ends: what its parent makes of it. */
enum keeper_end {
	KEEPER_DONE,  /* with its last member */
	KEEPER_LOST,  /* its hand was killed: as if it had been itself */
	KEEPER_NEVER, /* it could not begin, and has said so */
};
/* The life of the keeper's parent. `root` and `run`: the directories of the store. */
_Noreturn void watch_keeper(pid_t keeper, const char *root, const char *run);

/* ---- confine.c ---- */
/* `directory`: the only one in which names may be changed. */
int keeper_confine(int directory, struct error *err);
