/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the module: the way back from container_status_name(). */
#pragma once

#include <stdbool.h>

#include "libpod/container/container.h"

bool container_status_from_name(const char *name, enum container_status *ret);
