/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/file.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/lock/lock.h"
#include "pkg/text/text.h"

int lock_directory_of(const char *path, mode_t mode, struct error *err)
{
	auto_free char *copy = xstrdup(path);
	const char *directory = dirname(copy);
	int r = mkdirs(directory, mode, err);
	if (r < 0)
		return r;
	auto_close int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s", directory);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			break;
	return TAKE_FD(fd);
}
