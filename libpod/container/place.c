/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers come, change their names and go. See name.h for the order in which directory and name appear and vanish, and why
 * a kill at any instruction leaves nothing that the next command would misread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "libpod/container/container.h"
#include "libpod/container/name.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "storage/volume/volume.h"

#define RANDOM_NAME_TRIES 64

int container_open(struct store *store, const char *id, struct error *err)
{
	char path[sizeof("containers/") + 64];
	snprintf(path, sizeof(path), "containers/%.64s", id);
	int fd = openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, ENOENT, "no such container: %s", id);
	return fd < 0 ? error_sys(err, errno, "open container %.12s", id) : fd;
}

static bool name_is_free(struct store *store, const char *name)
{
	char owner[65];
	return name_resolve(store->root_fd, name, owner) == -ENOENT;
}

static void choose_name(struct store *store, struct container *container)
{
	for (int i = 0; i < RANDOM_NAME_TRIES; i++) {
		free(container->name);
		container->name = container_random_name();
		if (name_is_free(store, container->name))
			return;
	}
	auto_free char *base = TAKE_PTR(container->name);
	container->name = xasprintf("%s_%.8s", base, container->id);
}

/* The directory is in place, the name is not: another was faster, unless the name was of our own choosing. */
static int reserve_name(struct store *store, int dirfd, struct container *container, bool chosen, struct error *err)
{
	int r = name_reserve(store, container->name, container->id, err);
	for (int i = 0; r == -EEXIST && chosen && i < RANDOM_NAME_TRIES; i++) {
		choose_name(store, container);
		error_clear(err);
		r = container_write(dirfd, container, err);
		if (r == 0)
			r = name_reserve(store, container->name, container->id, err);
	}
	return r;
}

/* A name that is taken is found here before anything is visible; name_reserve() decides when two come at once. */
static int check_name(struct store *store, const char *name, struct error *err)
{
	char owner[65];
	int r = container_name_check(name, err);
	if (r < 0 || name_is_free(store, name) || name_resolve(store->root_fd, name, owner) < 0)
		return r;
	auto_close int dirfd = container_open(store, owner, NULL);
	if (dirfd < 0)
		return 0;
	return error_set(err, EEXIST,
			 "the container name \"%s\" is already in use by %s; remove or rename that container",
			 name, owner);
}

int container_place(struct store *store, struct stage *stage, struct container *container, struct error *err)
{
	bool chosen = !container->name;
	if (chosen)
		choose_name(store, container);
	int r = check_name(store, container->name, err);
	if (r < 0)
		return r == -EEXIST ? error_advice(err, ", or use --replace") : r;
	/* Held until the name leads here: what is not held and has no name is a dead process's. */
	auto_close int dirfd = fcntl(stage->fd, F_DUPFD_CLOEXEC, 3);
	if (dirfd < 0)
		return error_sys(err, errno, "place container %s", container->name);
	auto_close int lock = container_lock_file(store, dirfd, container->id, err);
	r = lock < 0 ? lock : lock_take(lock, LOCK_MODE_EXCLUSIVE, err);
	if (r == 0)
		r = container_write(dirfd, container, err);
	if (r < 0)
		return error_context(err, "place container %s", container->name);
	auto_free char *path = xasprintf("containers/%s", container->id);
	r = stage_place(stage, path, false, err);
	if (r < 0)
		return r;
	r = reserve_name(store, dirfd, container, chosen, err);
	if (r < 0)
		store_trash(store, path, NULL);
	return r == -EEXIST ? error_advice(err, ", or use --replace") : r;
}

int container_rename(struct store *store, struct container *container, const char *new_name, struct error *err)
{
	int r = container_name_check(new_name, err);
	if (r < 0)
		return r;
	auto_close int dirfd = container_open(store, container->id, err);
	if (dirfd < 0)
		return dirfd;
	r = name_reserve(store, new_name, container->id, err);
	if (r < 0)
		return r;
	auto_free char *old_name = NULL;
	{
		auto_close int lock = names_lock(store->root_fd, store->lock_fd, err);
		r = lock < 0 ? lock : container_lock_record(dirfd, err);
		auto_container struct container *now = NULL; /* another rename may have been faster than the caller's reading */
		if (r >= 0 && (r = container_read(store, container->id, &now, err)) == 0) {
			old_name = TAKE_PTR(now->name);
			now->name = xstrdup(new_name);
			r = container_write(dirfd, now, err);
		}
	}
	if (r < 0 || !old_name) {
		name_release(store->root_fd, store->lock_fd, new_name, container->id);
		return r;
	}
	if (strcmp(old_name, new_name) != 0)
		name_release(store->root_fd, store->lock_fd, old_name, container->id);
	free(container->name);
	container->name = xstrdup(new_name);
	return 0;
}

/* What lies in the run directory of a monitor that died without a word. */
static void remove_run_directory(struct store *store, const char *id)
{
	char path[sizeof("/slirp4netns") + 64];
	snprintf(path, sizeof(path), "%.64s/control", id);
	unlinkat(store->run_fd, path, 0);
	snprintf(path, sizeof(path), "%.64s/slirp4netns", id); /* libpod/network, during a start */
	unlinkat(store->run_fd, path, 0);
	snprintf(path, sizeof(path), "%.64s", id);
	unlinkat(store->run_fd, path, AT_REMOVEDIR);
}

/* The volumes that live in its directory: kept, or to go with it. A name whose volume is gone is swept by who lists them. */
static int part_from_volumes(struct store *store, const char *id, bool keep, struct strv *names, struct error *err)
{
	int r = volume_names_of(store, id, names, err);
	for (size_t i = 0; r == 0 && keep && i < names->count; i++)
		r = volume_keep(store, names->items[i], err);
	if (keep)
		strv_clear(names);
	return r;
}

static int remove_locked(struct store *store, const char *id, bool with_volumes, struct error *err)
{
	auto_container struct container *container = NULL;
	auto_strv struct strv volumes = STRV_INIT;
	container_read(store, id, &container, NULL);
	bool keep = !with_volumes && container && !container->remove;
	if (part_from_volumes(store, id, keep, &volumes, err) < 0)
		return error_context(err, "keep the volumes of container %.12s", id);
	/* Nobody looks for that of one which does not run. */
	remove_run_directory(store, id);
	auto_free char *path = xasprintf("containers/%s", id);
	int r = store_trash(store, path, err);
	if (r < 0)
		return error_context(err, "remove container %.12s", id);
	/* Killed before this, or with a record that cannot be read, it leaves a link that leads nowhere (container_sweep_names()). */
	if (container)
		name_release(store->root_fd, store->lock_fd, container->name, id);
	for (size_t i = 0; i < volumes.count; i++)
		volume_unlink(store, volumes.items[i]);
	if (store->lock_fd >= 0)
		unlinkat(store->lock_fd, id, 0);
	return 0;
}

/* Takes the lock of a container that is not alive; -EBUSY when it is. */
static int take_lock(struct store *store, const char *id, struct error *err)
{
	int lock = container_lock(store, id, err);
	if (lock == -EAGAIN)
		return error_set(err, EBUSY, "container %.12s is running: stop it first, or remove it with --force", id);
	return lock;
}

static int remove_dead(struct store *store, const char *id, bool with_volumes, struct error *err)
{
	auto_close int lock = take_lock(store, id, err);
	if (lock < 0)
		return lock;
	container_bury(store, id);
	return remove_locked(store, id, with_volumes, err);
}

int container_remove(struct store *store, const char *id, struct error *err)
{
	return remove_dead(store, id, false, err);
}

int container_remove_with_volumes(struct store *store, const char *id, struct error *err)
{
	return remove_dead(store, id, true, err);
}

static bool has_name(struct store *store, const struct container *container)
{
	char owner[65];
	return name_resolve(store->root_fd, container->name, owner) == 0 && strcmp(owner, container->id) == 0;
}

void container_sweep_names(struct store *store, const struct strv *names)
{
	for (size_t i = 0; i < names->count; i++) {
		char owner[65];
		if (name_resolve(store->root_fd, names->items[i], owner) < 0)
			continue;
		auto_close int dirfd = container_open(store, owner, NULL);
		if (dirfd != -ENOENT)
			continue;
		remove_run_directory(store, owner);
		name_release(store->root_fd, store->lock_fd, names->items[i], owner);
	}
}

static bool is_owed(struct store *store, const struct container *container, const struct container_state *state)
{
	if (state->status != CONTAINER_EXITED && state->status != CONTAINER_CREATED)
		return false;
	/* One that has run has data, and may have lost its name by accident. */
	return state->status == CONTAINER_EXITED ? container->remove : !has_name(store, container);
}

/* Record and name as they are together: a rename changes the one after the other. -ENOENT: it is gone. */
static int still_owed(struct store *store, const char *id, bool *ret)
{
	auto_container struct container *now = NULL;
	struct container_state state = {.status = CONTAINER_CREATED};
	auto_close int dirfd = container_open(store, id, NULL);
	auto_close int names = dirfd < 0 ? -1 : names_lock(store->root_fd, store->lock_fd, NULL);
	int r = dirfd < 0 ? dirfd : names < 0 ? names : container_read(store, id, &now, NULL);
	if (r < 0)
		return r;
	if (container_state_read(dirfd, &state, NULL) == 0 && state.status != CONTAINER_CREATED)
		state.status = CONTAINER_EXITED;
	*ret = is_owed(store, now, &state);
	return 0;
}

int container_reap(struct store *store, const struct container *container, const struct container_state *state,
		   struct error *err)
{
	if (!is_owed(store, container, state) && !state->died_unseen)
		return 0;
	auto_close int lock = container_lock_open(store, container->id, NULL);
	if (lock < 0 || lock_try(lock, LOCK_MODE_EXCLUSIVE) < 0)
		return 0; /* alive again, or somebody else is at it */
	container_bury(store, container->id);
	/* Under the lock the answer is final: read anew what a rename or a start may have changed since. */
	bool owed = false;
	if (still_owed(store, container->id, &owed) < 0 || !owed)
		return 0;
	return remove_locked(store, container->id, false, err);
}
