/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libpod/inspect/inspect.h"
#include "pkg/template/template.h"

static bool is_published(const struct container *container, const char *entry)
{
	unsigned long number = strtoul(entry, NULL, 10);
	for (size_t i = 0; i < container->ports_count; i++) {
		const struct container_port *port = &container->ports[i];
		if (number >= port->container_port && number < (unsigned long)port->container_port + port->range &&
		    text_ends_with(entry, port->protocol))
			return true;
	}
	return false;
}

char *inspect_ports_text(const struct container *container)
{
	struct strbuf text = STRBUF_INIT;
	for (size_t i = 0; i < container->ports_count; i++) {
		const struct container_port *port = &container->ports[i];
		const char *address = *port->host_ip ? port->host_ip : "0.0.0.0";
		bool v6 = strchr(address, ':');
		strbuf_printf(&text, "%s%s%s%s:", text.length ? ", " : "", v6 ? "[" : "", address, v6 ? "]" : "");
		if (port->range > 1)
			strbuf_printf(&text, "%u-%u->%u-%u/%s", port->host_port, port->host_port + port->range - 1, port->container_port,
				      port->container_port + port->range - 1, port->protocol);
		else
			strbuf_printf(&text, "%u->%u/%s", port->host_port, port->container_port, port->protocol);
	}
	for (size_t i = 0; i < container->exposed.count; i++)
		if (!is_published(container, container->exposed.items[i]))
			strbuf_printf(&text, "%s%s", text.length ? ", " : "", container->exposed.items[i]);
	return strbuf_take(&text);
}

struct json_object *inspect_ports(const struct container *container, bool with_exposed)
{
	struct json_object *ports = json_object_new_object();
	for (size_t i = 0; with_exposed && i < container->exposed.count; i++)
		if (!is_published(container, container->exposed.items[i]))
			json_object_object_add(ports, container->exposed.items[i], NULL);
	for (size_t i = 0; i < container->ports_count; i++) {
		const struct container_port *port = &container->ports[i];
		for (uint32_t offset = 0; offset < port->range; offset++) {
			auto_free char *inside = xasprintf("%u/%s", port->container_port + offset, port->protocol);
			auto_free char *outside = xasprintf("%u", port->host_port + offset);
			struct json_object *bindings;
			if (!json_object_object_get_ex(ports, inside, &bindings)) {
				bindings = json_object_new_array();
				json_object_object_add(ports, inside, bindings);
			}
			struct json_object *binding = json_object_new_object();
			json_add_string(binding, "HostIp", port->host_ip);
			json_add_string(binding, "HostPort", outside);
			json_object_array_add(bindings, binding);
		}
	}
	return template_mark_map(ports);
}

char *inspect_status_text(const struct container_state *state)
{
	char duration[TEXT_STAMP_MAX];
	int64_t now = time_now_ns();
	switch (state->status) {
	case CONTAINER_RUNNING:
	case CONTAINER_STOPPING:
		return xasprintf("Up %s", format_human_duration(duration, (now - state->started_ns) / 1000000000));
	case CONTAINER_EXITED:
		return xasprintf("Exited (%d) %s ago", state->exit_code,
				 format_human_duration(duration, (now - state->finished_ns) / 1000000000));
	case CONTAINER_PAUSED:
		return xstrdup("Paused");
	case CONTAINER_RESTARTING:
		return xasprintf("Restarting (%d) %s ago", state->exit_code,
				 format_human_duration(duration, (now - state->finished_ns) / 1000000000));
	case CONTAINER_STARTING:
		return xstrdup("Initialized");
	default:
		return xstrdup("Created");
	}
}
