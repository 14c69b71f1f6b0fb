/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/pull/partial.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/file/file.h"
#include "storage/reference/reference.h"

#define DIRECTORY   "blobs/partial"
#define LOCK_SUFFIX ".lock"

static int open_directory(struct store *store, struct error *err)
{
	int fd = openat(store->root_fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		mkdirat(store->root_fd, "blobs", 0700);
		mkdirat(store->root_fd, DIRECTORY, 0700);
		fd = openat(store->root_fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return fd < 0 ? error_sys(err, errno, "open %s/" DIRECTORY, store->root) : fd;
}

static bool has_name(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* The lock of a file that has its name: 1; 0 when somebody else has it. */
static int take_lock(struct partial *partial, bool wait, struct error *err)
{
	auto_free char *name = xasprintf("%s" LOCK_SUFFIX, partial->name);
	for (;;) {
		auto_close int fd = lock_file_open(partial->locks, name, err);
		if (fd < 0)
			return fd;
		int r = wait ? lock_take(fd, LOCK_MODE_EXCLUSIVE, err) : lock_try(fd, LOCK_MODE_EXCLUSIVE);
		if (r == -EAGAIN && !wait)
			return 0;
		if (r < 0)
			return wait ? r : error_sys(err, r, "lock " DIRECTORY "/%s", name);
		if (!has_name(fd))
			continue;
		partial->lock = TAKE_FD(fd);
		return 1;
	}
}

static int open_file(struct partial *partial, int64_t size, struct error *err)
{
	struct stat st;
	partial->fd = openat(partial->directory, partial->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (partial->fd < 0 || fstat(partial->fd, &st) < 0)
		return error_sys(err, errno, "open " DIRECTORY "/%s", partial->name);
	partial->length = st.st_size;
	return partial->length > size ? partial_empty(partial, err) : 0;
}

static void let_go(struct partial *partial)
{
	partial_release(partial, false);
}

int partial_claim(struct store *store, const char *digest, int64_t size, bool wait, struct partial *ret,
		  struct error *err)
{
	CLEANUP(let_go) struct partial partial = PARTIAL_INIT;
	partial.directory = open_directory(store, err);
	if (partial.directory < 0)
		return partial.directory;
	partial.locks = store->lock_fd >= 0 ? store->lock_fd : partial.directory;
	snprintf(partial.name, sizeof(partial.name), "%s", digest);
	int r = take_lock(&partial, wait, err);
	if (r > 0) {
		int opened = open_file(&partial, size, err);
		r = opened < 0 ? opened : 1;
	}
	if (r <= 0)
		return r;
	*ret = partial;
	partial = PARTIAL_INIT;
	return 1;
}

int partial_open_for_reading(const struct partial *partial, struct error *err)
{
	int fd = openat(partial->directory, partial->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open " DIRECTORY "/%s", partial->name) : fd;
}

int partial_empty(struct partial *partial, struct error *err)
{
	partial->length = 0;
	return ftruncate(partial->fd, 0) < 0 ? error_sys(err, errno, "empty " DIRECTORY "/%s", partial->name) : 0;
}

static bool is_empty(const struct partial *partial)
{
	struct stat st;
	return partial->fd >= 0 && fstat(partial->fd, &st) == 0 && st.st_size == 0;
}

void partial_release(struct partial *partial, bool done)
{
	if (partial->lock >= 0 && (done || is_empty(partial))) {
		auto_free char *lock = xasprintf("%s" LOCK_SUFFIX, partial->name);
		unlinkat(partial->directory, partial->name, 0);
		unlinkat(partial->locks, lock, 0);
	}
	cleanup_close(&partial->fd);
	cleanup_close(&partial->lock);
	cleanup_close(&partial->directory);
	*partial = PARTIAL_INIT;
}

/* A name as of a file here, with or without the lock's suffix: its length without it; 0: none of ours. */
static size_t blob_name_length(const char *name)
{
	size_t length = strlen(name);
	if (text_ends_with(name, LOCK_SUFFIX))
		length -= strlen(LOCK_SUFFIX);
	auto_free char *digest = xstrndup(name, length);
	return digest_is_valid(digest) ? length : 0;
}

static bool is_old(int dirfd, const char *name, int64_t before)
{
	struct stat st;
	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime <= before;
}

int partial_sweep(struct store *store, int64_t age_s, struct error *err)
{
	int fd = openat(store->root_fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		int r = errno == ENOENT ? 0 : error_sys(err, errno, "read %s/" DIRECTORY, store->root);
		cleanup_close(&fd);
		return r;
	}
	int64_t before = time(NULL) - age_s;
	for (struct dirent *entry; (entry = readdir(directory));) {
		struct partial partial = PARTIAL_INIT;
		size_t length = blob_name_length(entry->d_name);
		auto_free char *digest = xstrndup(entry->d_name, length);
		if (length == 0 || !is_old(fd, entry->d_name, before))
			continue;
		int r = partial_claim(store, digest, INT64_MAX, false, &partial, err);
		if (r < 0)
			return r;
		struct stat st;
		/* Claiming makes what is missing and changes nothing else. */
		if (r > 0)
			partial_release(&partial, fstat(partial.fd, &st) == 0 && st.st_mtime <= before);
	}
	return 0;
}
