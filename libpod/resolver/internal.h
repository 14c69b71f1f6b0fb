/* SPDX-License-Identifier: Apache-2.0 */
/* resolver's own parts: names.c knows the networks, local.c answers from them, outside.c asks others, stream.c has the
 * clients that come over TCP, sockets.c the sockets, servers.c whom to ask. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "libpod/resolver/resolver.h"
#include "pkg/dns/dns.h"

#define QUERY_MAX     4096 /* no query is longer; answers can be */
#define UDP_REPLY_MAX 4096
#define SERVERS_MAX   8
#define EXCHANGES     256
#define STREAMS       16 /* exchanges over TCP */
#define CLIENTS       64 /* who asks over TCP */
#define POOL_UDP      96 /* for each family */
#define POOL_TCP      8
#define SILENT        16
#define FOUND_MAX     1024 /* addresses of one name */

enum event_kind {
	EVENT_TIMER = 1,
	EVENT_DATAGRAMS, /* index: of struct gateway */
	EVENT_LISTENER,
	EVENT_CLIENT,
	EVENT_EXCHANGE,
	EVENT_STREAM,
};

/* What an epoll event carries. The generation tells an event for what had this index before. */
struct event_data {
	uint32_t generation;
	uint16_t index;
	uint8_t kind;
};

/* ---- names.c ---- */
struct node {
	struct node *next;
	uint32_t hash;
};

struct table {
	struct node **buckets;
	size_t size, count; /* size: a power of two, or 0 */
};

struct name {
	struct node node;
	struct member *member;
	unsigned char *wire;
	size_t length;
};

struct place {
	struct node node;
	struct member *member;
	struct resolver_address address;
};

/* A container on one network. `same` leads through all members of one container, in a ring. */
struct member {
	struct member *next, *same;
	struct network *network;
	char *id;
	struct name *names;
	struct place *places;
	size_t names_count, places_count;
	struct resolver_address servers[SERVERS_MAX];
	size_t servers_count;
};

struct network {
	struct network *next;
	struct member *members;
	char *name;
	unsigned char domain[DNS_NAME_MAX];
	size_t domain_length; /* 0: none */
	bool internal;
	struct resolver_address servers[SERVERS_MAX];
	size_t servers_count;
};

/* The sockets of one gateway address. */
struct gateway {
	struct network *network; /* NULL: the entry is free */
	int udp, tcp;
	uint32_t generation;
};

/* ---- who asks ---- */
struct asker {
	uint16_t gateway, client; /* client: only over TCP */
	bool tcp;
	uint32_t gateway_generation, client_generation;
	struct sockaddr_storage peer;
	socklen_t peer_length;
};

/* ---- servers.c ---- */
struct server {
	struct resolver_address address;
	uint32_t scope; /* sin6_scope_id */
};

struct servers {
	struct server items[SERVERS_MAX];
	size_t count;
	bool of_host; /* asked from the host's network namespace */
};

/* ---- sockets.c ---- */
struct pool {
	int fds[POOL_UDP];
	bool busy[POOL_UDP];
	size_t count;
};

/* ---- outside.c ---- */
struct exchange {
	bool used;
	uint32_t generation;
	int fd; /* -1: between two tries */
	struct asker asker;
	struct dns_query query;
	unsigned char message[QUERY_MAX];
	size_t length;
	struct servers servers;
	size_t tries;
	uint16_t id; /* what the server sees */
	int64_t deadline_ms;
	int stream; /* index, when it has gone over to TCP; -1 */
};

struct stream {
	bool used;
	uint16_t exchange;
	size_t sent, received;
	unsigned char in[2 + DNS_MESSAGE_MAX];
};

/* ---- stream.c ---- */
struct client {
	bool used, running; /* running: resolver_client_event() is at it further up the stack */
	int fd;
	uint32_t generation, events;
	struct asker asker;
	int64_t used_ms;
	bool waiting; /* its query is under way: nothing more is read from it */
	size_t received, to_send, sent;
	unsigned char in[2 + QUERY_MAX], out[2 + DNS_MESSAGE_MAX];
};

struct resolver {
	int (*open_socket)(void *data, int family, int type); /* see struct resolver_options */
	void *open_data;
	int epoll, timer;
	bool ticking;
	char *resolv_conf;
	struct stat resolv_conf_seen;
	struct servers host;
	struct {
		struct resolver_address address;
		int64_t until_ms;
	} silent[SILENT];
	struct pool udp[2], tcp[2]; /* [0]: IPv4 */

	struct network *networks;
	struct table names, places;
	struct gateway *gateways;
	size_t gateways_count;
	struct resolver_address host_addresses[SERVERS_MAX];
	size_t host_count;
	uint32_t turn; /* of round robin */

	/* One mapping: pages that nobody needs are never there. */
	struct exchange *exchanges;
	struct stream *streams;
	struct client *clients;
	unsigned char *in, *out; /* DNS_MESSAGE_MAX each */
};

/* resolver.c */
int64_t resolver_now_ms(void);
int resolver_watch(struct resolver *resolver, int fd, uint32_t events, enum event_kind kind, size_t index,
		   uint32_t generation);
/* From now on there is something that time can run out for. */
void resolver_tick(struct resolver *resolver);
/* A query of at most QUERY_MAX bytes has come: answers it, now or later. */
void resolver_query(struct resolver *resolver, const struct asker *asker, const unsigned char *message, size_t length);
/* Sends a message to who asked, if it is still there. */
void resolver_reply(struct resolver *resolver, const struct asker *asker, const unsigned char *message, size_t length);
/* An answer without records. */
void resolver_reply_error(struct resolver *resolver, const struct asker *asker, const struct dns_query *query,
			  enum dns_rcode rcode, bool truncated);
size_t resolver_limit(const struct asker *asker, const struct dns_query *query);
struct resolver_address resolver_source(const struct sockaddr_storage *peer);

/* names.c */
bool resolver_address_equal(const struct resolver_address *a, const struct resolver_address *b);
struct network *resolver_find_network(const struct resolver *resolver, const char *name);
/* Who has this address; NULL: nobody. */
struct member *resolver_find_place(const struct resolver *resolver, const struct resolver_address *address);
/* Adds the addresses that `wire` (lower case) has on the network to found[], FOUND_MAX at the most; whether there is
 * such a name. */
bool resolver_find_name(const struct resolver *resolver, const struct network *network, const unsigned char *wire,
			size_t length, int family, const struct resolver_address **found, size_t *count);
void resolver_names_free(struct resolver *resolver);

/* local.c: true: it was answered. */
bool resolver_answer_local(struct resolver *resolver, const struct asker *asker, const struct network *network,
			   const struct member *member, const struct dns_query *query);

/* servers.c: those that are to be asked for this member (NULL: unknown) of this network, the silent ones last. */
void resolver_choose_servers(struct resolver *resolver, const struct network *network, const struct member *member,
			     struct servers *ret);
void resolver_mark_silent(struct resolver *resolver, const struct resolver_address *server);

/* sockets.c */
int resolver_open_pools(struct resolver *resolver, struct error *err);
void resolver_close_pools(struct resolver *resolver);
/* A nonblocking socket, connected (TCP: at least trying to); -1: there is none, or the server cannot be reached. */
int resolver_connect(struct resolver *resolver, const struct server *server, bool of_host, bool tcp);
void resolver_disconnect(struct resolver *resolver, int fd, bool of_host);

/* outside.c */
void resolver_ask_outside(struct resolver *resolver, const struct asker *asker, const struct dns_query *query,
			  const struct servers *servers, const unsigned char *message, size_t length);
void resolver_exchange_event(struct resolver *resolver, const struct event_data *data);
void resolver_stream_event(struct resolver *resolver, const struct event_data *data);
/* true: something is still under way. */
bool resolver_expire_exchanges(struct resolver *resolver, int64_t now_ms);
void resolver_end_exchanges(struct resolver *resolver);

/* stream.c */
void resolver_accept(struct resolver *resolver, size_t gateway);
void resolver_client_event(struct resolver *resolver, const struct event_data *data);
void resolver_client_reply(struct resolver *resolver, const struct asker *asker, const unsigned char *message,
			   size_t length);
void resolver_client_end(struct resolver *resolver, struct client *client);
bool resolver_expire_clients(struct resolver *resolver, int64_t now_ms);
/* Ends those of one gateway; SIZE_MAX: all. */
void resolver_end_clients(struct resolver *resolver, size_t gateway);
