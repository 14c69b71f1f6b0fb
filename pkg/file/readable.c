/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "pkg/file/file.h"
#include "pkg/file/walk.h"

mode_t mode_readable_by_all(mode_t mode)
{
	bool directory = S_ISDIR(mode), program = mode & 0111;
	return mode | (directory ? 0555 : program ? 0555 : 0444);
}

static int open_up(int dirfd, const char *name, struct error *err)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "look at %s", name);
	mode_t mode = mode_readable_by_all(st.st_mode);
	if ((!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) || mode == st.st_mode)
		return 0;
	return fchmodat(dirfd, name, mode & 07777, 0) < 0 ? error_sys(err, errno, "let others read %s", name) : 0;
}

static int open_up_file(struct walk *walk, struct walk_level *at, const char *name, unsigned char type,
			struct error *err)
{
	(void)walk;
	(void)type;
	return open_up(at->fd, name, err);
}

static int open_up_directory(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level,
			     struct error *err)
{
	(void)walk;
	(void)level;
	return open_up(at->fd, name, err);
}

int tree_make_readable(int dirfd, const char *name, struct error *err)
{
	static const struct visitor visitor = {
	    .file = open_up_file, .leave = open_up_directory, .open_up = true, .may_vanish = true};
	int r = walk_tree(&visitor, NULL, dirfd, name, -1, err);
	return r < 0 ? r : open_up(dirfd, name, err);
}
