/* SPDX-License-Identifier: Apache-2.0 */
/* volumes.c: the volumes of a container that is being made. */
#pragma once

#include "libpod/plan/plan.h"

/* Makes those that are missing: the named ones in the store, the anonymous ones in the staged directory of the
 * container, with their symlinks. On failure there is no symlink. */
int create_volumes(struct store *store, const struct plan *plan, int stage_fd, struct error *err);
/* Takes the symlinks away again, when the container could not be put in place. */
void create_forget_volumes(struct store *store, const struct plan *plan);
