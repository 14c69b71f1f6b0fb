/* SPDX-License-Identifier: Apache-2.0 */
/* What the keeper and its hand say to each other: one request, one answer, over a SOCK_SEQPACKET pair. */
#pragma once

#include "libpod/network/keeper/hand.h"

#define HAND_TEXT_MAX 8192

enum hand_verb {
	HAND_FILTER = 1,
	HAND_LISTEN,
	HAND_SOCKET,
	HAND_UPLINK,
};

struct hand_request {
	uint32_t verb;
	struct ip ip;
	int32_t type; /* of a socket */
	char text[HAND_TEXT_MAX];
};

struct hand_answer {
	int32_t result; /* 0 or negative errno */
	struct ip address, host;
	struct error err;
};

/* Sends an answer, with up to two descriptors. */
int hand_send(int socket, const void *data, size_t length, const int *fds, size_t count);
/* Receives exactly `length` bytes and at most two descriptors; -1 where there is none. 0 or negative errno; -EPIPE at
 * the end. */
int hand_receive(int socket, void *data, size_t length, int fds[2]);

/* inside.c: what is done in the shared namespace, by a process that has joined it. */
int inside_prepare(struct error *err);
int inside_filter(const char *commands, struct error *err);
/* hand_process.c: the process itself; does not return. */
_Noreturn void hand_run(int socket, int run_fd, const struct id_mapping *mapping);
