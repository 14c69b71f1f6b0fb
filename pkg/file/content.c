/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/text/text.h"

int write_all(int fd, const void *data, size_t length)
{
	const char *at = data;
	while (length) {
		ssize_t n = write(fd, at, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

ssize_t read_full(int fd, void *data, size_t length)
{
	char *at = data;
	size_t done = 0;
	while (done < length) {
		ssize_t n = read(fd, at + done, length - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* What /proc and pipes, which tell no size, are read with at first. */
#define READ_UNKNOWN 4096

static int too_large(const char *name, size_t max, struct error *err)
{
	return error_set(err, EFBIG, "read %s: it is larger than %zu bytes", name, max);
}

int file_read_fd(int fd, const char *name, size_t max, char **ret_data, size_t *ret_length, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "read %s", name);
	bool sized = S_ISREG(st.st_mode) && st.st_size > 0;
	size_t expected = sized ? (size_t)st.st_size : READ_UNKNOWN;
	if (expected > max)
		expected = max;
	auto_free char *data = NULL;
	size_t capacity = 0, length = 0;
	for (;;) {
		/* One more than is expected: a read that leaves it empty has seen the end. The NUL goes there. */
		if (length == capacity) {
			capacity = capacity ? 2 * capacity : expected + 1;
			if (capacity > max)
				capacity = max + 1;
			char *grown = realloc(data, capacity);
			if (!grown)
				return error_sys(err, ENOMEM, "read %s", name);
			data = grown;
		}
		ssize_t n = read(fd, data + length, capacity - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "read %s", name);
		length += (size_t)n;
		if (length > max)
			return too_large(name, max, err);
		if (n == 0 || (sized && length < capacity))
			break;
	}
	data[length] = '\0';
	*ret_data = TAKE_PTR(data);
	if (ret_length)
		*ret_length = length;
	return 0;
}

int file_read_at(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_length, struct error *err)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	return file_read_fd(fd, path, max, ret_data, ret_length, err);
}

/* ---- writing ---- */

#define TEMPORARY_MAX   (sizeof(".tmp-") + 16)
#define TEMPORARY_TRIES 100

/* Makes a new file with a name of our own in the directory. The clock is enough for a name: O_EXCL sees to the rest. */
static int open_temporary(int dirfd, mode_t mode, char *ret_name)
{
	for (int i = 0; i < TEMPORARY_TRIES; i++) {
		snprintf(ret_name, TEMPORARY_MAX, ".tmp-%016" PRIx64, (uint64_t)time_now_ns());
		int fd = openat(dirfd, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

/* Content and mode into the file, and out to the disk where that is asked for. Takes fd. The error of close counts: it
 * is where NFS and quotas speak up. */
static int fill(int fd, const void *data, size_t length, mode_t mode, enum file_flags flags)
{
	int r = write_all(fd, data, length);
	/* The umask is for what the user's programs make; a mode that lets others in is meant. */
	if (r == 0 && (mode & 077) && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && (flags & FILE_SYNC) && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int publish(int dirfd, const char *temporary, const char *name, enum file_flags flags)
{
	if (!(flags & FILE_EXCLUSIVE))
		return renameat(dirfd, temporary, dirfd, name) < 0 ? -errno : 0;
	if (renameat2(dirfd, temporary, dirfd, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* A file system without RENAME_NOREPLACE, as NFS is: a link does not replace either. */
	if (linkat(dirfd, temporary, dirfd, name, 0) < 0)
		return -errno;
	unlinkat(dirfd, temporary, 0);
	return 0;
}

static int give_as_directory(int fd, int dirfd)
{
	struct stat st;
	if (geteuid() != 0)
		return 0;
	if (fstat(dirfd, &st) < 0)
		return -errno;
	return st.st_uid != 0 && fchown(fd, st.st_uid, st.st_gid) < 0 ? -errno : 0;
}

/* `dirfd` is the directory of `name`. */
static int write_in(int dirfd, const char *name, const void *data, size_t length, mode_t mode, enum file_flags flags)
{
	char temporary[TEMPORARY_MAX];
	int fd = open_temporary(dirfd, mode, temporary);
	if (fd < 0)
		return fd;
	int r = flags & FILE_AS_DIRECTORY ? give_as_directory(fd, dirfd) : 0;
	if (r < 0)
		close(fd);
	else
		r = fill(fd, data, length, mode, flags);
	if (r == 0)
		r = publish(dirfd, temporary, name, flags);
	if (r < 0) {
		unlinkat(dirfd, temporary, 0);
		return r;
	}
	return (flags & FILE_SYNC) && fsync(dirfd) < 0 ? -errno : 0;
}

int file_write_at(int dirfd, const char *path, const void *data, size_t length, mode_t mode, enum file_flags flags,
		  struct error *err)
{
	const char *slash = strrchr(path, '/');
	auto_close int opened = -1;
	int parent = dirfd;
	/* fsync wants more than the O_PATH descriptor or the AT_FDCWD that dirfd may be. */
	if (slash || (flags & FILE_SYNC)) {
		auto_free char *above = slash ? xstrndup(path, (size_t)(slash - path) + 1) : NULL;
		opened = openat(dirfd, above ? above : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (opened < 0)
			return error_sys(err, errno, "write %s", path);
		parent = opened;
	}
	int r = write_in(parent, slash ? slash + 1 : path, data, length, mode, flags);
	if (r < 0)
		return error_sys(err, r, "write %s", path);
	return 0;
}
