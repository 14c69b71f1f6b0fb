/* SPDX-License-Identifier: Apache-2.0 */
/* Who has a container's lock: its monitor while it lives, and for a moment who starts, removes or copies from it. */
#include <errno.h>
#include <time.h>

#include "libpod/container/container.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/lock/lock.h"

#define END_MS 5000

int container_lock_file(struct store *store, int dirfd, const char *id, struct error *err)
{
	if (store->lock_fd >= 0)
		return lock_file_open(store->lock_fd, id, err);
	return lock_file_open(dirfd, "lock", err);
}

int container_lock_open(struct store *store, const char *id, struct error *err)
{
	auto_close int dirfd = container_open(store, id, err);
	return dirfd < 0 ? dirfd : container_lock_file(store, dirfd, id, err);
}

static bool has_ended(int dirfd)
{
	struct container_state state = {.status = CONTAINER_CREATED};
	return container_state_read(dirfd, &state, NULL) == 0 && state.status == CONTAINER_EXITED;
}

int container_lock(struct store *store, const char *id, struct error *err)
{
	auto_close int dirfd = container_open(store, id, err);
	auto_close int lock = dirfd < 0 ? dirfd : container_lock_file(store, dirfd, id, err);
	if (lock < 0)
		return lock;
	int r = lock_try(lock, LOCK_MODE_EXCLUSIVE);
	for (int i = 0; r == -EAGAIN && i < END_MS && has_ended(dirfd); i++) {
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		r = lock_try(lock, LOCK_MODE_EXCLUSIVE);
	}
	if (r < 0 && r != -EAGAIN)
		return error_sys(err, r, "lock container %.12s", id);
	return r < 0 ? r : TAKE_FD(lock);
}
