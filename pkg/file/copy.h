/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of tree_copy(): a file's content, and an entry's attributes. Not for use outside of pkg/file.
 */
#pragma once

#include <limits.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "pkg/error/error.h"

/* Buffers, and what the file systems turned out not to offer, which is not tried again. */
struct copier {
	bool no_reflink;
	bool no_copy_range;
	bool layer;  /* tree_copy_layer() */
	int root;    /* where the copy begins */
	void *links; /* tsearch(3) tree of struct link: files with several names, by inode */
	char names[XATTR_LIST_MAX];
	char value[XATTR_SIZE_MAX];
	char buffer[1 << 17];
};

/* Copies all of `from` to the empty file `to`: shared where the file system can, holes kept. 0 or negative errno. */
int copy_content(struct copier *copier, int from, int to, const struct stat *st);
/* Gives `name` in the directory `to` the owner, mode, xattrs and times of `name` in `from`, which are in `st`. */
int copy_attributes(struct copier *copier, int from, int to, const char *name, const struct stat *st,
		    struct error *err);
