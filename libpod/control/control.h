/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control: what is done to containers that are there: stop, kill, pause, remove. Each function looks at the truth (container_state()) first and returns when the
 * change has taken place, not when it was asked for.
 */
#pragma once

#include "libpod/container/container.h"

/* As a time-out: the container's own. */
#define CONTROL_OWN_TIMEOUT INT64_MIN
/* Sends the stop signal and, after `timeout_s` (docker: negative: never), SIGKILL; returns when it has ended. One that is not running is left alone: 0. */
int control_stop(struct store *store, const struct container *container, int64_t timeout_s, struct error *err);
/* The same for who then starts it again: one with --rm is still there. */
int control_stop_to_restart(struct store *store, const struct container *container, int64_t timeout_s, struct error *err);
/* -ESRCH, "container x is not running", when it is not. After SIGKILL it has ended. */
int control_kill(struct store *store, const struct container *container, int signal, struct error *err);
int control_pause(struct store *store, const struct container *container, struct error *err);
int control_unpause(struct store *store, const struct container *container, struct error *err);
/* Paused for as long as the descriptor that it returns is open, also when the caller is killed; -ESRCH as above. */
int control_hold(struct store *store, const struct container *container, struct error *err);
/* Removes it. A living one only with `force`: stopped first, with `timeout_s` as in control_stop(). */
int control_remove(struct store *store, const struct container *container, bool force, int64_t timeout_s, struct error *err);
/* The same with the anonymous volumes that no other container has. */
int control_remove_with_volumes(struct store *store, const struct container *container, bool force, int64_t timeout_s, struct error *err);
/* Waits until it is not running. The exit code. */
int control_wait(struct store *store, const struct container *container, int *ret_exit_code, struct error *err);

/* Adds to `set` what is called "running", "exited", "stopped" … (as podman's wait --condition). */
int control_condition(const char *name, unsigned int *set, struct error *err);
#define CONTROL_WAIT_REMOVED (1u << 31)
/* Waits until it is in one of these states, looking every interval_ns. *ret_exit_code: the exit code when that is its end, otherwise -1. -ENOENT: it was removed meanwhile, and no end was waited for. */
int control_wait_condition(struct store *store, const struct container *container, unsigned int set, int64_t interval_ns, int *ret_exit_code,
			   struct error *err);
