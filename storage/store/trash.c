/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing. The rename into trash/ is the removal; emptying is only giving the space back, may be interrupted anywhere
 * and is taken up by whoever comes next. Two may empty at once: each finds gone what the other removed. What somebody
 * still reads is left to him.
 *
 * Files of a container or an image may belong to subordinate ids, and directories of theirs can only be emptied by a
 * member of the user namespace. That is entered, by a child, when a removal was refused and not before.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"
#include "storage/store/internal.h"
#include "storage/store/store.h"

enum {
	TRASH_AGE_S = 60,
};

int store_trash(struct store *store, const char *path, struct error *err)
{
	char name[33];
	text_random_hex(name, 16);
	auto_free char *target = xasprintf("trash/%s", name);
	if (renameat(store->root_fd, path, store->root_fd, target) < 0)
		return error_sys(err, errno, "remove %s/%s", store->root, path);
	return 0;
}

/* Somebody still reads it (storage/layer/hold.h). */
static bool is_held(int trash, const char *name)
{
	auto_close int fd = openat(trash, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int empty(int trash, struct error *err)
{
	int fd = reopen_fd(trash, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return error_sys(err, fd, "read the trash");
	auto_closedir DIR *directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return error_sys(err, errno, "read the trash");
	}
	int result = 0;
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] == '.' || is_held(trash, entry->d_name))
			continue;
		int r = tree_remove_at(trash, entry->d_name, err);
		if (r < 0)
			result = r;
	}
	return result;
}

static int empty_mapped(void *data, struct error *err)
{
	return empty(*(int *)data, err);
}

int store_empty_trash(struct store *store, struct error *err)
{
	int r = store_sweep_tmp(store, err);
	if (r < 0)
		return r;
	auto_close int trash = openat(store->root_fd, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (trash < 0)
		return error_sys(err, errno, "open %s/trash", store->root);
	r = empty(trash, err);
	if (r == -EACCES || r == -EPERM)
		r = store_run_mapped(store, empty_mapped, &trash, err);
	return r < 0 ? error_context(err, "empty %s/trash", store->root) : 0;
}

void store_empty_trash_later(struct store *store)
{
	pid_t pid = process_clone(0, NULL);
	if (pid != 0)
		return;
	/* Nobody waits for us: not a terminal that closes, not a pipe that reads the command's output. */
	setsid();
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	_exit(store_empty_trash(store, NULL) < 0);
}

int store_leftovers(struct store *store, struct strv *ret, struct error *err)
{
	int r = store_list_abandoned(store, ret, err);
	if (r < 0)
		return r;
	int fd = openat(store->root_fd, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		r = error_sys(err, errno, "read %s/trash", store->root);
		cleanup_close(&fd);
		return r;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		struct stat st;
		/* The rename into the trash is the last change of what nobody empties. */
		if (entry->d_name[0] != '.' && fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_ctime + TRASH_AGE_S < time(NULL) && !is_held(fd, entry->d_name))
			strv_addf(ret, "trash/%s", entry->d_name);
	}
	return 0;
}
