/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay: bytes between our own standard streams and the ends of a container's process's; the engine of attached commands (stdio_run(), exec).
 *
 * One loop of the caller's own polls what the relay waits for beside whatever else it waits for:
 *
 *	struct pollfd fds[RELAY_STREAMS + 2] = {…};
 *	relay_prepare(&relay, fds);
 *	poll(fds, …);
 *	if (relay_move(&relay, fds) == RELAY_DETACH) …
 *
 * Data goes by splice(2) where the kernel can between the two, and is copied otherwise. A stream is over when its source ends or its
 * destination has no reader any more; its descriptors above 2 are then closed (unless `shared`), so that the other side sees the same. What the caller's
 * own end of a pipe is should be non-blocking; our standard streams are not made so, since others share them.
 */
#pragma once

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "pkg/error/error.h"
#include "pkg/terminal/terminal.h"

#define RELAY_STREAMS 3

struct relay_stream {
	int from, to; /* -1: there is none, or it is over */
	bool shared;  /* the descriptors stay open when it is over: a terminal's carry both directions */
	struct detach_keys *keys; /* looked for in what passes; NULL: none */
	/* The relay's own. */
	bool copying; /* the kernel does not splice between the two */
	bool blocked; /* data waits for `to` */
	char *buffer; /* malloc'd */
	size_t begin, end;
	uint64_t moved; /* bytes in all */
};

struct relay {
	struct relay_stream streams[RELAY_STREAMS];
};
#define RELAY_NONE ((struct relay_stream){.from = -1, .to = -1})
#define RELAY_INIT ((struct relay){.streams = {RELAY_NONE, RELAY_NONE, RELAY_NONE}})
/* Ends all streams. */
void relay_free(struct relay *relay);
#define auto_relay CLEANUP(relay_free)

/* Fills fds[0…RELAY_STREAMS); those of streams that are over are -1, which poll(2) skips. How many are not over. */
size_t relay_prepare(const struct relay *relay, struct pollfd *fds);

enum relay_event {
	RELAY_GOES_ON,
	RELAY_DETACH, /* the detach keys were typed */
};
/* Moves what can be moved without waiting. */
enum relay_event relay_move(struct relay *relay, const struct pollfd *fds);

/* After the process has ended: moves what it has left, waiting up to `timeout_ms` for more. What others that still hold its streams go on
 * writing is not waited for. Streams that lead to the process are over. */
void relay_drain(struct relay *relay, int timeout_ms);

/*
 * The user's terminal while an attached command has it: raw, and given back whatever signal ends the command. Signals are taken from a
 * descriptor: SIGWINCH, and those that end a program by default.
 */
struct terminal_guard {
	int terminal;  /* -1: none was made raw */
	int signal_fd; /* signalfd(2); -1 before terminal_guard_begin() */
	struct termios saved;
	sigset_t mask; /* as it was */
};
#define TERMINAL_GUARD_INIT ((struct terminal_guard){.terminal = -1, .signal_fd = -1})
/* Makes `terminal` (-1: leave it) raw and begins to collect signals. */
int terminal_guard_begin(struct terminal_guard *guard, int terminal, struct error *err);
/* To be called when signal_fd is readable: true when the window's size has changed. Does not return when a signal ends the program: then
 * the terminal is given back first. */
bool terminal_guard_signal(struct terminal_guard *guard);
void terminal_guard_end(struct terminal_guard *guard);
#define auto_terminal_guard CLEANUP(terminal_guard_end)

/* Signals that are the container's process's instead of ours. */
struct signal_proxy {
	int fd;        /* signalfd(2); -1 before signal_proxy_begin() */
	sigset_t mask; /* as it was */
};
#define SIGNAL_PROXY_INIT ((struct signal_proxy){.fd = -1})
int signal_proxy_begin(struct signal_proxy *proxy, struct error *err);
/* To be called when fd is readable: the next signal to pass on; 0 when there is no more. */
int signal_proxy_next(const struct signal_proxy *proxy);
void signal_proxy_end(struct signal_proxy *proxy);
#define auto_signal_proxy CLEANUP(signal_proxy_end)
