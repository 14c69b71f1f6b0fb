/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk: every entry of a tree, however deep, for removing, copying and syncing. Also for others who must see every entry (libpod/copy).
 *
 * No recursion, and a bounded number of descriptors: the directories between the top and the current one form a stack
 * of levels on the heap, of which only the lowest few are open. On the way up a closed one is opened again as `..` of
 * its child and must be the inode that it was, so that a directory that somebody moves meanwhile never leads us out of
 * the tree.
 *
 * A directory is read once, to its end: what is no directory is visited at once, subdirectories are put on a stack of
 * names and entered one by one afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "pkg/error/error.h"
#include "pkg/text/text.h"

struct walk_level {
	int fd;                      /* -1 while closed */
	int mirror;                  /* the directory of a second tree that goes with it (enter() sets it), or -1 */
	dev_t device, mirror_device; /* of the two while they are closed */
	ino_t inode, mirror_inode;
	size_t name;  /* where in the walk's names its own begins; the top has none */
	size_t names; /* where its subdirectories' begin */
};

struct walk;

struct visitor {
	/* Something that is no directory; `type` is DT_…, never DT_UNKNOWN. */
	int (*file)(struct walk *walk, struct walk_level *at, const char *name, unsigned char type, struct error *err);
	/* Before a subdirectory, open as level->fd, is read. NULL: nothing to do. */
	int (*enter)(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level,
		     struct error *err);
	/* After all that is below it. 1: visit it again. */
	int (*leave)(struct walk *walk, struct walk_level *at, const char *name, struct walk_level *level,
		     struct error *err);
	/* Gives us the permission bits of directories that lack them. */
	bool open_up;
	/* Others may be removing the same tree: a directory that is gone when we come to it has nothing to visit. */
	bool may_vanish;
};

struct walk {
	const struct visitor *visitor;
	void *context;
	struct walk_level *levels;
	size_t depth; /* how many levels there are */
	size_t capacity;
	struct strbuf
	    names;     /* "a\0b\0": subdirectories still to be visited; the last one of a level is the one we are in */
	char *entries; /* getdents64's buffer */
};

/* Visits `name` under dirfd, a directory, and all below it; with `name` NULL all below dirfd, whose mirror is `mirror`
 * (or -1). Both descriptors stay the caller's. */
int walk_tree(const struct visitor *visitor, void *context, int dirfd, const char *name, int mirror, struct error *err);
/* Appends the path of `name` in `at`, from the top of the walk. */
void walk_path(const struct walk *walk, const char *name, struct strbuf *path);
