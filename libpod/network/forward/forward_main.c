/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle-forward NETNS READY ADDRESS PROTOCOL:FD:PORT…
 *
 * Forwards what arrives at each listening descriptor FD to PORT of ADDRESS in the network namespace behind the
 * descriptor NETNS ("-1": the one it is in). A byte on the descriptor READY says that it has begun. It runs until it is
 * killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libpod/network/forward/forward.h"

static int fail(const char *what, int errnum)
{
	dprintf(STDERR_FILENO, "coracle-forward: %s: %s\n", what, strerror(errnum < 0 ? -errnum : errnum));
	return EXIT_FAILURE;
}

static int parse_target(const char *text, struct address *ret)
{
	*ret = (struct address){.length = 0};
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->storage;
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		ret->length = sizeof(*in);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		ret->length = sizeof(*in6);
		return 0;
	}
	return -EINVAL;
}

static int parse_listener(const char *text, struct listener *ret)
{
	char protocol[4];
	int fd, end = -1;
	unsigned int port;
	if (sscanf(text, "%3[a-z]:%d:%u%n", protocol, &fd, &port, &end) != 3 || text[end] || port == 0 ||
	    port > UINT16_MAX)
		return -EINVAL;
	if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)
		return -EINVAL;
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	*ret =
	    (struct listener){.fd = fd, .family = address.ss_family, .tcp = protocol[0] == 't', .port = (uint16_t)port};
	return 0;
}

/* All that the program may have; the number of connections is bounded by it. */
static uint64_t raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

static int watch_listeners(struct forwarder *forwarder)
{
	forwarder->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (forwarder->epoll < 0)
		return -errno;
	for (uint32_t i = 0; i < forwarder->listeners_count; i++) {
		int r = forward_watch(forwarder, forwarder->listeners[i].fd, EPOLLIN,
				      (struct event_data){.kind = EVENT_LISTENER, .index = i});
		if (r < 0)
			return r;
	}
	return 0;
}

/* Room is left in argv's own memory for nothing: the listeners have theirs from the only allocation there is. */
static int parse_arguments(int argc, char **argv, struct forwarder *forwarder)
{
	forwarder->listeners_count = (uint32_t)(argc - 4);
	forwarder->listeners = calloc(forwarder->listeners_count, sizeof(*forwarder->listeners));
	int r = forwarder->listeners ? parse_target(argv[3], &forwarder->target) : -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < forwarder->listeners_count; i++)
		r = parse_listener(argv[4 + i], &forwarder->listeners[i]);
	return r;
}

int main(int argc, char **argv)
{
	struct forwarder forwarder = {.epoll = -1};
	if (argc < 5) {
		dprintf(STDERR_FILENO, "usage: coracle-forward NETNS READY ADDRESS PROTOCOL:FD:PORT...\n");
		return EXIT_FAILURE;
	}
	int netns = atoi(argv[1]), ready = atoi(argv[2]);
	int r = parse_arguments(argc, argv, &forwarder);
	if (r < 0)
		return fail("arguments", r);
	if (netns >= 0 && (setns(netns, CLONE_NEWNET) < 0 || close(netns) < 0))
		return fail("join the container's network", errno);
	signal(SIGPIPE, SIG_IGN);
	r = forward_init(&forwarder, raise_descriptors());
	if (r == 0)
		r = watch_listeners(&forwarder);
	if (r < 0)
		return fail("begin", r);
	r = forward_confine();
	if (r < 0)
		return fail("give up privileges", r);
	if (write(ready, "1", 1) != 1 || close(ready) < 0)
		return fail("say that it is ready", errno);
	while (r == 0)
		r = forward_turn(&forwarder);
	return fail("wait for events", r);
}
