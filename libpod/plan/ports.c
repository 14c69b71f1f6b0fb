/* SPDX-License-Identifier: Apache-2.0 */
/* ports: -p, --expose and -P. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "libpod/plan/plan_internal.h"

struct port_range {
	uint16_t first, count;
};

/* "80" or "8000-8010" */
static int parse_range(const char *text, const char *whole, struct port_range *ret, struct error *err)
{
	const char *dash = strchr(text, '-');
	auto_free char *first = dash ? xstrndup(text, (size_t)(dash - text)) : xstrdup(text);
	int64_t low, high;
	if (parse_int64(first, "port", 1, 65535, &low, NULL) < 0 || parse_int64(dash ? dash + 1 : first, "port", 1, 65535, &high, NULL) < 0 || high < low)
		return error_set(err, EINVAL, "port \"%s\" in \"%s\": give a number from 1 to 65535, or a range as 8000-8010", text, whole);
	*ret = (struct port_range){(uint16_t)low, (uint16_t)(high - low + 1)};
	return 0;
}

/* Cuts "/tcp" off `text` (in place). */
static int parse_protocol(char *text, const char *whole, char *ret, size_t size, struct error *err)
{
	char *slash = strchr(text, '/');
	const char *protocol = slash ? slash + 1 : "tcp";
	bool udp = strcasecmp(protocol, "udp") == 0;
	if (!udp && strcasecmp(protocol, "tcp") != 0)
		return error_set(err, EINVAL, "port \"%s\": unknown protocol \"%s\"; there are tcp and udp", whole, protocol);
	snprintf(ret, size, "%s", udp ? "udp" : "tcp");
	if (slash)
		*slash = '\0';
	return 0;
}

static bool overlap(uint16_t a, uint16_t a_count, uint16_t b, uint16_t b_count)
{
	return a < (uint32_t)b + b_count && b < (uint32_t)a + a_count;
}

/* Room for so many more, at once: an image may have all of them published. */
static void reserve_ports(struct container *container, size_t count)
{
	container->ports = xrealloc(container->ports, (container->ports_count + count) * sizeof(*container->ports));
}

static int add_port(struct container *container, const struct container_port *port, const char *whole, struct error *err)
{
	for (size_t i = 0; port->host_port && i < container->ports_count; i++) {
		const struct container_port *other = &container->ports[i];
		if (other->host_port && strcmp(port->protocol, other->protocol) == 0 &&
		    (!*port->host_ip || !*other->host_ip || strcmp(port->host_ip, other->host_ip) == 0) &&
		    overlap(port->host_port, port->range, other->host_port, other->range))
			return error_set(err, EINVAL, "port \"%s\": host port %u is published twice", whole, port->host_port);
	}
	container->ports[container->ports_count++] = *port;
	return 0;
}

/* The address in front of the ports, "[::1]:" or "127.0.0.1:"; *rest is moved behind it. */
static int parse_address(char **rest, const char *whole, struct container_port *port, struct error *err)
{
	char *text = *rest, *end;
	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || end[1] != ':')
			return error_set(err, EINVAL, "port \"%s\": an IPv6 address is written [address]:host:container", whole);
		*end++ = '\0';
		text++;
	} else {
		/* host:container has one colon, ip:host:container two. */
		end = strchr(text, ':');
		if (!end || !strchr(end + 1, ':'))
			return 0;
	}
	*end = '\0';
	*rest = end + 1;
	struct in6_addr address;
	if (inet_pton(AF_INET, text, &address) != 1 && inet_pton(AF_INET6, text, &address) != 1)
		return error_set(err, EINVAL, "port \"%s\": \"%s\" is not an IP address", whole, text);
	snprintf(port->host_ip, sizeof(port->host_ip), "%s", text);
	return 0;
}

/* docker's and podman's words for "any that is free", which is said by leaving it out as well. */
static bool is_zero(const char *text)
{
	return *text && !text[strspn(text, "0")];
}

int plan_port(const char *text, struct container *container, struct error *err)
{
	auto_free char *copy = xstrdup(text);
	char *rest = copy;
	struct container_port port = {0};
	int r = parse_protocol(copy, text, port.protocol, sizeof(port.protocol), err);
	if (r < 0 || (r = parse_address(&rest, text, &port, err)) < 0)
		return r;
	char *colon = strchr(rest, ':');
	struct port_range inside = {0, 0}, outside = {0, 0};
	if (colon)
		*colon = '\0';
	if ((r = parse_range(colon ? colon + 1 : rest, text, &inside, err)) < 0)
		return r;
	if (colon && is_zero(rest)) {
		if (inside.count != 1)
			return error_set(err, EINVAL, "port \"%s\": 0 is one port that is free; for several leave the host's ports out, as :8000-8010", text);
	} else if (colon && *rest) {
		if ((r = parse_range(rest, text, &outside, err)) < 0)
			return r;
		if (outside.count != inside.count)
			return error_set(err, EINVAL, "port \"%s\": the ranges are not of the same length", text);
	}
	port.host_port = outside.first;
	port.container_port = inside.first;
	port.range = inside.count;
	/* Ports that are left to us are chosen one by one. */
	reserve_ports(container, port.host_port ? 1 : inside.count);
	if (port.host_port)
		return add_port(container, &port, text, err);
	for (uint16_t i = 0; i < inside.count; i++) {
		port.container_port = (uint16_t)(inside.first + i);
		port.range = 1;
		if ((r = add_port(container, &port, text, err)) < 0)
			return r;
	}
	return 0;
}

/* Which ports are exposed and which are published, by protocol and number: an image may name tens of thousands. */
struct port_table {
	bool exposed[2][65536], published[2][65536];
};

static int table_row(const char *protocol)
{
	return strcmp(protocol, "udp") == 0;
}

static void expose_range(struct port_table *table, const char *protocol, struct port_range range, struct container *container)
{
	bool *exposed = table->exposed[table_row(protocol)];
	for (uint32_t port = range.first; port < (uint32_t)range.first + range.count; port++) {
		if (!exposed[port])
			strv_addf(&container->exposed, "%u/%s", port, protocol);
		exposed[port] = true;
	}
}

/* "80", "80/udp", "8000-8005": each of them into container->exposed. */
static int expose(struct port_table *table, const char *text, struct container *container, struct error *err)
{
	auto_free char *copy = xstrdup(text);
	char protocol[8] = "";
	struct port_range range = {0, 0};
	int r = parse_protocol(copy, text, protocol, sizeof(protocol), err);
	if (r < 0 || (r = parse_range(copy, text, &range, err)) < 0)
		return r;
	expose_range(table, protocol, range, container);
	return 0;
}

/* What is published is exposed. */
static void expose_published(struct port_table *table, struct container *container)
{
	for (size_t i = 0; i < container->ports_count; i++) {
		const struct container_port *port = &container->ports[i];
		expose_range(table, port->protocol, (struct port_range){port->container_port, port->range}, container);
		for (uint32_t offset = 0; offset < port->range; offset++)
			table->published[table_row(port->protocol)][port->container_port + offset] = true;
	}
}

/* -P: each exposed port that -p has not published, on a port of the host's choice. */
static int publish_exposed(const struct port_table *table, struct container *container, struct error *err)
{
	if (container->exposed.count)
		reserve_ports(container, container->exposed.count);
	for (size_t i = 0; i < container->exposed.count; i++) {
		struct container_port port = {.range = 1};
		const char *entry = container->exposed.items[i];
		port.container_port = (uint16_t)strtoul(entry, NULL, 10);
		snprintf(port.protocol, sizeof(port.protocol), "%s", strchr(entry, '/') + 1);
		if (table->published[table_row(port.protocol)][port.container_port])
			continue;
		int r = add_port(container, &port, entry, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int expose_all(struct port_table *table, const struct create_options *options, struct json_object *exposed,
		      struct container *container, struct error *err)
{
	int r;
	if (exposed) {
		json_object_object_foreach(exposed, key, value)
		{
			(void)value;
			if ((r = expose(table, key, container, err)) < 0)
				return error_context(err, "the image's ExposedPorts");
		}
	}
	for (size_t i = 0; i < options->expose.count; i++)
		if ((r = expose(table, options->expose.items[i], container, err)) < 0)
			return r;
	return 0;
}

int plan_ports(const struct create_options *options, struct json_object *image_config, struct plan *plan, struct error *err)
{
	struct container *container = plan->container;
	struct json_object *exposed = NULL;
	auto_free struct port_table *table = xcalloc(1, sizeof(*table));
	int r = json_get_object(image_config, "ExposedPorts", &exposed, err);
	if (r < 0 || (r = expose_all(table, options, exposed, container, err)) < 0)
		return r;
	for (size_t i = 0; i < options->publish.count; i++)
		if ((r = plan_port(options->publish.items[i], container, err)) < 0)
			return r;
	expose_published(table, container);
	container->publish_all = options->publish_all;
	container->client_address = options->client_address ? xstrdup(options->client_address) : NULL;
	if (options->publish_all && (r = publish_exposed(table, container, err)) < 0)
		return r;
	bool own_network = container->networks_count || strcmp(container->network, "slirp4netns") == 0 || strcmp(container->network, "pasta") == 0;
	if (container->ports_count && !own_network)
		return error_set(err, EINVAL, "ports cannot be published with --network %s, which has no network of the container's own", container->network);
	return 0;
}
