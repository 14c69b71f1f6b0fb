/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes in memory: which living container has one, from which the new one takes it (libpod/runtime/shared.c).
 *
 * Its lock, volumes/<name>/lock, is held from here until the program is executed, by the command line, the monitor
 * process and the first process: none of them can be killed so that another start looks too early. Several are taken in
 * the order of their names, as everybody does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpod/launch/launch_internal.h"
#include "pkg/lock/lock.h"
#include "storage/volume/volume.h"

static const char *shared_volume(const struct spec_mount *mount)
{
	static const char key[] = "x-coracle.shared=";
	for (size_t i = 0; i < mount->options.count; i++)
		if (text_starts_with(mount->options.items[i], key))
			return mount->options.items[i] + strlen(key);
	return NULL;
}

void sharing_free(struct sharing_volumes *sharing)
{
	for (size_t i = 0; i < sharing->count; i++) {
		free(sharing->items[i].path);
		cleanup_close(&sharing->items[i].mount_namespace);
	}
	for (size_t i = 0; i < sharing->locks_count; i++)
		close(sharing->locks[i]);
	free(sharing->items);
	free(sharing->locks);
	*sharing = (struct sharing_volumes){0};
}

static int lock_volume(struct store *store, const char *name, struct error *err)
{
	auto_free char *path = xasprintf("%s/volumes/%s", store->root, name);
	auto_close int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return error_sys(err, errno, "open the volume %s", name);
	auto_close int lock = lock_file_open(directory, "lock", err);
	int r = lock < 0 ? lock : lock_take(lock, LOCK_MODE_EXCLUSIVE, err);
	return r < 0 ? r : TAKE_FD(lock);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int lock_all(struct store *store, struct strv *names, struct sharing_volumes *sharing, struct error *err)
{
	if (names->count > 1)
		qsort(names->items, names->count, sizeof(*names->items), compare_texts);
	sharing->locks = xcalloc(names->count, sizeof(*sharing->locks));
	for (size_t i = 0; i < names->count; i++) {
		int lock = lock_volume(store, names->items[i], err);
		if (lock < 0)
			return lock;
		sharing->locks[sharing->locks_count++] = lock;
	}
	return 0;
}

/* Where the container has the volume; malloc'd, or NULL. */
static char *destination_of(const struct container *container, const char *name)
{
	size_t length = strlen(name);
	for (size_t i = 0; i < container->volumes.count; i++)
		if (strncmp(container->volumes.items[i], name, length) == 0 &&
		    container->volumes.items[i][length] == ':')
			return xstrdup(container->volumes.items[i] + length + 1);
	return NULL;
}

static int find_user(struct store *store, const struct strv *ids, const char *own, const char *name,
		     struct runtime_shared *ret, int fds[SPEC_NS_COUNT], struct error *err)
{
	for (size_t i = 0; i < ids->count; i++) {
		auto_container struct container *other = NULL;
		if (strcmp(ids->items[i], own) == 0 || container_read_listed(store, ids->items[i], &other, NULL) < 0)
			continue;
		auto_free char *path = destination_of(other, name);
		int r = path ? other_mount_namespace(store, other->id, &ret->mount_namespace, fds, NULL) : -ENOENT;
		/* It lives where we may not look: to make the volume anew would be to have two of it. */
		if (r == -EACCES || r == -EPERM)
			return error_set(err, EACCES,
					 "the volume %s is in memory, and container %s, which has it, lives in a user "
					 "namespace that cannot be entered from here",
					 name, other->name);
		if (r < 0)
			continue; /* it does not live */
		ret->path = TAKE_PTR(path);
		return 0;
	}
	return 0;
}

int sharing_find(struct store *store, const struct container *container, const struct spec *spec,
		 int fds[SPEC_NS_COUNT], struct sharing_volumes *ret, struct error *err)
{
	CLEANUP(sharing_free) struct sharing_volumes sharing = {0};
	auto_strv struct strv names = STRV_INIT, ids = STRV_INIT;
	sharing.items = xcalloc(spec->mounts_count + 1, sizeof(*sharing.items));
	for (size_t i = 0; i < spec->mounts_count; i++) {
		const char *name = shared_volume(&spec->mounts[i]);
		if (!name)
			continue;
		struct runtime_shared *item = &sharing.items[sharing.count++];
		*item = (struct runtime_shared){.mount = i, .mount_namespace = -1, .same_as = -1};
		for (size_t j = 0; j + 1 < sharing.count && item->same_as < 0; j++)
			if (strcmp(shared_volume(&spec->mounts[sharing.items[j].mount]), name) == 0)
				item->same_as = (int)j;
		if (item->same_as < 0)
			strv_add(&names, name);
	}
	int r = sharing.count ? lock_all(store, &names, &sharing, err) : 0;
	if (r == 0 && sharing.count)
		r = container_ids(store, &ids, err);
	for (size_t i = 0; r == 0 && i < sharing.count; i++)
		if (sharing.items[i].same_as < 0)
			r = find_user(store, &ids, container->id, shared_volume(&spec->mounts[sharing.items[i].mount]),
				      &sharing.items[i], fds, err);
	if (r < 0)
		return r;
	*ret = sharing;
	sharing = (struct sharing_volumes){0};
	return 0;
}
