/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging: tmp/<random>/ is being filled while somebody holds the lock on <random>.lock.
 *
 * The lock file is made, and locked, before the directory, and goes after it. So whoever gets the lock of a file that
 * still has its name knows that the maker is dead and the directory, if there is one, nobody's. A sweeper may come
 * between the maker's open and its lock; the maker sees then that its file lost its name, and takes another.
 *
 * On a network file system the locks are local to one machine (store.h), and what another machine stages looks the same
 * as what one left that has since been rebooted. There a directory without a lock file is nobody's only when it is a
 * day old.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "storage/store/internal.h"
#include "storage/store/store.h"

#define LOCK_SUFFIX ".lock"
enum {
	FOREIGN_AGE_S = 24 * 60 * 60,
};

static int open_tmp(struct store *store, struct error *err)
{
	int fd = openat(store->root_fd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open %s/tmp", store->root) : fd;
}

static int locks_of(const struct store *store, int tmp)
{
	return store->lock_fd >= 0 ? store->lock_fd : tmp;
}

static bool has_name(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static void unlink_lock(const struct store *store, int tmp, const char *name)
{
	char lock[64];
	snprintf(lock, sizeof(lock), "%.48s" LOCK_SUFFIX, name);
	unlinkat(locks_of(store, tmp), lock, 0);
}

/* A locked lock file with a name that nobody else has. */
static int make_lock(const struct store *store, int tmp, struct stage *stage, struct error *err)
{
	for (;;) {
		char lock[64];
		text_random_hex(stage->name, 12);
		snprintf(lock, sizeof(lock), "%s" LOCK_SUFFIX, stage->name);
		auto_close int fd = lock_file_open(locks_of(store, tmp), lock, err);
		if (fd < 0)
			return fd;
		int r = lock_try(fd, LOCK_MODE_EXCLUSIVE);
		if (r < 0 && r != -EAGAIN)
			return error_sys(err, r, "lock %s/tmp/%s", store->root, lock);
		if (r == 0 && has_name(fd))
			return TAKE_FD(fd);
	}
}

int store_stage(struct store *store, struct stage *ret, struct error *err)
{
	struct stage stage = STAGE_INIT;
	auto_close int tmp = open_tmp(store, err);
	if (tmp < 0)
		return tmp;
	auto_close int lock = make_lock(store, tmp, &stage, err);
	if (lock < 0)
		return lock;
	auto_close int fd = -1;
	if (mkdirat(tmp, stage.name, 0700) == 0)
		fd = openat(tmp, stage.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? error_sys(err, errno, "make %s/tmp/%s", store->root, stage.name) : store_give(store, fd, err);
	if (r < 0) {
		unlinkat(tmp, stage.name, AT_REMOVEDIR);
		unlink_lock(store, tmp, stage.name);
		return r;
	}
	stage.store = store;
	stage.fd = TAKE_FD(fd);
	stage.lock = TAKE_FD(lock);
	*ret = stage;
	return 0;
}

static void stage_close(struct stage *stage, int tmp)
{
	unlink_lock(stage->store, tmp, stage->name);
	cleanup_close(&stage->fd);
	cleanup_close(&stage->lock);
	stage->fd = stage->lock = -1;
}

static int sync_parent(int dirfd, const char *path)
{
	auto_free char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	if (slash)
		*slash = '\0';
	auto_close int fd = openat(dirfd, slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* NFS and others do not know RENAME_NOREPLACE; there only an empty directory could be replaced, and nobody makes one in
 * place. */
static int rename_exclusive(int from_fd, const char *from, int to_fd, const char *to)
{
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL && renameat(from_fd, from, to_fd, to) == 0)
		return 0;
	return errno == ENOTEMPTY ? -EEXIST : -errno;
}

int stage_place(struct stage *stage, const char *path, bool sync, struct error *err)
{
	struct store *store = stage->store;
	auto_close int tmp = open_tmp(store, err);
	if (tmp < 0)
		return tmp;
	if (sync && fsync(stage->fd) < 0)
		return error_sys(err, errno, "write %s/tmp/%s to the disk", store->root, stage->name);
	int r = rename_exclusive(tmp, stage->name, store->root_fd, path);
	if (r < 0)
		return error_sys(err, r, "put %s/%s in place", store->root, path);
	stage_close(stage, tmp);
	if (sync) {
		r = sync_parent(store->root_fd, path);
		if (r < 0)
			return error_sys(err, r, "write the directory of %s/%s to the disk", store->root, path);
	}
	return 0;
}

void stage_drop(struct stage *stage)
{
	if (stage->fd < 0)
		return;
	int saved = errno;
	auto_close int tmp = open_tmp(stage->store, NULL);
	/* What cannot be removed without the user namespace the next sweep finds; its lock file stays to say that it
	 * was ours. */
	if (tmp >= 0 && tree_remove_at(tmp, stage->name, NULL) == 0)
		unlink_lock(stage->store, tmp, stage->name);
	cleanup_close(&stage->fd);
	cleanup_close(&stage->lock);
	stage->fd = stage->lock = -1;
	errno = saved;
}

static bool is_old(int tmp, const char *name)
{
	struct stat st;
	return fstatat(tmp, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ctime + FOREIGN_AGE_S < time(NULL);
}

/* Moves the directory of a dead maker into the trash. */
static void sweep_one(struct store *store, int tmp, const char *name, void *context)
{
	(void)context;
	char lock[64];
	snprintf(lock, sizeof(lock), "%.48s" LOCK_SUFFIX, name);
	auto_close int fd = openat(locks_of(store, tmp), lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno != ENOENT || (store->lock_fd >= 0 && !is_old(tmp, name))))
		return;
	if (fd >= 0 && (lock_try(fd, LOCK_MODE_EXCLUSIVE) < 0 || !has_name(fd)))
		return;
	auto_free char *path = xasprintf("tmp/%s", name);
	int r = store_trash(store, path, NULL);
	if (fd >= 0 && (r == 0 || r == -ENOENT))
		unlinkat(locks_of(store, tmp), lock, 0);
}

/* The same without touching anything. What its maker removes while we look is not abandoned. */
static void list_one(struct store *store, int tmp, const char *name, void *context)
{
	struct strv *ret = context;
	char lock[64];
	snprintf(lock, sizeof(lock), "%.48s" LOCK_SUFFIX, name);
	auto_close int fd = openat(locks_of(store, tmp), lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno != ENOENT || (store->lock_fd >= 0 && !is_old(tmp, name))))
		return;
	if (fd >= 0 && (lock_is_held(fd) != 0 || !has_name(fd)))
		return;
	if (fd < 0 && faccessat(tmp, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	auto_free char *path = xasprintf("tmp/%s", name);
	if (!strv_contains(ret, path))
		strv_add(ret, path);
}

typedef void (*stage_visitor)(struct store *store, int tmp, const char *name, void *context);

static void visit_names(struct store *store, int tmp, int dirfd, stage_visitor visitor, void *context)
{
	int fd = reopen_fd(dirfd, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return;
	auto_closedir DIR *directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		char *name = entry->d_name;
		if (name[0] == '.')
			continue;
		if (text_ends_with(name, LOCK_SUFFIX)) {
			/* The lock of the store itself lies among them on a network file system. */
			name[strlen(name) - strlen(LOCK_SUFFIX)] = '\0';
			if (!text_is_hex(name, 24))
				continue;
		}
		visitor(store, tmp, name, context);
	}
}

static int visit_stages(struct store *store, stage_visitor visitor, void *context, struct error *err)
{
	auto_close int tmp = open_tmp(store, err);
	if (tmp < 0)
		return tmp;
	visit_names(store, tmp, tmp, visitor, context);
	if (store->lock_fd >= 0)
		visit_names(store, tmp, store->lock_fd, visitor, context);
	return 0;
}

int store_sweep_tmp(struct store *store, struct error *err)
{
	return visit_stages(store, sweep_one, NULL, err);
}

int store_list_abandoned(struct store *store, struct strv *ret, struct error *err)
{
	return visit_stages(store, list_one, ret, err);
}
