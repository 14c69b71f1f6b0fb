/* SPDX-License-Identifier: Apache-2.0 */
/* One layer and its recipe, in a process that may look at the layer's files. Not for use outside of storage/check. */
#pragma once

#include <pthread.h>

#include "storage/check/check.h"
#include "storage/check/model.h"

enum problem_kind {
	PROBLEM_MISSING,    /* node is not there */
	PROBLEM_OTHER,      /* something else is */
	PROBLEM_EXTRA,      /* `name` in the directory `node` is nothing that the recipe knows */
	PROBLEM_ATTRIBUTES, /* owner, mode, time, xattrs, opaqueness */
	PROBLEM_UNLINKED,   /* node is not the same file as another name of it */
	PROBLEM_CONTENT,
};

struct problem {
	enum problem_kind kind;
	struct node *node;
	char *name; /* PROBLEM_EXTRA */
	char *path; /* as it is shown */
	char *text;
};

struct layer_check {
	const struct check *check;
	int fd; /* the layer's directory */
	struct model *model;
	struct node **nodes;
	size_t nodes_count;
	bool single; /* all files belong to the user, who can read them whatever their mode */
	bool xattrs; /* whiteouts have overlay's form */
	bool shared;  /* its files may be read by all (storage/share) */
	bool foreign; /* of an additional store: whose files it has is not ours to say */
	bool incomplete; /* not all could be seen before modes are mended */
	pthread_mutex_t lock; /* of the problems */
	struct problem *problems;
	size_t problems_count;
	struct error failure; /* the first thing that could not be looked at */
};

void layer_problem(struct layer_check *layer, enum problem_kind kind, struct node *node, const char *name,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* What ends the check of the layer without being a finding. */
void layer_failed(struct layer_check *layer, const struct error *err);

/* Does function(layer, index) for each index below `count`, on all processors. */
void layer_parallel(struct layer_check *layer, size_t count, void (*function)(struct layer_check *layer, size_t index));

/* The name on disk: of a whiteout that is a file, with its `.wh.`. malloc'd. */
char *node_disk_name(const struct layer_check *layer, const struct node *node);
/* The mode that the node has on disk. */
mode_t node_mode(const struct layer_check *layer, const struct inode *inode);
/* Whether an xattr is one that this namespace can set, so that it must be there. */
bool xattr_is_compared(const struct layer_check *layer, const char *name);
bool times_equal(const struct timespec *wanted, const struct timespec *found);
/* The value of an xattr of `name` in the directory; NULL: it has none. malloc'd. */
char *xattr_of(int dirfd, const char *name, const char *xattr, size_t *ret_length);
/* The names of all its xattrs, each with a NUL behind it; malloc'd. 0 and none where there are no xattrs. */
size_t xattrs_of(int dirfd, const char *name, char **ret);
int node_open_directory(const struct layer_check *layer, const struct node *node);

/* Checks the layer in layers/<hex> of the place, and mends it. 0 when it was looked at, -ENOENT when there is none, or another negative
 * value. `ret_damaged`: something is lost. `mend`: store.lock is held exclusively. */
int layer_check_one(struct check *check, const struct store_place *place, const char *hex, bool mend, bool *ret_wrong, bool *ret_damaged, struct error *err);

/* compare.c: all but the content of files, and the times of directories. */
void layer_compare(struct layer_check *layer);
/* The times of directories, which go wrong where anything in them is mended. */
void layer_compare_times(struct layer_check *layer);
/* content.c */
void layer_compare_content(struct layer_check *layer);
/* mend.c: 0, -ENODATA when content is lost, or another negative value. Not for PROBLEM_CONTENT. */
int layer_mend(struct layer_check *layer, const struct problem *problem, struct error *err);
void layer_mend_times(struct layer_check *layer);
