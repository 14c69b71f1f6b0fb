/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image_forest.h"

#include <stdio.h>

#include "pkg/template/template.h"

struct forest {
	struct image *const *images;
	struct image **parents; /* of the images at the same places; NULL: none that is shown */
	size_t count;
	struct json_object *rows;
};

static void add_row(const struct forest *forest, const struct image *image, const char *branch)
{
	char size[TEXT_STAMP_MAX];
	struct json_object *row = json_object_new_object();
	auto_free char *names = image->names.count ? strv_join(&image->names, ", ") : xstrdup("<none>"),
		       *title = xasprintf("%s%s", branch, names), *id = xstrndup(image->id, 12);
	json_add_string(row, "Image", title);
	json_add_string(row, "ID", id);
	json_add_string(row, "Size", format_human_size(size, (uint64_t)image->size));
	json_object_array_add(forest->rows, row);
}

static size_t count_children(const struct forest *forest, const struct image *parent)
{
	size_t children = 0;
	for (size_t i = 0; i < forest->count; i++)
		children += forest->parents[i] == parent;
	return children;
}

/* As deep as images were made of one another. */
static void add_children(const struct forest *forest, const struct image *parent,
			 const char *indent) /* NOLINT(misc-no-recursion) */
{
	size_t left = count_children(forest, parent);
	for (size_t i = 0; i < forest->count; i++) {
		if (forest->parents[i] != parent)
			continue;
		bool last = --left == 0;
		auto_free char *branch = xasprintf("%s%s", indent,
						   !parent ? ""
						   : last  ? "└─ "
							   : "├─ "),
			       *below = xasprintf("%s%s", indent,
						  !parent ? ""
						  : last  ? "   "
							  : "│  ");
		add_row(forest, forest->images[i], branch);
		add_children(forest, forest->images[i], below);
	}
}

int image_forest_print(struct store *store, struct image *const *images, size_t count, bool no_heading,
		       struct error *err)
{
	auto_json struct json_object *rows = json_object_new_array(), *titles = json_object_new_object();
	auto_free struct image **parents = xcalloc(count + 1, sizeof(struct image *));
	auto_strbuf struct strbuf out = STRBUF_INIT;
	for (size_t i = 0; i < count; i++)
		parents[i] = image_parent(store, images, count, images[i]);
	add_children(&(struct forest){images, parents, count, rows}, NULL, "");
	int r = template_list(NULL, "table {{.Image}}\t{{.ID}}\t{{.Size}}", titles, rows, no_heading, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r;
}
