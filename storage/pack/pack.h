/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack: contents and changes (storage/contents/contents.h) as a tar.
 *
 * The same input gives the same bytes: entries are in the order of their paths, times are whole seconds, owners have no
 * names. Files of several names are hard links to the first of them; very large holes stay holes. Content is read while
 * it is written: of a file that a running container makes shorter meanwhile the rest is zeros.
 *
 * The caller is root of the user namespace, so that all can be read.
 */
#pragma once

#include "storage/contents/contents.h"

/* The changes of a tree as a layer: OCI image specification, "Image Layer Filesystem Changeset". What was deleted
 * becomes whiteouts. `tree_fd`: the tree. */
int pack_changes(const struct changes *changes, int tree_fd, int out_fd, struct error *err);
/* The whole file system. What comes from CONTENTS_UPPER is in the tree `tree_fd` (-1: nothing does). */
int pack_contents(struct store *store, const struct contents *contents, int tree_fd, int out_fd, struct error *err);
