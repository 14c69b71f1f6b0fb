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

/* inside.c: the process in the shared network namespace, from the moment at which that is its own. It sends the
 * namespace to `parent`, and then answers the keeper at `socket`, first with a netlink socket. */
_Noreturn void inside_run(int socket, int parent);
/* hand_process.c: the process outside of it, and the parent of the other one. */
_Noreturn void hand_run(int up, int in, int run_fd, const struct id_mapping *mapping);

/* confine_hand.c: what each of them gives up. */
int inside_confine(struct error *err);
int hand_confine(struct error *err);
/* confine.c: all capabilities but these (bits), also out of the bounding set; and no program that is executed gets more. */
int confine_capabilities(uint64_t keep);
