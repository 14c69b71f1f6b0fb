/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: the directory that a layer is unpacked to. Where an entry goes, what it replaces, whiteouts.
 *
 * Invariant: every path from an archive is cleaned (tree_clean_path) and then resolved by the kernel with the layer as
 * root (openat2, RESOLVE_IN_ROOT) up to its parent directory; the last component is used with that directory's
 * descriptor and never followed.
 */
#pragma once

#include <sys/stat.h>

#include "pkg/error/error.h"
#include "pkg/text/text.h"
#include "rootless/idmap/idmap.h"
#include "storage/recipe/recipe.h"

struct tree {
	int root_fd, kept_fd;             /* borrowed */
	const struct id_mapping *mapping; /* NULL: single-id mode, all belongs to the user */
	bool xattrs;                      /* whiteouts are devices and xattrs; otherwise `.wh.` files */
	struct recipe_writer *recipe;     /* learns what is kept */
	char *root_path;                  /* as /proc/self/fd shows it */
	uint32_t kept;
	struct strv devices; /* places of devices that were not made */
	/* The parent of the last entry. */
	char *parent;       /* as cleaned; NULL: none */
	char *parent_place; /* without symlinks; "" is the root */
	int parent_fd;
};
#define TREE_INIT ((struct tree){.root_fd = -1, .kept_fd = -1, .parent_fd = -1})
/* Fills root_path and xattrs; the other fields above are the caller's. */
int tree_open(struct tree *tree, struct error *err);
void tree_close(struct tree *tree);

/* Where an entry goes. `name` "" is the root itself. Valid until the next tree_find(). */
struct spot {
	int parent_fd; /* O_PATH */
	const char *name;
	const char *path; /* cleaned; borrowed from the caller */
	char *place;      /* path without symlinks; malloc'd */
};
void spot_free(struct spot *spot);
#define auto_spot CLEANUP(spot_free)

/* The path without slashes before and behind, `.`, `..` and double slashes; "" is the root. malloc'd. -EBADMSG when it
 * leads out. */
int tree_clean_path(const char *path, char **ret, struct error *err);
/* Finds the spot, making directories (root's, 0755) above it that are missing. */
int tree_find(struct tree *tree, const char *path, struct spot *ret, struct error *err);
/* The same for something that must be there, without making anything: -ENOENT, without words, when its parent is not.
 * `*ret_fd` is the parent's own descriptor. */
int tree_find_existing(struct tree *tree, const char *path, int *ret_fd, const char **ret_name);
char *tree_place_of(struct tree *tree, int parent_fd, const char *name, struct error *err);

/* Makes room for a new entry: what is there is removed, or kept where it has content. With `directory_stays` a
 * directory is left. Returns what was there. */
enum tree_former {
	TREE_NOTHING,
	TREE_REPLACED,
	TREE_WHITEOUT,  /* and now is gone: a directory made here must be opaque */
	TREE_DIRECTORY, /* and is still there */
};
int tree_clear(struct tree *tree, const struct spot *spot, bool directory_stays, enum tree_former *ret,
	       struct error *err);

/* ---- whiteouts ---- */
enum whiteout {
	WHITEOUT_NONE,
	WHITEOUT_FILE,    /* hides the name behind `.wh.` */
	WHITEOUT_OPAQUE,  /* hides all that lower layers have in this directory */
	WHITEOUT_IGNORED, /* AUFS' own */
};
/* What a cleaned path is. -EBADMSG: malformed. */
int whiteout_classify(const char *path, enum whiteout *ret, struct error *err);
bool whiteout_is_device(const struct stat *status);
/* Places the whiteout; `spot` is that of the `.wh.` file. */
int whiteout_place(struct tree *tree, const struct spot *spot, enum whiteout kind, struct error *err);
int whiteout_make_opaque(struct tree *tree, int directory_fd, struct error *err);

/* ---- making entries ---- */
/* xattrs in which overlay file systems keep their own records: an archive must not write those. */
bool xattr_is_reserved(const char *name);
/* Makes what the entry is, but for files: directories, links, FIFOs, devices (recorded only). */
int tree_make(struct tree *tree, const struct spot *spot, const struct tar_entry *entry, struct error *err);
/* Opens a new file at the spot for writing. */
int tree_create_file(struct tree *tree, const struct spot *spot, struct error *err);
/* Gives the written file its owner, mode, xattrs and time. */
int tree_finish_file(struct tree *tree, int fd, const struct tar_entry *entry, struct error *err);
/* Gives a directory (which may have got new entries since it was made) its time. */
int tree_finish_directory(struct tree *tree, const char *place, const struct tar_entry *entry, struct error *err);
