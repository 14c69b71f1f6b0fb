/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state: what coracle-monitor is made of; shared by its files, not for others.
 *
 * One process, one thread, one epoll loop, no heap: struct monitor is mapped once, and of its buffers only what was touched is in memory. Nothing
 * in it blocks: streams and clients are non-blocking, and what cannot go on is not watched until it can.
 *
 *	starting ──report: executed──► running ──exit──► draining ──► ended ──► the monitor exits
 *	    │                             ▲                              │
 *	    └──report: failed──► ended    └── coracle --relaunch ◄── waiting (restart policy)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libpod/container/container.h"
#include "libpod/monitor/description.h"
#include "libpod/monitor/log_writer.h"
#include "libpod/monitor/protocol.h"

#define BATCH_MAX ((size_t)256 * 1024)

enum source_kind {
	SOURCE_SIGNAL,
	SOURCE_LISTEN,
	SOURCE_NOTIFY,
	SOURCE_REPORT,
	SOURCE_CONSOLE,
	SOURCE_FORWARDER,
	SOURCE_MENDER,
	SOURCE_STREAM, /* index: 0 stdout or terminal, 1 stderr */
	SOURCE_STDIN,
	SOURCE_CLIENT, /* index: of the client, for this and the rest */
	SOURCE_CLIENT_IN,
	SOURCE_CLIENT_OUT,
	SOURCE_CLIENT_ERR,
};

/* A descriptor and what epoll watches on it now: only changes cost a system call. */
struct source {
	int fd;
	uint32_t watched;
};

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_DRAINING, PHASE_WAITING, PHASE_ENDED };

struct stream {
	struct source source;
	/* data[0..begin) was delivered and waits for the rest of its line, data[begin..end) is new; all before `logged` is in the log. */
	size_t begin, end, logged;
	int full_batches; /* in a row: traffic worth a larger pipe */
	bool enlarged;
	uint8_t data[LOG_LINE_MAX + BATCH_MAX + LOG_PADDING];
};

struct client {
	struct source control, in, out[2];
	size_t delivered[2]; /* of struct stream's data */
	bool waits, holds; /* the container is paused for as long as it is connected */
	bool keeps;	   /* it will start the container again */
};

struct monitor {
	struct monitor_description d;
	enum phase phase;
	int epoll_fd;
	struct source signal, listen, notify, report, console, input, forwarder, mender;
	ino_t socket_inode; /* of the control socket that we made */
	dev_t socket_device;
	struct container_state state;
	bool paused, stopping;
	int64_t kill_at, over_at, drain_until, restart_at, look_again, remake_at, write_again; /* CLOCK_MONOTONIC ms; 0: not set */
	bool exited;
	int exit_code;
	pid_t mender_pid; /* brings helpers of the network back; 0: nobody does */
	int64_t mend_at, mended_at, mend_delay; /* ms as above; mended_at: the last time that it was tried */
	struct client *asker; /* whose request the forwarder, or the mender, is working on */
	bool buffers_used; /* worth giving back when it gets quiet */
	bool done;
	struct client clients[MONITOR_CLIENTS_MAX];
	struct stream streams[2];
	size_t input_begin, input_end;
	uint8_t input_data[4096]; /* to a terminal; pipes need no buffer */
	struct log_writer log;
};

/* ---- monitor_main.c: the loop ---- */
void source_watch(struct monitor *m, struct source *source, enum source_kind kind, size_t index, uint32_t events);
void source_close(struct monitor *m, struct source *source);
int64_t now_ms(void);

/* ---- streams.c ---- */
void streams_start(struct monitor *m);
void stream_pump(struct monitor *m, int index);		   /* moves output until there is none or a client is full */
void streams_drain(struct monitor *m, bool last);	   /* after the exit; last: what has not come by now never will */
bool streams_ended(const struct monitor *m);
void streams_release(struct monitor *m);		   /* gives the memory of idle buffers back */
void client_stream_close(struct monitor *m, struct client *client, int index);

/* ---- input.c ---- */
void input_pump(struct monitor *m);			   /* from all clients, as far as the container takes it */
void client_input_close(struct monitor *m, struct client *client, bool ended);

/* ---- clients.c: who is connected and what they ask ---- */
struct client *client_add(struct monitor *m, const struct monitor_client *descriptors);
/* Where all places are taken, one who only waits goes. */
void clients_make_room(struct monitor *m);
void client_close(struct monitor *m, struct client *client);
void client_request(struct monitor *m, struct client *client);
void client_send(struct monitor *m, struct client *client, const struct monitor_reply *reply, int fd);
void clients_send(struct monitor *m, const struct monitor_reply *reply, bool waiting_only);

/* ---- control.c: the socket itself ---- */
void control_open(struct monitor *m); /* unless it is there */
void control_accept(struct monitor *m);
void control_notified(struct monitor *m);
void control_socket_remove(struct monitor *m);

/* ---- network.c: published ports, and helpers of the network that die ---- */
/* 1: the answer comes later; what it took of the descriptors it has set to -1. */
int network_request(struct monitor *m, struct client *client, const struct forward_request *request, int *fds, size_t count);
void network_forget_client(struct monitor *m, const struct client *client);
void network_forwarder(struct monitor *m);
void network_mender(struct monitor *m);
void network_child(struct monitor *m, pid_t pid); /* one that has ended, whichever it was */
int64_t network_next_timer(const struct monitor *m); /* CLOCK_MONOTONIC ms; 0: none */
void network_timer(struct monitor *m);
void helper_add(struct monitor *m, pid_t pid);
void helper_remove(struct monitor *m, pid_t pid);

/* ---- life.c: start, stop, exit, restart, end ---- */
void life_report(struct monitor *m);
void life_console(struct monitor *m);
void life_children(struct monitor *m);
void life_stop(struct monitor *m, int signal, int64_t timeout_s);
bool life_ends(const struct monitor *m, int signal); /* who sends it means the container to end for good */
int life_kill(struct monitor *m, int signal);
void life_timers(struct monitor *m);
int64_t life_next_timer(const struct monitor *m); /* ms from now; -1: none */
void life_write_state(struct monitor *m, enum container_status status);

/* ---- end.c ---- */
_Noreturn void end_relaunch(struct monitor *m);
void end_of_life(struct monitor *m, const struct monitor_reply *last);
/* Lets go of the mounts of the container, which has exited. */
void release_mounts(struct monitor *m);

/* ---- freeze.c ---- */
int freeze(struct monitor *m);
int thaw(struct monitor *m);
bool freeze_was_oom(const struct monitor *m);
void freeze_kill_all(struct monitor *m);
