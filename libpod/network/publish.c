/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/network/publish.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libpod/monitor/monitor.h"
#include "libpod/network/forward/protocol.h"
#include "libpod/network/settings.h"
#include "pkg/cleanup/cleanup.h"

int network_can_publish(const struct container *container, bool running, struct error *err)
{
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	int r = network_settings(container, &settings, err);
	if (r < 0)
		return r;
	if (settings.kind == NETWORK_HOST)
		return error_set(
		    err, EINVAL,
		    "container %s uses the host's network: what listens in it is reached as it is, and there is "
		    "nothing to publish",
		    container->name);
	if (!network_publishes(&settings))
		return error_set(
		    err, EINVAL,
		    "ports of container %s cannot be published: it has --network %s, which is no network of "
		    "its own",
		    container->name, container->network);
	if (settings.forwards && running)
		return error_set(
		    err, EINVAL,
		    "ports of container %s are forwarded by slirp4netns (port_handler=slirp4netns), which is told "
		    "them when it starts: stop the container first",
		    container->name);
	return 0;
}

/* ---- talking to the monitor ---- */

static int send_added(int monitor, const struct container *container, size_t first, const int *fds, struct error *err)
{
	size_t used = 0;
	int r = 0;
	for (size_t i = first; i < container->ports_count && r == 0; i++) {
		const struct container_port *port = &container->ports[i];
		for (uint32_t done = 0; done < port->range && r == 0; done += FORWARD_FDS_MAX) {
			uint32_t count = port->range - done < FORWARD_FDS_MAX ? port->range - done : FORWARD_FDS_MAX;
			struct forward_request request = {.type = FORWARD_ADD,
							  .port = (uint16_t)(port->container_port + done),
							  .count = (uint16_t)count};
			r = monitor_forward(monitor, &request, fds + used, count, err);
			used += count;
		}
	}
	return r;
}

static int send_removed(int monitor, const struct container_port *ports, size_t count, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < count && r == 0; i++) {
		struct forward_request request = {.type = FORWARD_REMOVE};
		r = listening_set(ports[i].protocol, ports[i].host_ip, ports[i].host_port, ports[i].range,
				  &request.listening);
		if (r < 0)
			return error_set(err, EINVAL, "\"%s\" is not an IP address", ports[i].host_ip);
		r = monitor_forward(monitor, &request, NULL, 0, err);
	}
	return r;
}

/* ---- adding ---- */

static int listen_from(struct container *container, size_t first, int **ret_fds, size_t *ret_count, struct error *err)
{
	/* The same, with those ports alone. */
	struct container part = *container;
	part.ports = container->ports + first;
	part.ports_count = container->ports_count - first;
	return network_listen(&part, ret_fds, ret_count, err);
}

/* The record and what is served are as they were; what was wrong has been said. */
static void undo(int monitor, struct container *container, size_t first, int directory_fd)
{
	send_removed(monitor, container->ports + first, container->ports_count - first, NULL);
	container->ports_count = first;
	container_write(directory_fd, container, NULL);
}

int network_publish(struct store *store, struct container *container, size_t first, int directory_fd, struct error *err)
{
	auto_free int *fds = NULL;
	size_t count;
	auto_close int monitor = monitor_connect(store, container->id, err);
	int r = monitor < 0 ? monitor : listen_from(container, first, &fds, &count, err);
	if (r < 0)
		return r;
	r = container_write(directory_fd, container, err);
	if (r == 0 && (r = send_added(monitor, container, first, fds, err)) < 0)
		undo(monitor, container, first, directory_fd);
	while (count > 0)
		close(fds[--count]);
	return r < 0 ? error_context(err, "container %s", container->name) : 0;
}

/* ---- taking away ---- */

/* Whether a single port, so far into `port`, is one of those that are wanted. */
static bool is_wanted(const struct container_port *wanted, const struct container_port *port, uint32_t offset)
{
	uint32_t inside = port->container_port + offset, outside = port->host_port + offset;
	if (strcmp(port->protocol, wanted->protocol) != 0 || inside < wanted->container_port ||
	    inside >= (uint32_t)wanted->container_port + wanted->range)
		return false;
	if (*wanted->host_ip && strcmp(wanted->host_ip, port->host_ip) != 0)
		return false;
	return !wanted->host_port || outside == (uint32_t)wanted->host_port + (inside - wanted->container_port);
}

struct port_list {
	struct container_port *items;
	size_t count;
};

/* `length` ports of `port`, from `offset` on. */
static void put(struct port_list *list, const struct container_port *port, uint32_t offset, uint32_t length)
{
	struct container_port part = *port;
	if (!length)
		return;
	part.container_port = (uint16_t)(port->container_port + offset);
	part.host_port = (uint16_t)(port->host_port ? port->host_port + offset : 0);
	part.range = (uint16_t)length;
	list->items[list->count++] = part;
}

/* Ports in a row that go, or stay, remain one entry. */
static void part(const struct container_port *wanted, const struct container_port *port, struct port_list *removed,
		 struct port_list *left)
{
	for (uint32_t offset = 0, end; offset < port->range; offset = end) {
		bool goes = is_wanted(wanted, port, offset);
		for (end = offset + 1; end < port->range && is_wanted(wanted, port, end) == goes; end++) {
		}
		put(goes ? removed : left, port, offset, end - offset);
	}
}

int network_remove_ports(struct container *container, const struct container_port *wanted,
			 struct container_port **ret_removed, size_t *ret_count, struct error *err)
{
	/* What is wanted is one run of ports: it cuts no entry into more than three pieces. */
	auto_free struct container_port *gone = xcalloc(container->ports_count * 2 + 1, sizeof(*gone));
	auto_free struct container_port *rest = xcalloc(container->ports_count * 2 + 1, sizeof(*rest));
	struct port_list removed = {.items = gone}, left = {.items = rest};
	for (size_t i = 0; i < container->ports_count; i++)
		part(wanted, &container->ports[i], &removed, &left);
	if (!removed.count)
		return error_set(err, ENOENT, "container %s does not publish that", container->name);
	free(container->ports);
	container->ports = TAKE_PTR(rest);
	container->ports_count = left.count;
	*ret_removed = TAKE_PTR(gone);
	*ret_count = removed.count;
	return 0;
}

int network_unpublish(struct store *store, const struct container *container, const struct container_port *ports,
		      size_t count, struct error *err)
{
	auto_close int monitor = monitor_connect(store, container->id, err);
	int r = monitor < 0 ? monitor : send_removed(monitor, ports, count, err);
	return r < 0 ? error_context(err, "container %s", container->name) : 0;
}

/* ---- leading elsewhere ---- */

int network_retarget(struct store *store, const struct container *container, const struct keeper_given *items,
		     size_t count, struct error *err)
{
	struct forward_request request = {.type = FORWARD_TARGET};
	if (!container->ports_count)
		return 0;
	bridge_target(container, items, count, request.target);
	if (!*request.target)
		return 0;
	auto_close int monitor = monitor_connect(store, container->id, err);
	int r = monitor < 0 ? monitor : monitor_forward(monitor, &request, NULL, 0, err);
	/* It has just ended, or is on its way to its next start, which knows. */
	if (r != -ESRCH)
		return r < 0 ? error_context(err, "ports of container %s", container->name) : 0;
	error_clear(err);
	return 0;
}
