/* SPDX-License-Identifier: Apache-2.0 */
/* internal: parts of what inspect shows, a file each. */
#pragma once

#include "libpod/container/container.h"
#include "libpod/spec/spec.h"

/* mounts.c: "Mounts": what the user and the image asked for, as docker has it. */
struct json_object *inspect_mounts(const struct container *container, const struct spec *spec);
/* others.c: adds to HostConfig what else templates ask for. */
void inspect_add_others(const struct container *container, const struct spec *spec, struct json_object *host_config);
/* "Devices": docker's shape; a CDI device by its name. */
struct json_object *inspect_devices(const struct container *container);
