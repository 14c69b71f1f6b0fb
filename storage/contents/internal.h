/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this module share. */
#pragma once

#include "storage/contents/contents.h"

/* The node at `path`, made with those above it where they are missing. */
struct contents_node *contents_make(struct contents *contents, const char *path);
/* Removes the child, if it is there, with all below it. */
void contents_remove(struct contents_node *node, const char *name);
void contents_clear_children(struct contents_node *node);
/* Gives the node new facts, which it takes. */
void contents_set(struct contents_node *node, struct tar_entry *facts);
/* A copy that owns what it has. */
void facts_copy(const struct tar_entry *from, struct tar_entry *to);
/* Removes the path, wherever it is. */
void contents_remove_path(struct contents *contents, const char *path);

/* A new change at the end of the list; `path` is taken. */
struct change *changes_add(struct changes *changes, enum change_kind kind, char *path);
void changes_truncate(struct changes *changes, size_t count);
