/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP. Every client of a listening socket has a flow: a socket in the container's namespace, connected to what listens
 * there, whose answers go back to that client from the address that it had sent to. A flow ends after some time without
 * a datagram in either direction, or when it is the one unused for the longest and a new client needs its place.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libpod/network/forward/forward.h"

#define IDLE_MS      90000
#define DATAGRAMS    64 /* of one socket in one go */
#define CONTROL_SIZE 128

/* ---- finding flows ---- */

static uint32_t hash_bytes(uint32_t hash, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

/* Both addresses are zero behind what the kernel filled in, so that they compare as bytes. */
static uint32_t *bucket(struct flows *flows, uint32_t listener, const struct sockaddr_storage *client)
{
	uint32_t hash = hash_bytes(2166136261u, &listener, sizeof(listener));
	hash = hash_bytes(hash, client, sizeof(struct sockaddr_in6));
	return &flows->buckets[(hash ^ hash >> 16) & (flows->buckets_count - 1)];
}

static void unlink_use(struct flows *flows, struct flow *flow)
{
	*(flow->older == NO_INDEX ? &flows->oldest : &flows->items[flow->older].newer) = flow->newer;
	*(flow->newer == NO_INDEX ? &flows->newest : &flows->items[flow->newer].older) = flow->older;
}

static void link_newest(struct flows *flows, struct flow *flow)
{
	uint32_t index = (uint32_t)(flow - flows->items);
	flow->used_ms = forward_now_ms();
	flow->older = flows->newest;
	flow->newer = NO_INDEX;
	*(flows->newest == NO_INDEX ? &flows->oldest : &flows->items[flows->newest].newer) = index;
	flows->newest = index;
}

static void touch(struct flows *flows, struct flow *flow)
{
	unlink_use(flows, flow);
	link_newest(flows, flow);
}

/* Lists hold one more than the index, so that 0, which fresh pages are full of, is their end. */
static void end(struct flows *flows, struct flow *flow)
{
	uint32_t index = (uint32_t)(flow - flows->items);
	uint32_t *link = bucket(flows, flow->listener, &flow->client);
	while (*link != index + 1)
		link = &flows->items[*link - 1].next_in_bucket;
	*link = flow->next_in_bucket;
	unlink_use(flows, flow);
	close(flow->fd);
	flow->fd = -1;
	flow->next_in_bucket = flows->free + 1;
	flows->free = index;
}

static struct flow *find(struct flows *flows, uint32_t listener, const struct sockaddr_storage *client,
			 const struct sockaddr_storage *local)
{
	for (uint32_t link = *bucket(flows, listener, client); link; link = flows->items[link - 1].next_in_bucket) {
		struct flow *flow = &flows->items[link - 1];
		if (flow->listener == listener && memcmp(&flow->client, client, sizeof(*client)) == 0 &&
		    memcmp(&flow->local, local, sizeof(*local)) == 0)
			return flow;
	}
	return NULL;
}

static int connect_inside(const struct forwarder *forwarder, const struct listener *listener)
{
	struct address target = forward_target(forwarder, listener);
	int fd = socket(target.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&target.storage, target.length) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct flow *make(struct forwarder *forwarder, uint32_t listener, const struct sockaddr_storage *client,
			 const struct sockaddr_storage *local)
{
	struct flows *flows = &forwarder->flows;
	int fd = connect_inside(forwarder, &forwarder->listeners[listener]);
	if (fd < 0)
		return NULL;
	if (flows->free >= flows->capacity)
		end(flows, &flows->items[flows->oldest]);
	uint32_t index = flows->free;
	struct flow *flow = &flows->items[index];
	struct event_data data = {.index = index, .generation = (uint16_t)(flow->generation + 1), .kind = EVENT_FLOW};
	if (forward_watch(forwarder, fd, EPOLLIN, data) < 0) {
		close(fd);
		return NULL;
	}
	flows->free = flow->next_in_bucket ? flow->next_in_bucket - 1 : index + 1;
	uint32_t *head = bucket(flows, listener, client);
	*flow = (struct flow){
	    .fd = fd,
	    .listener = listener,
	    .client = *client,
	    .local = *local,
	    .generation = data.generation,
	    .next_in_bucket = *head,
	};
	*head = index + 1;
	link_newest(flows, flow);
	return flow;
}

int udp_expire(struct forwarder *forwarder)
{
	struct flows *flows = &forwarder->flows;
	while (flows->oldest != NO_INDEX) {
		struct flow *flow = &flows->items[flows->oldest];
		int64_t left = flow->used_ms + IDLE_MS - forward_now_ms();
		if (left > 0)
			return (int)left;
		end(flows, flow);
	}
	return -1;
}

void udp_forget(struct forwarder *forwarder, uint32_t listener)
{
	struct flows *flows = &forwarder->flows;
	for (uint32_t i = flows->oldest, next; i != NO_INDEX; i = next) {
		next = flows->items[i].newer;
		if (listener == NO_INDEX || flows->items[i].listener == listener)
			end(flows, &flows->items[i]);
	}
}

/* ---- the address of ours that a client used (ip(7), ipv6(7): PKTINFO) ---- */

static void read_local(struct msghdr *message, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(header), sizeof(info));
			struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
			in6->sin6_family = AF_INET6;
			in6->sin6_addr = info.ipi6_addr;
			/* An address of one link means nothing without the link. */
			in6->sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? (uint32_t)info.ipi6_ifindex : 0;
		} else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(header), sizeof(info));
			struct sockaddr_in *in = (struct sockaddr_in *)ret;
			in->sin_family = AF_INET;
			in->sin_addr = info.ipi_addr;
		}
	}
}

static void write_local(struct msghdr *message, const struct sockaddr_storage *local)
{
	struct cmsghdr *header = message->msg_control;
	if (local->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)local;
		struct in6_pktinfo info = {.ipi6_addr = in6->sin6_addr, .ipi6_ifindex = in6->sin6_scope_id};
		header->cmsg_level = IPPROTO_IPV6;
		header->cmsg_type = IPV6_PKTINFO;
		header->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(header), &info, sizeof(info));
		message->msg_controllen = CMSG_SPACE(sizeof(info));
	} else if (local->ss_family == AF_INET) {
		struct in_pktinfo info = {.ipi_spec_dst = ((const struct sockaddr_in *)local)->sin_addr};
		header->cmsg_level = IPPROTO_IP;
		header->cmsg_type = IP_PKTINFO;
		header->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(header), &info, sizeof(info));
		message->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		message->msg_control = NULL;
		message->msg_controllen = 0;
	}
}

/* ---- datagrams ---- */

void udp_from_clients(struct forwarder *forwarder, uint32_t listener)
{
	for (int i = 0; i < DATAGRAMS; i++) {
		struct sockaddr_storage client = {.ss_family = AF_UNSPEC}, local;
		_Alignas(struct cmsghdr) unsigned char control[CONTROL_SIZE];
		struct iovec data = {.iov_base = forwarder->datagram, .iov_len = DATAGRAM_MAX};
		struct msghdr message = {.msg_name = &client,
					 .msg_namelen = sizeof(client),
					 .msg_iov = &data,
					 .msg_iovlen = 1,
					 .msg_control = control,
					 .msg_controllen = sizeof(control)};
		ssize_t length = recvmsg(forwarder->listeners[listener].fd, &message, MSG_DONTWAIT);
		if (length < 0)
			return;
		read_local(&message, &local);
		struct flow *flow = find(&forwarder->flows, listener, &client, &local);
		if (!flow)
			flow = make(forwarder, listener, &client, &local);
		if (!flow)
			continue; /* lost, as datagrams may be */
		touch(&forwarder->flows, flow);
		/* The first call after "port unreachable" only says so: nobody listened for the one before. */
		if (send(flow->fd, forwarder->datagram, (size_t)length, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED)
			(void)!send(flow->fd, forwarder->datagram, (size_t)length, MSG_DONTWAIT);
	}
}

static void answer(const struct forwarder *forwarder, struct flow *flow, size_t length)
{
	_Alignas(struct cmsghdr) unsigned char control[CONTROL_SIZE] = {0};
	struct iovec data = {.iov_base = forwarder->datagram, .iov_len = length};
	struct msghdr message = {
	    .msg_name = &flow->client,
	    .msg_namelen =
		flow->client.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
	    .msg_iov = &data,
	    .msg_iovlen = 1,
	    .msg_control = control,
	};
	write_local(&message, &flow->local);
	sendmsg(forwarder->listeners[flow->listener].fd, &message, MSG_DONTWAIT);
}

void udp_event(struct forwarder *forwarder, const struct event_data *data)
{
	struct flow *flow = &forwarder->flows.items[data->index];
	for (int i = 0; i < DATAGRAMS; i++) {
		if (flow->generation != data->generation || flow->fd < 0)
			return;
		ssize_t length = recv(flow->fd, forwarder->datagram, DATAGRAM_MAX, MSG_DONTWAIT);
		/* An error is "port unreachable": whatever listens there may be restarting. Reading has cleared it. */
		if (length < 0)
			return;
		touch(&forwarder->flows, flow);
		answer(forwarder, flow, (size_t)length);
	}
}
