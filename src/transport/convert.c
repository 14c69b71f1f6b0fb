/* SPDX-License-Identifier: Apache-2.0 */
/* image convert: an image as a single squashfs file. */
#include "storage/convert/convert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/container/container.h"
#include "pkg/json/json.h"
#include "src/commands.h"
#include "src/session.h"
#include "storage/image/image.h"
#include "storage/layer/layer.h"
#include "storage/layer/squash.h"

struct options {
	bool squash;
};

static const struct cli_option table[] = {
    {0, "squash", CLI_FLAG, offsetof(struct options, squash), NULL, "Make one squashfs file of its layers"},
    CLI_OPTIONS_END,
};

struct convert {
	struct store *store;
	struct image *image;
	struct reference name;
	bool named;
	struct unpack_result layer;
	struct stage stage;
};

static void convert_clear(struct convert *convert)
{
	stage_drop(&convert->stage);
	reference_free(&convert->name);
	if (convert->image)
		image_free(convert->image);
}

/* ---- what is asked for ---- */
static int read_request(struct convert *convert, const struct strv *arguments, struct error *err)
{
	int r = image_find(convert->store, arguments->items[0], &convert->image, err);
	if (r < 0)
		return r;
	if (convert->image->is_list)
		return error_set(err, EINVAL, "%s is a manifest list; give one of its images", arguments->items[0]);
	if (!convert->image->manifest_digest)
		return error_set(err, EINVAL,
				 "image %.12s is damaged: nothing says which manifest it has; load or pull it again",
				 convert->image->id);
	const char *name = arguments->count > 1 ? arguments->items[1] : convert->image->found_name;
	convert->named = name != NULL;
	if (name && (r = reference_parse(name, &convert->name, err)) < 0)
		return r;
	if (name && convert->name.digest && arguments->count > 1)
		return error_set(err, EINVAL, "\"%s\": a name that is given cannot have a digest", name);
	reference_normalize_local(&convert->name);
	return image_load_config(convert->store, convert->image, err);
}

static bool is_squashed_already(const struct convert *convert)
{
	auto_free char *path = NULL;
	const struct strv *layers = &convert->image->layers;
	return layers->count == 1 && layer_tree_path(convert->store, layers->items[0], &path, NULL) == 0 &&
	       layer_is_squashed(path);
}

/* ---- the layer ---- */
static int users_of_layer(const struct convert *convert, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(convert->store, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		if (container_read(convert->store, ids.items[i], &container, NULL) == 0 &&
		    strv_contains(&container->layers, convert->layer.diff_id))
			return error_set(err, EBUSY,
					 "container %s has the layer that is to become a file; remove it first",
					 container->name);
	}
	return r < 0 ? r : 0;
}

/* The layer is there as a tree: the image had this one layer already, or somebody has pulled what was converted
 * elsewhere. */
static int replace_tree(struct convert *convert, struct error *err)
{
	auto_free char *path = NULL;
	auto_close int lock = store_lock(convert->store, LOCK_MODE_EXCLUSIVE, err);
	int r = lock < 0 ? lock : users_of_layer(convert, err);
	if (r < 0)
		return r;
	if (layer_tree_path(convert->store, convert->layer.diff_id, &path, NULL) == 0 && layer_is_squashed(path))
		return 0;
	return layer_replace(&convert->stage, convert->layer.diff_id, err);
}

static int make_layer(struct convert *convert, int *lock, struct error *err)
{
	int r = convert_squash(convert->store, &convert->image->layers, &convert->stage, &convert->layer, err);
	if (r == 0)
		r = layer_place(&convert->stage, convert->layer.diff_id, err);
	if (r == -EEXIST) {
		error_clear(err);
		cleanup_close(lock);
		r = replace_tree(convert, err);
		if (r == 0)
			r = *lock = store_lock(convert->store, LOCK_MODE_SHARED, err);
	}
	/* The names, too, before an image needs them. */
	return r < 0 ? r : unpack_sync(convert->store->root_fd, err);
}

/* ---- the image ---- */
/* As docker's build --squash has it: the steps are told still, and have no layers of their own any more. */
static void rewrite_history(const struct convert *convert, struct json_object *config)
{
	struct json_object *history = NULL, *entry = json_object_new_object();
	const char *created = NULL;
	json_get_string(config, "created", &created, NULL);
	if (json_get_array(config, "history", &history, NULL) <= 0) {
		history = json_object_new_array();
		json_object_object_add(config, "history", history);
	}
	for (size_t i = 0; i < json_object_array_length(history); i++) {
		struct json_object *step = json_object_array_get_idx(history, i);
		if (json_object_is_type(step, json_type_object))
			json_add_bool(step, "empty_layer", true);
	}
	auto_free char *comment =
	    xasprintf("merge of %zu layers of sha256:%s", convert->image->layers.count, convert->image->id);
	json_add_string(entry, "created", created);
	json_add_string(entry, "created_by", "coracle image convert --squash");
	json_add_string(entry, "comment", comment);
	json_object_array_add(history, entry);
}

static char *make_config(const struct convert *convert)
{
	struct json_object *config = convert->image->config, *rootfs = json_object_new_object();
	auto_strv struct strv diff_ids = STRV_INIT;
	strv_add(&diff_ids, convert->layer.diff_id);
	json_add_string(rootfs, "type", "layers");
	json_add_strv(rootfs, "diff_ids", &diff_ids);
	json_object_object_add(config, "rootfs", rootfs);
	rewrite_history(convert, config);
	return json_text(config, false);
}

static int add_image(struct convert *convert, char *ret_id, char *ret_manifest, struct error *err)
{
	char digest[DIGEST_TEXT_MAX];
	auto_strv struct strv diff_ids = STRV_INIT;
	auto_free char *config = make_config(convert);
	strv_add(&diff_ids, convert->layer.diff_id);
	int r = digest_of(config, strlen(config), digest, err);
	if (r < 0)
		return r;
	auto_free char *manifest = manifest_make(digest, strlen(config), &diff_ids, &convert->layer.tar_size);
	return image_add(convert->store, manifest, strlen(manifest), config, strlen(config), &diff_ids,
			 convert->layer.size, ret_id, ret_manifest, err);
}

/* The image that is there, where it has this one layer, or else a new one. */
static int settle_image(struct convert *convert, bool made, struct error *err)
{
	char id[65], manifest[DIGEST_TEXT_MAX];
	const struct strv *layers = &convert->image->layers;
	bool same = !made || (layers->count == 1 && strcmp(layers->items[0], convert->layer.diff_id) == 0);
	int r = 0;
	if (same) {
		memcpy(id, convert->image->id, sizeof(id));
		snprintf(manifest, sizeof(manifest), "%s", convert->image->manifest_digest);
	} else {
		r = add_image(convert, id, manifest, err);
	}
	if (r == 0 && convert->named)
		r = image_tag(convert->store, &convert->name, manifest, id, err);
	if (r == 0)
		printf("sha256:%s\n", id);
	return r;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	CLEANUP(convert_clear) struct convert convert = {.stage = STAGE_INIT};
	if (!options->squash)
		return error_set(err, EINVAL, "say what the image is to become: --squash");
	int r = convert_check_programs(err);
	if (r == 0)
		r = session_store(context, &store, err);
	if (r < 0)
		return r;
	convert.store = store;
	auto_close int lock = store_lock(store, LOCK_MODE_SHARED, err);
	if (lock < 0)
		return lock;
	store_empty_trash(store, NULL); /* what conversions left that were killed */
	r = read_request(&convert, &context->arguments, err);
	bool made = r == 0 && !is_squashed_already(&convert);
	if (made)
		r = make_layer(&convert, &lock, err);
	if (r >= 0)
		r = settle_image(&convert, made, err);
	fflush(stdout);
	if (r >= 0)
		store_empty_trash_later(store);
	return r < 0 ? r : 0;
}

const struct cli_command cmd_image_convert = {
    .name = "convert",
    .summary = "Make an image that is a single squashfs file",
    .usage = "--squash IMAGE [NAME]",
    .description = "Lays the layers of an image one over the other and keeps the result as one compressed file, which "
		   "is mounted when a container runs: for homes and shared "
		   "folders on NFS or Lustre, which have trouble with many small files, and for users with other ids "
		   "than those of who made it, who see the owners as the image "
		   "means them. NAME is what the new image is called; without it the name of IMAGE goes over to it. "
		   "IMAGE itself stays until it is removed.\n\n"
		   "mksquashfs (of the package squashfs-tools) makes the file; squashfuse and /dev/fuse are needed to "
		   "use it. It can be pushed, saved, committed and compared as any "
		   "other.",
    .examples = "coracle image convert --squash docker.io/library/python:3.12 python:squashed\ncoracle --root "
		"/srv/images image convert --squash debian:12",
    .options = table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
