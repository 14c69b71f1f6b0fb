/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of nodes. */
#include <string.h>

#include "storage/contents/internal.h"

static void node_free(struct contents_node *node);

void contents_clear_children(struct contents_node *node)
{
	for (size_t i = 0; i < node->count; i++)
		node_free(node->children[i]);
	free(node->children);
	node->children = NULL;
	node->count = node->capacity = 0;
}

/* As deep as a path has parts: those of recipes and of containers' trees have at most PATH_MAX bytes. */
static void node_free(struct contents_node *node) /* NOLINT(misc-no-recursion) */
{
	contents_clear_children(node);
	tar_entry_clear(&node->facts);
	free(node->name);
	free(node);
}

void contents_free(struct contents *contents)
{
	if (contents->root)
		node_free(contents->root);
	strv_free(&contents->layers);
	free(contents);
}

static int compare_name(const struct contents_node *node, const char *name, size_t length)
{
	int r = strncmp(node->name, name, length);
	return r != 0 ? r : node->name[length] != '\0';
}

/* Where the child is, or would be. */
static size_t position_of(const struct contents_node *node, const char *name, size_t length, bool *ret_found)
{
	size_t low = 0, high = node->count;
	/* Most recipes come in order. */
	if (high > 0 && compare_name(node->children[high - 1], name, length) < 0)
		low = high;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare_name(node->children[middle], name, length) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = low < node->count && compare_name(node->children[low], name, length) == 0;
	return low;
}

struct contents_node *contents_child(const struct contents_node *node, const char *name, size_t length)
{
	bool found;
	size_t position = position_of(node, name, length, &found);
	return found ? node->children[position] : NULL;
}

struct contents_node *contents_find(const struct contents *contents, const char *path)
{
	struct contents_node *node = contents->root;
	while (node && *path) {
		size_t length = strcspn(path, "/");
		node = contents_child(node, path, length);
		path += length + (path[length] == '/');
	}
	return node;
}

static struct contents_node *make_child(struct contents_node *node, const char *name, size_t length)
{
	bool found;
	size_t position = position_of(node, name, length, &found);
	if (found)
		return node->children[position];
	if (node->count == node->capacity) {
		node->capacity = node->capacity ? 2 * node->capacity : 8;
		node->children = xrealloc(node->children, node->capacity * sizeof(struct contents_node *));
	}
	memmove(node->children + position + 1, node->children + position,
		(node->count - position) * sizeof(struct contents_node *));
	struct contents_node *child = xcalloc(1, sizeof(*child));
	child->name = xstrndup(name, length);
	child->facts = (struct tar_entry){.type = TAR_DIRECTORY, .mode = 0755};
	node->children[position] = child;
	node->count++;
	return child;
}

/* What something lies below is a directory from now on. */
static void become_directory(struct contents_node *node)
{
	if (node->facts.type == TAR_DIRECTORY)
		return;
	tar_entry_clear(&node->facts);
	node->facts = (struct tar_entry){.type = TAR_DIRECTORY, .mode = 0755};
	node->there = node->linked = false;
	node->sum = (struct recipe_sum){0};
}

struct contents_node *contents_make(struct contents *contents, const char *path)
{
	if (!contents->root) {
		contents->root = xcalloc(1, sizeof(*contents->root));
		contents->root->name = xstrdup("");
		contents->root->facts = (struct tar_entry){.type = TAR_DIRECTORY, .mode = 0755};
	}
	struct contents_node *node = contents->root;
	while (*path) {
		size_t length = strcspn(path, "/");
		become_directory(node);
		node = make_child(node, path, length);
		path += length + (path[length] == '/');
	}
	return node;
}

void contents_remove(struct contents_node *node, const char *name)
{
	bool found;
	size_t position = position_of(node, name, strlen(name), &found);
	if (!found)
		return;
	node_free(node->children[position]);
	node->count--;
	memmove(node->children + position, node->children + position + 1,
		(node->count - position) * sizeof(struct contents_node *));
}

void contents_remove_path(struct contents *contents, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *above = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	struct contents_node *parent = contents_find(contents, above);
	if (parent)
		contents_remove(parent, slash ? slash + 1 : path);
}

void contents_set(struct contents_node *node, struct tar_entry *facts)
{
	tar_entry_clear(&node->facts);
	node->facts = *facts;
	node->there = true;
	node->linked = false;
	node->sum = (struct recipe_sum){0};
	*facts = (struct tar_entry){0};
	if (node->facts.type != TAR_DIRECTORY)
		contents_clear_children(node);
}

void facts_copy(const struct tar_entry *from, struct tar_entry *to)
{
	*to = *from;
	to->path = NULL;
	to->extents = NULL;
	to->extents_count = 0;
	to->link = from->link ? xstrdup(from->link) : NULL;
	to->xattrs = from->xattrs_count ? xcalloc(from->xattrs_count, sizeof(*to->xattrs)) : NULL;
	for (size_t i = 0; i < from->xattrs_count; i++) {
		const struct tar_xattr *xattr = &from->xattrs[i];
		to->xattrs[i] = (struct tar_xattr){xstrdup(xattr->name), xmalloc(xattr->length + 1), xattr->length};
		memcpy(to->xattrs[i].value, xattr->value, xattr->length);
	}
}
