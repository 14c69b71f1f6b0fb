/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and streams as the commands' side makes them: for libpod/monitor, libpod/launch and libpod/stdio. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libpod/launch/launch.h"
#include "libpod/monitor/protocol.h"

/* Sends one message, with up to MONITOR_FDS_MAX descriptors. 0 or negative errno. */
int message_send(int fd, const void *data, size_t length, const int *fds, size_t count);
/* Waits for one. *ret_fd (may be NULL): the descriptor that came with it, or -1. -ECONNRESET: the other side is gone. */
int message_receive(int fd, struct monitor_reply *ret, int *ret_fd);

/* Both ends of the pipes of a client: stdin, stdout, stderr; with a terminal one socket. `streams` has the bits of enum monitor_stream. */
struct stream_ends {
	int ours[MONITOR_STREAMS_MAX], theirs[MONITOR_STREAMS_MAX];
	uint32_t streams;
};
#define STREAM_ENDS_INIT ((struct stream_ends){.ours = {-1, -1, -1}, .theirs = {-1, -1, -1}})
int streams_make(const struct launch_streams *streams, struct stream_ends *ret, struct error *err);
void streams_close(struct stream_ends *ends);
