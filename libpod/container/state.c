/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The truth about a container: what its state file says, as far as its lock bears it out.
 *
 * Lists ask for that of each container: files are opened by their paths from the store's root, the container's directory is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "libpod/container/container.h"
#include "libpod/container/survivors.h"
#include "pkg/cleanup/cleanup.h"

#define EXIT_CODE_KILLED 137
#define LOOKS_MAX        100
#define AFTER_MS         10000

static bool is_living(enum container_status status)
{
	return status != CONTAINER_CREATED && status != CONTAINER_EXITED;
}

static bool is_same(const struct container_state *a, const struct container_state *b)
{
	return a->status == b->status && a->pid == b->pid && a->started_ns == b->started_ns && a->finished_ns == b->finished_ns;
}

/* The monitor died without a word, and the container with it. */
static void bury(struct container_state *state)
{
	if (state->status == CONTAINER_STARTING && !state->started_ns) {
		state->status = CONTAINER_CREATED;
	} else if (state->status == CONTAINER_RESTARTING) {
		/* Its process had ended before, and how is known. */
		state->status = CONTAINER_EXITED;
	} else if (is_living(state->status)) {
		state->status = CONTAINER_EXITED;
		if (!state->exit_code)
			state->exit_code = EXIT_CODE_KILLED;
		if (!state->finished_ns)
			state->finished_ns = state->started_ns;
	}
	state->pid = 0;
	state->monitor_pid = 0;
}

#define PATH_SIZE (sizeof("containers//state") + 64)

/* 1: there is no file. It was never started; whether there is such a container at all, its lock says. */
static int read_state(struct store *store, const char *id, struct container_state *ret, struct error *err)
{
	struct container_state state = {.status = CONTAINER_CREATED};
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "containers/%.64s/state", id);
	int r = container_state_read_at(store->root_fd, path, &state, err);
	if (r == -EBADMSG)
		state = (struct container_state){.status = CONTAINER_RUNNING};
	else if (r < 0 && r != -ENOENT)
		return r;
	error_clear(err);
	*ret = state;
	return r == -ENOENT;
}

/* Only to look at, which needs no right to write. */
static int open_lock(struct store *store, const char *id, struct error *err)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "containers/%.64s/lock", id);
	int fd = store->lock_fd < 0 ? openat(store->root_fd, path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC) : -1;
	/* Locks that are elsewhere, a container that is gone. */
	return fd < 0 ? container_lock_open(store, id, err) : fd;
}

void container_bury(struct store *store, const char *id)
{
	struct container_state state;
	auto_container struct container *container = NULL;
	auto_close int dirfd = container_open(store, id, NULL);
	if (dirfd < 0 || read_state(store, id, &state, NULL) < 0 || !is_living(state.status))
		return;
	/* In a pid namespace of its monitor's nothing outlives that. */
	if (container_read(store, id, &container, NULL) < 0 || container->pid_mode)
		survivors_kill(id);
	bury(&state);
	/* Where the disk is full, the next who looks does it. */
	(void)container_state_write(dirfd, &state, NULL);
}

int container_state(struct store *store, const char *id, struct container_state *ret, struct error *err)
{
	struct container_state state, before;
	int r = read_state(store, id, &state, err), alive = 0;
	/* The lock has nothing to say of one that has ended and told so. */
	if (r == 0 && state.status == CONTAINER_EXITED) {
		bury(&state);
		*ret = state;
		return 0;
	}
	auto_close int lock = open_lock(store, id, err);
	if (lock < 0)
		return lock;
	/* A file that says running beside a lock that is free: dead, unless it has ended or begun between the two looks. */
	for (int looks = 0; r >= 0 && looks < LOOKS_MAX; looks++) {
		alive = lock_is_held(lock);
		if (alive < 0)
			return error_sys(err, alive, "container %.12s: look at its lock", id);
		if (alive || !is_living(state.status))
			break;
		before = state;
		r = read_state(store, id, &state, err);
		/* It has been removed between the two looks. */
		if (r == 1)
			return error_set(err, ENOENT, "no such container: %s", id);
		if (r == 0 && is_same(&before, &state) && lock_is_held(lock) == 0)
			break;
	}
	if (r < 0)
		return error_context(err, "container %.12s", id);
	state.died_unseen = !alive && is_living(state.status);
	if (!alive) {
		bury(&state);
	} else if (state.status == CONTAINER_CREATED) {
		/* What the file has more is of a start that failed: the number of that monitor may be anybody's now. */
		state.status = CONTAINER_STARTING;
		state.pid = state.monitor_pid = 0;
	}
	*ret = state;
	return 0;
}

int container_not_running(struct store *store, const struct container *container, struct error *err)
{
	struct container_state state;
	int r = container_state(store, container->id, &state, err);
	if (r < 0)
		return r;
	switch (state.status) {
	case CONTAINER_RESTARTING:
		return error_set(err, ESRCH, "container %s is restarting: wait until it is running, or stop it for good with `coracle stop %s`",
				 container->name, container->name);
	case CONTAINER_RUNNING:
	case CONTAINER_PAUSED:
	case CONTAINER_STOPPING:
		return error_set(err, ESRCH, "container %s was not running a moment ago; try again", container->name);
	default:
		return error_set(err, ESRCH, "container %s is not running (it is %s)", container->name, container_status_name(state.status));
	}
}

int container_state_after(struct store *store, const char *id, struct container_state *ret, struct error *err)
{
	struct container_state state = {.status = CONTAINER_CREATED};
	for (int i = 0; i < AFTER_MS; i++) {
		int r = container_state(store, id, &state, err);
		if (r < 0)
			return r;
		if (!is_living(state.status)) {
			*ret = state;
			return 0;
		}
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return error_set(err, EBUSY, "the monitor of container %.12s has closed the connection", id);
}
