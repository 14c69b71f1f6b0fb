/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/file/walk.h"

/* How often directories may turn out not to be empty after all: some file systems leave entries out when others are
 * removed while they are read, and somebody may be writing there still. */
#define RETRIES_MAX 1000

/* Directories of the tree itself are ours to open up; the top is the caller's. */
static int unlink_in(struct walk *walk, struct walk_level *at, const char *name, int flags)
{
	if (unlinkat(at->fd, name, flags) == 0)
		return 0;
	if (errno == EACCES && at != walk->levels && fchmod(at->fd, 0700) == 0 && unlinkat(at->fd, name, flags) == 0)
		return 0;
	return -errno;
}

static int remove_file(struct walk *walk, struct walk_level *at, const char *name, unsigned char type,
		       struct error *err)
{
	(void)type;
	int r = unlink_in(walk, at, name, 0);
	/* A directory that has taken the name meanwhile is found when the one above is not empty. */
	if (r == 0 || r == -ENOENT || r == -EISDIR)
		return 0;
	return error_sys(err, r, "remove %s", name);
}

static int remove_directory(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level,
			    struct error *err)
{
	(void)level;
	int *retries = walk->context;
	int r = unlink_in(walk, at, name, AT_REMOVEDIR);
	if (r == 0 || r == -ENOENT)
		return 0;
	if ((r == -ENOTEMPTY || r == -EEXIST) && ++*retries < RETRIES_MAX)
		return 1;
	return error_sys(err, r, "remove the directory %s", name);
}

int tree_remove_at(int dirfd, const char *name, struct error *err)
{
	static const struct visitor visitor = {
	    .file = remove_file, .leave = remove_directory, .open_up = true, .may_vanish = true};
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "remove %s", name);
	if (!S_ISDIR(st.st_mode)) {
		if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
			return error_sys(err, errno, "remove %s", name);
		return 0;
	}
	int retries = 0;
	int r = walk_tree(&visitor, &retries, dirfd, name, -1, err);
	return r < 0 && err ? error_context(err, "remove the tree %s", name) : r;
}
