/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/check/model.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "pkg/text/text.h"
#include "storage/unpack/tree.h"

/* As many links as the kernel follows. */
#define LINKS_MAX 40

/* ---- nodes ---- */
static int compare_names(const void *left, const void *right)
{
	return strcmp(((const struct node *)left)->name, ((const struct node *)right)->name);
}

struct node *node_child(const struct node *directory, const char *name)
{
	struct node wanted = {.name = (char *)name}, **found = tfind(&wanted, &directory->children, compare_names);
	return found ? *found : NULL;
}

static void inode_drop(struct inode *inode)
{
	if (--inode->names > 0)
		return;
	struct tar_entry owned = {.link = inode->link,
				  .extents = inode->extents,
				  .xattrs = inode->xattrs,
				  .xattrs_count = inode->xattrs_count};
	tar_entry_clear(&owned);
	free(inode);
}

static void node_free(void *data)
{
	struct node *node = data;
	tdestroy(node->children, node_free);
	inode_drop(node->inode);
	free(node->name);
	free(node);
}

/* Takes `inode`, or makes one of the type. */
static struct node *node_add(struct node *parent, const char *name, enum inode_type type, struct inode *inode)
{
	struct node *node = xcalloc(1, sizeof(*node));
	if (!inode) {
		inode = xcalloc(1, sizeof(*inode));
		inode->type = type;
	}
	inode->names++;
	node->name = xstrdup(name);
	node->inode = inode;
	node->parent = parent;
	if (parent && !tsearch(node, &parent->children, compare_names))
		abort(); /* without memory, as xmalloc() */
	return node;
}

static void node_detach(struct node *node)
{
	tdelete(node, &node->parent->children, compare_names);
}

static void node_remove(struct node *node)
{
	node_detach(node);
	node_free(node);
}

static struct node *add_implied(struct node *parent, const char *name)
{
	struct node *node = node_add(parent, name, INODE_DIRECTORY, NULL);
	node->inode->implied = true;
	node->inode->mode = 0755;
	return node;
}

char *node_path(const struct node *node)
{
	if (!node->parent)
		return xstrdup(".");
	size_t length = 0;
	for (const struct node *at = node; at->parent; at = at->parent)
		length += strlen(at->name) + 1;
	char *path = xmalloc(length), *end = path + length - 1;
	*end = '\0';
	for (const struct node *at = node; at->parent; at = at->parent) {
		size_t part = strlen(at->name);
		end -= part;
		memcpy(end, at->name, part);
		if (end > path)
			*--end = '/';
	}
	return path;
}

struct list {
	struct node **items;
	size_t count, capacity;
};

static void list_add(const void *item, VISIT order, void *closure)
{
	struct list *list = closure;
	if (order != postorder && order != leaf)
		return;
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 1024;
		list->items = xrealloc(list->items, list->capacity * sizeof(struct node *));
	}
	list->items[list->count++] = *(struct node *const *)item;
}

struct node **model_nodes(const struct model *model, size_t *ret_count)
{
	struct list list = {0};
	twalk_r(model->top->children, list_add, &list);
	for (size_t i = 0; i < list.count; i++)
		twalk_r(list.items[i]->children, list_add, &list);
	*ret_count = list.count;
	return list.items;
}

/* ---- finding the way ---- */
/* What stands for the directory that an entry needs and that came without an entry of its own. */
static struct node *make_missing(struct node *at, const char *name, struct node *present)
{
	bool whiteout = present;
	if (present)
		node_remove(present);
	struct node *made = add_implied(at, name);
	made->inode->opaque = whiteout;
	return made;
}

/* The directory behind `path`, with links followed as the kernel does when the layer is the root; NULL: none. With `make`
 * those that are missing are made. */
static struct node *walk(struct model *model, struct node *at, const char *path, bool make, int links)
{
	for (const char *part = path; at && *part;) {
		size_t length = strcspn(part, "/");
		auto_free char *name = xstrndup(part, length);
		part += length + (part[length] == '/');
		if (length == 0 || strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			at = at == model->diff ? at : at->parent;
			continue;
		}
		struct node *child = node_child(at, name);
		if (make && (!child || child->inode->type == INODE_WHITEOUT))
			child = make_missing(at, name, child);
		if (child && child->inode->type == INODE_SYMLINK) {
			const char *link = child->inode->link;
			at = links > 0 ? walk(model, *link == '/' ? model->diff : at, link, false, links - 1) : NULL;
		} else {
			at = child && child->inode->type == INODE_DIRECTORY ? child : NULL;
		}
	}
	return at;
}

static struct node *walk_to_parent(struct model *model, const char *path, bool make, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");
	*ret_name = slash ? slash + 1 : path;
	return walk(model, model->diff, parent, make, LINKS_MAX);
}

/* ---- entries ---- */
static bool has_xattr(const struct inode *inode, const char *name)
{
	for (size_t i = 0; i < inode->xattrs_count; i++)
		if (strcmp(inode->xattrs[i].name, name) == 0)
			return true;
	return false;
}

static void add_xattr(struct inode *inode, const struct tar_xattr *xattr)
{
	inode->xattrs = xrealloc(inode->xattrs, (inode->xattrs_count + 1) * sizeof(*inode->xattrs));
	char *value = xmalloc(xattr->length + 1);
	memcpy(value, xattr->value, xattr->length);
	inode->xattrs[inode->xattrs_count++] = (struct tar_xattr){xstrdup(xattr->name), value, xattr->length};
}

/* A directory with several entries has the xattrs of all, and of one the last value. */
static void merge_xattrs(struct inode *inode, const struct tar_entry *tar)
{
	struct tar_entry former = {.xattrs = inode->xattrs, .xattrs_count = inode->xattrs_count};
	inode->xattrs = NULL;
	inode->xattrs_count = 0;
	for (size_t i = tar->xattrs_count; i-- > 0;)
		if (!xattr_is_reserved(tar->xattrs[i].name) && !has_xattr(inode, tar->xattrs[i].name))
			add_xattr(inode, &tar->xattrs[i]);
	for (size_t i = 0; i < former.xattrs_count; i++)
		if (!has_xattr(inode, former.xattrs[i].name))
			add_xattr(inode, &former.xattrs[i]);
	tar_entry_clear(&former);
}

static void dress(struct inode *inode, const struct recipe_entry *entry)
{
	const struct tar_entry *tar = &entry->tar;
	inode->implied = false;
	inode->has_time = true;
	inode->mode = tar->mode;
	inode->uid = tar->uid;
	inode->gid = tar->gid;
	inode->mtime = (struct timespec){.tv_sec = tar->mtime_s, .tv_nsec = tar->mtime_ns};
	if (inode->type == INODE_FILE || inode->type == INODE_DIRECTORY)
		merge_xattrs(inode, tar);
	if (inode->type == INODE_SYMLINK)
		inode->link = xstrdup(tar->link ? tar->link : "");
	if (inode->type != INODE_FILE)
		return;
	inode->size = tar->size;
	inode->sum = entry->sum;
	inode->extents_count = tar->extents_count;
	if (tar->extents) {
		size_t size = tar->extents_count * sizeof(*tar->extents);
		inode->extents = xmalloc(size + 1);
		memcpy(inode->extents, tar->extents, size);
	}
}

static void apply_whiteout(struct node *parent, const char *name, enum whiteout kind)
{
	const char *hidden = name + strlen(".wh.");
	if (kind == WHITEOUT_OPAQUE) {
		parent->inode->opaque = true;
		return;
	}
	struct node *present = node_child(parent, hidden);
	if (!present)
		node_add(parent, hidden, INODE_WHITEOUT, NULL);
	else if (present->inode->type == INODE_DIRECTORY)
		present->inode->opaque = true;
}

static void apply_directory(struct node *parent, struct node *present, const char *name,
			    const struct recipe_entry *entry)
{
	bool opaque = present && present->inode->type == INODE_WHITEOUT;
	if (!present || present->inode->type != INODE_DIRECTORY) {
		if (present)
			node_remove(present);
		present = node_add(parent, name, INODE_DIRECTORY, NULL);
		present->inode->opaque = opaque;
	}
	dress(present->inode, entry);
}

static int apply_hard_link(struct model *model, struct node *parent, struct node *present, const char *name,
			   const char *link, struct error *err)
{
	auto_free char *path = NULL;
	const char *target_name;
	int r = tree_clean_path(link ? link : "", &path, err);
	if (r < 0)
		return r;
	struct node *directory = walk_to_parent(model, path, false, &target_name);
	struct node *target = directory ? node_child(directory, target_name) : NULL;
	/* Devices are not made, nor are links to them. */
	if (!target || (present && present->inode == target->inode))
		return 0;
	struct inode *inode = target->inode;
	if (inode->type == INODE_DIRECTORY || inode->type == INODE_WHITEOUT)
		return error_set(err, EBADMSG, "%s is a hard link to what cannot have one", name);
	if (present)
		node_remove(present);
	node_add(parent, name, inode->type, inode);
	return 0;
}

static int apply_at(struct model *model, struct node *parent, const char *name, const struct recipe_entry *entry,
		    struct error *err)
{
	static const enum inode_type types[] = {
	    [TAR_FILE - '0'] = INODE_FILE, [TAR_SYMLINK - '0'] = INODE_SYMLINK, [TAR_FIFO - '0'] = INODE_FIFO};
	struct node *present = node_child(parent, name);
	enum tar_type type = entry->tar.type;
	if (type == TAR_HARD_LINK)
		return apply_hard_link(model, parent, present, name, entry->tar.link, err);
	if (type == TAR_DIRECTORY) {
		apply_directory(parent, present, name, entry);
		return 0;
	}
	if (present)
		node_remove(present);
	if (type != TAR_CHARACTER_DEVICE && type != TAR_BLOCK_DEVICE)
		dress(node_add(parent, name, types[type - '0'], NULL)->inode, entry);
	return 0;
}

static int apply_entry(struct model *model, const struct recipe_entry *entry, struct error *err)
{
	const char *path = entry->place ? entry->place : entry->tar.path, *name;
	enum whiteout kind;
	int r = whiteout_classify(entry->tar.path, &kind, err);
	if (r < 0 || kind == WHITEOUT_IGNORED)
		return r;
	if (!*path) {
		dress(model->diff->inode, entry);
		return 0;
	}
	struct node *parent = walk_to_parent(model, path, true, &name);
	if (!parent)
		return error_set(err, EBADMSG, "%s lies below what is no directory", path);
	if (kind == WHITEOUT_NONE)
		return apply_at(model, parent, name, entry, err);
	apply_whiteout(parent, name, kind);
	return 0;
}

/* The times of directories are set at the end, and only where they are in their places then. */
static void forget_times(struct node *node);
static void forget_time(const void *item, VISIT order, void *closure)
{
	(void)closure;
	if (order == postorder || order == leaf)
		forget_times(*(struct node *const *)item);
}

static void forget_times(struct node *node)
{
	if (node->inode->type == INODE_DIRECTORY)
		node->inode->has_time = false;
	twalk_r(node->children, forget_time, NULL);
}

static int apply_kept(struct model *model, uint32_t number, const char *path, struct error *err)
{
	char name[16];
	const char *last;
	struct node *parent = walk_to_parent(model, path, false, &last), *node = parent ? node_child(parent, last) : NULL;
	if (!node)
		return error_set(err, EBADMSG, "%s was replaced, but never there", path);
	if (!model->kept)
		model->kept = add_implied(model->top, "kept");
	node_detach(node);
	snprintf(name, sizeof(name), "%u", number);
	free(node->name);
	node->name = xstrdup(name);
	node->parent = model->kept;
	forget_times(node);
	if (!tsearch(node, &model->kept->children, compare_names))
		abort();
	return 0;
}

/* ---- the whole ---- */
int model_read(int recipe_fd, struct model **ret, struct error *err)
{
	auto_recipe_reader struct recipe_reader *reader = NULL;
	const struct recipe_record *record;
	auto_model struct model *model = xcalloc(1, sizeof(*model));
	model->top = node_add(NULL, "", INODE_DIRECTORY, NULL);
	model->diff = add_implied(model->top, "diff");
	int r = recipe_reader_new(recipe_fd, &reader, err);
	while (r >= 0 && (r = recipe_next(reader, &record, err)) > 0) {
		if (record->type == RECIPE_ENTRY)
			r = apply_entry(model, &record->entry, err);
		else if (record->type == RECIPE_KEPT)
			r = apply_kept(model, record->kept_number, record->kept_path, err);
		else if (record->type == RECIPE_END)
			model->totals = record->totals;
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(model);
	return 0;
}

void model_free(struct model *model)
{
	node_free(model->top);
	free(model);
}
