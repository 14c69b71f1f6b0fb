/* SPDX-License-Identifier: Apache-2.0 */
/* diff: containers and images, each against another or against what it was made of. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/filesystem/filesystem.h"
#include "libpod/filter/filter.h"
#include "src/commands.h"
#include "src/session.h"
#include "storage/image/image.h"

struct options {
	const char *format;
	bool latest;
};

static const struct cli_option table[] = {
    {0, "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "Print the changes as json",
     .values = "json"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The container that was created last"},
    CLI_OPTIONS_END,
};

static const struct cli_option image_table[] = {
    {0, "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "Print the changes as json",
     .values = "json"},
    CLI_OPTIONS_END,
};

/* One side of the comparison. */
struct side {
	struct container *container; /* NULL: an image */
	struct image *image;
};

static void side_free(struct side *side)
{
	if (side->container)
		container_free(side->container);
	if (side->image)
		image_free(side->image);
}

struct work {
	struct store *store;
	struct side sides[2];
	size_t count;
	bool json;
};

static void work_free(struct work *work)
{
	side_free(&work->sides[0]);
	side_free(&work->sides[1]);
}

/* ---- finding ---- */
enum kinds {
	CONTAINERS = 1,
	IMAGES = 2,
};

static int find_side(struct store *store, const char *name, enum kinds kinds, struct side *ret, struct error *err)
{
	int r = kinds & CONTAINERS ? container_find(store, name, &ret->container, err) : -ENOENT;
	if (r == -ENOENT && kinds & IMAGES) {
		error_clear(err);
		r = image_find_instance(store, name, &ret->image, err);
		if (r == -ENOENT && kinds & CONTAINERS)
			return error_set(err, ENOENT, "no such container or image: %s", name);
	}
	return r;
}

static int find_latest(struct store *store, struct side *ret, struct error *err)
{
	auto_container_list struct container_list list = {0};
	int r = container_select(store, &(struct container_selection){.latest = true}, &list, err);
	if (r < 0)
		return r;
	return list.count ? container_find(store, list.items[0].container->id, &ret->container, err)
			  : error_set(err, ENOENT, "there is no container");
}

static int find_sides(const struct cli_context *context, enum kinds kinds, struct work *work, struct error *err)
{
	const struct options *options = context->options;
	if (options->latest == (context->arguments.count > 0))
		return error_set(err, EINVAL, "give either names or --latest");
	if (options->latest) {
		work->count = 1;
		return find_latest(work->store, &work->sides[0], err);
	}
	work->count = context->arguments.count;
	int r = 0;
	for (size_t i = 0; r == 0 && i < work->count; i++)
		r = find_side(work->store, context->arguments.items[i], kinds, &work->sides[i], err);
	return r;
}

/* ---- comparing ---- */
/* The contents of a side as it is now. */
static int read_side(struct store *store, const struct side *side, struct contents **ret, struct error *err)
{
	if (side->image)
		return contents_read(store, &side->image->layers, ret, err);
	auto_filesystem struct filesystem filesystem = FILESYSTEM_INIT;
	int r = filesystem_open(store, side->container, &filesystem, err);
	if (r < 0)
		return r;
	contents_apply(filesystem.image, &filesystem.changes);
	*ret = TAKE_PTR(filesystem.image);
	return 0;
}

static int compare_sides(struct store *store, const struct side *before, const struct side *now, struct changes *ret,
			 struct error *err)
{
	auto_contents struct contents *old = NULL, *new = NULL;
	int r = read_side(store, before, &old, err);
	if (r == 0)
		r = read_side(store, now, &new, err);
	if (r == 0)
		changes_between(old, new, ret);
	return r;
}

/* An image against the layers below its highest. */
static int compare_with_parent(struct store *store, const struct image *image, struct changes *ret, struct error *err)
{
	auto_contents struct contents *old = NULL, *new = NULL;
	auto_strv struct strv below = STRV_INIT;
	for (size_t i = 0; i + 1 < image->layers.count; i++)
		strv_add(&below, image->layers.items[i]);
	int r = contents_read(store, &below, &old, err);
	if (r == 0)
		r = contents_read(store, &image->layers, &new, err);
	if (r == 0)
		changes_between(old, new, ret);
	return r;
}

static int find_changes(const struct work *work, struct changes *ret, struct error *err)
{
	const struct side *side = &work->sides[0];
	if (work->count == 2)
		return compare_sides(work->store, &work->sides[1], side, ret, err);
	if (side->image)
		return compare_with_parent(work->store, side->image, ret, err);
	auto_filesystem struct filesystem filesystem = FILESYSTEM_INIT;
	int r = filesystem_open(work->store, side->container, &filesystem, err);
	if (r < 0)
		return r;
	*ret = filesystem.changes;
	filesystem.changes = (struct changes){0};
	return 0;
}

/* ---- printing ---- */
static void print_json(const struct changes *changes)
{
	static const struct {
		enum change_kind kind;
		const char *key;
	} kinds[] = {{CHANGE_CHANGED, "changed"}, {CHANGE_ADDED, "added"}, {CHANGE_DELETED, "deleted"}};
	auto_json struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct json_object *array = json_object_new_array();
		for (size_t j = 0; j < changes->count; j++) {
			if (changes->items[j].kind != kinds[i].kind)
				continue;
			auto_free char *path = xasprintf("/%s", changes->items[j].path);
			json_object_array_add(array, json_object_new_string(path));
		}
		/* podman leaves out what there is none of. */
		if (json_object_array_length(array))
			json_object_object_add(object, kinds[i].key, array);
		else
			json_object_put(array);
	}
	auto_free char *text = json_text(object, true);
	puts(text);
}

/* In a process of its own, which may read the container's files. */
static int show(void *data, struct error *err)
{
	const struct work *work = data;
	auto_changes struct changes changes = {0};
	int r = find_changes(work, &changes, err);
	if (r < 0)
		return r;
	if (work->json)
		print_json(&changes);
	for (size_t i = 0; !work->json && i < changes.count; i++)
		printf("%c /%s\n", changes.items[i].kind, changes.items[i].path);
	return fflush(stdout) < 0 ? error_sys(err, errno, "write the changes") : 0;
}

static int diff(struct cli_context *context, enum kinds kinds, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	CLEANUP(work_free) struct work work = {.json = options->format != NULL};
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	auto_close int lock = store_lock(store, LOCK_MODE_SHARED, err);
	if (lock < 0)
		return lock;
	work.store = store;
	r = find_sides(context, kinds, &work, err);
	return r < 0 ? r : store_run_mapped(store, show, &work, err);
}

static int run(struct cli_context *context, struct error *err)
{
	return diff(context, CONTAINERS | IMAGES, err);
}

static int run_container(struct cli_context *context, struct error *err)
{
	return diff(context, CONTAINERS, err);
}

static int run_image(struct cli_context *context, struct error *err)
{
	return diff(context, IMAGES, err);
}

#define DESCRIPTION                                                                                                    \
	"A line for each path: A for one that was added, C for one that was changed, D for one that was deleted. "     \
	"A container is compared with its image, an image with the layers below its highest one, or either with "      \
	"another one."

const struct cli_command cmd_diff = {
    .name = "diff",
    .summary = "Show what was changed in a container or an image",
    .usage = "[OPTIONS] CONTAINER|IMAGE [CONTAINER|IMAGE]",
    .description = DESCRIPTION,
    .examples = "coracle diff web\ncoracle diff web:2 web:1",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = 2,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};

const struct cli_command cmd_container_diff = {
    .name = "diff",
    .summary = "Show what was changed in a container",
    .usage = "[OPTIONS] CONTAINER [CONTAINER]",
    .description = DESCRIPTION,
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = 2,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run_container,
};

const struct cli_command cmd_image_diff = {
    .name = "diff",
    .summary = "Show what was changed in an image",
    .usage = "[OPTIONS] IMAGE [IMAGE]",
    .description = DESCRIPTION,
    .options = image_table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_image,
};
