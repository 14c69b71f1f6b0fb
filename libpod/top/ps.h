/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps: `top CONTAINER -ef`, as docker and podman have it: what ps(1) says, called with the user's own options.
 *
 * It is the container's own ps, executed there as `exec` does it, with the container's ids and names (podman). Where the container has none, it is this machine's,
 * called here, of whose lines only those of the container's processes are shown, with the ids that they have here (docker): it is told by the column PID which they
 * are. Nothing of this machine is ever executed inside the container.
 */
#pragma once

#include <stdbool.h>

#include "libpod/container/container.h"

/* Whether these words are meant for ps(1), not names of columns (top_list()): one is an option, or all there is is one of BSD's, such as "aux". */
bool top_is_for_ps(const struct strv *words);
/* Prints. The exit code of ps; -ESRCH: it is not running; -ENOENT: there is no ps anywhere. */
int top_ps(struct store *store, const struct container *container, const struct strv *words, struct error *err);
