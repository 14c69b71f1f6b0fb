/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks over TCP (RFC 7766). One query of a connection is under way at a time: the next one is read when the answer
 * is sent. A connection that says nothing for ten seconds ends, and sooner when its place is needed.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libpod/resolver/internal.h"

#define IDLE_MS 10000
#define STEPS   32 /* at one event */

static size_t index_of(const struct resolver *resolver, const struct client *client)
{
	return (size_t)(client - resolver->clients);
}

void resolver_client_end(struct resolver *resolver, struct client *client)
{
	(void)resolver;
	close(client->fd);
	client->used = false;
	client->generation++;
}

static struct client *place_for_client(struct resolver *resolver)
{
	struct client *oldest = resolver->clients;
	for (struct client *client = resolver->clients; client < resolver->clients + CLIENTS; client++) {
		if (!client->used)
			return client;
		if (client->used_ms < oldest->used_ms)
			oldest = client;
	}
	resolver_client_end(resolver, oldest);
	return oldest;
}

void resolver_accept(struct resolver *resolver, size_t index)
{
	const struct gateway *gateway = &resolver->gateways[index];
	struct asker asker = {
	    .gateway = (uint16_t)index,
	    .gateway_generation = gateway->generation,
	    .tcp = true,
	    .peer_length = sizeof(asker.peer),
	};
	int fd =
	    accept4(gateway->tcp, (struct sockaddr *)&asker.peer, &asker.peer_length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	struct client *client = place_for_client(resolver);
	asker.client = (uint16_t)index_of(resolver, client);
	asker.client_generation = ++client->generation;
	if (resolver_watch(resolver, fd, EPOLLIN, EVENT_CLIENT, asker.client, asker.client_generation) < 0) {
		close(fd);
		return;
	}
	client->used = true;
	client->running = client->waiting = false;
	client->fd = fd;
	client->events = EPOLLIN;
	client->asker = asker;
	client->used_ms = resolver_now_ms();
	client->received = client->to_send = client->sent = 0;
	resolver_tick(resolver);
}

static void watch_for(struct resolver *resolver, struct client *client, uint32_t events)
{
	struct event_data data = {
	    .generation = client->generation,
	    .index = (uint16_t)index_of(resolver, client),
	    .kind = EVENT_CLIENT,
	};
	struct epoll_event event = {.events = events};
	memcpy(&event.data, &data, sizeof(data));
	if (client->events != events && epoll_ctl(resolver->epoll, EPOLL_CTL_MOD, client->fd, &event) < 0)
		resolver_client_end(resolver, client);
	client->events = events;
}

enum step {
	STEP_AGAIN,
	STEP_READ,  /* when there is more to read */
	STEP_WRITE, /* when there is room */
	STEP_WAIT,  /* for an answer */
	STEP_END,
};

static enum step send_reply(struct client *client)
{
	ssize_t sent =
	    send(client->fd, client->out + client->sent, client->to_send - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN ? STEP_WRITE : STEP_END;
	client->sent += (size_t)sent;
	if (client->sent == client->to_send)
		client->sent = client->to_send = 0;
	return STEP_AGAIN;
}

/* One query, if it is there in whole. */
static enum step take_query(struct resolver *resolver, struct client *client)
{
	size_t length = client->received < 2 ? 0 : (size_t)client->in[0] << 8 | client->in[1];
	if (length > QUERY_MAX || (client->received >= 2 && length < DNS_HEADER_SIZE))
		return STEP_END;
	if (client->received < 2 || client->received < 2 + length)
		return STEP_READ;
	uint32_t generation = client->generation;
	client->waiting = true;
	client->used_ms = resolver_now_ms();
	resolver_query(resolver, &client->asker, client->in + 2, length);
	if (client->generation != generation)
		return STEP_WAIT; /* it has ended meanwhile */
	client->received -= 2 + length;
	memmove(client->in, client->in + 2 + length, client->received);
	return STEP_AGAIN;
}

static enum step receive(struct client *client)
{
	ssize_t length =
	    recv(client->fd, client->in + client->received, sizeof(client->in) - client->received, MSG_DONTWAIT);
	if (length <= 0)
		return length < 0 && errno == EAGAIN ? STEP_READ : STEP_END;
	client->received += (size_t)length;
	return STEP_AGAIN;
}

static enum step step(struct resolver *resolver, struct client *client)
{
	if (client->to_send)
		return send_reply(client);
	if (client->waiting)
		return STEP_WAIT;
	enum step next = take_query(resolver, client);
	return next == STEP_READ ? receive(client) : next;
}

static void go_on(struct resolver *resolver, struct client *client)
{
	uint32_t generation = client->generation;
	enum step next = STEP_AGAIN;
	client->running = true;
	for (int i = 0; next == STEP_AGAIN && i < STEPS; i++)
		next = step(resolver, client);
	if (!client->used || client->generation != generation)
		return;
	client->running = false;
	if (next == STEP_END)
		resolver_client_end(resolver, client);
	else
		/* STEP_AGAIN: the others are served first; there is room mostly, so that it comes back at once. */
		watch_for(resolver, client, next == STEP_WAIT ? 0 : next == STEP_READ ? EPOLLIN : EPOLLOUT);
}

void resolver_client_event(struct resolver *resolver, const struct event_data *data)
{
	struct client *client = &resolver->clients[data->index];
	if (!client->used || client->generation != data->generation)
		return;
	/* Nothing was asked to be told of: it is an error or the end. */
	if (!client->events)
		resolver_client_end(resolver, client);
	else
		go_on(resolver, client);
}

void resolver_client_reply(struct resolver *resolver, const struct asker *asker, const unsigned char *message,
			   size_t length)
{
	struct client *client = &resolver->clients[asker->client];
	if (!client->used || client->generation != asker->client_generation || !client->waiting)
		return;
	client->out[0] = (unsigned char)(length >> 8);
	client->out[1] = (unsigned char)length;
	memcpy(client->out + 2, message, length);
	client->to_send = 2 + length;
	client->sent = 0;
	client->waiting = false;
	if (!client->running)
		go_on(resolver, client);
}

bool resolver_expire_clients(struct resolver *resolver, int64_t now_ms)
{
	bool any = false;
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *client = &resolver->clients[i];
		if (client->used && !client->waiting && client->used_ms + IDLE_MS <= now_ms)
			resolver_client_end(resolver, client);
		any |= client->used;
	}
	return any;
}

void resolver_end_clients(struct resolver *resolver, size_t gateway)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *client = &resolver->clients[i];
		if (client->used && (gateway == SIZE_MAX || client->asker.gateway == gateway))
			resolver_client_end(resolver, client);
	}
}
