/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names: names/<name> is a symlink to the container's id. Inside libpod/container, but for name_release(), which the monitor uses.
 *
 * The directory of a container is placed before its name is linked, and goes before the name is unlinked. So a link that leads nowhere is a
 * dead process's: it may be replaced, and who looks at all containers, and finds more names than those, sweeps it (container_sweep_names()). A
 * container that its name does not lead to may have been only half made; but it may have lost its name, too, so that nobody removes it unasked:
 * `system check --repair` gives its name back.
 *
 * Making a link needs no lock: symlink(2) says who was first. What replaces or removes one compares and then acts, and holds names/.lock for
 * these few microseconds.
 */
#pragma once

#include <stdbool.h>

#include "storage/store/store.h"

/* Reserves `name` for `id`. -EEXIST with the words for the user when a container has it. */
int name_reserve(struct store *store, const char *name, const char *id, struct error *err);
/* The id that `name` leads to, whether that container is there or not: 64 digits into `ret_id` (65 bytes). -ENOENT. No text. */
int name_resolve(int root_fd, const char *name, char *ret_id);
/* Unlinks the name if it leads to `id`. No heap. `lock_fd` as in struct store. 0 or negative. */
int name_release(int root_fd, int lock_fd, const char *name, const char *id);
/* Takes the lock that renaming holds while the record and two links disagree; returns the descriptor that holds it. */
int names_lock(int root_fd, int lock_fd, struct error *err);
