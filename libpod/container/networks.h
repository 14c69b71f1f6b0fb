/* SPDX-License-Identifier: Apache-2.0 */
/* networks: a container's networks in its record. */
#pragma once

#include "libpod/container/container.h"

void container_networks_free(struct container *container);
struct json_object *container_networks_json(const struct container *container);
/* From the member "networks" of the record, if there is one. */
int container_networks_parse(struct json_object *object, struct container *container, struct error *err);
