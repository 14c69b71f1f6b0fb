/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/stdio/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/text/text.h"

#define BUFFER_SIZE  (64 << 10)
#define MUCH	      ((uint64_t)4 << 20) /* bytes; from then on a larger pipe is worth it */
#define LARGE_PIPE    (512 * 1024)
#define SPLICE_SIZE  (1 << 20)
#define LEFT_OVER_MAX (1 << 20) /* no pipe of an unprivileged user holds more (pipe(7)) */

static void end_stream(struct relay_stream *stream)
{
	if (!stream->shared && stream->from > 2)
		close(stream->from);
	if (!stream->shared && stream->to > 2)
		close(stream->to);
	stream->from = stream->to = -1;
	free(TAKE_PTR(stream->buffer));
}

void relay_free(struct relay *relay)
{
	for (size_t i = 0; i < RELAY_STREAMS; i++)
		end_stream(&relay->streams[i]);
}

size_t relay_prepare(const struct relay *relay, struct pollfd *fds)
{
	size_t live = 0;
	for (size_t i = 0; i < RELAY_STREAMS; i++) {
		const struct relay_stream *stream = &relay->streams[i];
		fds[i] = (struct pollfd){
		    .fd = stream->blocked ? stream->to : stream->from,
		    .events = stream->blocked ? POLLOUT : POLLIN,
		};
		live += stream->from >= 0;
	}
	return live;
}

/* Whether a failed transfer is just not possible now. Otherwise the stream is over: no reader (EPIPE), a terminal that has hung up (EIO), or a
 * file that takes no more. */
static bool again(int errnum)
{
	return errnum == EAGAIN || errnum == EINTR;
}

static void flush_buffer(struct relay_stream *stream)
{
	while (stream->begin < stream->end) {
		ssize_t n = write(stream->to, stream->buffer + stream->begin, stream->end - stream->begin);
		if (n < 0) {
			if (again(errno))
				stream->blocked = true;
			else
				end_stream(stream);
			return;
		}
		stream->begin += (size_t)n;
		stream->moved += (uint64_t)n;
	}
	stream->blocked = false;
}

static enum relay_event copy(struct relay_stream *stream)
{
	char typed[BUFFER_SIZE];
	bool detach = false;
	if (!stream->buffer)
		stream->buffer = xmalloc(BUFFER_SIZE + DETACH_KEYS_MAX);
	ssize_t n = read(stream->from, stream->keys ? typed : stream->buffer, BUFFER_SIZE);
	if (n <= 0) {
		if (n == 0 || !again(errno))
			end_stream(stream);
		return RELAY_GOES_ON;
	}
	stream->begin = 0;
	stream->end = (size_t)n;
	if (stream->keys)
		detach = detach_keys_feed(stream->keys, typed, (size_t)n, stream->buffer, &stream->end);
	flush_buffer(stream);
	return detach ? RELAY_DETACH : RELAY_GOES_ON;
}

static enum relay_event move(struct relay_stream *stream)
{
	if (stream->begin < stream->end) {
		flush_buffer(stream);
		return RELAY_GOES_ON;
	}
	if (stream->copying || stream->keys)
		return copy(stream);
	ssize_t n = splice(stream->from, NULL, stream->to, NULL, SPLICE_SIZE, SPLICE_F_NONBLOCK);
	if (n > 0) {
		stream->moved += (uint64_t)n;
		stream->blocked = false;
		if (stream->moved >= MUCH && stream->moved - (uint64_t)n < MUCH)
			fcntl(stream->to, F_SETPIPE_SZ, LARGE_PIPE); /* fewer wake-ups; where it is no pipe, nothing happens */
	} else if (n < 0 && errno == EAGAIN) {
		/* The source was ready, or `to` is; whichever was not waited for is what is missing. */
		stream->blocked = !stream->blocked;
	} else if (n < 0 && errno == EINVAL) {
		stream->copying = true;
		stream->blocked = false;
		return copy(stream);
	} else if (n == 0 || errno != EINTR) {
		end_stream(stream);
	}
	return RELAY_GOES_ON;
}

enum relay_event relay_move(struct relay *relay, const struct pollfd *fds)
{
	enum relay_event event = RELAY_GOES_ON;
	for (size_t i = 0; i < RELAY_STREAMS; i++)
		if (relay->streams[i].from >= 0 && fds[i].fd >= 0 && fds[i].revents && move(&relay->streams[i]) == RELAY_DETACH)
			event = RELAY_DETACH;
	return event;
}

void relay_drain(struct relay *relay, int timeout_ms)
{
	uint64_t before[RELAY_STREAMS];
	end_stream(&relay->streams[0]);
	for (size_t i = 0; i < RELAY_STREAMS; i++)
		before[i] = relay->streams[i].moved;
	for (;;) {
		struct pollfd fds[RELAY_STREAMS];
		bool blocked = false;
		for (size_t i = 0; i < RELAY_STREAMS; i++) {
			struct relay_stream *stream = &relay->streams[i];
			if (stream->from >= 0 && !stream->blocked && stream->moved - before[i] >= LEFT_OVER_MAX)
				end_stream(stream);
			blocked |= stream->from >= 0 && stream->blocked;
		}
		if (relay_prepare(relay, fds) == 0)
			return;
		int n = poll(fds, RELAY_STREAMS, blocked ? -1 : timeout_ms);
		if (n == 0 || (n < 0 && errno != EINTR))
			return;
		if (n > 0)
			relay_move(relay, fds);
	}
}
