/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rmi: by a name takes that name, and the image with its last one; by an id the image with all its names.
 *
 * The store is locked against everybody who makes containers or images from looking whether a container has the image
 * until it is gone. Containers that
 * --force removes are removed before, without the lock, since they may take their time to stop; who made a new one
 * meanwhile is found on the next look.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/control/control.h"
#include "pkg/message/message.h"
#include "src/commands.h"
#include "src/image_users.h"
#include "src/session.h"
#include "storage/mounted/mounted.h"
#include "storage/image/image.h"

enum {
	STATUS_NOT_FOUND = 1, /* as podman has them */
	STATUS_IN_USE = 2,
	STATUS_FAILED = 125,
	LOOKS_MAX = 10,
};

struct options {
	bool all, force, ignore, no_prune;
};

static const struct cli_option table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "All images"},
    {'f', "force", CLI_FLAG, offsetof(struct options, force), NULL,
     "Remove the containers that use it too, and all names of an image that is given by its id; one that is not there "
     "is no error"},
    {'i', "ignore", CLI_FLAG, offsetof(struct options, ignore), NULL, "Say nothing of images that are not there"},
    {0, "no-prune", CLI_FLAG, offsetof(struct options, no_prune), NULL,
     "Keep untagged parents; images here have none, so this changes nothing"},
    CLI_OPTIONS_END,
};

static int remove_users(struct store *store, const struct strv *ids, struct error *err)
{
	for (size_t i = 0; i < ids->count; i++) {
		auto_container struct container *container = NULL;
		int r = container_read(store, ids->items[i], &container, err);
		if (r == 0)
			r = control_remove(store, container, true, CONTROL_OWN_TIMEOUT, err);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	error_clear(err);
	return 0;
}

static int untag(struct store *store, const char *text, struct error *err)
{
	int r = image_untag_text(store, text, err);
	if (r < 0)
		return r;
	printf("Untagged: %s\n", text);
	return 0;
}

static int remove_images(struct store *store, struct image *const *images, size_t count, struct error *err)
{
	auto_strv struct strv untagged = STRV_INIT, deleted = STRV_INIT;
	int r = 0;
	/* Fails where somebody is in it. */
	for (size_t i = 0; r == 0 && i < count; i++)
		r = image_unmount(store, images[i]->id, false, err);
	if (r == 0)
		r = images_remove(store, images, count, &untagged, &deleted, err);
	for (size_t i = 0; i < untagged.count; i++)
		printf("Untagged: %s\n", untagged.items[i]);
	for (size_t i = 0; r == 0 && i < count; i++)
		printf("Deleted: %s\n", images[i]->id);
	return r;
}

static int in_use(const char *given, const char *user, struct error *err)
{
	return error_set_status(err, EBUSY, STATUS_IN_USE,
				"image %s is in use by container %.12s: remove that first, or give --force", given,
				user);
}

static int check_names(const struct image *image, const char *given, struct error *err)
{
	auto_free char *names = strv_join(&image->names, ", ");
	return error_set_status(err, EINVAL, STATUS_FAILED,
				"image %s has several names (%s): give the one to remove, or --force to remove all",
				given, names);
}

/* 1 when it is done, 0 when `users` must be removed first. */
static int remove_locked(struct store *store, const char *given, bool force, struct strv *users, struct error *err)
{
	auto_image struct image *image = NULL;
	auto_close int lock = store_lock(store, LOCK_MODE_EXCLUSIVE, err);
	if (lock < 0)
		return lock;
	int r = image_find(store, given, &image, err);
	if (r < 0)
		return r;
	if (image->names.count > 1 && image->found_name && strv_contains(&image->names, image->found_name))
		return (r = untag(store, image->found_name, err)) < 0 ? r : 1;
	/* A name of the user's own for somebody else's image he can take away. */
	if (image->read_only) {
		bool named = image->found_name && strv_contains(&image->names, image->found_name);
		r = named ? untag(store, image->found_name, err) : -EROFS;
		return r == -EROFS ? image_refuse_read_only(store, image, err) : r < 0 ? r : 1;
	}
	if (image->names.count > 1 && !force)
		return check_names(image, given, err);
	if ((r = image_users(store, image, users, err)) < 0)
		return r;
	if (users->count && !force)
		return in_use(given, users->items[0], err);
	if (users->count)
		return 0;
	return (r = remove_images(store, &image, 1, err)) < 0 ? r : 1;
}

static int remove_one(struct store *store, const char *given, bool force, struct error *err)
{
	for (int i = 0; i < LOOKS_MAX; i++) {
		auto_strv struct strv users = STRV_INIT;
		int r = remove_locked(store, given, force, &users, err);
		if (r == 0)
			r = remove_users(store, &users, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return error_set(err, EBUSY, "image %s is taken into use again and again", given);
}

/* What fails for one is said and does not keep the others from it. */
static int remove_each(struct store *store, const struct options *options, const struct strv *names)
{
	int status = 0;
	for (size_t i = 0; i < names->count; i++) {
		struct error err = ERROR_INIT;
		int r = remove_one(store, names->items[i], options->force, &err);
		if (r >= 0 || (r == -ENOENT && (options->ignore || options->force)))
			continue;
		message_error("%s", err.text);
		int worse = err.status ? err.status : r == -ENOENT ? STATUS_NOT_FOUND : STATUS_FAILED;
		if (worse > status)
			status = worse;
	}
	return status;
}

/* ---- all of them ---- */

/* Moves those that are not the user's behind the others. Returns how many others there are. */
static size_t set_read_only_apart(struct image **images, size_t count)
{
	size_t own = 0;
	for (size_t i = 0; i < count; i++) {
		struct image *image = images[i];
		if (image->read_only)
			continue;
		images[i] = images[own];
		images[own++] = image;
	}
	return own;
}

/* Moves those that containers have behind the others, and says so of each. Returns how many others there are. */
static size_t set_used_apart(struct store *store, struct image **images, size_t count, const struct strv *users)
{
	for (size_t i = 0; i < users->count; i++) {
		auto_container struct container *container = NULL;
		if (container_read(store, users->items[i], &container, NULL) < 0)
			continue;
		for (size_t j = 0; j < count; j++) {
			if (strcmp(images[j]->id, container->image_id) != 0 && !strv_contains(&container->mounted_images, images[j]->id))
				continue;
			struct error err = ERROR_INIT;
			struct image *used = images[j];
			in_use(used->names.count ? used->names.items[0] : used->id, container->id, &err);
			message_error("%s", err.text);
			images[j] = images[--count];
			images[count] = used;
			j--; /* another is there now */
		}
	}
	return count;
}

/* The exit status, or -EAGAIN when there are containers to remove first, or another negative value. */
static int remove_all_locked(struct store *store, bool force, struct strv *users, struct error *err)
{
	auto_close int lock = store_lock(store, LOCK_MODE_EXCLUSIVE, err);
	if (lock < 0)
		return lock;
	int r = image_users(store, NULL, users, err);
	if (r < 0)
		return r;
	if (force && users->count)
		return -EAGAIN;
	struct image **images;
	size_t count;
	if ((r = image_list(store, &images, &count, err)) < 0)
		return r;
	size_t own = set_read_only_apart(images, count), unused = set_used_apart(store, images, own, users);
	r = remove_images(store, images, unused, err);
	image_list_free(images, count);
	return r < 0 ? r : unused < own ? STATUS_IN_USE : 0;
}

static int remove_all(struct store *store, bool force, struct error *err)
{
	for (int i = 0; i < LOOKS_MAX; i++) {
		auto_strv struct strv users = STRV_INIT;
		int r = remove_all_locked(store, force, &users, err);
		if (r == -EAGAIN)
			r = remove_users(store, &users, err);
		else
			return r;
		if (r < 0)
			return r;
	}
	return error_set(err, EBUSY, "containers are made again and again");
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	if (options->all == (context->arguments.count > 0))
		return error_set(err, EINVAL, "%s needs the names or ids of images, or --all", context->command_path);
	auto_store struct store *store = NULL;
	auto_strv struct strv names = STRV_INIT;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	session_behind(context, 0, &names);
	int status = options->all ? remove_all(store, options->force, err) : remove_each(store, options, &names);
	if (status < 0)
		return status;
	fflush(stdout);
	store_empty_trash_later(store);
	return status;
}

const struct cli_command cmd_rmi = {
    .name = "rmi",
    .summary = "Remove images",
    .usage = "[OPTIONS] IMAGE...",
    .description = "Removes images. An image given by a name loses that name, and is deleted with its last one; one "
		   "given by its id is deleted. Layers that other "
		   "images have stay.\n\nThe exit status is 1 when an image is not there, 2 when a container uses one, "
		   "and 125 for anything else.",
    .examples = "coracle rmi busybox\ncoracle rmi --force 3f57d9401f8d\ncoracle rmi $(coracle images -q --filter "
		"dangling=true)",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
