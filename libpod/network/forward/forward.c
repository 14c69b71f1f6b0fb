/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/network/forward/forward.h"
#include "libpod/network/forward/protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX           16384
#define FLOWS_MAX                 4096
#define DESCRIPTORS_OF_CONNECTION 6 /* two sockets and, at the worst, two pipes */
#define DESCRIPTORS_SPARE         64
#define EVENTS_MAX                64
#define PAUSED_RETRY_MS           100

int64_t forward_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int forward_watch(struct forwarder *forwarder, int fd, uint32_t events, struct event_data data)
{
	struct epoll_event event = {.events = events};
	_Static_assert(sizeof(data) == sizeof(event.data), "an event carries 8 bytes");
	memcpy(&event.data, &data, sizeof(data));
	return epoll_ctl(forwarder->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

bool forward_is_six(const struct sockaddr_storage *client)
{
	return client->ss_family == AF_INET6 &&
	       !IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)client)->sin6_addr);
}

/* The address that the container would send from. Connecting a socket for datagrams sends none; the address that it is
 * connected to is for documentation (RFC 3849), where nobody is. */
static struct address discover(void)
{
	struct address address = {.length = 0};
	struct sockaddr_in6 somewhere = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	struct sockaddr_in6 *own = (struct sockaddr_in6 *)&address.storage;
	socklen_t length = sizeof(*own);
	static const uint8_t documentation[] = {0x20, 0x01, 0x0d, 0xb8};
	memcpy(&somewhere.sin6_addr, documentation, sizeof(documentation));
	somewhere.sin6_addr.s6_addr[15] = 1;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return address;
	if (connect(fd, (struct sockaddr *)&somewhere, sizeof(somewhere)) == 0 &&
	    getsockname(fd, (struct sockaddr *)own, &length) == 0 && !IN6_IS_ADDR_LOOPBACK(&own->sin6_addr) &&
	    !IN6_IS_ADDR_LINKLOCAL(&own->sin6_addr))
		address.length = sizeof(*own);
	close(fd);
	return address;
}

struct address forward_target(const struct forwarder *forwarder, bool six, uint16_t port)
{
	struct address target = six && forwarder->discovers ? discover() : forwarder->target[six];
	if (target.length && six)
		((struct sockaddr_in6 *)&target.storage)->sin6_port = htons(port);
	else if (target.length)
		((struct sockaddr_in *)&target.storage)->sin_port = htons(port);
	return target;
}

/* ---- memory ---- */

static uint32_t at_most(uint64_t value, uint32_t max)
{
	return value < max ? (uint32_t)value : max;
}

static size_t aligned(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

static void *carve(unsigned char **at, size_t size)
{
	void *piece = *at;
	*at += aligned(size);
	return piece;
}

int forward_init(struct forwarder *forwarder, uint64_t descriptors, uint32_t listeners)
{
	struct flows *flows = &forwarder->flows;
	uint64_t taken = DESCRIPTORS_SPARE + listeners;
	flows->capacity = at_most(descriptors / 8, FLOWS_MAX);
	taken += flows->capacity;
	if (descriptors < taken + DESCRIPTORS_OF_CONNECTION || !flows->capacity)
		return -EMFILE;
	forwarder->capacity = at_most((descriptors - taken) / DESCRIPTORS_OF_CONNECTION, CONNECTIONS_MAX);
	flows->buckets_count = FLOWS_MAX;

	size_t listeners_size = FORWARD_LISTENERS_MAX * sizeof(*forwarder->listeners);
	size_t connections_size = forwarder->capacity * sizeof(*forwarder->connections);
	size_t flows_size = flows->capacity * sizeof(*flows->items),
	       buckets_size = flows->buckets_count * sizeof(*flows->buckets);
	size_t size = aligned(connections_size) + aligned(flows_size) + aligned(buckets_size) +
		      aligned(DATAGRAM_MAX) + aligned(listeners_size);
	unsigned char *at =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	forwarder->listeners = carve(&at, listeners_size);
	forwarder->connections = carve(&at, connections_size);
	flows->items = carve(&at, flows_size);
	flows->buckets = carve(&at, buckets_size);
	forwarder->datagram = carve(&at, DATAGRAM_MAX);

	/* Fresh pages are zero: free entries are those behind the list's head that were never used, so that nothing is
	 * touched here. An entry's `next` is one more than the index that follows, and 0 means the one behind it. */
	forwarder->queue_first = forwarder->queue_last = NO_INDEX;
	for (int i = 0; i < 2; i++)
		flows->oldest[i] = flows->newest[i] = NO_INDEX;
	return 0;
}

/* ---- the loop ---- */

static void dispatch(struct forwarder *forwarder, const struct epoll_event *event)
{
	struct event_data data;
	memcpy(&data, &event->data, sizeof(data));
	if (data.kind == EVENT_CONNECTION) {
		tcp_event(forwarder, &data, event->events);
	} else if (data.kind == EVENT_FLOW) {
		udp_event(forwarder, &data);
	} else if (data.kind == EVENT_CONTROL) {
		forward_control(forwarder);
	} else if (forwarder->listeners[data.index].fd < 0) {
		return; /* removed since */
	} else if (forwarder->listeners[data.index].tcp) {
		tcp_accept(forwarder, &forwarder->listeners[data.index]);
	} else {
		udp_from_clients(forwarder, data.index);
	}
}

int forward_turn(struct forwarder *forwarder)
{
	struct epoll_event events[EVENTS_MAX];
	int timeout = udp_expire(forwarder);
	if (forwarder->paused && (timeout < 0 || timeout > PAUSED_RETRY_MS))
		timeout = PAUSED_RETRY_MS;
	if (forwarder->queue_first != NO_INDEX)
		timeout = 0;
	int count = epoll_wait(forwarder->epoll, events, EVENTS_MAX, timeout);
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	/* Something else may have given descriptors back. */
	if (count == 0 && forwarder->paused)
		tcp_resume(forwarder);
	for (int i = 0; i < count; i++)
		dispatch(forwarder, &events[i]);
	tcp_run_queue(forwarder);
	return 0;
}
