/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contents: what a file system of layers consists of, and in what another differs from it.
 *
 * Theory of operation. The recipes of an image's layers (storage/recipe/recipe.h) say of every entry what it is, with
 * its true owner and mode, and in which layer's directory its content lies. Laid over one another they give a tree of
 * nodes, the contents, without a mount and for all storage drivers alike. A container is compared with it: its upper
 * directory, or, where there is none (vfs), its whole tree. What comes out is a list of changes, from which follow
 * `diff`, the layer that `commit` makes, and, put into the contents again, the file system that `export` writes.
 *
 * In single-id mode all files on disk belong to one user, who also has access to them whatever their mode was. What was
 * there before keeps the owner and, unless it was changed, the mode that the recipe has; what is new is root's.
 *
 * Files of a container may have any owner and mode: changes_find() runs where the caller is root of the user namespace.
 * The container may be running: what vanishes meanwhile was never there.
 */
#pragma once

#include "pkg/tar/tar.h"
#include "storage/recipe/recipe.h"
#include "storage/store/store.h"

#define CONTENTS_UPPER (-1) /* a source that is no layer: the container's own tree */

struct contents_node {
	char *name;
	bool there;             /* an entry of a layer; otherwise only what is below it is, and it is root's, 0755 */
	struct tar_entry facts; /* without path and extents, never a hard link */
	struct recipe_sum sum;           /* of the content in the tar */
	uint64_t file;                   /* the same for all names of one file of this source */
	bool linked;                     /* it has several names */
	int source;                      /* number of the layer, or CONTENTS_UPPER */
	struct contents_node **children; /* by name */
	size_t count, capacity;
};

struct contents {
	struct contents_node *root;
	struct strv layers; /* diff ids; sources are numbers in it */
	uint64_t files;
};

/* Reads the recipes, lowest layer first. -EBADMSG: a damaged one. */
int contents_read(struct store *store, const struct strv *diff_ids, struct contents **ret, struct error *err);
void contents_free(struct contents *contents);
DEFINE_CLEANUP(struct contents *, contents_free)
#define auto_contents CLEANUP(contents_freep)

/* NULL when there is none. `name` need not end with a NUL. */
struct contents_node *contents_child(const struct contents_node *node, const char *name, size_t length);
struct contents_node *contents_find(const struct contents *contents, const char *path);

/* ---- differences ---- */
enum change_kind {
	CHANGE_ADDED = 'A',
	CHANGE_CHANGED = 'C',
	CHANGE_DELETED = 'D',
};

struct change {
	enum change_kind kind;
	char *path;             /* without a slash before it; "" is the root */
	struct tar_entry facts; /* of what is there now, as of a node; D: empty */
	uint64_t file;          /* the same for all names of a file */
	bool linked;
};

/* By path: a directory, then what is below it. */
struct changes {
	struct change *items;
	size_t count, capacity;
};
void changes_free(struct changes *changes);
#define auto_changes CLEANUP(changes_free)

/* A container's tree. */
struct changed_tree {
	int fd;
	bool whole;                      /* not an upper directory, but all that there is (vfs) */
	bool single;                     /* single-id mode */
	const struct strv *mount_points; /* paths where the runtime mounts things: what it made for that, empty files
					    and directories, is no change */
};
/* How the tree differs from the contents. Directories that differ only because of what is below them are changed too;
 * those where only the time differs are not. */
int changes_find(const struct contents *contents, const struct changed_tree *tree, struct changes *ret,
		 struct error *err);
/* How `now` differs from `before`. */
void changes_between(const struct contents *before, const struct contents *now, struct changes *ret);
/* Puts the changes of a tree into the contents, which have CONTENTS_UPPER as a source then. Takes what the changes
 * hold. */
void contents_apply(struct contents *contents, struct changes *changes);

/* What an entry on disk is: all but the extents. -ENOENT, without words, when it is gone. `ret_status` may be NULL. */
struct stat;
int facts_read(int dirfd, const char *name, struct tar_entry *ret, struct stat *ret_status, struct error *err);
