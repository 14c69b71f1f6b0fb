/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's loop, from the first request to the last member. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "libpod/network/keeper/hand.h"
#include "libpod/network/keeper/state.h"
#include "pkg/cleanup/cleanup.h"

#define SOCKET_NAME "socket"
#define NEW_NAME    "socket.new"
#define IDLE_MS                                                                                                        \
	500 /* without a member, until the end: a container that is run after another need not make everything anew */
#define BEGIN_MS 5000 /* who started the keeper has asked for something by then, or is dead */
#define TIDY_MS  1000

int64_t keeper_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A pointer to a member is marked by its kind too: its lowest bits are free. */
int keeper_watch(struct keeper *keeper, int fd, enum event_kind kind, uint64_t value)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = kind == EVENT_MEMBER ? value : value << 8 | kind};
	return epoll_ctl(keeper->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void keeper_accept_more(struct keeper *keeper, bool more)
{
	struct epoll_event event = {.events = more ? EPOLLIN : 0, .data.u64 = EVENT_LISTENER};
	if (keeper->full == !more || epoll_ctl(keeper->epoll, EPOLL_CTL_MOD, keeper->listener, &event) < 0)
		return;
	keeper->full = !more;
}

int keeper_listen(int directory, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" NEW_NAME, directory);
	unlinkat(directory, NEW_NAME, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1024) < 0 ||
	    renameat(directory, NEW_NAME, directory, SOCKET_NAME) < 0)
		return error_sys(err, errno, "listen in the run directory");
	return TAKE_FD(fd);
}

/*
 * Nobody is left. From the shutdown on who wants to connect is refused; who had connected before is still accepted, and
 * then we go on, with a new socket. The lock is held by whoever is just starting a new keeper, which replaces our
 * socket: then it is not ours to remove.
 */
static bool may_end(struct keeper *keeper)
{
	shutdown(keeper->listener, SHUT_RD);
	request_accept(keeper);
	if (!request_is_open(keeper)) {
		hand_end(&keeper->hand);
		if (flock(keeper->directory, LOCK_EX | LOCK_NB) == 0) {
			unlinkat(keeper->directory, SOCKET_NAME, 0);
			flock(keeper->directory, LOCK_UN);
		}
		return true;
	}
	close(keeper->listener);
	keeper->listener = keeper_listen(keeper->directory, NULL);
	if (keeper->listener >= 0)
		keeper_watch(keeper, keeper->listener, EVENT_LISTENER, 0);
	return false;
}

static int dispatch(struct keeper *keeper, uint64_t data)
{
	switch (data & 7) {
	case EVENT_MEMBER:
		member_event(keeper,
			     (struct member *)(uintptr_t)data); /* NOLINT(performance-no-int-to-ptr): it was one */
		break;
	case EVENT_LISTENER:
		request_accept(keeper);
		break;
	case EVENT_RESOLVER:
		resolver_turn(keeper->resolver);
		break;
	case EVENT_REQUEST:
		request_read(keeper, (size_t)(data >> 8));
		break;
	default:
		/* The hand is dead, and the shared namespace with it or without a way to it: a new keeper makes a new
		 * one. */
		return -EPIPE;
	}
	return 0;
}

static bool has_work_later(const struct keeper *keeper)
{
	bool empty = false;
	for (const struct live_network *network = keeper->networks; network; network = network->next)
		empty |= network->members == 0;
	return empty || keeper->dead_links;
}

int keeper_loop(struct keeper *keeper)
{
	int64_t tidied = keeper_now_ms();
	keeper->idle_since_ms = tidied + BEGIN_MS - IDLE_MS;
	for (;;) {
		struct epoll_event event;
		bool busy = keeper->members || request_is_open(keeper);
		int timeout = !busy ? IDLE_MS : has_work_later(keeper) ? TIDY_MS : -1;
		/* One at a time: what the first does can be the end of the second. */
		int n = epoll_wait(keeper->epoll, &event, 1, timeout);
		if (n < 0 && errno != EINTR)
			return -errno;
		int r = n > 0 ? dispatch(keeper, event.data.u64) : 0;
		if (r < 0)
			return r;
		int64_t now = keeper_now_ms();
		busy = keeper->members || request_is_open(keeper);
		if (busy)
			keeper->idle_since_ms = 0;
		else if (!keeper->idle_since_ms)
			keeper->idle_since_ms = now;
		else if (now - keeper->idle_since_ms >= IDLE_MS && may_end(keeper))
			return 0;
		if (busy && now - tidied >= TIDY_MS && has_work_later(keeper)) {
			member_tidy(keeper, now);
			tidied = now;
		}
	}
}
