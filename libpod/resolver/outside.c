/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries that others answer. An exchange tries its servers one after the other, twice round, by UDP; it goes over to
 * TCP when an answer says that there is more. Each try has another id, another port and another generation, so that
 * nothing of an earlier one counts.
 */
#include <arpa/nameser.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "libpod/resolver/internal.h"

#define TRY_MS    2000
#define STREAM_MS 5000
#define TRIES_MAX 6
#define ANSWERS   16 /* read at one event */

static size_t index_of(const struct resolver *resolver, const struct exchange *exchange)
{
	return (size_t)(exchange - resolver->exchanges);
}

static const struct server *current_server(const struct exchange *exchange)
{
	return &exchange->servers.items[(exchange->tries - 1) % exchange->servers.count];
}

static void drop_socket(struct resolver *resolver, struct exchange *exchange)
{
	if (exchange->fd >= 0)
		resolver_disconnect(resolver, exchange->fd, exchange->servers.of_host);
	if (exchange->stream >= 0)
		resolver->streams[exchange->stream].used = false;
	exchange->fd = exchange->stream = -1;
	exchange->generation++;
}

static void end(struct resolver *resolver, struct exchange *exchange)
{
	drop_socket(resolver, exchange);
	exchange->used = false;
}

static void give_up(struct resolver *resolver, struct exchange *exchange, enum dns_rcode rcode, bool truncated)
{
	end(resolver, exchange);
	resolver_reply_error(resolver, &exchange->asker, &exchange->query, rcode, truncated);
}

static bool choose_id(struct exchange *exchange)
{
	if (getrandom(&exchange->id, sizeof(exchange->id), GRND_NONBLOCK) != sizeof(exchange->id))
		return false;
	dns_set_id(exchange->message, exchange->id);
	return true;
}

static bool try_server(struct resolver *resolver, struct exchange *exchange)
{
	exchange->fd = resolver_connect(resolver, current_server(exchange), exchange->servers.of_host, false);
	if (exchange->fd < 0)
		return false;
	if (choose_id(exchange) && send(exchange->fd, exchange->message, exchange->length, MSG_DONTWAIT) >= 0 &&
	    resolver_watch(resolver, exchange->fd, EPOLLIN, EVENT_EXCHANGE, index_of(resolver, exchange),
			   exchange->generation) == 0)
		return true;
	drop_socket(resolver, exchange);
	return false;
}

static void try_next(struct resolver *resolver, struct exchange *exchange)
{
	size_t most = exchange->servers.count * 2;
	while (exchange->tries < most && exchange->tries < TRIES_MAX) {
		exchange->tries++;
		if (try_server(resolver, exchange)) {
			exchange->deadline_ms = resolver_now_ms() + TRY_MS;
			resolver_tick(resolver);
			return;
		}
	}
	give_up(resolver, exchange, DNS_SERVFAIL, false);
}

/*
 * Whether the asker may have one more. Servers that do not answer hold what was asked of them for seconds; nobody may
 * have more than twice as many under way as there is room left, so that there is always some for those who have few.
 */
static bool has_share(const struct resolver *resolver, const struct asker *asker, const struct servers *servers)
{
	struct resolver_address source = resolver_source(&asker->peer);
	size_t room = servers->of_host ? POOL_UDP : EXCHANGES, own = 0;
	for (size_t i = 0; i < EXCHANGES; i++) {
		const struct exchange *exchange = &resolver->exchanges[i];
		if (!exchange->used || exchange->servers.of_host != servers->of_host)
			continue;
		struct resolver_address other = resolver_source(&exchange->asker.peer);
		own += memcmp(&other, &source, sizeof(source)) == 0;
		room -= room > 0;
	}
	return own < 2 * room;
}

void resolver_ask_outside(struct resolver *resolver, const struct asker *asker, const struct dns_query *query,
			  const struct servers *servers, const unsigned char *message, size_t length)
{
	struct exchange *exchange = resolver->exchanges;
	while (exchange < resolver->exchanges + EXCHANGES && exchange->used)
		exchange++;
	if (exchange == resolver->exchanges + EXCHANGES || length > QUERY_MAX || !servers->count ||
	    !has_share(resolver, asker, servers)) {
		resolver_reply_error(resolver, asker, query, DNS_SERVFAIL, false);
		return;
	}
	exchange->used = true;
	exchange->generation++;
	exchange->fd = exchange->stream = -1;
	exchange->asker = *asker;
	exchange->query = *query;
	exchange->servers = *servers;
	exchange->tries = 0;
	memcpy(exchange->message, message, length);
	exchange->length = length;
	try_next(resolver, exchange);
}

/* ---- over TCP ---- */

/* What UDP has room for is less than there is: who asked over UDP may ask again over TCP, which is tried again then. */
static void stream_failed(struct resolver *resolver, struct exchange *exchange)
{
	bool tcp = exchange->asker.tcp;
	give_up(resolver, exchange, tcp ? DNS_SERVFAIL : DNS_NOERROR, !tcp);
}

static void begin_stream(struct resolver *resolver, struct exchange *exchange)
{
	drop_socket(resolver, exchange);
	int stream = 0;
	while (stream < STREAMS && resolver->streams[stream].used)
		stream++;
	if (stream < STREAMS && choose_id(exchange))
		exchange->fd = resolver_connect(resolver, current_server(exchange), exchange->servers.of_host, true);
	if (exchange->fd < 0 || resolver_watch(resolver, exchange->fd, EPOLLOUT, EVENT_STREAM,
					       index_of(resolver, exchange), exchange->generation) < 0) {
		stream_failed(resolver, exchange);
		return;
	}
	exchange->stream = stream;
	exchange->deadline_ms = resolver_now_ms() + STREAM_MS;
	struct stream *entry = &resolver->streams[stream];
	entry->used = true;
	entry->sent = entry->received = 0;
}

/* 1: all of it is sent; 0: not yet; -1: it cannot be. */
static int send_query(const struct exchange *exchange, struct stream *stream)
{
	unsigned char prefix[2] = {(unsigned char)(exchange->length >> 8), (unsigned char)exchange->length};
	struct iovec pieces[2] = {
	    {.iov_base = prefix, .iov_len = sizeof(prefix)},
	    {.iov_base = (void *)exchange->message, .iov_len = exchange->length},
	};
	size_t skip = stream->sent;
	for (size_t i = 0; i < 2; i++) {
		size_t part = skip < pieces[i].iov_len ? skip : pieces[i].iov_len;
		pieces[i].iov_base = (unsigned char *)pieces[i].iov_base + part;
		pieces[i].iov_len -= part;
		skip -= part;
	}
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
	ssize_t sent = sendmsg(exchange->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN ? 0 : -1;
	stream->sent += (size_t)sent;
	return stream->sent == sizeof(prefix) + exchange->length;
}

/* The length of the message that is there in whole; 0: not yet; -1: it never will be. */
static ssize_t receive_answer(const struct exchange *exchange, struct stream *stream)
{
	for (;;) {
		size_t wanted = 2;
		if (stream->received >= 2)
			wanted += (size_t)stream->in[0] << 8 | stream->in[1];
		if (stream->received >= 2 && stream->received == wanted)
			return (ssize_t)wanted - 2 > 0 ? (ssize_t)wanted - 2 : -1;
		ssize_t length =
		    recv(exchange->fd, stream->in + stream->received, wanted - stream->received, MSG_DONTWAIT);
		if (length <= 0)
			return length < 0 && errno == EAGAIN ? 0 : -1;
		stream->received += (size_t)length;
	}
}

/* ---- answers ---- */

static bool is_ours(const struct exchange *exchange, const unsigned char *message, size_t length,
		    struct dns_answer *answer)
{
	return dns_parse_answer(message, length, answer) == 0 && answer->id == exchange->id &&
	       dns_question_equal(&answer->question, &exchange->query.question);
}

static void deliver(struct resolver *resolver, struct exchange *exchange, unsigned char *message, size_t length,
		    const struct dns_answer *answer)
{
	end(resolver, exchange);
	dns_set_id(message, exchange->query.id);
	if (length > resolver_limit(&exchange->asker, &exchange->query))
		length = dns_truncate(message, answer);
	resolver_reply(resolver, &exchange->asker, message, length);
}

static bool is_no_answer(enum dns_rcode rcode)
{
	return rcode == DNS_SERVFAIL || rcode == DNS_REFUSED || rcode == DNS_NOTIMP;
}

static struct exchange *find(struct resolver *resolver, const struct event_data *data)
{
	struct exchange *exchange = &resolver->exchanges[data->index];
	return exchange->used && exchange->fd >= 0 && exchange->generation == data->generation ? exchange : NULL;
}

void resolver_exchange_event(struct resolver *resolver, const struct event_data *data)
{
	struct exchange *exchange = find(resolver, data);
	for (int i = 0; exchange && i < ANSWERS; i++) {
		struct dns_answer answer;
		ssize_t length = recv(exchange->fd, resolver->in, DNS_MESSAGE_MAX, MSG_DONTWAIT);
		if (length < 0 && errno == EAGAIN)
			return;
		if (length < 0) { /* mostly "port unreachable" */
			drop_socket(resolver, exchange);
			try_next(resolver, exchange);
			return;
		}
		if (!is_ours(exchange, resolver->in, (size_t)length, &answer))
			continue;
		if (answer.truncated) {
			begin_stream(resolver, exchange);
		} else if (is_no_answer(answer.rcode) && exchange->tries < exchange->servers.count) {
			drop_socket(resolver, exchange);
			try_next(resolver, exchange);
		} else {
			deliver(resolver, exchange, resolver->in, (size_t)length, &answer);
		}
		return;
	}
}

void resolver_stream_event(struct resolver *resolver, const struct event_data *data)
{
	struct exchange *exchange = find(resolver, data);
	if (!exchange || exchange->stream < 0)
		return;
	struct stream *stream = &resolver->streams[exchange->stream];
	if (stream->sent < 2 + exchange->length) {
		int r = send_query(exchange, stream);
		struct event_data next = *data;
		struct epoll_event event = {.events = EPOLLIN};
		memcpy(&event.data, &next, sizeof(next));
		if (r < 0 || (r > 0 && epoll_ctl(resolver->epoll, EPOLL_CTL_MOD, exchange->fd, &event) < 0))
			stream_failed(resolver, exchange);
		return;
	}
	struct dns_answer answer;
	ssize_t length = receive_answer(exchange, stream);
	if (length < 0 || (length > 0 && !is_ours(exchange, stream->in + 2, (size_t)length, &answer)))
		stream_failed(resolver, exchange);
	else if (length > 0)
		deliver(resolver, exchange, stream->in + 2, (size_t)length, &answer);
}

bool resolver_expire_exchanges(struct resolver *resolver, int64_t now_ms)
{
	bool any = false;
	for (size_t i = 0; i < EXCHANGES; i++) {
		struct exchange *exchange = &resolver->exchanges[i];
		if (exchange->used && exchange->deadline_ms <= now_ms && exchange->stream >= 0) {
			stream_failed(resolver, exchange);
		} else if (exchange->used && exchange->deadline_ms <= now_ms) {
			resolver_mark_silent(resolver, &current_server(exchange)->address);
			drop_socket(resolver, exchange);
			try_next(resolver, exchange);
		}
		any |= exchange->used;
	}
	return any;
}

void resolver_end_exchanges(struct resolver *resolver)
{
	for (size_t i = 0; i < EXCHANGES; i++)
		if (resolver->exchanges[i].used)
			end(resolver, &resolver->exchanges[i]);
}
