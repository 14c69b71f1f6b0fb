/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of changes, those between two contents, and putting them into contents. */
#include <string.h>

#include "storage/contents/internal.h"
#include "storage/recipe/sum.h"

struct change *changes_add(struct changes *changes, enum change_kind kind, char *path)
{
	if (changes->count == changes->capacity) {
		changes->capacity = changes->capacity ? 2 * changes->capacity : 64;
		changes->items = xrealloc(changes->items, changes->capacity * sizeof(*changes->items));
	}
	struct change *change = &changes->items[changes->count++];
	*change = (struct change){.kind = kind, .path = path};
	return change;
}

void changes_truncate(struct changes *changes, size_t count)
{
	while (changes->count > count) {
		struct change *change = &changes->items[--changes->count];
		tar_entry_clear(&change->facts);
		free(change->path);
	}
}

void changes_free(struct changes *changes)
{
	changes_truncate(changes, 0);
	free(changes->items);
	*changes = (struct changes){0};
}

/* ---- between two contents ---- */
static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_xattrs(const struct tar_entry *a, const struct tar_entry *b)
{
	if (a->xattrs_count != b->xattrs_count)
		return false;
	for (size_t i = 0; i < a->xattrs_count; i++) {
		const struct tar_xattr *mine = &a->xattrs[i];
		size_t j = 0;
		while (j < b->xattrs_count && strcmp(mine->name, b->xattrs[j].name) != 0)
			j++;
		if (j == b->xattrs_count || mine->length != b->xattrs[j].length ||
		    memcmp(mine->value, b->xattrs[j].value, mine->length) != 0)
			return false;
	}
	return true;
}

/* The time counts for files only: a directory's changes with all that is put into it. */
static bool same_node(const struct contents_node *a, const struct contents_node *b)
{
	const struct tar_entry *x = &a->facts, *y = &b->facts;
	if (x->type != y->type || x->mode != y->mode || x->uid != y->uid || x->gid != y->gid ||
	    !same_text(x->link, y->link) || x->device_major != y->device_major || x->device_minor != y->device_minor ||
	    !same_xattrs(x, y))
		return false;
	if (x->type == TAR_DIRECTORY)
		return true;
	/* Where one layer was unpacked by an older coracle, or has other pieces of a sparse file, their sums say nothing
	 * about one another. What has none is not taken to be the same. */
	bool apart = a->sum.kind && b->sum.kind && (a->sum.kind != b->sum.kind || x->stored != y->stored);
	return x->mtime_s == y->mtime_s && x->size == y->size && (apart || sums_equal(&a->sum, &b->sum));
}

static char *join(const char *above, const char *name)
{
	return xasprintf("%s%s%s", above, *above ? "/" : "", name);
}

static void between(const struct contents_node *before, const struct contents_node *now, const char *path,
		    struct changes *changes);

/* `before` or `now` is NULL where there is none. */
static void between_children(const struct contents_node *before, const struct contents_node *now, const char *path,
			     struct changes *changes) /* NOLINT(misc-no-recursion) */
{
	size_t i = 0, j = 0, old = before ? before->count : 0, new = now ? now->count : 0;
	while (i < old || j < new) {
		int order = i == old ? 1 : j == new ? -1 : strcmp(before->children[i]->name, now->children[j]->name);
		auto_free char *child =
		    join(path, order <= 0 ? before->children[i]->name : now->children[j]->name);
		const struct contents_node *was = order <= 0 ? before->children[i++] : NULL,
					   *is = order >= 0 ? now->children[j++] : NULL;
		between(was, is, child, changes);
	}
}

static void between(const struct contents_node *before, const struct contents_node *now, const char *path,
		    struct changes *changes) /* NOLINT(misc-no-recursion) */
{
	if (before == now || (before && now && before->facts.type != TAR_DIRECTORY && same_node(before, now)))
		return;
	size_t first = changes->count;
	struct change *change = changes_add(changes,
					    !now     ? CHANGE_DELETED
					    : before ? CHANGE_CHANGED
						     : CHANGE_ADDED,
					    xstrdup(path));
	if (!now)
		return;
	facts_copy(&now->facts, &change->facts);
	if (now->facts.type != TAR_DIRECTORY)
		return;
	bool was_directory = before && before->facts.type == TAR_DIRECTORY;
	between_children(was_directory ? before : NULL, now, path, changes);
	if (was_directory && changes->count == first + 1 && same_node(before, now))
		changes_truncate(changes, first);
}

void changes_between(const struct contents *before, const struct contents *now, struct changes *ret)
{
	between_children(before->root, now->root, "", ret);
}

/* ---- into the contents ---- */
void contents_apply(struct contents *contents, struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		struct change *change = &changes->items[i];
		if (change->kind == CHANGE_DELETED) {
			contents_remove_path(contents, change->path);
			continue;
		}
		struct contents_node *node = contents_make(contents, change->path);
		contents_set(node, &change->facts);
		node->source = CONTENTS_UPPER;
		node->file = change->file;
		node->linked = change->linked;
	}
}
