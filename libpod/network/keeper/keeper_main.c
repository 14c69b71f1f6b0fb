/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle-network DIRECTORY-FD RUN-FD MAPPING-FD READY-FD ROOT RUN: the keeper of the user's bridge networks (keeper.h),
 * and its parent (watch.c). start.c is its other end: it reads the mapping, a struct id_mapping, from MAPPING-FD, and
 * writes a struct error to READY-FD: empty when it is ready. ROOT and RUN are the paths of the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpod/network/keeper/hand.h"
#include "libpod/network/keeper/state.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "pkg/text/text.h"

/* The resolver alone takes some hundreds. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Servers that the user names can be containers, and are reached from their networks' namespace. */
static int open_socket(void *data, int family, int type)
{
	const struct keeper *keeper = data;
	return hand_socket(&keeper->hand, family, type, NULL);
}

static int begin(struct keeper *keeper, int run_fd, const struct id_mapping *mapping, struct error *err)
{
	int r;
	/* The hand first: it is a copy of us, and is to have nothing of what comes now. */
	if ((r = hand_start(run_fd, mapping, &keeper->hand, &keeper->netlink, err)) < 0)
		return r;
	raise_descriptors();
	keeper->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (keeper->epoll < 0)
		return error_sys(err, errno, "make an epoll");
	if ((r = resolver_new(&(struct resolver_options){.open_socket = open_socket, .data = keeper}, &keeper->resolver,
			      err)) < 0)
		return r;
	keeper->listener = r = keeper_listen(keeper->directory, err);
	if (r < 0)
		return r;
	if ((r = keeper_watch(keeper, keeper->listener, EVENT_LISTENER, 0)) < 0 ||
	    (r = keeper_watch(keeper, resolver_fd(keeper->resolver), EVENT_RESOLVER, 0)) < 0 ||
	    (r = keeper_watch(keeper, keeper->hand.up, EVENT_HAND, 0)) < 0 ||
	    (r = keeper_watch(keeper, keeper->hand.in, EVENT_HAND, 0)) < 0)
		return error_sys(err, r, "watch the keeper's sockets");
	return keeper_confine(keeper->directory, err);
}

static void leave_caller(void)
{
	setsid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGHUP, SIG_IGN); /* of a terminal that is not ours */
	if (chdir("/") < 0)
		return;
	for (int fd = 3; fd < 8; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct id_mapping mapping;
	if (argc != 7) {
		dprintf(STDERR_FILENO, "coracle-network is started by coracle\n");
		return 125;
	}
	leave_caller();
	pid_t pid = process_clone(0, NULL);
	if (pid > 0)
		watch_keeper(pid, argv[5], argv[6]);
	struct keeper *keeper = xcalloc(1, sizeof(*keeper));
	int run_fd = atoi(argv[2]), mapping_fd = atoi(argv[3]), ready_fd = atoi(argv[4]);
	keeper->directory = atoi(argv[1]);
	keeper->epoll = keeper->listener = keeper->netlink = -1;
	keeper->hand = HAND_INIT;
	keeper->reply.magic = KEEPER_MAGIC;
	memset(keeper->requests, -1, sizeof(keeper->requests));
	int r = pid < 0 ? error_sys(&err, pid, "start a process") : 0;
	if (r == 0)
		r = read_full(mapping_fd, &mapping, sizeof(mapping)) == (ssize_t)sizeof(mapping)
		    ? 0
		    : error_set(&err, EINVAL, "no mapping was handed in");
	close(mapping_fd);
	if (r == 0)
		r = begin(keeper, run_fd, &mapping, &err);
	if (write_all(ready_fd, &err, sizeof(err)) < 0 && r == 0)
		r = -EPIPE;
	close(ready_fd);
	int end = KEEPER_NEVER;
	if (r == 0)
		end = keeper_loop(keeper) < 0 ? KEEPER_LOST : KEEPER_DONE;
	resolver_free(keeper->resolver);
	free(keeper);
	return end;
}
