/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heal: bridge networks of containers that run already: connected, left, and given back after their keeper was killed
 * (libpod/network/keeper/keeper.h).
 *
 * All of it is done from outside the containers: their network namespace is found by their first process.
 */
#pragma once

#include "libpod/container/container.h"

/* Connects a running container to the networks of its record: to all of them (only NULL: with those addresses that it
 * had before, if they are still free), or to one. */
int network_attach_running(struct store *store, const struct container *container, const char *only, struct error *err);
/* Takes a running container from a network. One that the keeper does not know of is not on it: 0. */
int network_detach_running(struct store *store, const struct container *container, const char *network,
			   struct error *err);

/* Attaches all running containers of the store that should be on networks and are not. What goes wrong with one is a
 * warning. Returns at once when there is nothing to heal. */
int network_heal(struct store *store, struct error *err);
/* The same, in place of the keeper's parent: looks again for as long as containers are just being started, a few seconds
 * at most. */
int network_heal_patiently(struct store *store, struct error *err);
