/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way into the shared network namespace for who is not of it. The keeper is known by its socket, and has started a
 * hand, which has started the one that lives there: a process is found by its parents, and nobody has to answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "libpod/network/keeper/hand.h"
#include "libpod/network/keeper/keeper.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

#define CHILDREN_MAX 4096 /* bytes of /proc/PID/task/PID/children */

static char *children_of(pid_t pid)
{
	char path[64], *text = NULL;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	return file_read_at(AT_FDCWD, path, CHILDREN_MAX, &text, NULL, NULL) < 0 ? NULL : text;
}

/* A descriptor of its directory in /proc, which is of this process and no other, whoever has its number later; -1: it
 * is not that one. */
static int open_if_inside(const char *pid)
{
	auto_free char *path = xasprintf("/proc/%s", pid), *name = NULL;
	auto_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || file_read_at(fd, "comm", 64, &name, NULL, NULL) < 0 || strcmp(name, HAND_INSIDE_NAME "\n") != 0)
		return -1;
	return TAKE_FD(fd);
}

static int find_inside(pid_t keeper)
{
	auto_free char *hands = children_of(keeper);
	for (char *rest = hands, *hand; (hand = strsep(&rest, " "));) {
		auto_free char *children = children_of((pid_t)strtol(hand, NULL, 10));
		for (char *next = children, *child; (child = strsep(&next, " "));) {
			int fd = *child ? open_if_inside(child) : -1;
			if (fd >= 0)
				return fd;
		}
	}
	return -ENOENT;
}

int keeper_visit(int run_fd, struct error *err)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);
	auto_close int keeper = keeper_connect(run_fd, err);
	if (keeper < 0)
		return keeper;
	if (getsockopt(keeper, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return error_sys(err, errno, "find the networks' keeper");
	return find_inside(peer.pid);
}
