/* SPDX-License-Identifier: Apache-2.0 */
/* Who is connected to the control socket, and what they ask. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpod/monitor/state.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/descriptors/descriptors.h"

static void set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void take_stream(struct source *source, int fd)
{
	if (fd < 0)
		return;
	set_nonblocking(fd);
	*source = (struct source){.fd = fd};
}

/* Will the container ever take input again? A terminal that was not handed over yet will be. */
static bool takes_input(const struct monitor *m)
{
	return m->input.fd >= 0 || m->console.fd >= 0 || m->phase == PHASE_WAITING;
}

static void take_streams(struct monitor *m, struct client *client, const struct monitor_client *descriptors)
{
	take_stream(&client->in, descriptors->in);
	take_stream(&client->out[0], descriptors->out);
	take_stream(&client->out[1], descriptors->err);
	for (int i = 0; i < 2; i++) {
		client->delivered[i] = m->streams[i].end;
		if (m->phase >= PHASE_DRAINING && m->phase != PHASE_WAITING && m->streams[i].source.fd < 0)
			source_close(m, &client->out[i]);
	}
	if (!takes_input(m))
		source_close(m, &client->in);
}

struct client *client_add(struct monitor *m, const struct monitor_client *descriptors)
{
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++) {
		if (c->control.fd >= 0)
			continue;
		*c = (struct client){.control.fd = descriptors->control, .in.fd = -1, .out = {{.fd = -1}, {.fd = -1}}, .waits = descriptors->waits};
		set_nonblocking(c->control.fd);
		take_streams(m, c, descriptors);
		source_watch(m, &c->control, SOURCE_CLIENT, (size_t)(c - m->clients), EPOLLIN);
		return c;
	}
	return NULL;
}

/* Who only waits loses nothing but its place: it goes on by looking at the state (monitor_wait()). */
static bool can_go(const struct monitor *m, const struct client *client)
{
	return client->control.fd >= 0 && client->waits && !client->holds && !client->keeps && client != m->asker && client->in.fd < 0 && client->out[0].fd < 0 &&
	       client->out[1].fd < 0;
}

void clients_make_room(struct monitor *m)
{
	struct client *going = NULL;
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++) {
		if (c->control.fd < 0)
			return;
		if (!going && can_go(m, c))
			going = c;
	}
	if (going)
		client_close(m, going);
}

/* However many are attached, others must be able to come and stop it. */
static bool are_too_many(const struct monitor *m)
{
	size_t attached = 0;
	for (const struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++)
		attached += c->control.fd >= 0 && (c->in.fd >= 0 || c->out[0].fd >= 0 || c->out[1].fd >= 0);
	return attached >= MONITOR_ATTACHED_MAX;
}

static int pause_or_unpause(struct monitor *m, bool pause)
{
	if (m->phase != PHASE_RUNNING)
		return -ESRCH;
	if (m->paused == pause)
		return pause ? -EALREADY : -EINVAL;
	int r = pause ? freeze(m) : thaw(m);
	if (r == 0) {
		m->paused = pause;
		life_write_state(m, pause ? CONTAINER_PAUSED : CONTAINER_RUNNING);
	}
	return r;
}

/* Nobody holds it any more. */
static void forget_holders(struct monitor *m)
{
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++)
		c->holds = false;
}

static void client_let_go(struct monitor *m, struct client *client)
{
	bool held = client->holds;
	client->holds = false;
	if (held && m->paused)
		pause_or_unpause(m, false);
}

void client_close(struct monitor *m, struct client *client)
{
	/* What a client wrote before it went still counts. */
	if (client->in.fd >= 0)
		input_pump(m);
	client_input_close(m, client, true);
	for (int i = 0; i < 2; i++)
		client_stream_close(m, client, i);
	source_close(m, &client->control);
	network_forget_client(m, client);
	client_let_go(m, client);
	for (int i = 0; i < 2 && m->phase < PHASE_WAITING; i++)
		stream_pump(m, i); /* it may have been the one that held the others up */
}

/* A client that does not take its messages is none. */
void client_send(struct monitor *m, struct client *client, const struct monitor_reply *reply, int fd)
{
	if (descriptors_send(client->control.fd, reply, sizeof(*reply), &fd, fd >= 0, MSG_DONTWAIT) < 0)
		client_close(m, client);
}

void clients_send(struct monitor *m, const struct monitor_reply *reply, bool waiting_only)
{
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++)
		if (c->control.fd >= 0 && (c->waits || !waiting_only))
			client_send(m, c, reply, -1);
}

/* ---- requests ---- */
static int resize(struct monitor *m, const struct monitor_request *request)
{
	struct winsize size = {.ws_row = request->rows, .ws_col = request->columns};
	m->d.rows = size.ws_row;
	m->d.columns = size.ws_col;
	if (!m->d.terminal)
		return -ENOTTY;
	/* Not handed over yet: it gets its size then. */
	return m->streams[0].source.fd >= 0 && ioctl(m->streams[0].source.fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

/* Who comes to a program that fills its window sees nothing of it until that draws anew, and it does when its window's size changes: where it has
 * this one already, it has another for a moment. */
static void redraw(struct monitor *m, const struct monitor_request *request)
{
	struct winsize now;
	struct monitor_request taller = *request;
	int master = m->streams[0].source.fd;
	if (!m->d.terminal || master < 0 || ioctl(master, TIOCGWINSZ, &now) < 0 || now.ws_row != request->rows || now.ws_col != request->columns)
		return;
	taller.rows++;
	resize(m, &taller);
}

static int take(int *fds, size_t count, size_t *used)
{
	if (*used >= count)
		return -1;
	int fd = fds[*used];
	fds[(*used)++] = -1;
	return fd;
}

static int attach(struct monitor *m, struct client *client, const struct monitor_request *request, int *fds, size_t count)
{
	uint32_t streams = request->streams;
	struct monitor_client descriptors = {.control = client->control.fd, .in = -1, .out = -1, .err = -1};
	size_t used = 0;
	if (client->in.fd >= 0 || client->out[0].fd >= 0 || client->out[1].fd >= 0)
		return -EBUSY;
	if (are_too_many(m))
		return -EUSERS;
	if (m->d.terminal ? streams != STREAM_TERMINAL : streams >= STREAM_TERMINAL)
		return -EINVAL;
	if ((size_t)__builtin_popcount(streams) != count)
		return -EINVAL;
	if (streams & STREAM_TERMINAL) {
		descriptors.in = take(fds, count, &used);
		descriptors.out = fcntl(descriptors.in, F_DUPFD_CLOEXEC, 3);
	}
	if (streams & STREAM_STDIN)
		descriptors.in = take(fds, count, &used);
	if (streams & STREAM_STDOUT)
		descriptors.out = take(fds, count, &used);
	if (streams & STREAM_STDERR)
		descriptors.err = take(fds, count, &used);
	client->waits = true;
	take_streams(m, client, &descriptors);
	input_pump(m);
	if (request->rows && request->columns) {
		redraw(m, request);
		resize(m, request);
	}
	return 0;
}

static int hold(struct monitor *m, struct client *client)
{
	int r = pause_or_unpause(m, true);
	client->holds = r == 0;
	return r;
}

/* The process has ended, and what comes after it is not wanted: only somebody who does not read keeps us. */
static int stop_draining(struct monitor *m)
{
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++)
		for (int i = 0; i < 2; i++)
			client_stream_close(m, c, i);
	m->state.stopped_by_user = true;
	return 0;
}

static int stop(struct monitor *m, struct client *client, const struct monitor_request *request)
{
	client->keeps = request->keep;
	if (m->phase == PHASE_ENDED || m->phase == PHASE_DRAINING)
		return stop_draining(m);
	life_stop(m, request->signal, request->timeout_s);
	return 0;
}

static int answer(struct monitor *m, struct client *client, const struct monitor_request *request, int *fds, size_t count, int *ret_fd)
{
	switch (request->type) {
	case REQUEST_KILL:
		if (m->phase == PHASE_DRAINING && life_ends(m, request->signal))
			return stop_draining(m);
		return life_kill(m, request->signal);
	case REQUEST_STOP:
		return stop(m, client, request);
	case REQUEST_PAUSE:
		return pause_or_unpause(m, true);
	case REQUEST_UNPAUSE:
		forget_holders(m);
		return pause_or_unpause(m, false);
	case REQUEST_HOLD:
		return hold(m, client);
	case REQUEST_RESIZE:
		return resize(m, request);
	case REQUEST_ATTACH:
		return attach(m, client, request, fds, count);
	case REQUEST_PIDFD:
		*ret_fd = m->exited ? -1 : m->d.pidfd;
		return m->phase == PHASE_RUNNING ? 0 : -ESRCH;
	case REQUEST_WAIT:
		client->waits = true;
		return 0;
	case REQUEST_FORWARD:
		return network_request(m, client, &request->forward, fds, count);
	default:
		return -EOPNOTSUPP;
	}
}

static const char *reason(int errnum)
{
	switch (errnum) {
	case 0:
		return "";
	case -ESRCH:
		return "the container is not running";
	case -EALREADY:
		return "the container is paused already";
	case -EBUSY:
		return "this connection is attached already";
	case -EINPROGRESS:
		return "the container's network is just being changed";
	case -EMFILE:
		return "the container's monitor may not have so many open files (ulimit -n)";
	case -E2BIG:
		return "the container has too many published ports";
	case -EUSERS:
		return "too many others are attached to the container";
	case -ENOTTY:
		return "the container has no terminal";
	default:
		return "the container's monitor could not do it";
	}
}

void client_request(struct monitor *m, struct client *client)
{
	struct monitor_request request = {0};
	int fds[MONITOR_FDS_MAX];
	size_t count;
	ssize_t n = descriptors_receive(client->control.fd, &request, sizeof(request), fds, MONITOR_FDS_MAX, &count, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	bool is_whole = n == sizeof(request);
	int fd = -1, r = is_whole ? answer(m, client, &request, fds, count, &fd) : (int)n;
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (!is_whole && n != -EMFILE) {
		client_close(m, client);
		return;
	}
	if (r > 0)
		return; /* it is answered when it is done */
	struct monitor_reply reply = {.type = REPLY_ANSWER, .errnum = -r};
	snprintf(reply.text, sizeof(reply.text), "%s", reason(r));
	client_send(m, client, &reply, r == 0 ? fd : -1);
	/* Only now: nothing may come between request and answer. */
	if (r == 0 && request.type == REQUEST_ATTACH)
		for (int i = 0; i < 2 && m->phase < PHASE_WAITING; i++)
			stream_pump(m, i);
}
