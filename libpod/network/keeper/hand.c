/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's side of its hand. */
#include "libpod/network/keeper/hand.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpod/network/keeper/hand_protocol.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/process/process.h"

int hand_send(int socket, const void *data, size_t length, const int *fds, size_t count)
{
	return descriptors_send(socket, data, length, fds, count, 0);
}

int hand_receive(int socket, void *data, size_t length, int fds[2])
{
	size_t count;
	ssize_t n = descriptors_receive(socket, data, length, fds, 2, &count, 0);
	if (n == (ssize_t)length)
		return 0;
	return n < 0 ? (int)n : n == 0 ? -EPIPE : -EBADMSG;
}

/* ---- asking ---- */
static int ask(int socket, const struct hand_request *request, struct hand_answer *answer, int fds[2],
	       struct error *err)
{
	int r = hand_send(socket, request, sizeof(*request), NULL, 0);
	if (r == 0)
		r = hand_receive(socket, answer, sizeof(*answer), fds);
	if (r < 0)
		return error_sys(err, r, "the process in the networks' namespace does not answer");
	if (answer->result < 0 && err)
		*err = answer->err;
	return answer->result;
}

int hand_filter(const struct hand *hand, const char *commands, struct error *err)
{
	struct hand_request request = {.verb = HAND_FILTER};
	struct hand_answer answer = {.err = ERROR_INIT};
	int fds[2] = {-1, -1};
	if (strlen(commands) >= sizeof(request.text))
		return error_set(err, E2BIG, "filter rules: too many");
	memcpy(request.text, commands, strlen(commands));
	return ask(hand->in, &request, &answer, fds, err);
}

int hand_socket(const struct hand *hand, int family, int type, struct error *err)
{
	struct hand_request request = {.verb = HAND_SOCKET, .ip.family = (uint16_t)family, .type = type};
	struct hand_answer answer = {.err = ERROR_INIT};
	int fds[2] = {-1, -1}, r = ask(hand->in, &request, &answer, fds, err);
	return r < 0 ? r : fds[0];
}

int hand_listen(const struct hand *hand, const struct ip *gateway, int *ret_udp, int *ret_tcp, struct error *err)
{
	struct hand_request request = {.verb = HAND_LISTEN, .ip = *gateway};
	struct hand_answer answer = {.err = ERROR_INIT};
	int fds[2] = {-1, -1}, r = ask(hand->in, &request, &answer, fds, err);
	if (r < 0)
		return r;
	*ret_udp = fds[0];
	*ret_tcp = fds[1];
	return 0;
}

int hand_uplink(const struct hand *hand, struct ip *ret_address, struct ip *ret_host, struct error *err)
{
	struct hand_request request = {.verb = HAND_UPLINK};
	struct hand_answer answer = {.err = ERROR_INIT};
	int fds[2] = {-1, -1}, r = ask(hand->up, &request, &answer, fds, err);
	if (r < 0)
		return r;
	*ret_address = answer.address;
	*ret_host = answer.host;
	return 0;
}

static int first_answer(int socket, int fds[2], struct error *err)
{
	struct hand_answer answer = {.err = ERROR_INIT};
	int r = hand_receive(socket, &answer, sizeof(answer), fds);
	if (r < 0)
		return error_set(err, ECONNRESET, "a process of the networks' namespace was killed");
	if (answer.result < 0 && err)
		*err = answer.err;
	return answer.result;
}

int hand_start(int run_fd, const struct id_mapping *mapping, struct hand *ret, int *ret_netlink, struct error *err)
{
	int up[2], in[2], fds[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, up) < 0)
		return error_sys(err, errno, "make a socket pair");
	auto_close int our_up = up[0], their_up = up[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, in) < 0)
		return error_sys(err, errno, "make a socket pair");
	auto_close int our_in = in[0], their_in = in[1];
	pid_t pid = process_clone(0, NULL);
	if (pid < 0)
		return error_sys(err, pid, "start a process");
	if (pid == 0)
		hand_run(their_up, their_in, run_fd, mapping);
	close(TAKE_FD(their_up));
	close(TAKE_FD(their_in));
	int r = first_answer(our_up, fds, err);
	if (r < 0 || (r = first_answer(our_in, fds, err)) < 0)
		return r;
	*ret = (struct hand){.pid = pid, .up = TAKE_FD(our_up), .in = TAKE_FD(our_in)};
	*ret_netlink = fds[0];
	return 0;
}

void hand_end(struct hand *hand)
{
	int status;
	cleanup_close(&hand->up);
	cleanup_close(&hand->in);
	process_wait(hand->pid, &status);
}

bool hand_is_gone(const struct hand *hand)
{
	struct pollfd sockets[] = {{.fd = hand->up}, {.fd = hand->in}};
	return poll(sockets, ARRAY_SIZE(sockets), 0) > 0;
}
