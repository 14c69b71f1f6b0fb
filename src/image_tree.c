/* SPDX-License-Identifier: Apache-2.0 */
/* image tree: the layers of an image, and which images end with each of them. */
#include <stdio.h>
#include <string.h>

#include "src/commands.h"
#include "src/session.h"
#include "storage/image/image.h"
#include "storage/layer/layer.h"

struct options {
	bool what_requires;
};

static const struct cli_option table[] = {
    {0, "whatrequires", CLI_FLAG, offsetof(struct options, what_requires), NULL,
     "Show the layers that other images have laid over this one's"},
    CLI_OPTIONS_END,
};

struct tree {
	struct store *store;
	struct image *image;
	struct image **images;
	size_t count;
};

static void tree_free(struct tree *tree)
{
	if (tree->image)
		image_free(tree->image);
	image_list_free(tree->images, tree->count);
}

/* ---- layers, each known by an image that has it and how many lie below it ---- */
struct node {
	const struct image *image;
	size_t depth;
};

static bool same_chain(const struct node *a, const struct node *b)
{
	if (a->depth != b->depth)
		return false;
	for (size_t i = 0; i <= a->depth; i++)
		if (strcmp(a->image->layers.items[i], b->image->layers.items[i]) != 0)
			return false;
	return true;
}

/* All names of all images that end with this layer. */
static char *top_of(const struct tree *tree, const struct node *node)
{
	auto_strv struct strv names = STRV_INIT;
	for (size_t i = 0; i < tree->count; i++)
		if (tree->images[i]->layers.count == node->depth + 1 &&
		    same_chain(node, &(struct node){tree->images[i], node->depth}))
			strv_add_all(&names, &tree->images[i]->names);
	return names.count ? strv_join(&names, " ") : NULL;
}

/* Four digits, as docker's units have it elsewhere than in tables. */
static void format_size(char *out, int64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double size = (double)bytes;
	size_t unit = 0;
	for (; size >= 1000 && unit + 1 < ARRAY_SIZE(units); unit++)
		size /= 1000;
	snprintf(out, TEXT_STAMP_MAX, "%.4g%s", size, units[unit]);
}

static int print_node(const struct tree *tree, const struct node *node, bool last, struct error *err)
{
	char text[TEXT_STAMP_MAX];
	int64_t size = 0;
	const char *diff_id = node->image->layers.items[node->depth];
	auto_free char *top = top_of(tree, node);
	int r = layer_size(tree->store, diff_id, &size, err);
	if (r < 0)
		return r;
	format_size(text, size);
	printf("%s ID: %.12s Size: %7s%s%s%s\n", last ? "└──" : "├──", strchr(diff_id, ':') + 1, text,
	       top ? " Top Layer of: [" : "", top ? top : "", top ? "]" : "");
	return 0;
}

/* The layers over those of the image, each once, after what it lies on. */
static size_t add_required(const struct tree *tree, struct node *nodes, size_t count)
{
	struct node top = {tree->image, tree->image->layers.count - 1};
	for (size_t i = 0; i < tree->count; i++) {
		const struct image *image = tree->images[i];
		if (image->layers.count <= top.depth || !same_chain(&top, &(struct node){image, top.depth}))
			continue;
		for (size_t depth = top.depth + 1; depth < image->layers.count; depth++) {
			struct node node = {image, depth};
			size_t known = 0;
			while (known < count && !same_chain(&nodes[known], &node))
				known++;
			if (known == count)
				nodes[count++] = node;
		}
	}
	return count;
}

static int print_layers(const struct tree *tree, bool what_requires, struct error *err)
{
	size_t all = tree->image->layers.count, count = 0;
	for (size_t i = 0; i < tree->count; i++)
		all += tree->images[i]->layers.count;
	auto_free struct node *nodes = xcalloc(all + 1, sizeof(*nodes));
	for (; count < tree->image->layers.count; count++)
		nodes[count] = (struct node){tree->image, count};
	if (what_requires && count)
		count = add_required(tree, nodes, count);
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = print_node(tree, &nodes[i], i + 1 == count, err);
	return r;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	CLEANUP(tree_free) struct tree tree = {0};
	char size[TEXT_STAMP_MAX];
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	tree.store = store;
	r = image_find_instance(store, context->arguments.items[0], &tree.image, err);
	if (r == 0)
		r = image_list(store, &tree.images, &tree.count, err);
	if (r < 0)
		return r;
	auto_free char *names = strv_join(&tree.image->names, " ");
	format_size(size, tree.image->size);
	printf("Image ID: %.12s\nTags:     [%s]\nSize:     %s\nImage Layers\n", tree.image->id, names, size);
	return print_layers(&tree, options->what_requires, err);
}

const struct cli_command cmd_image_tree = {
    .name = "tree",
    .summary = "Show the layers of an image",
    .usage = "[OPTIONS] IMAGE",
    .description =
	"Lists the layers of an image, the lowest first, with their sizes and the images that end with them.",
    .examples = "coracle image tree --whatrequires debian",
    .options = table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
