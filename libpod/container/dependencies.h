/* SPDX-License-Identifier: Apache-2.0 */
/* dependencies: which containers a container needs: those whose namespaces it shares (container:…), and those that it was given with --requires. */
#pragma once

#include "libpod/container/container.h"

/* Adds the ids of those that it needs itself. */
void container_dependencies(const struct container *container, struct strv *ret);
/* Adds the ids of all that need the container with this id, or one that does, in an order in which they can be removed. */
int container_dependents(struct store *store, const char *id, struct strv *ret, struct error *err);
