/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP. Every client of a listening socket has a flow: a socket in the container's namespace, connected to what listens
 * there, whose answers go back to that client from the address that it had sent to. A flow ends after some time without
 * a datagram in either direction, or when it is the one unused for the longest and a new client needs its place: of those
 * that were never answered first, because anybody can send from ever new addresses, which need not even be his own.
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
	*(flow->older == NO_INDEX ? &flows->oldest[flow->answered] : &flows->items[flow->older].newer) = flow->newer;
	*(flow->newer == NO_INDEX ? &flows->newest[flow->answered] : &flows->items[flow->newer].older) = flow->older;
	flows->answered -= flow->answered;
}

static void link_newest(struct flows *flows, struct flow *flow)
{
	uint32_t index = (uint32_t)(flow - flows->items);
	flow->used_ms = forward_now_ms();
	uint32_t *newest = &flows->newest[flow->answered];
	flow->older = *newest;
	flow->newer = NO_INDEX;
	*(*newest == NO_INDEX ? &flows->oldest[flow->answered] : &flows->items[*newest].newer) = index;
	*newest = index;
	flows->answered += flow->answered;
}

static void touch(struct flows *flows, struct flow *flow, bool answered)
{
	unlink_use(flows, flow);
	flow->answered |= answered;
	link_newest(flows, flow);
}

/* Lists hold one more than the index, so that 0, which fresh pages are full of, is their end. */
static void end(struct forwarder *forwarder, struct flow *flow)
{
	struct flows *flows = &forwarder->flows;
	uint32_t index = (uint32_t)(flow - flows->items);
	uint32_t *link = bucket(flows, flow->listener, &flow->client);
	while (*link != index + 1)
		link = &flows->items[*link - 1].next_in_bucket;
	*link = flow->next_in_bucket;
	unlink_use(flows, flow);
	close(flow->fd);
	flow->fd = -1;
	source_end_flow(forwarder, index, flow);
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

/* Gives the flow, which has none, a socket to the container's address of that family. */
static bool connect_to(const struct forwarder *forwarder, struct flow *flow, bool six)
{
	uint32_t index = (uint32_t)(flow - forwarder->flows.items);
	struct address target = forward_target(forwarder, six, forwarder->listeners[flow->listener].port);
	struct event_data data = {.index = index, .generation = flow->generation, .kind = EVENT_FLOW};
	int fd = target.length ? socket(target.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return false;
	flow->fd = fd;
	flow->six = six;
	flow->routed = source_set_flow(forwarder, index, fd, &flow->client, &target);
	if (connect(fd, (const struct sockaddr *)&target.storage, target.length) == 0 &&
	    forward_watch((struct forwarder *)forwarder, fd, EPOLLIN, data) == 0)
		return true;
	close(fd);
	flow->fd = -1;
	source_end_flow(forwarder, index, flow);
	return false;
}

/* Nobody listens where it leads to: to the address of the other family, if there is one. */
static bool turn(const struct forwarder *forwarder, struct flow *flow)
{
	if (!forward_has(forwarder, !flow->six))
		return false;
	struct flow before = *flow;
	if (!connect_to(forwarder, flow, !flow->six)) {
		*flow = before;
		return false;
	}
	close(before.fd);
	source_end_flow(forwarder, (uint32_t)(flow - forwarder->flows.items), &before);
	return true;
}

static struct flow *make(struct forwarder *forwarder, uint32_t listener, const struct sockaddr_storage *client,
			 const struct sockaddr_storage *local)
{
	struct flows *flows = &forwarder->flows;
	/* Room is left for new ones to be answered in. */
	bool answered = flows->oldest[0] == NO_INDEX || flows->answered > flows->capacity / 4 * 3;
	if (flows->free >= flows->capacity)
		end(forwarder, &flows->items[flows->oldest[answered]]);
	uint32_t index = flows->free;
	struct flow *flow = &flows->items[index];
	struct flow fresh = {
	    .fd = -1,
	    .listener = listener,
	    .client = *client,
	    .local = *local,
	    .generation = (uint16_t)(flow->generation + 1),
	};
	uint32_t next = flow->next_in_bucket;
	bool six = forward_is_six(client);
	*flow = fresh;
	if (!connect_to(forwarder, flow, six) && !connect_to(forwarder, flow, !six)) {
		flow->next_in_bucket = next;
		return NULL;
	}
	flows->free = next ? next - 1 : index + 1;
	uint32_t *head = bucket(flows, listener, client);
	flow->next_in_bucket = *head;
	*head = index + 1;
	link_newest(flows, flow);
	return flow;
}

int udp_expire(struct forwarder *forwarder)
{
	struct flows *flows = &forwarder->flows;
	int64_t next = -1;
	for (int i = 0; i < 2; i++) {
		while (flows->oldest[i] != NO_INDEX) {
			struct flow *flow = &flows->items[flows->oldest[i]];
			int64_t left = flow->used_ms + IDLE_MS - forward_now_ms();
			if (left > 0) {
				next = next < 0 || left < next ? left : next;
				break;
			}
			end(forwarder, flow);
		}
	}
	return (int)next;
}

void udp_forget(struct forwarder *forwarder, uint32_t listener)
{
	struct flows *flows = &forwarder->flows;
	for (int list = 0; list < 2; list++)
		for (uint32_t i = flows->oldest[list], next; i != NO_INDEX; i = next) {
			next = flows->items[i].newer;
			if (listener == NO_INDEX || flows->items[i].listener == listener)
				end(forwarder, &flows->items[i]);
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

static bool is_refused(int fd)
{
	int errnum = 0;
	socklen_t length = sizeof(errnum);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &length) == 0 && errnum == ECONNREFUSED;
}

static void pass_on(const struct forwarder *forwarder, struct flow *flow, size_t length)
{
	bool again = false;
	/* The first call after "port unreachable" only says so: nobody listened for the one before. */
	if (send(flow->fd, forwarder->datagram, length, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED) {
		turn(forwarder, flow);
		again = true;
	} else if (!flow->answered && forward_has(forwarder, !flow->six) && is_refused(flow->fd)) {
		/* On the loopback interface that has come back before the call has. */
		again = turn(forwarder, flow);
	}
	if (again)
		(void)!send(flow->fd, forwarder->datagram, length, MSG_DONTWAIT);
}

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
		touch(&forwarder->flows, flow, false);
		pass_on(forwarder, flow, (size_t)length);
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
		touch(&forwarder->flows, flow, true);
		answer(forwarder, flow, (size_t)length);
	}
}
