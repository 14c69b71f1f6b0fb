/* SPDX-License-Identifier: Apache-2.0 */
#include "src/network_change.h"

#include <string.h>

#include "src/session.h"

void network_change_free(struct network_change *change)
{
	container_freep(&change->container);
	store_freep(&change->store);
	cleanup_close(&change->directory);
}

int network_change_open(const struct cli_context *context, const char *name, struct network_change *ret,
			struct error *err)
{
	auto_network_change struct network_change change = NETWORK_CHANGE_INIT;
	auto_container struct container *found = NULL;
	int r = session_store(context, &change.store, err);
	if (r < 0 || (r = container_find(change.store, name, &found, err)) < 0)
		return r;
	change.directory = container_open(change.store, found->id, err);
	if (change.directory < 0)
		return change.directory;
	if ((r = container_lock_record(change.directory, err)) < 0 ||
	    (r = container_read(change.store, found->id, &change.container, err)) < 0 ||
	    (r = container_state(change.store, found->id, &change.state, err)) < 0)
		return r;
	*ret = change;
	change = NETWORK_CHANGE_INIT;
	return 0;
}

bool network_change_runs(const struct network_change *change)
{
	return change->state.status == CONTAINER_RUNNING || change->state.status == CONTAINER_PAUSED;
}
