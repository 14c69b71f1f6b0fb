/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volumes: which containers have which volumes. It is read from the containers' records; there is no index.
 *
 * Who makes a container of a volume holds volumes.lock shared until the record is there, and who removes volumes because
 * nobody has them holds it exclusively.
 */
#pragma once

#include "libpod/container/container.h"
#include "storage/volume/volume.h"

/* The names of the volumes of all containers, once for each container that has it. */
int volumes_used(struct store *store, struct strv *ret, struct error *err);
/* The ids of the containers that have it. */
int volumes_users(struct store *store, const char *name, struct strv *ret, struct error *err);
/* Removes it, if no container has it: otherwise -EBUSY, "volume x is in use by container …". */
int volumes_remove(struct store *store, const char *name, struct error *err);
/* The anonymous volumes of the container that no other has, and that would be left when it is gone (`rm -v`). */
int volumes_left_by(struct store *store, const struct container *container, struct strv *ret, struct error *err);
/* Removes of these those that nobody has. */
int volumes_remove_unused(struct store *store, const struct strv *names, struct error *err);
