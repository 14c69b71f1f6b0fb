/* SPDX-License-Identifier: Apache-2.0 */
#include "src/network_change.h"

#include <errno.h>
#include <unistd.h>

#include "pkg/lock/lock.h"
#include "src/session.h"

#define PAUSE_US 5000
#define TRIES    1000 /* 5 seconds: a start and an end take less, or have other troubles */

void network_change_free(struct network_change *change)
{
	container_freep(&change->container);
	store_freep(&change->store);
	cleanup_close(&change->directory);
}

/* Reads both under the record's lock. -EAGAIN: it is being started, or says that it does not live while somebody has its
 * lock, who has just begun to start it, or is about to be gone. */
static int open_record(struct network_change *change, const char *id, struct error *err)
{
	change->directory = container_open(change->store, id, err);
	if (change->directory < 0)
		return change->directory;
	int r = container_lock_record(change->directory, err);
	if (r < 0 || (r = container_read(change->store, id, &change->container, err)) < 0 ||
	    (r = container_state(change->store, id, &change->state, err)) < 0)
		return r;
	if (change->state.status == CONTAINER_STARTING || change->state.status == CONTAINER_RESTARTING)
		return change->even_waiting && network_change_waits(change) ? 0 : -EAGAIN;
	if (change->state.status != CONTAINER_CREATED && change->state.status != CONTAINER_EXITED)
		return 0;
	auto_close int lock = container_lock_open(change->store, id, err);
	if (lock < 0)
		return lock;
	return lock_is_held(lock) > 0 ? -EAGAIN : 0;
}

int network_change_open(const struct cli_context *context, const char *name, struct network_change *ret,
			struct error *err)
{
	auto_network_change struct network_change change = *ret;
	auto_container struct container *found = NULL;
	int r = session_store(context, &change.store, err);
	if (r < 0 || (r = container_find(change.store, name, &found, err)) < 0)
		return r;
	for (int tries = 0; (r = open_record(&change, found->id, err)) == -EAGAIN && tries < TRIES; tries++) {
		/* Who starts it waits for the record, too. */
		cleanup_close(&change.directory);
		change.directory = -1;
		container_freep(&change.container);
		change.container = NULL;
		usleep(PAUSE_US);
	}
	if (r == -EAGAIN)
		return error_set(err, EBUSY,
				 "container %s is just being started or has just ended; try again in a moment",
				 found->name);
	if (r < 0)
		return r;
	*ret = change;
	change = NETWORK_CHANGE_INIT;
	return 0;
}

/* What is being started for the first time has no state yet, and no monitor that it names. */
bool network_change_waits(const struct network_change *change)
{
	return change->state.status == CONTAINER_RESTARTING;
}

bool network_change_runs(const struct network_change *change)
{
	return change->state.status == CONTAINER_RUNNING || change->state.status == CONTAINER_PAUSED;
}
