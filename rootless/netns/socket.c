/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "pkg/process/process.h"
#include "rootless/netns/netns.h"
#include "rootless/userns/userns.h"

#define STACK_SIZE 65536

struct opening {
	int netns_fd, user_fd, family, type, protocol;
	int result;
	struct error *err;
};

/* In our memory and with our descriptors, but with credentials and namespaces of its own: what it opens is ours. */
static int open_inside(void *data)
{
	struct opening *opening = data;
	if (opening->user_fd >= 0 && (opening->result = userns_join(opening->user_fd, false, opening->err)) < 0)
		return 0;
	if (setns(opening->netns_fd, CLONE_NEWNET) < 0) {
		opening->result = error_sys(opening->err, errno, "join a network namespace");
		return 0;
	}
	int fd = socket(opening->family, opening->type | SOCK_CLOEXEC, opening->protocol);
	opening->result = fd < 0 ? error_sys(opening->err, errno, "open a socket in a network namespace") : fd;
	return 0;
}

int netns_open_socket(int netns_fd, int user_fd, int family, int type, int protocol, struct error *err)
{
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	struct opening opening = {netns_fd, user_fd, family, type, protocol, -EIO, err};
	/* As posix_spawn(3) does it: we wait until it has ended. */
	pid_t pid = clone(open_inside, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &opening);
	if (pid < 0)
		return error_sys(err, errno, "start a process");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
	}
	process_forget_frames(stack, sizeof(stack));
	return opening.result;
}
