/* SPDX-License-Identifier: Apache-2.0 */
/* image mount, image unmount. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/session.h"
#include "storage/mounted/mounted.h"

struct options {
	const char *format;
	bool all, force;
};

static const struct cli_option mount_table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "Mount all images"},
    {0, "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "Print what is mounted as json",
     .values = "json"},
    CLI_OPTIONS_END,
};

static const struct cli_option unmount_table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "Unmount all images that are mounted"},
    {'f', "force", CLI_FLAG, offsetof(struct options, force), NULL, "Unmount even what is in use"},
    CLI_OPTIONS_END,
};

struct chosen {
	struct image **images;
	size_t count;
};

static void chosen_free(struct chosen *chosen)
{
	image_list_free(chosen->images, chosen->count);
}

/* Those that are named; without names all. */
static int choose(struct store *store, const struct strv *names, struct chosen *ret, struct error *err)
{
	if (names->count == 0)
		return image_list(store, &ret->images, &ret->count, err);
	ret->images = xcalloc(names->count, sizeof(struct image *));
	for (size_t i = 0; i < names->count; i++) {
		int r = image_find_instance(store, names->items[i], &ret->images[i], err);
		if (r < 0)
			return r;
		ret->count++;
	}
	return 0;
}

static int begin(const struct cli_context *context, struct store **ret_store, struct chosen *ret, struct error *err)
{
	const struct options *options = context->options;
	if (options->all && context->arguments.count)
		return error_set(err, EINVAL, "give either names or --all");
	int r = session_store(context, ret_store, err);
	return r < 0 ? r : choose(*ret_store, &context->arguments, ret, err);
}

/* ---- mount ---- */
static struct json_object *describe(const struct image *image, const char *path, bool json)
{
	struct json_object *row = json_object_new_object();
	auto_free char *id = xasprintf("sha256:%s", image->id);
	json_add_string(row, json ? "id" : "Name", json ? image->id : image->names.count ? image->names.items[0] : id);
	if (json)
		json_add_strv(row, "Repositories", &image->names);
	json_add_string(row, json ? "mountpoint" : "Path", path);
	return row;
}

static int print(struct json_object *rows, bool json, struct error *err)
{
	auto_json struct json_object *titles = json_object_new_object();
	auto_strbuf struct strbuf out = STRBUF_INIT;
	int r = template_list(json ? "json" : NULL, "table {{.Name}}\t{{.Path}}", titles, rows, true, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r;
}

static int run_mount(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	CLEANUP(chosen_free) struct chosen chosen = {0};
	auto_json struct json_object *rows = json_object_new_array();
	bool list = !options->all && context->arguments.count == 0;
	int r = begin(context, &store, &chosen, err);
	for (size_t i = 0; r >= 0 && i < chosen.count; i++) {
		auto_free char *path = NULL;
		r = list ? image_mounted_at(store, chosen.images[i]->id, &path)
			 : image_mount(store, chosen.images[i], &path, err);
		if (r < 0)
			return r;
		/* One that was asked for by its name is told by its path alone. */
		if (path && !options->format && context->arguments.count == 1)
			return puts(path) < 0 ? error_sys(err, errno, "write the path") : 0;
		if (path)
			json_object_array_add(rows, describe(chosen.images[i], path, options->format != NULL));
	}
	return r < 0 ? r : print(rows, options->format != NULL, err);
}

/* ---- unmount ---- */
static int run_unmount(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	CLEANUP(chosen_free) struct chosen chosen = {0};
	if (!options->all && context->arguments.count == 0)
		return error_set(err, EINVAL, "give the names of images, or --all");
	int r = begin(context, &store, &chosen, err);
	for (size_t i = 0; r >= 0 && i < chosen.count; i++) {
		auto_free char *path = NULL;
		const char *id = chosen.images[i]->id;
		if (options->all && !image_mounted_at(store, id, &path))
			continue;
		r = image_unmount(store, id, options->force, err);
		if (r == 0)
			puts(id);
	}
	return r;
}

const struct cli_command cmd_image_mount = {
    .name = "mount",
    .summary = "Mount the file systems of images",
    .usage = "[OPTIONS] [IMAGE...]",
    .description = "Mounts an image, read-only, and prints where; without IMAGE, lists what is mounted. A user's "
		   "mounts are made by "
		   "fuse-overlayfs, and show the files with his own rights: what in the image only another of its "
		   "users may read he cannot. In a "
		   "user and a mount namespace that he has made (unshare -Um --map-current-user --keep-caps) and for "
		   "root they are made by the "
		   "kernel, and last as long as the mount namespace.",
    .examples = "ls $(coracle image mount busybox)\ncoracle image unmount busybox",
    .options = mount_table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_mount,
};

const struct cli_command cmd_image_unmount = {
    .name = "unmount",
    .summary = "Unmount the file systems of images",
    .usage = "[OPTIONS] [IMAGE...]",
    .options = unmount_table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_unmount,
};
