/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's input: from the attached clients' pipes into its own by splice(2), or through a small buffer into its terminal.
 *
 * With `stdin_once` (docker's name) the end of the first client's input is the end of the container's; otherwise input stays open for the next client.
 * A container that does not read stops its clients; one that closed its input closes theirs.
 */
#include <errno.h>
#include <string.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libpod/monitor/state.h"

#define INPUT_BATCH  ((size_t)1024 * 1024)
#define ROUNDS_MAX   16

static void close_input(struct monitor *m)
{
	source_close(m, &m->input);
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++)
		source_close(m, &c->in);
}

void client_input_close(struct monitor *m, struct client *client, bool ended)
{
	if (client->in.fd < 0)
		return;
	source_close(m, &client->in);
	if (ended && m->d.stdin_once && !m->d.terminal)
		close_input(m);
}

/* What was read for the terminal and did not fit. True when there is nothing left. */
static bool write_terminal(struct monitor *m)
{
	while (m->input_begin < m->input_end) {
		ssize_t n = write(m->input.fd, m->input_data + m->input_begin, m->input_end - m->input_begin);
		if (n > 0)
			m->input_begin += (size_t)n;
		else if (errno == EAGAIN)
			return false;
		else if (errno != EINTR)
			m->input_begin = m->input_end; /* nobody has it open: typed into the void */
	}
	m->input_begin = m->input_end = 0;
	return true;
}

enum input { INPUT_MORE, INPUT_NO_INPUT, INPUT_FULL, INPUT_END };

static enum input move_to_terminal(struct monitor *m, struct client *client)
{
	if (!write_terminal(m))
		return INPUT_FULL;
	ssize_t n = read(client->in.fd, m->input_data, sizeof(m->input_data));
	if (n < 0)
		return errno == EAGAIN ? INPUT_NO_INPUT : errno == EINTR ? INPUT_MORE : INPUT_END;
	m->input_end = (size_t)n;
	return n ? INPUT_MORE : INPUT_END;
}

static enum input move_to_pipe(struct monitor *m, struct client *client)
{
	ssize_t n = splice(client->in.fd, NULL, m->input.fd, NULL, INPUT_BATCH, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n > 0 || (n < 0 && errno == EINTR))
		return INPUT_MORE;
	if (n == 0)
		return INPUT_END;
	if (errno == EPIPE) {
		close_input(m);
		return INPUT_END;
	}
	int bytes = 0;
	if (errno != EAGAIN || ioctl(client->in.fd, FIONREAD, &bytes) < 0)
		return INPUT_END;
	return bytes ? INPUT_FULL : INPUT_NO_INPUT;
}

static enum input move(struct monitor *m, struct client *client)
{
	enum input moved = INPUT_MORE;
	for (int round = 0; moved == INPUT_MORE && round < ROUNDS_MAX; round++)
		moved = m->d.terminal ? move_to_terminal(m, client) : move_to_pipe(m, client);
	return moved;
}

void input_pump(struct monitor *m)
{
	bool full = m->input.fd >= 0 && m->d.terminal && !write_terminal(m);
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX && m->input.fd >= 0; c++) {
		if (c->in.fd < 0)
			continue;
		enum input moved = full ? INPUT_FULL : move(m, c);
		full = full || moved == INPUT_FULL;
		if (moved == INPUT_END)
			client_input_close(m, c, true);
		else
			source_watch(m, &c->in, SOURCE_CLIENT_IN, (size_t)(c - m->clients), full ? 0 : EPOLLIN);
	}
	/* Not yet there (a terminal that was not handed over): clients wait. Gone: theirs were closed. */
	if (m->input.fd >= 0)
		source_watch(m, &m->input, SOURCE_STDIN, 0, full ? EPOLLOUT : 0);
}
