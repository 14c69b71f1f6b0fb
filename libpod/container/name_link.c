/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/container/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/lock/lock.h"

#define NAME_PATH_MAX (sizeof("names/") + 255)
#define CONTAINER_PATH_MAX (sizeof("containers/") + 64)

static int name_path(char *out, const char *name)
{
	int n = snprintf(out, NAME_PATH_MAX, "names/%s", name);
	return n < 0 || (size_t)n >= NAME_PATH_MAX ? -ENAMETOOLONG : 0;
}

int names_lock(int root_fd, int lock_fd, struct error *err)
{
	auto_close int fd = lock_fd >= 0 ? lock_file_open(lock_fd, "names.lock", err) : lock_file_open(root_fd, "names/.lock", err);
	if (fd < 0)
		return fd;
	int r = lock_take(fd, LOCK_MODE_EXCLUSIVE, err);
	return r < 0 ? r : TAKE_FD(fd);
}

int name_resolve(int root_fd, const char *name, char *ret_id)
{
	char path[NAME_PATH_MAX], id[65];
	int r = name_path(path, name);
	if (r < 0)
		return r;
	ssize_t n = readlinkat(root_fd, path, id, sizeof(id));
	if (n < 0)
		return -errno;
	if (n != 64)
		return -ENOENT;
	id[64] = '\0';
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

static bool container_is_there(int root_fd, const char *id)
{
	char path[CONTAINER_PATH_MAX];
	struct stat st;
	snprintf(path, sizeof(path), "containers/%s", id);
	return fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The name is taken. By a container that is no more: replaces the link. */
static int replace_stale(struct store *store, const char *path, const char *name, const char *id, struct error *err)
{
	char owner[65];
	auto_close int lock = names_lock(store->root_fd, store->lock_fd, err);
	if (lock < 0)
		return lock;
	int r = name_resolve(store->root_fd, name, owner);
	if (r == 0 && container_is_there(store->root_fd, owner))
		return error_set(err, EEXIST,
				 "the container name \"%s\" is already in use by %s; remove or rename that container",
				 name, owner);
	if (unlinkat(store->root_fd, path, 0) < 0 && errno != ENOENT)
		return error_sys(err, errno, "take over the container name %s", name);
	if (symlinkat(id, store->root_fd, path) < 0)
		return error_sys(err, errno, "reserve the container name %s", name);
	return 0;
}

int name_reserve(struct store *store, const char *name, const char *id, struct error *err)
{
	char path[NAME_PATH_MAX];
	if (name_path(path, name) < 0)
		return error_set(err, ENAMETOOLONG, "the container name \"%.32s…\" is longer than 255 characters", name);
	if (symlinkat(id, store->root_fd, path) == 0)
		return 0;
	if (errno != EEXIST)
		return error_sys(err, errno, "reserve the container name %s", name);
	return replace_stale(store, path, name, id, err);
}

int name_release(int root_fd, int lock_fd, const char *name, const char *id)
{
	char path[NAME_PATH_MAX], owner[65];
	int r = name_path(path, name);
	if (r < 0)
		return r;
	auto_close int lock = names_lock(root_fd, lock_fd, NULL);
	if (lock < 0)
		return lock;
	r = name_resolve(root_fd, name, owner);
	if (r < 0)
		return r;
	if (strcmp(owner, id) != 0)
		return -ENOENT;
	return unlinkat(root_fd, path, 0) < 0 ? -errno : 0;
}
