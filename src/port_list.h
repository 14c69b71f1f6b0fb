/* SPDX-License-Identifier: Apache-2.0 */
/* port_list: published ports as `coracle port` prints them. */
#pragma once

#include "libpod/container/container.h"

/* "80/tcp", and "0.0.0.0:8080" or "[::1]:8080", of one port so far into the range; malloc'd. */
char *port_inside(const struct container_port *port, uint32_t offset);
char *port_outside(const struct container_port *port, uint32_t offset);
/* A line for each port of the range: "80/tcp -> 0.0.0.0:8080". */
void port_print(const struct container_port *port);
