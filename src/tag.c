/* SPDX-License-Identifier: Apache-2.0 */
/* tag, untag: names of images that are there. */
#include <errno.h>
#include <string.h>

#include "src/commands.h"
#include "src/session.h"
#include "storage/image/image.h"

static const struct cli_option table[] = {CLI_OPTIONS_END};

static int parse_name(const char *text, struct reference *ret, struct error *err)
{
	int r = reference_parse(text, ret, err);
	if (r < 0)
		return r;
	if (ret->digest)
		return error_set(err, EINVAL, "\"%s\": a name that is given cannot have a digest", text);
	reference_normalize_local(ret);
	return 0;
}

/* Locked shared, nobody deletes the image meanwhile; exclusively, nobody gives its names to another, between looking
 * whose they are and taking them away. */
static int open_locked(struct cli_context *context, enum lock_mode mode, struct store **ret_store,
		       struct image **ret_image, struct error *err)
{
	int r = session_store(context, ret_store, err);
	if (r < 0)
		return r;
	auto_close int lock = store_lock(*ret_store, mode, err);
	if (lock < 0)
		return lock;
	r = image_find(*ret_store, context->arguments.items[0], ret_image, err);
	return r < 0 ? r : TAKE_FD(lock);
}

static int run_tag(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_image struct image *image = NULL;
	auto_close int lock = open_locked(context, LOCK_MODE_SHARED, &store, &image, err);
	if (lock < 0)
		return lock;
	if (!image->manifest_digest)
		return error_set(err, EINVAL,
				 "image %.12s is damaged: nothing says which manifest it has; load or pull it again",
				 image->id);
	/* All names or none: a wrong one is found before the first is given. */
	for (int given = 0; given < 2; given++) {
		for (size_t i = 1; i < context->arguments.count; i++) {
			auto_reference struct reference name = {0};
			int r = parse_name(context->arguments.items[i], &name, err);
			if (r == 0 && given)
				r = image_tag(store, &name, image->manifest_digest, image->id, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int untag_named(struct store *store, const struct image *image, const char *text, struct error *err)
{
	auto_reference struct reference name = {0};
	int r = parse_name(text, &name, err);
	if (r < 0)
		return r;
	auto_free char *full = reference_text(&name);
	if (!strv_contains(&image->names, full))
		return error_set(err, ENOENT, "%s is not a name of image %.12s", full, image->id);
	return image_untag(store, &name, err);
}

static int run_untag(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_image struct image *image = NULL;
	auto_close int lock = open_locked(context, LOCK_MODE_EXCLUSIVE, &store, &image, err);
	if (lock < 0)
		return lock;
	int r = 0;
	for (size_t i = 1; r == 0 && i < context->arguments.count; i++)
		r = untag_named(store, image, context->arguments.items[i], err);
	if (context->arguments.count > 1)
		return r;
	for (size_t i = 0; r == 0 && i < image->names.count; i++) {
		auto_reference struct reference name = {0};
		r = reference_parse(image->names.items[i], &name, err);
		if (r == 0)
			r = image_untag(store, &name, err);
	}
	return r;
}

const struct cli_command cmd_tag = {
    .name = "tag",
    .summary = "Give an image further names",
    .usage = "IMAGE NAME...",
    .description = "Gives an image further names. A name without a domain gets localhost/, one without a tag :latest. "
		   "A name that another image had is taken from it.",
    .examples = "coracle tag busybox registry.example.org/tools/busybox:1.36",
    .options = table,
    .min_arguments = 2,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_tag,
};

const struct cli_command cmd_untag = {
    .name = "untag",
    .summary = "Take names from an image",
    .usage = "IMAGE [NAME...]",
    .description = "Takes the names from the image, or all that it has when none is given. The image itself stays.",
    .examples = "coracle untag busybox registry.example.org/tools/busybox:1.36",
    .options = table,
    .min_arguments = 1,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_untag,
};
