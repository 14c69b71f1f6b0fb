/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model: the tree that a recipe makes, in memory. Not for use outside of storage/check.
 *
 * It is made as the layer was unpacked (storage/unpack), entry after entry: later ones replace earlier ones, links are
 * followed, whiteouts fall away, what was moved to kept/ is moved.
 */
#pragma once

#include <sys/stat.h>
#include <time.h>

#include "storage/recipe/recipe.h"

enum inode_type {
	INODE_DIRECTORY,
	INODE_FILE,
	INODE_SYMLINK,
	INODE_FIFO,
	INODE_WHITEOUT,
};

/* What a name stands for; hard links are names of one. */
struct inode {
	enum inode_type type;
	unsigned int names; /* how many there are */
	bool implied;       /* no entry says more than that there is a directory */
	bool has_time;
	bool opaque;
	uint32_t mode;
	int64_t uid, gid;
	struct timespec mtime;
	char *link;
	int64_t size;
	struct recipe_sum sum;
	struct tar_extent *extents; /* NULL: one from 0 to size */
	size_t extents_count;
	struct tar_xattr *xattrs;
	size_t xattrs_count;

	/* What the comparison found. */
	struct node *found; /* a name under which it is there */
	bool content_lost;
};

enum node_state {
	NODE_MISSING,
	NODE_OTHER, /* there is something else */
	NODE_THERE,
};

struct node {
	char *name;
	struct node *parent; /* NULL: the layer's directory */
	struct inode *inode;
	void *children; /* tsearch(3) tree of struct node, by name */

	enum node_state state;
	bool unreadable; /* a directory, or what is below it */
	dev_t device;    /* of what is there */
	ino_t number;
};

struct model {
	struct node *top;  /* the layer's directory; below it: */
	struct node *diff;
	struct node *kept; /* NULL: none */
	struct recipe_totals totals;
};

/* Reads the recipe. -EBADMSG: damaged. */
int model_read(int recipe_fd, struct model **ret, struct error *err);
void model_free(struct model *model);
DEFINE_CLEANUP(struct model *, model_free)
#define auto_model CLEANUP(model_freep)

struct node *node_child(const struct node *directory, const char *name);
/* From the layer's directory: "diff/etc/passwd"; "." for that directory itself. malloc'd. */
char *node_path(const struct node *node);
/* All nodes below, parents before their children; the caller frees the array. */
struct node **model_nodes(const struct model *model, size_t *ret_count);
