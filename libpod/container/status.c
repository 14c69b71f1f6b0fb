/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/container/status.h"

#include <string.h>

#include "pkg/cleanup/cleanup.h"

static const char *const names[] = {
    [CONTAINER_CREATED] = "created",   [CONTAINER_RUNNING] = "running", [CONTAINER_PAUSED] = "paused",
    [CONTAINER_STOPPING] = "stopping", [CONTAINER_EXITED] = "exited",   [CONTAINER_STARTING] = "initialized",
    [CONTAINER_RESTARTING] = "restarting",
};

const char *container_status_name(enum container_status status)
{
	return names[status];
}

bool container_status_from_name(const char *name, enum container_status *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum container_status)i;
			return true;
		}
	}
	return false;
}
