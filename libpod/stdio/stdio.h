/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stdio: the attached command's side of the streams: copies its own stdin, stdout and stderr to and from the monitor (splice(2) where it can), terminal
 * in raw mode, window size, detach keys, signal proxy, until the container has exited or the user detached.
 */
#pragma once

#include "libpod/launch/launch.h"

struct stdio_options {
	bool terminal;           /* the container has one */
	bool sig_proxy;
	const char *detach_keys; /* NULL: ctrl-p,ctrl-q */
	struct signals_held *held; /* what the caller holds back until it is passed on here; NULL: nothing */
};
enum stdio_end { STDIO_EXITED, STDIO_DETACHED };

/* Returns which end it came to; *ret_exit_code for STDIO_EXITED. The user's terminal is put back as it was whatever happens (also on fatal signals). */
int stdio_run(struct store *store, const char *id, struct launch *launch, const struct stdio_options *options, enum stdio_end *ret_end,
	      int *ret_exit_code, struct error *err);
