/* SPDX-License-Identifier: Apache-2.0 */
/* descriptors: open files handed from one process to another, beside a message on a socket (SCM_RIGHTS, unix(7)). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/error/error.h"

#define DESCRIPTORS_MAX 64 /* with one message */

/* Sends one message with `count` descriptors (borrowed; at most DESCRIPTORS_MAX). `flags` as for sendmsg(2), beside
 * MSG_NOSIGNAL. 0 or negative errno. */
int descriptors_send(int socket, const void *data, size_t length, const int *fds, size_t count, int flags);

/* Receives one message, and at most `max` descriptors, which are O_CLOEXEC and the caller's; the kernel closes what is
 * more. *ret_count (may be NULL when max is 0) is how many came, whatever is returned; the rest of `fds` is -1.
 * `flags` as for recvmsg(2). How many bytes came, 0 when the other end is closed, or negative errno. -EMFILE: the
 * message is in `data`, but not all that came with it found room under the limit of open files; then none is kept. */
ssize_t descriptors_receive(int socket, void *data, size_t length, int *fds, size_t max, size_t *ret_count, int flags);

/* One descriptor, whatever its message says: >= 0, or negative errno; -EPIPE when none came. */
int descriptors_receive_one(int socket, int flags);

/* Those that our caller left open for a program of ours, as sd_listen_fds(3) has them: the `count` from 3 on. What we opened ourselves is O_CLOEXEC
 * from birth, and so is never taken for one. -EBADF, with the text, when one of them is not there. */
int descriptors_check_inherited(int64_t count, struct error *err);
/* Closes them. */
void descriptors_close_inherited(unsigned int count);
