/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/resolver/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "libpod/resolver/internal.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/text/text.h"

#define EVENTS_MAX 64
#define DATAGRAMS  64 /* of one gateway, at one event */
#define TICK_MS    100

int64_t resolver_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int resolver_watch(struct resolver *resolver, int fd, uint32_t events, enum event_kind kind, size_t index,
		   uint32_t generation)
{
	struct event_data data = {.generation = generation, .index = (uint16_t)index, .kind = (uint8_t)kind};
	struct epoll_event event = {.events = events};
	_Static_assert(sizeof(data) == sizeof(event.data), "an event carries 8 bytes");
	memcpy(&event.data, &data, sizeof(data));
	return epoll_ctl(resolver->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* ---- the life of a resolver ---- */

static size_t aligned(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

static size_t rooms_size(void)
{
	return aligned(EXCHANGES * sizeof(struct exchange)) + aligned(STREAMS * sizeof(struct stream)) +
	       aligned(CLIENTS * sizeof(struct client)) + 2 * aligned(DNS_MESSAGE_MAX);
}

static int make_rooms(struct resolver *resolver, struct error *err)
{
	unsigned char *at =
	    mmap(NULL, rooms_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return error_sys(err, errno, "name server: memory");
	resolver->exchanges = (struct exchange *)at;
	at += aligned(EXCHANGES * sizeof(struct exchange));
	resolver->streams = (struct stream *)at;
	at += aligned(STREAMS * sizeof(struct stream));
	resolver->clients = (struct client *)at;
	at += aligned(CLIENTS * sizeof(struct client));
	resolver->in = at;
	resolver->out = at + aligned(DNS_MESSAGE_MAX);
	return 0;
}

DEFINE_CLEANUP(struct resolver *, resolver_free)

int resolver_new(const struct resolver_options *options, struct resolver **ret, struct error *err)
{
	CLEANUP(resolver_freep) struct resolver *resolver = xcalloc(1, sizeof(*resolver));
	resolver->open_socket = options ? options->open_socket : NULL;
	resolver->open_data = options ? options->data : NULL;
	resolver->epoll = epoll_create1(EPOLL_CLOEXEC);
	resolver->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (resolver->epoll < 0 || resolver->timer < 0)
		return error_sys(err, errno, "name server: make a descriptor");
	resolver->resolv_conf = strdup(options && options->resolv_conf ? options->resolv_conf : "/etc/resolv.conf");
	if (!resolver->resolv_conf)
		return error_sys(err, ENOMEM, "name server");
	int r = make_rooms(resolver, err);
	if (r == 0)
		r = resolver_open_pools(resolver, err);
	if (r < 0)
		return r;
	r = resolver_watch(resolver, resolver->timer, EPOLLIN, EVENT_TIMER, 0, 0);
	if (r < 0)
		return error_sys(err, r, "name server: watch a descriptor");
	*ret = TAKE_PTR(resolver);
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	if (resolver->exchanges) {
		resolver_end_exchanges(resolver);
		resolver_end_clients(resolver, SIZE_MAX);
	}
	resolver_names_free(resolver);
	resolver_close_pools(resolver);
	if (resolver->exchanges)
		munmap(resolver->exchanges, rooms_size());
	cleanup_close(&resolver->timer);
	cleanup_close(&resolver->epoll);
	free(resolver->resolv_conf);
	free(resolver);
}

int resolver_fd(const struct resolver *resolver)
{
	return resolver->epoll;
}

/* ---- gateways ---- */

static struct gateway *place_for_gateway(struct resolver *resolver)
{
	for (size_t i = 0; i < resolver->gateways_count; i++)
		if (!resolver->gateways[i].network)
			return &resolver->gateways[i];
	if (resolver->gateways_count > UINT16_MAX)
		return NULL;
	struct gateway *gateways =
	    reallocarray(resolver->gateways, resolver->gateways_count + 1, sizeof(*resolver->gateways));
	if (!gateways)
		return NULL;
	resolver->gateways = gateways;
	gateways[resolver->gateways_count] = (struct gateway){.udp = -1, .tcp = -1};
	return &gateways[resolver->gateways_count++];
}

int resolver_add_sockets(struct resolver *resolver, const char *name, int udp_fd, int tcp_fd, struct error *err)
{
	auto_close int udp = udp_fd, tcp = tcp_fd;
	struct network *network = resolver_find_network(resolver, name);
	if (!network)
		return error_set(err, ENOENT, "name server: no network \"%s\"", name);
	struct gateway *gateway = place_for_gateway(resolver);
	if (!gateway)
		return error_sys(err, ENOMEM, "name server: add a gateway");
	size_t index = (size_t)(gateway - resolver->gateways);
	int r = resolver_watch(resolver, udp, EPOLLIN, EVENT_DATAGRAMS, index, gateway->generation);
	if (r == 0)
		r = resolver_watch(resolver, tcp, EPOLLIN, EVENT_LISTENER, index, gateway->generation);
	if (r < 0)
		return error_sys(err, r, "name server: watch a socket");
	gateway->network = network;
	gateway->udp = TAKE_FD(udp);
	gateway->tcp = TAKE_FD(tcp);
	return 0;
}

static struct gateway *gateway_of(const struct resolver *resolver, const struct asker *asker)
{
	struct gateway *gateway = &resolver->gateways[asker->gateway];
	return gateway->network && gateway->generation == asker->gateway_generation ? gateway : NULL;
}

/* ---- queries and replies ---- */

size_t resolver_limit(const struct asker *asker, const struct dns_query *query)
{
	if (asker->tcp)
		return DNS_MESSAGE_MAX;
	return query->udp_size < UDP_REPLY_MAX ? query->udp_size : UDP_REPLY_MAX;
}

struct resolver_address resolver_source(const struct sockaddr_storage *peer)
{
	struct resolver_address source = {.family = peer->ss_family};
	if (peer->ss_family == AF_INET6)
		memcpy(source.bytes, &((const struct sockaddr_in6 *)peer)->sin6_addr, 16);
	else
		memcpy(source.bytes, &((const struct sockaddr_in *)peer)->sin_addr, 4);
	return source;
}

void resolver_reply(struct resolver *resolver, const struct asker *asker, const unsigned char *message, size_t length)
{
	if (asker->tcp) {
		resolver_client_reply(resolver, asker, message, length);
		return;
	}
	const struct gateway *gateway = gateway_of(resolver, asker);
	if (gateway)
		sendto(gateway->udp, message, length, MSG_DONTWAIT, (const struct sockaddr *)&asker->peer,
		       asker->peer_length);
}

void resolver_reply_error(struct resolver *resolver, const struct asker *asker, const struct dns_query *query,
			  enum dns_rcode rcode, bool truncated)
{
	struct dns_reply reply = dns_reply_begin(query, rcode, resolver->out, resolver_limit(asker, query));
	reply.truncated = truncated;
	resolver_reply(resolver, asker, resolver->out, dns_reply_end(&reply));
}

static bool may_go_outside(const struct network *network, const struct member *member)
{
	if (!member)
		return !network->internal;
	const struct member *at = member;
	do {
		if (!at->network->internal)
			return true;
		at = at->same;
	} while (at != member);
	return false;
}

void resolver_query(struct resolver *resolver, const struct asker *asker, const unsigned char *message, size_t length)
{
	struct dns_query query;
	const struct gateway *gateway = gateway_of(resolver, asker);
	if (!gateway || dns_parse_query(message, length, &query) < 0)
		return;
	if (query.error) {
		resolver_reply_error(resolver, asker, &query, query.error, false);
		return;
	}
	struct resolver_address source = resolver_source(&asker->peer);
	const struct member *member = resolver_find_place(resolver, &source);
	if (resolver_answer_local(resolver, asker, gateway->network, member, &query))
		return;
	if (!may_go_outside(gateway->network, member)) {
		resolver_reply_error(resolver, asker, &query, DNS_NXDOMAIN, false);
		return;
	}
	struct servers servers;
	resolver_choose_servers(resolver, gateway->network, member, &servers);
	resolver_ask_outside(resolver, asker, &query, &servers, message, length);
}

static void read_datagrams(struct resolver *resolver, size_t index)
{
	const struct gateway *gateway = &resolver->gateways[index];
	for (int i = 0; i < DATAGRAMS; i++) {
		struct asker asker = {
		    .gateway = (uint16_t)index,
		    .gateway_generation = gateway->generation,
		    .peer_length = sizeof(asker.peer),
		};
		ssize_t length = recvfrom(gateway->udp, resolver->in, DNS_MESSAGE_MAX, MSG_DONTWAIT,
					  (struct sockaddr *)&asker.peer, &asker.peer_length);
		if (length < 0)
			return;
		resolver_query(resolver, &asker, resolver->in, (size_t)length);
	}
}

/* ---- time ---- */

static void set_timer(struct resolver *resolver, long interval_ms)
{
	struct timespec interval = {.tv_nsec = interval_ms * 1000000};
	struct itimerspec timer = {.it_interval = interval, .it_value = interval};
	resolver->ticking = timerfd_settime(resolver->timer, 0, &timer, NULL) == 0 && interval_ms;
}

void resolver_tick(struct resolver *resolver)
{
	if (!resolver->ticking)
		set_timer(resolver, TICK_MS);
}

static void expire(struct resolver *resolver)
{
	uint64_t ticks;
	int64_t now_ms = resolver_now_ms();
	(void)!read(resolver->timer, &ticks, sizeof(ticks));
	bool exchanges = resolver_expire_exchanges(resolver, now_ms),
	     clients = resolver_expire_clients(resolver, now_ms);
	if (!exchanges && !clients)
		set_timer(resolver, 0);
}

/* ---- events ---- */

static void handle(struct resolver *resolver, const struct event_data *data)
{
	switch (data->kind) {
	case EVENT_TIMER:
		expire(resolver);
		break;
	case EVENT_DATAGRAMS:
		read_datagrams(resolver, data->index);
		break;
	case EVENT_LISTENER:
		resolver_accept(resolver, data->index);
		break;
	case EVENT_CLIENT:
		resolver_client_event(resolver, data);
		break;
	case EVENT_EXCHANGE:
		resolver_exchange_event(resolver, data);
		break;
	case EVENT_STREAM:
		resolver_stream_event(resolver, data);
		break;
	default:
		break;
	}
}

void resolver_turn(struct resolver *resolver)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(resolver->epoll, events, EVENTS_MAX, 0);
	for (int i = 0; i < count; i++) {
		struct event_data data;
		memcpy(&data, &events[i].data, sizeof(data));
		handle(resolver, &data);
	}
}
