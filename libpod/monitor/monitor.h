/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor: talking to a container's monitor. The monitor itself is the program coracle-monitor (monitor_main.c and the files beside it); its
 * messages are in protocol.h. The socket is <runroot>/<id>/control, SOCK_SEQPACKET; the monitor makes it anew when it is gone.
 */
#pragma once

#include <stdint.h>

#include "libpod/container/container.h"
#include "libpod/launch/launch.h"

/* A connection to a living container's monitor; -ESRCH when there is none (not running). */
int monitor_connect(struct store *store, const char *id, struct error *err);

/* Requests; each waits for the monitor's answer. `fd` from monitor_connect(). */
int monitor_kill(int fd, int signal, struct error *err);
int monitor_pause(int fd, struct error *err);
int monitor_unpause(int fd, struct error *err);
/* Paused for as long as this connection lasts: whoever asked for it may be killed. */
int monitor_hold(int fd, struct error *err);
int monitor_resize(int fd, uint16_t rows, uint16_t columns, struct error *err);
/* Begins the stop: `signal`, and SIGKILL after timeout_s (negative: never). Answers at once; wait with monitor_wait(). */
int monitor_stop(int fd, int signal, int64_t timeout_s, struct error *err);
/* The same for who starts it again when it has ended: one with --rm is not removed then, as long as `fd` is open, but new, as if it had only been created. */
int monitor_stop_to_restart(int fd, int signal, int64_t timeout_s, struct error *err);
/* Ports of a running container (libpod/network/forward/protocol.h); `fds` as the request needs them, borrowed. Returns when it is done. */
struct forward_request;
int monitor_forward(int fd, const struct forward_request *request, const int *fds, size_t count, struct error *err);
/* Streams of a running container, as in struct launch. */
int monitor_attach(int fd, const struct launch_streams *streams, int ret_stdio[3], struct error *err);
/* A pidfd of the first process, free of races. */
int monitor_pidfd(int fd, int *ret_pidfd, struct error *err);
/* Waits until the container has exited for good (no restart to come) and the monitor has recorded it; *ret_exit_code. When the monitor dies without a word:
 * the truth by container_state(). timeout_ms -1: for ever; -ETIMEDOUT. */
int monitor_wait(struct store *store, const char *id, int fd, int timeout_ms, int *ret_exit_code, struct error *err);
