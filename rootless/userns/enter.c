/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entering a user namespace without being cloned into it. The maps have to be written from outside, so a child that
 * stays there is forked first: it waits for the word that we have unshared, writes them, and answers with how it went.
 * When either dies the other sees the end of the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/internal.h"

struct answer {
	int result;
	struct error error;
};

static _Noreturn void map_from_outside(pid_t pid, int socket_fd, const struct id_mapping *mapping)
{
	char word;
	struct answer answer = {.error = ERROR_INIT};
	if (read_full(socket_fd, &word, 1) != 1)
		_exit(1);
	answer.result = userns_map(pid, mapping, &answer.error);
	_exit(send(socket_fd, &answer, sizeof(answer), MSG_NOSIGNAL) != (ssize_t)sizeof(answer));
}

static int unshare_mapped(int socket_fd, struct error *err)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return userns_explain(errno, err);
	struct answer answer;
	if (send(socket_fd, "u", 1, MSG_NOSIGNAL) != 1 ||
	    read_full(socket_fd, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		return error_set(err, EIO, "make a user namespace: the process that writes its maps died");
	if (answer.result < 0 && err)
		*err = answer.error;
	return answer.result;
}

static int make(const struct id_mapping *mapping, struct error *err)
{
	pid_t self = userns_pid_in_proc();
	if (self < 0)
		return error_sys(err, self, "read /proc/self");
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_sys(err, errno, "make a socket pair");
	auto_close int ours = ends[0], theirs = ends[1];
	pid_t child = process_clone(0, NULL);
	if (child < 0)
		return error_sys(err, child, "start a process");
	if (child == 0) {
		close(ours);
		map_from_outside(self, theirs, mapping);
	}
	close(TAKE_FD(theirs));
	int r = unshare_mapped(ours, err);
	close(TAKE_FD(ours));
	int status;
	process_wait(child, &status);
	return r < 0 ? r : userns_become_root(false, err);
}

int userns_enter(int run_fd, const struct id_mapping *mapping, struct error *err)
{
	auto_close int namespace = userns_find(run_fd, mapping, NULL);
	int r = namespace >= 0 ? userns_join(namespace, false, err) : make(mapping, err);
	if (r < 0)
		return r;
	/* Not being found by others costs them a namespace, no more. */
	(void)userns_announce(run_fd, mapping, NULL);
	return 0;
}
