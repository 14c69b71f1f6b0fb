/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect: a container as docker and podman show it: the members of `inspect`, with the names and types that their users' templates and scripts rely on.
 */
#pragma once

#include "libpod/filter/filter.h"
#include "pkg/json/json.h"

/* The whole of `container inspect`. The caller puts *ret. */
int inspect_container(struct store *store, const struct container_entry *entry, struct json_object **ret, struct error *err);

/* "0.0.0.0:8080->80/tcp, 443/tcp": as `ps` shows ports. malloc'd. */
char *inspect_ports_text(const struct container *container);
/* NetworkSettings.Ports and HostConfig.PortBindings: {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}; exposed ports that are not published are null where asked for. */
struct json_object *inspect_ports(const struct container *container, bool with_exposed);
/* "Up 3 minutes", "Exited (0) 2 hours ago", "Restarting (1) 3 seconds ago", "Created", "Paused". malloc'd. */
char *inspect_status_text(const struct container_state *state);

/* NetworkSettings of a container (networks.c): where it runs on networks of the user's, what it has on each. */
struct json_object *inspect_network_settings(struct store *store, const struct container *container);
