/* SPDX-License-Identifier: Apache-2.0 */
#include "src/port_list.h"

#include <stdio.h>
#include <string.h>

char *port_inside(const struct container_port *port, uint32_t offset)
{
	return xasprintf("%u/%s", port->container_port + offset, port->protocol);
}

char *port_outside(const struct container_port *port, uint32_t offset)
{
	const char *address = *port->host_ip ? port->host_ip : "0.0.0.0";
	bool v6 = strchr(address, ':');
	return xasprintf("%s%s%s:%u", v6 ? "[" : "", address, v6 ? "]" : "", port->host_port + offset);
}

void port_print(const struct container_port *port)
{
	for (uint32_t offset = 0; offset < port->range; offset++) {
		auto_free char *inside = port_inside(port, offset), *outside = port_outside(port, offset);
		printf("%s -> %s\n", inside, outside);
	}
}
