/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages on a monitor's control socket (SOCK_SEQPACKET: a message is a packet). Both sides are of one build and one machine.
 *
 * A client sends a request and gets one REPLY_ANSWER for it, in order. Beside these come, unasked, REPLY_STARTED or REPLY_FAILED to the
 * command that starts the container, and REPLY_EXITED to whoever asked to wait or is attached: the last message, sent when all output was
 * delivered, the state is on disk and the lock is free. A client that closes its connection is detached; what it asked for goes on, but for REQUEST_HOLD and
 * that a container be kept. Where all places are taken, one who only waits is closed for who comes (clients_make_room()), and looks at the state instead.
 */
#pragma once

#include <stdint.h>

#include "libpod/network/forward/protocol.h"

enum monitor_request_type {
	REQUEST_KILL = 1, /* signal */
	REQUEST_STOP,	  /* signal, timeout_s (negative: never SIGKILL), keep: one with --rm is to be started again, by who asks, and stays for that */
	REQUEST_PAUSE,
	REQUEST_UNPAUSE,
	REQUEST_HOLD,   /* paused until the connection ends, or REQUEST_UNPAUSE */
	REQUEST_RESIZE, /* rows, columns */
	REQUEST_ATTACH, /* streams; with a descriptor for each, in the order of the bits */
	REQUEST_PIDFD,	/* the answer carries it */
	REQUEST_WAIT,
	REQUEST_FORWARD, /* forward, with its descriptors: ports of the running container; answered when the forwarder has done it */
};

enum monitor_stream {
	STREAM_STDIN = 1,    /* a pipe's end to read from */
	STREAM_STDOUT = 2,   /* a pipe's end to write to */
	STREAM_STDERR = 4,   /* the same */
	STREAM_TERMINAL = 8, /* a stream socket, both ways, instead of the three */
};
#define MONITOR_STREAMS_MAX 3
#define MONITOR_FDS_MAX     FORWARD_FDS_MAX /* with one message */

struct monitor_request {
	uint32_t type;
	int32_t signal;
	int64_t timeout_s;
	uint32_t streams, keep;
	uint16_t rows, columns;
	struct forward_request forward;
};

enum monitor_reply_type {
	REPLY_ANSWER = 1, /* errnum and text, errnum 0: done */
	REPLY_STARTED,	  /* the program was executed */
	REPLY_FAILED,	  /* it was not: errnum, status and text as in struct error; the last message */
	REPLY_EXITED,	  /* exit_code */
	REPLY_KEEPER,	  /* while it starts: the keeper of its networks was killed. The command answers with the same type, and a connection to another one */
};

struct monitor_reply {
	uint32_t type;
	int32_t errnum;
	int32_t status;
	int32_t exit_code;
	char text[1008];
};
