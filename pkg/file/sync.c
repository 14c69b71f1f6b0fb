/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/file/walk.h"

/* What cannot be opened (a file of mode 0) goes out with its whole file system, once for all of them, at the end. */
struct sync_context {
	bool all;
};

static int sync_file(struct walk *walk, struct walk_level *at, const char *name, unsigned char type, struct error *err)
{
	struct sync_context *context = walk->context;
	if (type != DT_REG)
		return 0;
	auto_close int fd = openat(at->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES) {
		context->all = true;
		return 0;
	}
	if (fd < 0 || fsync(fd) < 0)
		return error_sys(err, errno, "sync %s", name);
	return 0;
}

static int sync_directory(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level,
			  struct error *err)
{
	(void)walk;
	(void)at;
	return fsync(level->fd) < 0 ? error_sys(err, errno, "sync the directory %s", name) : 0;
}

int tree_sync(int dirfd, struct error *err)
{
	static const struct visitor visitor = {.file = sync_file, .leave = sync_directory};
	struct sync_context context = {.all = false};
	int r = walk_tree(&visitor, &context, dirfd, NULL, -1, err);
	if (r < 0)
		return r;
	auto_close int top = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || (context.all ? syncfs(top) : fsync(top)) < 0)
		return error_sys(err, errno, "sync a directory");
	return 0;
}
