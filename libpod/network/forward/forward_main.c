/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle-forward NETNS READY CONTROL SOURCE ADDRESS [FD:PORT…]
 *
 * Forwards what arrives at each listening descriptor FD to PORT of ADDRESS in the network namespace behind the
 * descriptor NETNS ("-1": the one it is in). A byte on the descriptor READY says that it has begun. What changes later
 * is told through the socket CONTROL ("-1": nothing does). SOURCE says whose address servers are to see: "client", where
 * that can be had (source.c), "all", the same of datagrams too, or "own", the container's. ADDRESS is one, or one of each
 * family ("10.89.0.2,fd00::2"); "discover" stands for the IPv6 address that the container turns out to have. It runs until
 * it is killed.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libpod/network/forward/forward.h"

#define FIRST_LISTENER 6 /* in argv */

static int fail(const char *what, int errnum)
{
	dprintf(STDERR_FILENO, "coracle-forward: %s: %s\n", what, strerror(errnum < 0 ? -errnum : errnum));
	return EXIT_FAILURE;
}

/* FD:PORT */
static int parse_listener(const char *text, struct forwarder *forwarder)
{
	int fd, end = -1;
	unsigned int port;
	if (sscanf(text, "%d:%u%n", &fd, &port, &end) != 2 || text[end] || port > UINT16_MAX)
		return -EINVAL;
	return forward_listen(forwarder, fd, (uint16_t)port);
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

static int begin(struct forwarder *forwarder, char **listeners, uint32_t count)
{
	int r = forward_init(forwarder, raise_descriptors(), count);
	if (r < 0)
		return r;
	forwarder->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (forwarder->epoll < 0)
		return -errno;
	if (forwarder->control >= 0)
		r = forward_watch(forwarder, forwarder->control, EPOLLIN, (struct event_data){.kind = EVENT_CONTROL});
	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = parse_listener(listeners[i], forwarder);
	return r;
}

int main(int argc, char **argv)
{
	struct forwarder forwarder = {.epoll = -1, .netlink = -1};
	struct targets targets;
	if (argc < FIRST_LISTENER) {
		dprintf(STDERR_FILENO, "usage: coracle-forward NETNS READY CONTROL SOURCE ADDRESS [FD:PORT...]\n");
		return EXIT_FAILURE;
	}
	int netns = atoi(argv[1]), ready = atoi(argv[2]);
	forwarder.control = atoi(argv[3]);
	int r = forward_parse_target(argv[5], &targets);
	if (r < 0)
		return fail("arguments", r);
	memcpy(forwarder.target, targets.address, sizeof(targets.address));
	forwarder.discovers = targets.discovers;
	if (netns >= 0 && (setns(netns, CLONE_NEWNET) < 0 || close(netns) < 0))
		return fail("join the container's network", errno);
	if (strcmp(argv[4], "own") != 0)
		source_prepare(&forwarder, strcmp(argv[4], "all") == 0);
	signal(SIGPIPE, SIG_IGN);
	r = begin(&forwarder, argv + FIRST_LISTENER, (uint32_t)(argc - FIRST_LISTENER));
	if (r < 0)
		return fail("begin", r);
	r = forward_confine(&forwarder);
	if (r < 0)
		return fail("give up privileges", r);
	if (write(ready, "1", 1) != 1 || close(ready) < 0)
		return fail("say that it is ready", errno);
	while (r == 0)
		r = forward_turn(&forwarder);
	return fail("wait for events", r);
}
