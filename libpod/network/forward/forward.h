/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward: the port forwarder of one container, a program of its own (coracle-forward).
 *
 *	client ──► listening socket, made in the host's network namespace and handed in
 *	               │ accept
 *	           the forwarder, which has joined the container's network namespace
 *	               │ connect to the container's own address, of the client's family first
 *	           what listens in the container
 *
 * A socket belongs to the network namespace in which it was made, and so do those accepted from it: after joining the
 * container's namespace the process has both sides. Bytes go from socket to socket by splice(2) through a pipe and
 * are never copied to it.
 *
 * A pipe is lent to a direction of a connection for as long as bytes are in it, which mostly is the time of two
 * system calls: thousands of connections need two descriptors each, not six. All memory is one mapping made at the
 * start, of which the kernel gives the pages that are touched. The number of connections is bounded so that
 * descriptors cannot run out; beyond it clients wait in the backlog.
 *
 * Whoever finds a hole in this program has the sockets of one container's published ports and little else: no further
 * program, only the system calls that are named in confine.c, and no capability, or, where servers are to see the
 * client's address (source.c), CAP_NET_ADMIN with only those few options of sockets within reach that need it. Only where
 * that is wanted of datagrams, too, has it a socket by which the container's routes can be changed.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define NO_INDEX UINT32_MAX
#define DATAGRAM_MAX 65536
#define PIPES_KEPT 16 /* empty ones, ready to be lent */

enum event_kind {
	EVENT_LISTENER = 1,
	EVENT_CONNECTION,
	EVENT_FLOW,
	EVENT_CONTROL,
};

/* What an epoll event carries. The generation tells an event for what had this index before. */
struct event_data {
	uint32_t index;
	uint16_t generation;
	uint8_t kind;
	uint8_t side;
};

struct listener {
	int fd; /* -1: the entry is free */
	int family;
	bool tcp;
	uint16_t port; /* in the container; host byte order */
};

struct address {
	struct sockaddr_storage storage;
	socklen_t length;
};

/* ---- TCP ---- */
struct pipe {
	int read, write; /* -1: none is lent */
};

/* From socket [d] to the other one. */
struct direction {
	struct pipe pipe;
	uint32_t buffered; /* bytes in the pipe */
	bool ended;        /* the source has sent its last byte */
	bool finished;     /* … and the other side was told */
};

struct connection {
	int fd[2];         /* 0: the client, 1: the container; -1: the entry is free */
	bool readable[2], writable[2];
	struct direction direction[2];
	bool connecting;
	bool queued;       /* has work to do that no event will tell of */
	uint16_t other;    /* while connecting: the port, when nobody listens there, at the address of the other family; 0 */
	uint16_t generation;
	uint32_t next;     /* of the free ones, or of the queue */
};

/* ---- UDP ---- */
struct flow {
	int fd; /* in the container's namespace, connected; -1: the entry is free */
	uint32_t listener;
	bool six;	 /* connected to the container's IPv6 address */
	bool answered; /* somebody has been there */
	bool routed;	 /* has a route of its own: source.c */
	struct sockaddr_storage client, local; /* local: the address of ours that the client sent to */
	int64_t used_ms;
	uint16_t generation;
	uint32_t next_in_bucket;
	uint32_t older, newer; /* by last use */
};

struct flows {
	struct flow *items;
	uint32_t *buckets;
	uint32_t capacity, buckets_count; /* the latter a power of two */
	uint32_t free;
	uint32_t oldest[2], newest[2]; /* by last use: of those that were never answered, and of the others */
	uint32_t answered;	       /* so many */
};

struct forwarder {
	int epoll;
	int control; /* what it is told comes there: protocol.h; -1: nothing does */
	struct listener *listeners;
	uint32_t listeners_count; /* entries that were ever used */
	struct address target[2]; /* the container's IPv4 and IPv6 addresses; length 0: it has none */
	bool discovers;	       /* its IPv6 address is whichever it has when it is needed: the network gives it, later */
	bool source[2];        /* servers see the client's address, for IPv4 and IPv6: source.c */
	int netlink; /* for the routes of datagrams to clients; -1: servers do not see the clients that they are from */

	struct connection *connections;
	uint32_t capacity, free, queue_first, queue_last;
	uint32_t used; /* no entry from here on was ever used */
	struct pipe pipes[PIPES_KEPT];
	uint32_t pipes_count;
	bool paused; /* nothing is accepted: no room, or no descriptors */

	struct flows flows;
	unsigned char *datagram;
};

/* tcp.c */
void tcp_accept(struct forwarder *forwarder, const struct listener *listener);
void tcp_event(struct forwarder *forwarder, const struct event_data *data, uint32_t events);
/* Goes on with the connections that were put off in favour of others. */
void tcp_run_queue(struct forwarder *forwarder);
void tcp_resume(struct forwarder *forwarder);
/* Resets all connections. */
void tcp_reset_all(struct forwarder *forwarder);

/* udp.c */
void udp_from_clients(struct forwarder *forwarder, uint32_t listener);
void udp_event(struct forwarder *forwarder, const struct event_data *data);
/* Ends the flows that time has run out for; milliseconds until the next one ends, -1 when there is none. */
int udp_expire(struct forwarder *forwarder);
/* Ends the flows of a listener; of all with NO_INDEX. */
void udp_forget(struct forwarder *forwarder, uint32_t listener);

/* forward.c: shared parts */
int64_t forward_now_ms(void);
int forward_watch(struct forwarder *forwarder, int fd, uint32_t events, struct event_data data);
/* Whether the client came by IPv6. */
bool forward_is_six(const struct sockaddr_storage *client);
/* The container's address of that family, with the port; length 0: it has none. */
struct address forward_target(const struct forwarder *forwarder, bool six, uint16_t port);
/* Whether it has one, now or at any time. */
static inline bool forward_has(const struct forwarder *forwarder, bool six)
{
	return forwarder->target[six].length != 0;
}
/* Lays out the tables for at most `descriptors` open files, of which so many will be listeners. 0 or negative errno. */
int forward_init(struct forwarder *forwarder, uint64_t descriptors, uint32_t listeners);
/* One turn of the event loop; negative errno when it cannot go on. */
int forward_turn(struct forwarder *forwarder);

/* control.c: listeners, and what is told later */
/* "10.0.2.100", "fd00::2", "10.89.0.2,fd00::2", "10.0.2.100,discover"; 0 or -EINVAL. */
struct targets {
	struct address address[2];
	bool discovers;
};
int forward_parse_target(const char *text, struct targets *ret);
/* Takes what arrives at the listening socket for this port of the container. The descriptor is the forwarder's then. */
int forward_listen(struct forwarder *forwarder, int fd, uint16_t port);
void forward_control(struct forwarder *forwarder);

/* source.c */
/* In the container's namespace, with all rights there: makes it so that servers may see the client's address, where that
 * can be had. */
void source_prepare(struct forwarder *forwarder, bool datagrams);
/* Gives a new socket, which is to be connected to the target, the address of the client. */
void source_set(const struct forwarder *forwarder, int fd, const struct sockaddr_storage *client, const struct address *target);
/* The same of a socket for datagrams: true when the flow has a route then, to be taken away when its socket is closed. */
bool source_set_flow(const struct forwarder *forwarder, uint32_t index, int fd, const struct sockaddr_storage *client,
		     const struct address *target);
void source_end_flow(const struct forwarder *forwarder, uint32_t index, const struct flow *flow);
/* What servers send from this UDP port of the container may have such a route, or not any more. */
void source_add_port(const struct forwarder *forwarder, uint16_t port);
void source_remove_port(const struct forwarder *forwarder, uint16_t port);

/* confine.c: gives up everything that the loop does not need. 0 or negative errno. */
int forward_confine(const struct forwarder *forwarder);
