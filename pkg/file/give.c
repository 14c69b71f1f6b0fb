/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/file/walk.h"

struct owner {
	uid_t uid;
	gid_t gid;
};

static int give_one(int dirfd, const char *name, const struct owner *owner, struct error *err)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "look at %s", name);
	if (st.st_uid == owner->uid && st.st_gid == owner->gid)
		return 0;
	if (fchownat(dirfd, name, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, errno, "give %s, which belongs to %u:%u, to %u:%u", name, st.st_uid, st.st_gid,
				 owner->uid, owner->gid);
	/* chown(2) takes these bits away; whoever gives a program to another user means it to go on working. */
	if (!S_ISLNK(st.st_mode) && (st.st_mode & (S_ISUID | S_ISGID)) &&
	    fchmodat(dirfd, name, st.st_mode & 07777, 0) < 0)
		return error_sys(err, errno, "set the mode of %s", name);
	return 0;
}

static int give_file(struct walk *walk, struct walk_level *at, const char *name, unsigned char type, struct error *err)
{
	(void)type;
	return give_one(at->fd, name, walk->context, err);
}

static int give_directory(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level,
			  struct error *err)
{
	(void)level;
	return give_one(at->fd, name, walk->context, err);
}

int tree_give(int dirfd, uid_t uid, gid_t gid, struct error *err)
{
	static const struct visitor visitor = {.file = give_file, .leave = give_directory, .may_vanish = true};
	struct owner owner = {uid, gid};
	int r = walk_tree(&visitor, &owner, dirfd, NULL, -1, err);
	return r < 0 ? r : give_one(dirfd, ".", &owner, err);
}
