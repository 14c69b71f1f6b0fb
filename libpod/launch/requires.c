/* SPDX-License-Identifier: Apache-2.0 */
/* requires: --requires: the containers that must run before another is started. */
#include <errno.h>

#include "libpod/launch/launch_internal.h"

static int start_other(struct store *store, struct container *other, struct error *err)
{
	auto_launch struct launch launch = LAUNCH_INIT;
	struct container_state state;
	int r = container_state(store, other->id, &state, err);
	if (r < 0 || (state.status != CONTAINER_CREATED && state.status != CONTAINER_EXITED))
		return r;
	r = launch_container(store, other, NULL, &(struct launch_streams){0}, &launch, err);
	if (r == -EBUSY) { /* somebody else has just started it */
		error_clear(err);
		return 0;
	}
	if (r < 0 && err)
		err->status = 125; /* 126 and 127 would be said of the program that the user asked for */
	return r < 0 ? error_context(err, "start %s", other->name) : 0;
}

int start_required(struct store *store, const struct container *container, struct error *err)
{
	for (size_t i = 0; i < container->requires.count; i++) {
		auto_container struct container *other = NULL;
		int r = container_read(store, container->requires.items[i], &other, err);
		if (r == -ENOENT)
			return error_set(
			    err, ENOENT,
			    "container %s requires the container %.12s, which is not there any more; make %s anew",
			    container->name, container->requires.items[i], container->name);
		if (r < 0 || (r = start_other(store, other, err)) < 0)
			return error_context(err, "container %s requires another", container->name);
	}
	return 0;
}
