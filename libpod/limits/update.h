/* SPDX-License-Identifier: Apache-2.0 */
/* update: see update.c. */
#pragma once

#include "libpod/limits/limits.h"

/* Lays the options over the container's limits, in its cgroup while it lives and in its config.json. -EOPNOTSUPP: it lives without a cgroup, or a controller is not there. */
int limits_update(struct store *store, struct container *container, const struct container_state *state, const struct limit_options *options,
		  struct error *err);
