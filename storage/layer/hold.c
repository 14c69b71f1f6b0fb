/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/layer/hold.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/layer/layer.h"
#include "storage/layer/squash.h"

int layer_held(const struct store *store, const char *diff_id)
{
	for (size_t i = 0; i < store->held_count; i++)
		if (strcmp(store->held[i].diff_id, diff_id) == 0)
			return store->held[i].fd;
	return -1;
}

static int hold(struct store *store, const char *diff_id, struct error *err)
{
	auto_close int fd = layer_open(store, diff_id, err);
	if (fd < 0)
		return fd;
	/* Where that cannot be done (some network file systems), it may be emptied under our hands, which is then seen. */
	flock(fd, LOCK_SH | LOCK_NB);
	store->held = xrealloc(store->held, (store->held_count + 1) * sizeof(*store->held));
	store->held[store->held_count++] = (struct held_layer){xstrdup(diff_id), TAKE_FD(fd)};
	return 0;
}

int layers_hold(struct store *store, const struct strv *diff_ids, struct error *err)
{
	int all = 1;
	for (size_t i = 0; i < diff_ids->count; i++) {
		const char *diff_id = diff_ids->items[i];
		auto_free char *tree = NULL;
		if (layer_held(store, diff_id) >= 0)
			continue;
		int r = layer_tree_path(store, diff_id, &tree, err);
		if (r == 0 && layer_is_squashed(tree))
			all = 0;
		else if (r == 0)
			r = hold(store, diff_id, err);
		if (r < 0)
			return r;
	}
	return all;
}

/* Gone, or another one, which came meanwhile, is in its place: then it is the trash that has it. */
static bool was_moved(struct store *store, const struct held_layer *held)
{
	auto_free char *path = xasprintf("layers/%s", strchr(held->diff_id, ':') + 1);
	struct stat there, ours;
	return fstatat(store_find(store, path).fd, path, &there, AT_SYMLINK_NOFOLLOW) < 0 || fstat(held->fd, &ours) < 0 ||
	       there.st_ino != ours.st_ino || there.st_dev != ours.st_dev;
}

void layers_release(struct store *store)
{
	bool removed = false;
	while (store->held_count > 0) {
		struct held_layer *held = &store->held[--store->held_count];
		removed |= was_moved(store, held);
		close(held->fd);
		free(held->diff_id);
	}
	if (removed)
		store_empty_trash_later(store);
}
