/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish: ports of a container that runs, added and taken away.
 *
 * What is published is in the container's record; a running container's monitor has a listening socket for each, and
 * the forwarder serves them (libpod/monitor/network.c). The record is written first when ports are added and last
 * when they are taken away, so that nothing is open that it does not name: whoever is killed in the middle leaves a
 * port that is named and not served, until it is unpublished, or the container starts anew.
 */
#pragma once

#include "libpod/container/container.h"

/* Whether the container's ports can be published, and, when it runs, be changed now: -EINVAL and why not. */
int network_can_publish(const struct container *container, bool running, struct error *err);

/* Of a container that runs, or waits for its restart (its monitor has the sockets, and serves them with its next life):
 * opens the listening sockets of container->ports from `first` on, choosing those that are
 * left to us, writes the record (through its directory) and has them served. When something fails the record is as
 * it was: -EADDRINUSE with who holds it … */
int network_publish(struct store *store, struct container *container, size_t first, int directory_fd,
		    struct error *err);

/* Takes out of container->ports what `wanted` names: by protocol and container ports, by the host's ports and
 * address where it says them. `ret_removed` (malloc'd) are the ports that went. -ENOENT: none. Only the structure is
 * changed. */
int network_remove_ports(struct container *container, const struct container_port *wanted,
			 struct container_port **ret_removed, size_t *ret_count, struct error *err);
/* Of such a container: those are not served any more, and are free when this returns. */
int network_unpublish(struct store *store, const struct container *container, const struct container_port *ports,
		      size_t count, struct error *err);

/* Of a container on bridge networks whose addresses have changed: its published ports lead to one that it has.
 * Nothing is done, and said, when it has none, or no ports. */
struct keeper_given;
int network_retarget(struct store *store, const struct container *container, const struct keeper_given *items,
		     size_t count, struct error *err);
