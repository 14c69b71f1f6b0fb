/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/lock/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The whole file, however long it is or gets. l_pid must be 0 for the OFD commands. */
static struct flock whole_file(short type)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static int lock_control(int fd, int command, struct flock *lock)
{
	int r;
	do
		r = fcntl(fd, command, lock);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static short lock_type(enum lock_mode mode)
{
	return mode == LOCK_MODE_SHARED ? F_RDLCK : F_WRLCK;
}

int lock_file_open(int dirfd, const char *name, struct error *err)
{
	/* It is there nearly always; to make files, a directory is locked. */
	int fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(err, errno, "open the lock file %s", name);
	return fd;
}

int lock_take(int fd, enum lock_mode mode, struct error *err)
{
	struct flock lock = whole_file(lock_type(mode));
	int r = lock_control(fd, F_OFD_SETLKW, &lock);
	if (r < 0)
		return error_sys(err, r, "wait for a lock");
	return 0;
}

int lock_try(int fd, enum lock_mode mode)
{
	struct flock lock = whole_file(lock_type(mode));
	int r = lock_control(fd, F_OFD_SETLK, &lock);
	/* POSIX lets fcntl say "held" in either way. */
	return r == -EACCES ? -EAGAIN : r;
}

int lock_is_held(int fd)
{
	struct flock lock = whole_file(F_WRLCK);
	int r = lock_control(fd, F_OFD_GETLK, &lock);
	return r < 0 ? r : lock.l_type != F_UNLCK;
}

int lock_drop(int fd)
{
	struct flock lock = whole_file(F_UNLCK);
	return lock_control(fd, F_OFD_SETLK, &lock);
}
