/* SPDX-License-Identifier: Apache-2.0 */
/* manifest exists, manifest rm: lists of images, by their names. */
#include <errno.h>
#include <stdio.h>

#include "pkg/message/message.h"
#include "src/commands.h"
#include "src/session.h"
#include "storage/image/image.h"

static const struct cli_option table[] = {CLI_OPTIONS_END};

static int find_list(struct store *store, const char *name, struct image **ret, struct error *err)
{
	auto_image struct image *image = NULL;
	int r = image_find(store, name, &image, err);
	if (r < 0)
		return r;
	if (!image->is_list)
		return error_set(err, EINVAL, "%s is an image, not a list of images", name);
	*ret = TAKE_PTR(image);
	return 0;
}

static int run_exists(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_image struct image *image = NULL;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	r = image_find(store, context->arguments.items[0], &image, err);
	if (r == 0)
		return !image->is_list;
	return r == -ENOENT ? 1 : r;
}

const struct cli_command cmd_manifest_exists = {
    .name = "exists",
    .summary = "Tell whether a list of images is there",
    .usage = "LIST",
    .description = "Prints nothing. The exit status is 0 when there is such a list, 1 when there is none, and 125 when "
		   "that cannot be told.",
    .examples = "coracle manifest exists tools || coracle manifest create tools",
    .options = table,
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_exists,
};

/* ---- rm ---- */

/* A list has no layers and no containers: with its last name it goes. */
static int remove_one(struct store *store, const char *given, struct error *err)
{
	auto_image struct image *image = NULL;
	auto_strv struct strv untagged = STRV_INIT, deleted = STRV_INIT;
	auto_reference struct reference name = {0};
	auto_close int lock = store_lock(store, LOCK_MODE_EXCLUSIVE, err);
	if (lock < 0)
		return lock;
	int r = find_list(store, given, &image, err);
	if (r < 0 || !image)
		return r;
	bool one_of_many = image->found_name && image->names.count > 1;
	r = one_of_many ? reference_parse(image->found_name, &name, err)
			: image_remove(store, image, &untagged, &deleted, err);
	if (one_of_many && r == 0)
		r = image_untag(store, &name, err);
	if (one_of_many && r == 0)
		strv_add(&untagged, image->found_name);
	for (size_t i = 0; i < untagged.count; i++)
		printf("Untagged: %s\n", untagged.items[i]);
	if (!one_of_many && r == 0)
		printf("Deleted: %s\n", image->id);
	return r;
}

static int run_rm(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	int status = 0, r = session_store(context, &store, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < context->arguments.count; i++) {
		struct error problem = ERROR_INIT;
		r = remove_one(store, context->arguments.items[i], &problem);
		if (r >= 0)
			continue;
		message_error("%s", problem.text);
		if (status != 125)
			status = r == -ENOENT ? 1 : 125;
	}
	r = store_empty_trash(store, err);
	return r < 0 ? r : status;
}

const struct cli_command cmd_manifest_rm = {
    .name = "rm",
    .summary = "Remove lists of images",
    .usage = "LIST...",
    .description =
	"Removes lists; the images in them stay. A list given by one of several names loses that name.\n\nThe "
	"exit status is 1 when a list is not there, and 125 for anything else.",
    .examples = "coracle manifest rm tools",
    .options = table,
    .min_arguments = 1,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_rm,
};
