/* SPDX-License-Identifier: Apache-2.0 */
/* network_change: what network connect, disconnect, publish and unpublish have in common: a container's record, open
 * for a change. */
#pragma once

#include "libpod/container/container.h"
#include "pkg/cli/cli.h"

struct network_change {
	struct store *store;
	struct container *container; /* as it is now */
	struct container_state state;
	int directory; /* its own; the record is locked for as long as it is open */
};
#define NETWORK_CHANGE_INIT ((struct network_change){.directory = -1})
void network_change_free(struct network_change *change);
#define auto_network_change CLEANUP(network_change_free)

/* Waits for a container that is just beginning to be started, or has just ended; -EBUSY, in the end. */
int network_change_open(const struct cli_context *context, const char *name, struct network_change *ret,
			struct error *err);
/* Whether what is changed shows at once. */
bool network_change_runs(const struct network_change *change);
