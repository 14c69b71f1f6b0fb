/* SPDX-License-Identifier: Apache-2.0 */
/* The hand itself. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
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
#include "libpod/resolver/resolver.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

#define UPLINK_TIMEOUT_MS 20000
#define UPLINK_AGAIN_S    1 /* between the ends of two uplinks that did not hold */

struct hand {
	int socket;
	int namespace; /* the shared one */
	struct netns_helper uplink;
	bool wants_uplink;
	time_t uplink_started;
};

/* ---- inside ---- */
typedef int (*inside_function)(const struct hand_request *request, int fds[2], struct error *err);

/* In a child that joins the shared namespace, for good; what it has to say goes to the keeper from there. When it was
 * killed nobody knows whether it did: the hand ends, and all is made anew. */
static int do_inside(const struct hand *hand, const struct hand_request *request, inside_function function)
{
	pid_t pid = process_clone(0, NULL);
	if (pid == 0) {
		struct hand_answer answer = {.err = ERROR_INIT};
		int fds[2] = {-1, -1};
		if (setns(hand->namespace, CLONE_NEWNET) < 0)
			answer.result = error_sys(&answer.err, errno, "join the networks' namespace");
		else
			answer.result = function(request, fds, &answer.err);
		_exit(hand_send(hand->socket, &answer, sizeof(answer), fds,
				answer.result < 0 || fds[0] < 0 ? 0
				: fds[1] < 0                    ? 1
								: 2) < 0);
	}
	int status = 0;
	return pid < 0 || process_wait(pid, &status) < 0 || status != 0 ? -EPIPE : 0;
}

static int filter(const struct hand_request *request, int fds[2], struct error *err)
{
	(void)fds;
	return inside_filter(request->text, err);
}

static int listen_inside(const struct hand_request *request, int fds[2], struct error *err)
{
	struct resolver_address gateway = {.family = request->ip.family};
	memcpy(gateway.bytes, request->ip.bytes, sizeof(gateway.bytes));
	return resolver_listen(&gateway, &fds[0], &fds[1], err);
}

static int open_inside(const struct hand_request *request, int fds[2], struct error *err)
{
	fds[0] = socket(request->ip.family, request->type | SOCK_CLOEXEC, 0);
	return fds[0] < 0 ? error_sys(err, errno, "open a socket") : 0;
}

static int prepare(const struct hand_request *request, int fds[2], struct error *err)
{
	(void)request;
	int r = inside_prepare(err);
	if (r < 0)
		return r;
	fds[0] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return fds[0] < 0 ? error_sys(err, errno, "open a netlink socket") : 0;
}

/* ---- the uplink ---- */
static int start_uplink(struct hand *hand, struct error *err)
{
	hand->wants_uplink = true;
	if (hand->uplink.pid > 0)
		return 0;
	hand->uplink_started = time(NULL);
	int r = uplink_begin(hand->namespace, &hand->uplink, err);
	return r < 0 ? r : netns_helper_wait(&hand->uplink, UPLINK_TIMEOUT_MS, err);
}

static void answer_uplink(struct hand *hand)
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
static void uplink_ended(struct hand *hand)
{
	time_t now = time(NULL);
	netns_helper_kill(&hand->uplink);
	if (now - hand->uplink_started < UPLINK_AGAIN_S)
		sleep(UPLINK_AGAIN_S);
	start_uplink(hand, NULL);
}

/* ---- the process ---- */
static int take_request(struct hand *hand)
{
	struct hand_request request;
	int fds[2];
	int r = hand_receive(hand->socket, &request, sizeof(request), fds);
	if (r < 0)
		return r;
	request.text[sizeof(request.text) - 1] = '\0';
	if (request.verb == HAND_FILTER)
		return do_inside(hand, &request, filter);
	if (request.verb == HAND_LISTEN)
		return do_inside(hand, &request, listen_inside);
	if (request.verb == HAND_SOCKET)
		return do_inside(hand, &request, open_inside);
	answer_uplink(hand);
	return 0;
}

static void serve(struct hand *hand)
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

/* The shared namespace is made by a child, because who has left the host's cannot come back. */
static int make_namespace(struct error *err)
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
		int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		answer.result = fd < 0 ? error_sys(&answer.err, errno, "open the networks' namespace") : 0;
		_exit(hand_send(theirs, &answer, sizeof(answer), &fd, 1) < 0);
	}
	int r = hand_receive(ours, &answer, sizeof(answer), fds), status;
	process_wait(pid, &status);
	if (r < 0 || answer.result < 0)
		return error_sys(err, r < 0 ? r : answer.result, "make the networks' namespace");
	return fds[0];
}

_Noreturn void hand_run(int socket, int run_fd, const struct id_mapping *mapping)
{
	struct hand hand = {.socket = socket, .uplink = NETNS_HELPER_INIT};
	struct hand_answer failure = {.err = ERROR_INIT};
	prctl(PR_SET_NAME, "coracle-net-in");
	failure.result = userns_enter(run_fd, mapping, &failure.err);
	if (failure.result == 0)
		failure.result = hand.namespace = make_namespace(&failure.err);
	if (failure.result < 0) {
		hand_send(socket, &failure, sizeof(failure), NULL, 0);
		_exit(1);
	}
	if (do_inside(&hand, NULL, prepare) == 0)
		serve(&hand);
	netns_helper_kill(&hand.uplink);
	userns_withdraw(run_fd, mapping);
	_exit(0);
}
