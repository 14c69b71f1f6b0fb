/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's output: from its pipes (or its terminal) into the log and to the attached clients.
 *
 * With one client on a stream, the usual case, the pages of the container's pipe are laid into the client's by reference: tee(2) when they are logged
 * too, splice(2) when not. Otherwise a batch is read, logged, and written to each client. A client whose pipe is full stops the stream, and
 * so the container when its own pipe is full as well, but nothing else; one that is gone is forgotten.
 *
 * After the exit the rest is in the pipe, and no more than that. Where the clients' pipes are too small for it they are enlarged, so that a client
 * that takes its time (a pager) does not keep the monitor.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libpod/monitor/state.h"

#define ROUNDS_MAX     16		/* batches of one stream before others have their turn */
#define FULL_BATCHES   8		/* in a row, until the pipe is enlarged */
#define LARGE_PIPE     ((size_t)512 * 1024)
#define LAST_PIPE      (1024 * 1024)
#define CLOSED_TERMINAL_MS 100
#define PAGE	       ((size_t)4096)

enum fill {
	FILL_MORE,
	FILL_EMPTY,
	FILL_CLOSED, /* a terminal that nobody has open, yet or for now */
	FILL_BLOCKED,
	FILL_END,
};

static enum source_kind client_kind(int index)
{
	return index ? SOURCE_CLIENT_ERR : SOURCE_CLIENT_OUT;
}

static size_t client_index(const struct monitor *m, const struct client *client)
{
	return (size_t)(client - m->clients);
}

void client_stream_close(struct monitor *m, struct client *client, int index)
{
	source_close(m, &client->out[index]);
}

static bool pipe_has_data(int fd)
{
	int bytes = 0;
	return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

static struct client *only_client(struct monitor *m, int index)
{
	struct client *found = NULL;
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++) {
		if (c->out[index].fd < 0)
			continue;
		if (found)
			return NULL;
		found = c;
	}
	return found;
}

/* Writes what is new to one client. False: it is full. */
static bool deliver(struct monitor *m, struct stream *stream, struct client *client, int index)
{
	while (client->out[index].fd >= 0 && client->delivered[index] < stream->end) {
		size_t at = client->delivered[index];
		ssize_t n = write(client->out[index].fd, stream->data + at, stream->end - at);
		if (n > 0)
			client->delivered[index] += (size_t)n;
		else if (errno == EAGAIN)
			return false;
		else if (errno != EINTR)
			client_stream_close(m, client, index);
	}
	return true;
}

/* What is new to everybody. False while somebody is full: that one is watched. */
static bool deliver_all(struct monitor *m, struct stream *stream, int index)
{
	bool all = true;
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++) {
		if (c->out[index].fd < 0)
			continue;
		bool delivered = deliver(m, stream, c, index);
		source_watch(m, &c->out[index], client_kind(index), client_index(m, c), delivered ? 0 : EPOLLOUT);
		all = all && delivered;
	}
	return all;
}

/* All have it: only the beginning of an unfinished line stays, for the log. */
static void settle(struct monitor *m, struct stream *stream, int index)
{
	size_t rest = stream->end - stream->logged;
	memmove(stream->data, stream->data + stream->logged, rest);
	stream->begin = stream->end = rest;
	stream->logged = 0;
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++)
		c->delivered[index] = rest;
}

static void log_new(struct monitor *m, struct stream *stream, int index, bool end)
{
	stream->logged += log_batch(&m->log, index, stream->data + stream->logged, stream->end - stream->logged, end);
	if (stream->end > 4096)
		m->buffers_used = true;
}

/* Much traffic: fewer wake-ups with a larger pipe. Not for everybody, because the kernel counts all pipes of a user. */
static void consider_pipe(struct monitor *m, struct stream *stream, struct client *client, int index, size_t n)
{
	stream->full_batches = n >= BATCH_MAX / 8 ? stream->full_batches + 1 : 0;
	if (stream->enlarged || stream->full_batches < FULL_BATCHES || m->d.terminal)
		return;
	stream->enlarged = true;
	fcntl(stream->source.fd, F_SETPIPE_SZ, LARGE_PIPE);
	if (client)
		fcntl(client->out[index].fd, F_SETPIPE_SZ, LARGE_PIPE);
}

static enum fill why_not(struct monitor *m, struct stream *stream, struct client *client, int index)
{
	if (errno == EPIPE) {
		client_stream_close(m, client, index);
		return FILL_MORE;
	}
	if (errno != EAGAIN)
		return FILL_END;
	if (!pipe_has_data(stream->source.fd))
		return FILL_EMPTY;
	source_watch(m, &client->out[index], client_kind(index), client_index(m, client), EPOLLOUT);
	return FILL_BLOCKED;
}

/* By reference into the pipe of the only client, and through the buffer into the log. */
static enum fill fill_by_reference(struct monitor *m, struct stream *stream, struct client *client, int index)
{
	int from = stream->source.fd, to = client->out[index].fd;
	ssize_t n = m->log.fd < 0 ? splice(from, NULL, to, NULL, LARGE_PIPE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE)
				  : tee(from, to, BATCH_MAX, SPLICE_F_NONBLOCK);
	if (n == 0)
		return FILL_END;
	if (n < 0)
		return errno == EINTR ? FILL_MORE : why_not(m, stream, client, index);
	source_watch(m, &client->out[index], client_kind(index), client_index(m, client), 0);
	consider_pipe(m, stream, client, index, (size_t)n);
	if (m->log.fd < 0)
		return FILL_MORE;
	for (size_t left = (size_t)n; left > 0;) {
		ssize_t got = read(from, stream->data + stream->end, left);
		if (got <= 0)
			return FILL_END; /* cannot be: nobody else reads */
		stream->end += (size_t)got;
		left -= (size_t)got;
	}
	client->delivered[index] = stream->end;
	return FILL_MORE;
}

static enum fill fill_by_copy(struct monitor *m, struct stream *stream, int index)
{
	ssize_t n = read(stream->source.fd, stream->data + stream->end, BATCH_MAX);
	if (n == 0)
		return FILL_END;
	if (n < 0 && errno == EINTR)
		return FILL_MORE;
	if (n < 0 && errno == EIO && !m->exited)
		return FILL_CLOSED;
	if (n < 0)
		return errno == EAGAIN ? FILL_EMPTY : FILL_END;
	stream->end += (size_t)n;
	consider_pipe(m, stream, NULL, index, (size_t)n);
	return FILL_MORE;
}

static void stream_end(struct monitor *m, struct stream *stream, int index)
{
	log_new(m, stream, index, true);
	source_close(m, &stream->source);
	settle(m, stream, index);
}

/* The exit is known, what remains must not wait for a client: makes room for all of it. */
static void make_room(struct monitor *m, int index)
{
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++)
		if (c->out[index].fd >= 0 && c->out[index].watched)
			fcntl(c->out[index].fd, F_SETPIPE_SZ, LAST_PIPE);
}

static enum fill pump_once(struct monitor *m, struct stream *stream, int index)
{
	if (!deliver_all(m, stream, index))
		return FILL_BLOCKED;
	settle(m, stream, index);
	struct client *only = m->d.terminal ? NULL : only_client(m, index);
	enum fill fill = only ? fill_by_reference(m, stream, only, index) : fill_by_copy(m, stream, index);
	if (fill == FILL_MORE && stream->end > stream->begin) {
		log_new(m, stream, index, false);
		stream->begin = stream->end;
	}
	return fill;
}

void stream_pump(struct monitor *m, int index)
{
	struct stream *stream = &m->streams[index];
	enum fill fill = FILL_MORE;
	bool made_room = false;
	for (int round = 0; stream->source.fd >= 0 && fill == FILL_MORE && round < ROUNDS_MAX; round++) {
		fill = pump_once(m, stream, index);
		if (fill == FILL_BLOCKED && m->exited && !made_room) {
			made_room = true;
			make_room(m, index);
			fill = FILL_MORE;
		}
	}
	if (stream->source.fd < 0)
		return;
	if (fill == FILL_END) {
		stream_end(m, stream, index);
		return;
	}
	if (fill == FILL_MORE && !deliver_all(m, stream, index))
		fill = FILL_BLOCKED;
	/* A closed terminal would be reported for ever; it is looked at again by the clock. */
	m->look_again = fill == FILL_CLOSED ? now_ms() + CLOSED_TERMINAL_MS : 0;
	bool silent = fill == FILL_BLOCKED || fill == FILL_CLOSED;
	source_watch(m, &stream->source, SOURCE_STREAM, (size_t)index, silent ? 0 : EPOLLIN);
}

static bool is_blocked(const struct monitor *m, int index)
{
	for (const struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++)
		if (c->out[index].fd >= 0 && c->out[index].watched)
			return true;
	return false;
}

void streams_drain(struct monitor *m, bool last)
{
	for (int i = 0; i < 2; i++) {
		struct stream *stream = &m->streams[i];
		bool moving = true;
		while (moving && stream->source.fd >= 0) {
			stream_pump(m, i);
			moving = stream->source.fd >= 0 && !is_blocked(m, i) && pipe_has_data(stream->source.fd);
		}
		if (last && stream->source.fd >= 0 && !is_blocked(m, i))
			stream_end(m, stream, i);
	}
}

bool streams_ended(const struct monitor *m)
{
	return m->streams[0].source.fd < 0 && m->streams[1].source.fd < 0;
}

void streams_start(struct monitor *m)
{
	for (int i = 0; i < 2; i++) {
		struct source *source = &m->streams[i].source;
		if (source->fd < 0)
			continue;
		fcntl(source->fd, F_SETFL, O_NONBLOCK | (m->d.terminal ? O_RDWR : O_RDONLY));
		source_watch(m, source, SOURCE_STREAM, (size_t)i, EPOLLIN);
	}
}

/* The pages of what lies beyond `used` in a buffer. */
static void release(void *buffer, size_t size, size_t used)
{
	size_t before = (PAGE - ((uintptr_t)buffer + used) % PAGE) % PAGE, behind = ((uintptr_t)buffer + size) % PAGE;
	if (used + before + behind < size)
		madvise((char *)buffer + used + before, size - used - before - behind, MADV_DONTNEED);
}

void streams_release(struct monitor *m)
{
	for (int i = 0; i < 2; i++)
		release(m->streams[i].data, sizeof(m->streams[i].data), m->streams[i].end);
	release(m->log.output, sizeof(m->log.output), 0);
	log_settle(&m->log);
	m->buffers_used = false;
}
