/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset: the store as it was before it was. Containers are stopped and removed first, then names, images and layers, each by a rename into the trash, then
 * what is nobody's content (volumes, networks, secrets, blobs that were being fetched), and last the store's own directories. Killed in the middle it
 * leaves a store in which less is. What lies in the root and is none of ours stays, and with it the root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/control/control.h"
#include "pkg/file/file.h"
#include "src/commands.h"
#include "src/prompt.h"
#include "src/session.h"
#include "storage/mounted/mounted.h"

struct options {
	bool force;
};

static const struct cli_option table[] = {
    {'f', "force", CLI_FLAG, offsetof(struct options, force), NULL, "Do not ask"},
    CLI_OPTIONS_END,
};

static int remove_containers(struct store *store, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(store, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		r = container_read(store, ids.items[i], &container, NULL) == 0 ? control_remove(store, container, true, CONTROL_OWN_TIMEOUT, err)
									       : container_remove(store, ids.items[i], err);
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

/* A mount that is left would show an image without files, and nothing would find it any more. */
static int unmount_images(struct store *store, struct error *err)
{
	struct image **images;
	size_t count;
	int r = image_list(store, &images, &count, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = image_unmount(store, images[i]->id, true, err);
	image_list_free(images, count);
	return r;
}

static int trash_all(struct store *store, const char *directory, struct error *err)
{
	int fd = openat(store->root_fd, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_closedir DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		int r = errno == ENOENT ? 0 : error_sys(err, errno, "read %s/%s", store->root, directory);
		cleanup_close(&fd);
		return r;
	}
	for (struct dirent *entry; (entry = readdir(stream));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		auto_free char *path = xasprintf("%s/%s", directory, entry->d_name);
		int r = store_trash(store, path, err);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

/* The lock goes first: where it is, everything is (storage/store). What is still in a directory was made just now by somebody else, and stays. */
static void remove_directories(struct store *store)
{
	tree_remove_at(store->run_fd, "userns", NULL);
	unlinkat(store->run_fd, "images", AT_REMOVEDIR);
	rmdir(store->run);
	static const char *const names[] = {"cache",	"images", "refs",   "layers",	"containers", "names", "mnt",
					    "blobs",	"volumes", "networks", "secrets", "tmp",	      "trash"};
	unlinkat(store->root_fd, "store.lock", 0);
	unlinkat(store->root_fd, "volumes.lock", 0);
	unlinkat(store->root_fd, "lists.lock", 0);
	unlinkat(store->root_fd, "ids.lock", 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(store->root_fd, names[i], AT_REMOVEDIR);
	rmdir(store->root);
}

static int reset(struct store *store, struct error *err)
{
	/* From what needs to what is needed: no name without an image, no image without its layers. */
	static const char *const contents[] = {"names", "refs", "images", "layers", "volumes", "networks", "secrets", "blobs", "cache"};
	int r = remove_containers(store, err);
	auto_close int lock = r < 0 ? r : store_lock(store, LOCK_MODE_EXCLUSIVE, err);
	auto_close int volumes_lock = lock < 0 ? lock : store_lock_volumes(store, LOCK_MODE_EXCLUSIVE, err);
	if (volumes_lock < 0)
		return volumes_lock;
	r = unmount_images(store, err);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(contents); i++)
		r = trash_all(store, contents[i], err);
	if (r >= 0)
		r = store_empty_trash(store, err);
	/* Made anew by whoever looks for the user's ids, as emptying the trash may. */
	if (r >= 0)
		r = tree_remove_at(store->root_fd, "cache", err);
	if (r >= 0)
		remove_directories(store);
	return r;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	auto_free char *warning = xasprintf(
	    "WARNING! This will remove:\n  - all containers\n  - all images\n  - all volumes\n"
	    "  - all networks\n  - all secrets\n  - the store: \"%s\"\n\n", store->root);
	return options->force || prompt_continue(warning) ? reset(store, err) : 0;
}

const struct cli_command cmd_system_reset = {
    .name = "reset",
    .summary = "Remove all containers, images, volumes, networks and secrets, and the store itself",
    .usage = "[OPTIONS]",
    .description = "Stops and removes all containers, removes all images, volumes, networks and secrets, and takes the store back to what it was before its first use. "
		   "Volumes that are directories elsewhere are forgotten; the directories stay.",
    .examples = "coracle system reset\ncoracle system reset --force",
    .options = table,
    .options_size = sizeof(struct options),
    .run = run,
};
