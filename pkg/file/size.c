/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/file/walk.h"
#include "pkg/text/text.h"

struct sizing {
	int64_t bytes;
	void *linked; /* tsearch(3) tree of struct identity: files with several names that were counted */
};

struct identity {
	dev_t device;
	ino_t inode;
};

static int compare(const void *left, const void *right)
{
	const struct identity *a = left, *b = right;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

static bool is_counted(struct sizing *sizing, const struct stat *st)
{
	struct identity *identity = xmalloc(sizeof(*identity));
	*identity = (struct identity){st->st_dev, st->st_ino};
	struct identity **found = tsearch(identity, &sizing->linked, compare);
	bool counted = found && *found != identity;
	if (counted || !found)
		free(identity);
	return counted;
}

static int add_file(struct walk *walk, struct walk_level *at, const char *name, unsigned char type, struct error *err)
{
	(void)type;
	struct sizing *sizing = walk->context;
	struct stat st;
	if (fstatat(at->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "look at %s", name);
	if (!S_ISDIR(st.st_mode) && (st.st_nlink == 1 || !is_counted(sizing, &st)))
		sizing->bytes += st.st_size;
	return 0;
}

static int leave(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level, struct error *err)
{
	(void)walk;
	(void)at;
	(void)name;
	(void)level;
	(void)err;
	return 0;
}

int tree_size(int dirfd, int64_t *ret, struct error *err)
{
	static const struct visitor visitor = {.file = add_file, .leave = leave, .may_vanish = true};
	struct sizing sizing = {0};
	int r = walk_tree(&visitor, &sizing, dirfd, NULL, -1, err);
	tdestroy(sizing.linked, free);
	if (r < 0)
		return r;
	*ret = sizing.bytes;
	return 0;
}
