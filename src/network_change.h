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
	bool even_waiting; /* set before: one that waits for its restart need not be waited for */
};
#define NETWORK_CHANGE_INIT ((struct network_change){.directory = -1})
void network_change_free(struct network_change *change);
#define auto_network_change CLEANUP(network_change_free)

/* *ret is NETWORK_CHANGE_INIT, and what may be set before. Waits for a container that is just beginning to be started, or has just ended; -EBUSY, in the end. */
int network_change_open(const struct cli_context *context, const char *name, struct network_change *ret,
			struct error *err);
/* Whether what is changed shows at once. */
bool network_change_runs(const struct network_change *change);
/* Whether it waits for its restart, or is on the way to it: its monitor is there. */
bool network_change_waits(const struct network_change *change);
