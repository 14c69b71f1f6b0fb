/* SPDX-License-Identifier: Apache-2.0 */
/* The hand outside: the uplink. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "libpod/network/keeper/hand_protocol.h"
#include "libpod/network/keeper/uplink.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

#define UPLINK_TIMEOUT_MS 20000
#define UPLINK_AGAIN_S    1 /* between the ends of two uplinks that did not hold */

struct hand_process {
	int socket;
	int namespace; /* the shared one */
	pid_t inside;
	struct netns_helper uplink;
	bool wants_uplink;
	time_t uplink_started;
};

/* ---- the uplink ---- */
static int start_uplink(struct hand_process *hand, struct error *err)
{
	hand->wants_uplink = true;
	if (hand->uplink.pid > 0)
		return 0;
	hand->uplink_started = time(NULL);
	int r = uplink_begin(hand->namespace, &hand->uplink, err);
	return r < 0 ? r : netns_helper_wait(&hand->uplink, UPLINK_TIMEOUT_MS, err);
}

static void answer_uplink(struct hand_process *hand)
{
	struct hand_answer answer = {.err = ERROR_INIT};
	answer.result = start_uplink(hand, &answer.err);
	if (answer.result < 0)
		error_context(&answer.err, "the way from the networks to the outside");
	ip_parse(UPLINK_ADDRESS, &answer.address);
	ip_parse(UPLINK_HOST, &answer.host);
	hand_send(hand->socket, &answer, sizeof(answer), NULL, 0);
}

/* It was killed, or the host's network has changed under it: again. */
static void uplink_ended(struct hand_process *hand)
{
	time_t now = time(NULL);
	netns_helper_kill(&hand->uplink);
	if (now - hand->uplink_started < UPLINK_AGAIN_S)
		sleep(UPLINK_AGAIN_S);
	start_uplink(hand, NULL);
}

/* ---- the process ---- */
static int take_request(struct hand_process *hand)
{
	struct hand_request request;
	int fds[2];
	int r = hand_receive(hand->socket, &request, sizeof(request), fds);
	if (r < 0)
		return r;
	answer_uplink(hand);
	return 0;
}

static void serve(struct hand_process *hand)
{
	for (;;) {
		struct pollfd polls[] = {{.fd = hand->socket, .events = POLLIN},
					 {.fd = hand->uplink.pid > 0 ? hand->uplink.pidfd : -1, .events = POLLIN}};
		/* One that could not be started is tried again. */
		int timeout = hand->wants_uplink && hand->uplink.pid <= 0 ? UPLINK_AGAIN_S * 1000 : -1;
		int n = poll(polls, ARRAY_SIZE(polls), timeout);
		if (n < 0 && errno != EINTR)
			return;
		if (n == 0)
			start_uplink(hand, NULL);
		if (n <= 0)
			continue;
		if (polls[1].revents)
			uplink_ended(hand);
		if (polls[0].revents && take_request(hand) < 0)
			return;
	}
}

/* All but the standard ones and these: what the keeper has is not ours. */
static void close_others(int a, int b, int c)
{
	for (int at = STDERR_FILENO + 1;;) {
		int next = INT_MAX; /* to be kept */
		const int keep[] = {a, b, c};
		for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
			if (keep[i] >= at && keep[i] < next)
				next = keep[i];
		if (next > at)
			close_range((unsigned int)at, next == INT_MAX ? ~0u : (unsigned int)next - 1, 0);
		if (next == INT_MAX)
			return;
		at = next + 1;
	}
}

/* The other process, with the shared network namespace, which it hands out. */
static int start_inside(struct hand_process *hand, int in, struct error *err)
{
	int ends[2], fds[2];
	struct hand_answer answer = {.err = ERROR_INIT};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_sys(err, errno, "make a socket pair");
	auto_close int ours = ends[0], theirs = ends[1];
	pid_t pid = process_clone(CLONE_NEWNET, NULL);
	if (pid < 0)
		return error_sys(err, pid, "make the networks' namespace");
	if (pid == 0) {
		close_others(in, theirs, theirs);
		inside_run(in, theirs);
	}
	close(TAKE_FD(theirs));
	hand->inside = pid;
	int r = hand_receive(ours, &answer, sizeof(answer), fds);
	if (r < 0 || answer.result < 0)
		return error_sys(err, r < 0 ? r : answer.result, "make the networks' namespace");
	hand->namespace = fds[0];
	return 0;
}

_Noreturn void hand_run(int up, int in, int run_fd, const struct id_mapping *mapping)
{
	struct hand_process hand = {.socket = up, .namespace = -1, .uplink = NETNS_HELPER_INIT};
	struct hand_answer answer = {.err = ERROR_INIT};
	int status;
	prctl(PR_SET_NAME, "coracle-net-up");
	close_others(up, in, run_fd);
	int r = userns_enter(run_fd, mapping, &answer.err);
	if (r == 0)
		r = start_inside(&hand, in, &answer.err);
	close(in);
	if (r == 0)
		r = hand_confine(&answer.err);
	answer.result = r;
	hand_send(up, &answer, sizeof(answer), NULL, 0);
	if (r == 0)
		serve(&hand);
	netns_helper_kill(&hand.uplink);
	if (hand.inside > 0)
		process_wait(hand.inside, &status);
	userns_withdraw(run_fd, mapping);
	_exit(r < 0);
}
