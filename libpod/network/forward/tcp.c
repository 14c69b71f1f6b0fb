/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP. A connection is two sockets and two directions. Its sockets are watched edge-triggered from the beginning, so
 * that moving bytes takes no epoll_ctl(2); what an edge said is kept in readable[] and writable[] until a call says
 * EAGAIN.
 *
 *	connecting ──► open ──► one direction finished (half-closed) ──► both: closed
 *	    │            └── an error on either side ──► reset on both
 *	    └── nobody listens in the container, at neither address ──► the client is reset, as if it had asked the
 *	        container itself
 *
 * Between processes of one machine there is no congestion to be controlled. What the system has for the world can be
 * dear there: BBR paces, with a timer for each batch, and takes away a third of the throughput. So such sockets have
 * Reno, which every kernel has and everybody may choose; it sends until the receiver's window is full. Towards another
 * machine the system's own choice is right.
 *
 * How large the buffers are is left to the kernel. Then eight streams at once have as much as one: what is moved by a
 * call grows with what has come in meanwhile, and it is the calls, with a packet's way through the loopback interface
 * and a wake-up each, that cost, not the bytes.
 *
 * A direction that never says EAGAIN goes to the end of the queue after some rounds: one stream does not hold up the
 * others.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "libpod/network/forward/forward.h"

#define CHUNK     (512 << 10)
#define PIPE_SIZE (256 << 10) /* so many pages of pieces: on loopback one has up to 32 KiB, from a network often less */
#define ROUNDS    16
#define ACCEPTS   64 /* in one go, before what is connected has its turn */

/* ---- entries ---- */

static struct connection *take_entry(struct forwarder *forwarder, uint32_t *ret_index)
{
	uint32_t index = forwarder->free;
	if (index >= forwarder->capacity)
		return NULL;
	struct connection *connection = &forwarder->connections[index];
	/* 0 in an entry that was never used: the next one is free too. */
	forwarder->free = connection->next ? connection->next - 1 : index + 1;
	if (index >= forwarder->used)
		forwarder->used = index + 1;
	*connection = (struct connection){
	    .fd = {-1, -1},
	    .direction = {{.pipe = {-1, -1}}, {.pipe = {-1, -1}}},
	    .generation = (uint16_t)(connection->generation + 1),
	    .next = NO_INDEX,
	};
	*ret_index = index;
	return connection;
}

static void put_entry(struct forwarder *forwarder, struct connection *connection)
{
	uint32_t index = (uint32_t)(connection - forwarder->connections);
	connection->fd[0] = connection->fd[1] = -1;
	connection->next = forwarder->free + 1;
	forwarder->free = index;
}

/* ---- accepting, or not ---- */

static void set_accepting(struct forwarder *forwarder, bool accepting)
{
	for (uint32_t i = 0; i < forwarder->listeners_count; i++) {
		struct event_data data = {.kind = EVENT_LISTENER, .index = i};
		struct epoll_event event = {.events = accepting ? EPOLLIN : 0};
		memcpy(&event.data, &data, sizeof(data));
		if (forwarder->listeners[i].fd >= 0 && forwarder->listeners[i].tcp)
			epoll_ctl(forwarder->epoll, EPOLL_CTL_MOD, forwarder->listeners[i].fd, &event);
	}
	forwarder->paused = !accepting;
}

void tcp_resume(struct forwarder *forwarder)
{
	if (forwarder->paused && forwarder->free < forwarder->capacity)
		set_accepting(forwarder, true);
}

/* ---- pipes ---- */

static bool lend_pipe(struct forwarder *forwarder, struct pipe *ret)
{
	if (forwarder->pipes_count) {
		*ret = forwarder->pipes[--forwarder->pipes_count];
		return true;
	}
	int ends[2];
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
		return false;
	/* Beyond what fs.pipe-user-pages-soft allows a user it stays as it is. */
	fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
	*ret = (struct pipe){.read = ends[0], .write = ends[1]};
	return true;
}

static void close_pipe(struct pipe *pipe)
{
	if (pipe->read >= 0) {
		close(pipe->read);
		close(pipe->write);
	}
	*pipe = (struct pipe){-1, -1};
}

static void take_pipe_back(struct forwarder *forwarder, struct direction *direction)
{
	if (direction->pipe.read < 0)
		return;
	if (direction->buffered || forwarder->pipes_count == PIPES_KEPT) {
		close_pipe(&direction->pipe);
		return;
	}
	forwarder->pipes[forwarder->pipes_count++] = direction->pipe;
	direction->pipe = (struct pipe){-1, -1};
}

/* ---- the end of a connection ---- */

/* Linux resets a connection that is closed with a linger time of 0. */
static void close_socket(int fd, bool reset)
{
	if (fd < 0)
		return;
	if (reset) {
		struct linger linger = {.l_onoff = 1, .l_linger = 0};
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	}
	close(fd);
}

static void end(struct forwarder *forwarder, struct connection *connection, bool reset)
{
	for (int d = 0; d < 2; d++) {
		take_pipe_back(forwarder, &connection->direction[d]);
		close_socket(connection->fd[d], reset);
	}
	/* One in the queue is taken off by the queue, which finds it without sockets. */
	if (connection->queued)
		connection->fd[0] = connection->fd[1] = -1;
	else
		put_entry(forwarder, connection);
	tcp_resume(forwarder);
}

void tcp_reset_all(struct forwarder *forwarder)
{
	for (uint32_t i = 0; i < forwarder->used; i++)
		if (forwarder->connections[i].fd[0] >= 0)
			end(forwarder, &forwarder->connections[i], true);
}

/* ---- moving bytes ---- */

enum outcome { WAITS, HAS_MORE, BROKEN };

static bool is_transient(int errnum)
{
	return errnum == EAGAIN || errnum == EINTR;
}

/* Fills the empty pipe from the source. False when the connection is broken. */
static bool pull(struct forwarder *forwarder, struct connection *connection, int d)
{
	struct direction *direction = &connection->direction[d];
	if (direction->pipe.read < 0 && !lend_pipe(forwarder, &direction->pipe))
		return false;
	ssize_t n =
	    splice(connection->fd[d], NULL, direction->pipe.write, NULL, CHUNK, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n > 0)
		direction->buffered = (uint32_t)n;
	else if (n == 0)
		direction->ended = true;
	else if (is_transient(errno))
		connection->readable[d] = false;
	else
		return false;
	return true;
}

static bool push(struct connection *connection, int d)
{
	struct direction *direction = &connection->direction[d];
	ssize_t n = splice(direction->pipe.read, NULL, connection->fd[!d], NULL, direction->buffered,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n > 0)
		direction->buffered -= (uint32_t)n;
	else if (n < 0 && is_transient(errno))
		connection->writable[!d] = false;
	else
		return false;
	return true;
}

static enum outcome move(struct forwarder *forwarder, struct connection *connection, int d)
{
	struct direction *direction = &connection->direction[d];
	for (int round = 0; round < ROUNDS; round++) {
		if (direction->finished)
			return WAITS;
		if (!direction->buffered && !direction->ended) {
			if (!connection->readable[d])
				return WAITS;
			if (!pull(forwarder, connection, d))
				return BROKEN;
		}
		if (direction->buffered) {
			if (!connection->writable[!d])
				return WAITS;
			if (!push(connection, d))
				return BROKEN;
		} else if (direction->ended) {
			direction->finished = true;
			/* It fails when the other side is gone, which its own events tell. */
			shutdown(connection->fd[!d], SHUT_WR);
		}
	}
	return HAS_MORE;
}

static void enqueue(struct forwarder *forwarder, struct connection *connection)
{
	uint32_t index = (uint32_t)(connection - forwarder->connections);
	if (connection->queued)
		return;
	connection->queued = true;
	connection->next = NO_INDEX;
	if (forwarder->queue_last == NO_INDEX)
		forwarder->queue_first = index;
	else
		forwarder->connections[forwarder->queue_last].next = index;
	forwarder->queue_last = index;
}

static void run(struct forwarder *forwarder, struct connection *connection)
{
	bool more = false;
	for (int d = 0; d < 2; d++) {
		enum outcome outcome = move(forwarder, connection, d);
		if (outcome == BROKEN) {
			end(forwarder, connection, true);
			return;
		}
		more |= outcome == HAS_MORE;
		if (!connection->direction[d].buffered)
			take_pipe_back(forwarder, &connection->direction[d]);
	}
	if (connection->direction[0].finished && connection->direction[1].finished)
		end(forwarder, connection, false);
	else if (more)
		enqueue(forwarder, connection);
}

void tcp_run_queue(struct forwarder *forwarder)
{
	/* Those that are put at the end meanwhile have their turn after the next look at events. */
	uint32_t last = forwarder->queue_last;
	while (forwarder->queue_first != NO_INDEX) {
		uint32_t index = forwarder->queue_first;
		struct connection *connection = &forwarder->connections[index];
		forwarder->queue_first = connection->next;
		if (forwarder->queue_first == NO_INDEX)
			forwarder->queue_last = NO_INDEX;
		connection->queued = false;
		if (connection->fd[0] < 0)
			put_entry(forwarder, connection);
		else
			run(forwarder, connection);
		if (index == last)
			return;
	}
}

/* ---- beginning ---- */

static void set_option(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void control_no_congestion(int fd)
{
	static const char reno[] = "reno";
	(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof(reno) - 1);
}

/* A client on this machine has the address that it asked for, or one of the loopback network. */
static bool is_local(int fd, const struct sockaddr_storage *client)
{
	/* ::ffff:127.… */
	static const uint8_t mapped_loopback[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
	struct sockaddr_storage ours = {0};
	socklen_t length = sizeof(ours);
	if (getsockname(fd, (struct sockaddr *)&ours, &length) < 0 || ours.ss_family != client->ss_family)
		return false;
	if (ours.ss_family == AF_INET) {
		const struct in_addr a = ((struct sockaddr_in *)&ours)->sin_addr,
				     b = ((const struct sockaddr_in *)client)->sin_addr;
		return a.s_addr == b.s_addr || ntohl(b.s_addr) >> 24 == 127;
	}
	const struct in6_addr *a = &((struct sockaddr_in6 *)&ours)->sin6_addr,
			      *b = &((const struct sockaddr_in6 *)client)->sin6_addr;
	return memcmp(a, b, sizeof(*a)) == 0 || memcmp(b, mapped_loopback, sizeof(mapped_loopback)) == 0;
}

static int connect_to(const struct forwarder *forwarder, bool six, uint16_t port, const struct sockaddr_storage *client)
{
	struct address target = forward_target(forwarder, six, port);
	if (!target.length)
		return -EADDRNOTAVAIL;
	int fd = socket(target.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* What comes in is passed on as it came. */
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	control_no_congestion(fd);
	source_set(forwarder, fd, client, &target);
	if (connect(fd, (const struct sockaddr *)&target.storage, target.length) < 0 && errno != EINPROGRESS) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* At the address of the client's family, so that the server sees it as it is. *ret_other: whether the other one is left
 * to be tried. */
static int connect_inside(const struct forwarder *forwarder, uint16_t port, const struct sockaddr_storage *client,
			  bool *ret_other)
{
	bool six = forward_is_six(client);
	int fd = connect_to(forwarder, six, port, client);
	*ret_other = fd >= 0 && forward_has(forwarder, !six);
	return fd < 0 ? connect_to(forwarder, !six, port, client) : fd;
}

static int watch(const struct forwarder *forwarder, const struct connection *connection, int side)
{
	struct event_data data = {.index = (uint32_t)(connection - forwarder->connections),
				  .generation = connection->generation,
				  .kind = EVENT_CONNECTION,
				  .side = (uint8_t)side};
	return forward_watch((struct forwarder *)forwarder, connection->fd[side],
			     EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, data);
}

/* Nobody listens at the address of the client's family: at the other one, if there is one. */
static bool connect_to_other(const struct forwarder *forwarder, struct connection *connection)
{
	struct sockaddr_storage client = {.ss_family = AF_UNSPEC};
	socklen_t length = sizeof(client);
	uint16_t port = connection->other;
	connection->other = 0;
	if (!port || getpeername(connection->fd[0], (struct sockaddr *)&client, &length) < 0)
		return false;
	int fd = connect_to(forwarder, !forward_is_six(&client), port, &client);
	if (fd < 0)
		return false;
	close(connection->fd[1]);
	connection->fd[1] = fd;
	connection->readable[1] = connection->writable[1] = false;
	return watch(forwarder, connection, 1) == 0;
}

static void begin(struct forwarder *forwarder, const struct listener *listener, int client,
		  const struct sockaddr_storage *address)
{
	uint32_t index;
	bool other;
	int inside = connect_inside(forwarder, listener->port, address, &other);
	struct connection *connection = inside < 0 ? NULL : take_entry(forwarder, &index);
	if (!connection) {
		close_socket(inside, true);
		close_socket(client, true);
		return;
	}
	set_option(client, IPPROTO_TCP, TCP_NODELAY, 1);
	/* A client that vanished is found out, in the end. */
	set_option(client, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (is_local(client, address))
		control_no_congestion(client);
	connection->fd[0] = client;
	connection->fd[1] = inside;
	connection->connecting = true;
	connection->other = other ? listener->port : 0;
	for (int side = 0; side < 2; side++) {
		if (watch(forwarder, connection, side) < 0) {
			end(forwarder, connection, true);
			return;
		}
	}
}

void tcp_accept(struct forwarder *forwarder, const struct listener *listener)
{
	for (int i = 0; i < ACCEPTS && !forwarder->paused; i++) {
		if (forwarder->free >= forwarder->capacity) {
			set_accepting(forwarder, false);
			return;
		}
		struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
		socklen_t length = sizeof(address);
		int client =
		    accept4(listener->fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client >= 0) {
			begin(forwarder, listener, client, &address);
			continue;
		}
		/* No descriptors or no memory: the connection stays in the backlog and would be told of again and
		 * again. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			set_accepting(forwarder, false);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

/* Whether the connection to the container came about. */
static bool is_connected(const struct connection *connection)
{
	int errnum = 0;
	socklen_t length = sizeof(errnum);
	return getsockopt(connection->fd[1], SOL_SOCKET, SO_ERROR, &errnum, &length) == 0 && errnum == 0;
}

void tcp_event(struct forwarder *forwarder, const struct event_data *data, uint32_t events)
{
	struct connection *connection = &forwarder->connections[data->index];
	if (connection->generation != data->generation || connection->fd[0] < 0)
		return;
	int side = data->side;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		connection->readable[side] = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		connection->writable[side] = true;
	if (connection->connecting) {
		/* A client that has given up waits for nothing: the server may take minutes to say no. */
		if (side == 0 && (events & (EPOLLERR | EPOLLHUP)))
			end(forwarder, connection, true);
		if (side == 0)
			return; /* kept for when there is somebody to talk to */
		if (!is_connected(connection)) {
			if (!connect_to_other(forwarder, connection))
				end(forwarder, connection, true);
			return;
		}
		if (!(events & EPOLLOUT))
			return;
		connection->connecting = false;
	}
	run(forwarder, connection);
	/* A side that was reset can be silent in what is left open: nothing but this would tell the other one. */
	if ((events & EPOLLERR) && connection->generation == data->generation && connection->fd[0] >= 0)
		end(forwarder, connection, true);
}
