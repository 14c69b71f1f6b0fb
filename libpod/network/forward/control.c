/* SPDX-License-Identifier: Apache-2.0 */
/* What the forwarder is told while it runs: protocol.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libpod/network/forward/forward.h"
#include "libpod/network/forward/protocol.h"
#include "pkg/descriptors/descriptors.h"

static int parse_one(const char *text, struct targets *targets)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	if (strcmp(text, "discover") == 0) {
		targets->discovers = true;
	} else if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
		memcpy(&targets->address[0].storage, &in, sizeof(in));
		targets->address[0].length = sizeof(in);
	} else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1) {
		memcpy(&targets->address[1].storage, &in6, sizeof(in6));
		targets->address[1].length = sizeof(in6);
	} else {
		return -EINVAL;
	}
	return 0;
}

int forward_parse_target(const char *text, struct targets *ret)
{
	struct targets targets = {.discovers = false};
	char first[INET6_ADDRSTRLEN] = "";
	size_t length = strcspn(text, ",");
	if (length >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, length);
	if (parse_one(first, &targets) < 0 || (text[length] && parse_one(text + length + 1, &targets) < 0))
		return -EINVAL;
	*ret = targets;
	return 0;
}

/* ---- listeners ---- */

int forward_listen(struct forwarder *forwarder, int fd, uint16_t port)
{
	uint32_t index = 0;
	struct listening listening;
	int r = listening_of(fd, &listening);
	if (r < 0 || !port)
		return r < 0 ? r : -EINVAL;
	while (index < forwarder->listeners_count && forwarder->listeners[index].fd >= 0)
		index++;
	if (index == FORWARD_LISTENERS_MAX)
		return -E2BIG;
	/* While nothing is accepted it would be told of again and again. */
	uint32_t events = forwarder->paused && listening.tcp ? 0 : EPOLLIN;
	r = forward_watch(forwarder, fd, events, (struct event_data){.kind = EVENT_LISTENER, .index = index});
	if (r < 0)
		return r;
	forwarder->listeners[index] =
	    (struct listener){.fd = fd, .family = listening.family, .tcp = listening.tcp, .port = port};
	if (index == forwarder->listeners_count)
		forwarder->listeners_count++;
	if (!listening.tcp)
		source_add_port(forwarder, port);
	return 0;
}

/* The monitor has the socket too, and epoll watches what is open anywhere: it has to be told. */
static void forget(struct forwarder *forwarder, uint32_t index)
{
	struct listener *listener = &forwarder->listeners[index];
	epoll_ctl(forwarder->epoll, EPOLL_CTL_DEL, listener->fd, NULL);
	if (!listener->tcp)
		udp_forget(forwarder, index);
	close(listener->fd);
	listener->fd = -1;
	bool more = listener->tcp;
	for (uint32_t i = 0; i < forwarder->listeners_count && !more; i++)
		more = forwarder->listeners[i].fd >= 0 && !forwarder->listeners[i].tcp &&
		       forwarder->listeners[i].port == listener->port;
	if (!more)
		source_remove_port(forwarder, listener->port);
}

static int add(struct forwarder *forwarder, const struct forward_request *request, const int *fds, uint32_t count)
{
	int r = request->count == count && (uint32_t)request->port + count <= UINT16_MAX + 1u ? 0 : -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		if (r == 0)
			r = forward_listen(forwarder, fds[i], (uint16_t)(request->port + i));
		/* Those before it serve already, and are removed by whoever hears of this. */
		if (r < 0)
			close(fds[i]);
	}
	return r;
}

static int remove_listeners(struct forwarder *forwarder, const struct listening *which)
{
	for (uint32_t i = 0; i < forwarder->listeners_count; i++)
		if (forwarder->listeners[i].fd >= 0 && listening_has(which, forwarder->listeners[i].fd))
			forget(forwarder, i);
	return 0;
}

static bool is_same(const struct address *a, const struct address *b)
{
	return a->length == b->length && memcmp(&a->storage, &b->storage, a->length) == 0;
}

static int set_target(struct forwarder *forwarder, const char *text)
{
	struct targets targets;
	int r = forward_parse_target(text, &targets);
	if (r < 0 || (is_same(&targets.address[0], &forwarder->target[0]) &&
		      is_same(&targets.address[1], &forwarder->target[1])))
		return r;
	memcpy(forwarder->target, targets.address, sizeof(targets.address));
	forwarder->discovers = targets.discovers;
	tcp_reset_all(forwarder);
	udp_forget(forwarder, NO_INDEX);
	return 0;
}

/* ---- messages ---- */

static int handle(struct forwarder *forwarder, struct forward_request *request, const int *fds, uint32_t count)
{
	if (request->type == FORWARD_ADD)
		return add(forwarder, request, fds, count);
	for (uint32_t i = 0; i < count; i++)
		close(fds[i]);
	request->target[sizeof(request->target) - 1] = '\0';
	if (request->type == FORWARD_REMOVE)
		return remove_listeners(forwarder, &request->listening);
	return request->type == FORWARD_TARGET ? set_target(forwarder, request->target) : -EOPNOTSUPP;
}

void forward_control(struct forwarder *forwarder)
{
	struct forward_request request = {0};
	int fds[FORWARD_FDS_MAX];
	size_t count;
	ssize_t length = descriptors_receive(forwarder->control, &request, sizeof(request), fds, FORWARD_FDS_MAX, &count, MSG_DONTWAIT);
	if (length < 0 && length != -EMFILE)
		return;
	if (length == 0) {
		/* Nobody will tell us anything any more; what is being forwarded goes on. */
		close(forwarder->control);
		forwarder->control = -1;
		return;
	}
	/* One of another length is nobody's request: handle() refuses it, and closes what came with it. */
	if (length != sizeof(request))
		request.type = 0;
	int r = length == -EMFILE ? -EMFILE : handle(forwarder, &request, fds, (uint32_t)count);
	struct forward_reply reply = {.errnum = -r};
	send(forwarder->control, &reply, sizeof(reply), MSG_DONTWAIT | MSG_NOSIGNAL);
}
