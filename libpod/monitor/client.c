/* SPDX-License-Identifier: Apache-2.0 */
/* The commands' side of the control socket. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "libpod/monitor/message.h"
#include "libpod/monitor/monitor.h"
#include "pkg/cleanup/cleanup.h"

#define CONNECT_TRIES 100 /* 10 ms each */
#define FORWARD_TRIES 2500
#define LOOK_OFTEN_MS 1000 /* the end of a monitor that dies is near; one that lives is looked at less often then */

/* ---- connecting ---- */
static int try_connect(struct store *store, const char *id)
{
	char name[80];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(name, sizeof(name), "%.64s", id);
	auto_close int dirfd = openat(store->run_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dirfd < 0)
		return -errno;
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Through the descriptor: the path may be longer than an address. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/control", dirfd);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int monitor_connect(struct store *store, const char *id, struct error *err)
{
	struct container_state state;
	int fd = try_connect(store, id);
	for (int i = 0; fd < 0 && i < CONNECT_TRIES; i++) {
		int r = container_state(store, id, &state, err);
		if (r < 0)
			return r;
		if (state.status == CONTAINER_CREATED || state.status == CONTAINER_EXITED)
			return error_set(err, ESRCH, "container %.12s is not running", id);
		/* It lives, so its run directory was removed, or it is just being started: the signal makes it make its socket anew. Its number
		 * is trusted because the lock is held. */
		if (state.monitor_pid > 0 && i % 10 == 0)
			kill(state.monitor_pid, SIGHUP);
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		fd = try_connect(store, id);
	}
	if (fd < 0)
		return error_sys(err, fd, "reach the monitor of container %.12s", id);
	return fd;
}

/* ---- requests ---- */
static int ask(int fd, const struct monitor_request *request, const int *fds, size_t count, int *ret_fd, struct error *err)
{
	struct monitor_reply reply = {.type = 0};
	int r = message_send(fd, request, sizeof(*request), fds, count);
	/* Who is turned away is told so before. */
	if (r == -EPIPE)
		r = 0;
	/* What it says unasked may be on the way already; it is the exit, and then there is no answer. */
	while (r == 0 && (r = message_receive(fd, &reply, ret_fd)) == 0 && reply.type != REPLY_ANSWER)
		if (reply.type == REPLY_EXITED)
			return error_set(err, ESRCH, "the container is not running");
	if (r == -ECONNRESET || r == -EPIPE)
		return error_set(err, ESRCH, "the container is not running");
	if (r < 0)
		return error_sys(err, r, "talk to the container's monitor");
	if (reply.errnum == EOPNOTSUPP)
		return error_set(err, EOPNOTSUPP, "this needs a cgroup of the container's own, and there is none");
	return reply.errnum ? error_set(err, reply.errnum, "%s", reply.text) : 0;
}

int monitor_kill(int fd, int signal, struct error *err)
{
	return ask(fd, &(struct monitor_request){.type = REQUEST_KILL, .signal = signal}, NULL, 0, NULL, err);
}

int monitor_pause(int fd, struct error *err)
{
	return ask(fd, &(struct monitor_request){.type = REQUEST_PAUSE}, NULL, 0, NULL, err);
}

int monitor_hold(int fd, struct error *err)
{
	return ask(fd, &(struct monitor_request){.type = REQUEST_HOLD}, NULL, 0, NULL, err);
}

int monitor_unpause(int fd, struct error *err)
{
	int r = ask(fd, &(struct monitor_request){.type = REQUEST_UNPAUSE}, NULL, 0, NULL, err);
	return r == -EINVAL ? error_set(err, EINVAL, "the container is not paused") : r;
}

int monitor_resize(int fd, uint16_t rows, uint16_t columns, struct error *err)
{
	return ask(fd, &(struct monitor_request){.type = REQUEST_RESIZE, .rows = rows, .columns = columns}, NULL, 0, NULL, err);
}

int monitor_stop(int fd, int signal, int64_t timeout_s, struct error *err)
{
	return ask(fd, &(struct monitor_request){.type = REQUEST_STOP, .signal = signal, .timeout_s = timeout_s}, NULL, 0, NULL, err);
}

int monitor_stop_to_restart(int fd, int signal, int64_t timeout_s, struct error *err)
{
	return ask(fd, &(struct monitor_request){.type = REQUEST_STOP, .signal = signal, .timeout_s = timeout_s, .keep = 1}, NULL, 0, NULL, err);
}

int monitor_pidfd(int fd, int *ret_pidfd, struct error *err)
{
	int pidfd = -1;
	int r = ask(fd, &(struct monitor_request){.type = REQUEST_PIDFD}, NULL, 0, &pidfd, err);
	if (r == 0 && pidfd < 0)
		return error_set(err, ESRCH, "the container is not running");
	if (r == 0)
		*ret_pidfd = pidfd;
	return r;
}

/* Its network may just be being mended, or somebody else be asking. */
int monitor_forward(int fd, const struct forward_request *request, const int *fds, size_t count, struct error *err)
{
	int r = -EINPROGRESS;
	for (int i = 0; r == -EINPROGRESS && i < FORWARD_TRIES; i++) {
		error_clear(err);
		if (i)
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		r = ask(fd, &(struct monitor_request){.type = REQUEST_FORWARD, .forward = *request}, fds, count, NULL, err);
	}
	return r;
}

/* ---- streams ---- */
void streams_close(struct stream_ends *ends)
{
	for (size_t i = 0; i < MONITOR_STREAMS_MAX; i++) {
		cleanup_close(&ends->ours[i]);
		cleanup_close(&ends->theirs[i]);
	}
	*ends = STREAM_ENDS_INIT;
}

int streams_make(const struct launch_streams *streams, struct stream_ends *ret, struct error *err)
{
	CLEANUP(streams_close) struct stream_ends ends = STREAM_ENDS_INIT;
	const bool wanted[] = {streams->attach_stdin, streams->attach_stdout, streams->attach_stderr};
	int pair[2];
	if (streams->terminal && (wanted[0] || wanted[1] || wanted[2])) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return error_sys(err, errno, "make a socket for the terminal");
		ends.ours[!wanted[0]] = pair[0];
		ends.theirs[0] = pair[1];
		ends.streams = STREAM_TERMINAL;
	}
	for (int i = 0; i < 3 && !streams->terminal; i++) {
		if (!wanted[i])
			continue;
		if (pipe2(pair, O_CLOEXEC) < 0)
			return error_sys(err, errno, "make a pipe");
		ends.ours[i] = pair[i == 0];
		ends.theirs[i] = pair[i != 0];
		ends.streams |= 1u << i;
	}
	*ret = ends;
	ends = STREAM_ENDS_INIT;
	return 0;
}

int monitor_attach(int fd, const struct launch_streams *streams, int ret_stdio[3], struct error *err)
{
	CLEANUP(streams_close) struct stream_ends ends = STREAM_ENDS_INIT;
	int fds[MONITOR_STREAMS_MAX];
	size_t count = 0;
	int r = streams_make(streams, &ends, err);
	if (r < 0)
		return r;
	for (int i = 0; i < 3; i++)
		if (ends.theirs[i] >= 0)
			fds[count++] = ends.theirs[i];
	struct monitor_request request = {.type = REQUEST_ATTACH, .streams = ends.streams, .rows = streams->rows, .columns = streams->columns};
	r = ask(fd, &request, fds, count, NULL, err);
	if (r < 0)
		return r;
	for (int i = 0; i < 3; i++)
		ret_stdio[i] = TAKE_FD(ends.ours[i]);
	return 0;
}

/* ---- waiting ---- */
static int64_t milliseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Without the monitor: it is dying, or others have taken the place of who only waits. `until`: 0: for ever. */
static int wait_for_truth(struct store *store, const char *id, int64_t until, int *ret_exit_code, struct error *err)
{
	int64_t begin = milliseconds();
	for (;;) {
		struct container_state state;
		int r = container_state(store, id, &state, err);
		if (r < 0)
			return r;
		if (state.status == CONTAINER_CREATED || state.status == CONTAINER_EXITED) {
			*ret_exit_code = state.exit_code;
			return 0;
		}
		int64_t now = milliseconds();
		if (until && now >= until)
			return error_set(err, ETIMEDOUT, "the container %.12s is still running", id);
		nanosleep(&(struct timespec){.tv_nsec = now - begin < LOOK_OFTEN_MS ? 1000000 : 50000000}, NULL);
	}
}

int monitor_wait(struct store *store, const char *id, int fd, int timeout_ms, int *ret_exit_code, struct error *err)
{
	struct monitor_request request = {.type = REQUEST_WAIT};
	struct monitor_reply reply;
	int64_t until = milliseconds() + timeout_ms;
	message_send(fd, &request, sizeof(request), NULL, 0); /* one that is gone is met below */
	for (;;) {
		int64_t left = timeout_ms < 0 ? -1 : until - milliseconds();
		struct pollfd pollfd = {.fd = fd, .events = POLLIN};
		int n = poll(&pollfd, 1, left < 0 && timeout_ms >= 0 ? 0 : (int)left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return error_set(err, ETIMEDOUT, "the container %.12s is still running", id);
		/* A message that it sent before it went can still be read. */
		int r = message_receive(fd, &reply, NULL);
		if (r == -ECONNRESET || r == -EPIPE)
			return wait_for_truth(store, id, timeout_ms < 0 ? 0 : until, ret_exit_code, err);
		if (r < 0)
			return error_sys(err, r, "wait for container %.12s", id);
		if (reply.type == REPLY_EXITED) {
			*ret_exit_code = reply.exit_code;
			return 0;
		}
	}
}
