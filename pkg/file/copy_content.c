/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pkg/file/copy.h"
#include "pkg/file/file.h"

static bool not_supported(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == ENOSYS || errnum == EXDEV || errnum == EINVAL || errnum == ENOTTY ||
	       errnum == EPERM;
}

static int copy_by_buffer(struct copier *copier, int from, int to, off_t at, off_t end)
{
	while (at < end) {
		size_t wanted = sizeof(copier->buffer);
		if (end - at < (off_t)wanted)
			wanted = (size_t)(end - at);
		ssize_t n = pread(from, copier->buffer, wanted, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (lseek(to, at, SEEK_SET) < 0)
			return -errno;
		int r = write_all(to, copier->buffer, (size_t)n);
		if (r < 0)
			return r;
		at += n;
	}
	return 0;
}

/* Copies [at, end), or less when the file has become shorter. */
static int copy_range(struct copier *copier, int from, int to, off_t at, off_t end)
{
	while (at < end && !copier->no_copy_range) {
		off_t out = at;
		ssize_t n = copy_file_range(from, &at, to, &out, (size_t)(end - at), 0);
		if (n == 0)
			return 0;
		if (n < 0 && not_supported(errno))
			copier->no_copy_range = true;
		else if (n < 0 && errno != EINTR)
			return -errno;
	}
	return copy_by_buffer(copier, from, to, at, end);
}

static int copy_sparse(struct copier *copier, int from, int to, off_t size)
{
	off_t hole;
	for (off_t at = 0; at < size; at = hole) {
		off_t data = lseek(from, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			return -errno;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		int r = copy_range(copier, from, to, data, hole);
		if (r < 0)
			return r;
	}
	return ftruncate(to, size) < 0 ? -errno : 0;
}

int copy_content(struct copier *copier, int from, int to, const struct stat *st)
{
	if (st->st_size == 0)
		return 0;
	if (!copier->no_reflink) {
		if (ioctl(to, FICLONE, from) == 0)
			return 0;
		/* EINVAL is one file's (another block size, no copy on write), the others are the file system's. */
		copier->no_reflink = errno != EINVAL && not_supported(errno);
	}
	if (st->st_blocks * 512 < st->st_size)
		return copy_sparse(copier, from, to, st->st_size);
	return copy_range(copier, from, to, 0, st->st_size);
}
