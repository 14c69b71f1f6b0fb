/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Laying a layer over those below it, in two passes over its recipe: whiteouts only hide what is in lower layers (OCI
 * image specification, "Image Layer Filesystem Changeset"), so they come first, wherever they are in the tar.
 */
#include <fcntl.h>
#include <string.h>

#include "storage/contents/internal.h"
#include "storage/layer/layer.h"
#include "storage/recipe/recipe.h"
#include "storage/unpack/tree.h"

static int hide(struct contents *contents, const struct recipe_entry *entry, struct error *err)
{
	enum whiteout kind;
	const char *path = entry->tar.path, *slash = strrchr(path, '/');
	int r = whiteout_classify(path, &kind, err);
	if (r < 0 || kind == WHITEOUT_NONE || kind == WHITEOUT_IGNORED)
		return r;
	auto_free char *above = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	struct contents_node *parent = contents_find(contents, above);
	if (parent && kind == WHITEOUT_OPAQUE)
		contents_clear_children(parent);
	else if (parent)
		contents_remove(parent, (slash ? slash + 1 : path) + strlen(".wh."));
	return 0;
}

/* Another name of a file of this layer: the content is at each of them. */
static int add_link(struct contents *contents, const struct recipe_entry *entry, struct contents_node *node,
		    struct error *err)
{
	auto_free char *path = NULL;
	int r = tree_clean_path(entry->tar.link, &path, err);
	if (r < 0)
		return r;
	struct contents_node *target = contents_find(contents, path);
	if (!target || target == node || target->facts.type == TAR_DIRECTORY)
		return target == node ? 0
				      : error_set(err, EBADMSG, "%.250s is a hard link to %.250s, which is not there",
						  entry->tar.path, path);
	struct tar_entry facts;
	facts_copy(&target->facts, &facts);
	target->linked = true;
	contents_set(node, &facts);
	node->linked = true;
	node->file = target->file;
	node->source = target->source;
	node->sum = target->sum;
	return 0;
}

static int add(struct contents *contents, int source, const struct recipe_entry *entry, struct error *err)
{
	enum whiteout kind;
	int r = whiteout_classify(entry->tar.path, &kind, err);
	if (r < 0 || kind != WHITEOUT_NONE)
		return r;
	struct contents_node *node = contents_make(contents, entry->place ? entry->place : entry->tar.path);
	if (entry->tar.type == TAR_HARD_LINK)
		return add_link(contents, entry, node, err);
	struct tar_entry facts;
	facts_copy(&entry->tar, &facts);
	contents_set(node, &facts);
	node->file = ++contents->files;
	node->source = source;
	node->sum = entry->sum;
	return 0;
}

static int read_layer(struct contents *contents, int fd, int source, bool hiding, struct error *err)
{
	auto_recipe_reader struct recipe_reader *reader = NULL;
	const struct recipe_entry *entry;
	int r = recipe_reader_new(fd, &reader, err);
	while (r >= 0 && (r = recipe_next_entry(reader, &entry, err)) > 0)
		r = hiding ? hide(contents, entry, err) : add(contents, source, entry, err);
	return r;
}

int contents_read(struct store *store, const struct strv *diff_ids, struct contents **ret, struct error *err)
{
	auto_contents struct contents *contents = xcalloc(1, sizeof(*contents));
	contents_make(contents, "");
	strv_add_all(&contents->layers, diff_ids);
	for (size_t i = 0; i < diff_ids->count; i++) {
		auto_close int layer = layer_open(store, diff_ids->items[i], err);
		if (layer < 0)
			return layer;
		auto_close int fd = openat(layer, "recipe", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		int r = fd < 0 ? error_sys(err, errno, "open its recipe") : 0;
		if (r == 0 && i > 0)
			r = read_layer(contents, fd, (int)i, true, err);
		if (r == 0)
			r = read_layer(contents, fd, (int)i, false, err);
		if (r < 0)
			return error_context(err, "layer %s", diff_ids->items[i]);
	}
	*ret = TAKE_PTR(contents);
	return 0;
}
