/* SPDX-License-Identifier: Apache-2.0 */
#include "src/prune_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/control/control.h"
#include "libpod/size/size.h"
#include "src/image_filter.h"
#include "src/volume_view.h"
#include "storage/layer/layer.h"
#include "storage/mounted/mounted.h"

void pruned_free(struct pruned *pruned)
{
	strv_free(&pruned->containers);
	strv_free(&pruned->networks);
	strv_free(&pruned->volumes);
	strv_free(&pruned->images);
}

/* ---- containers ---- */
static size_t keep_stopped(struct container_list *list)
{
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++) {
		struct container_entry entry = list->items[i];
		if (entry.state.status == CONTAINER_CREATED || entry.state.status == CONTAINER_EXITED)
			list->items[count++] = entry;
		else
			container_free(entry.container);
	}
	return list->count = count;
}

int prune_containers(struct store *store, const struct strv *filters, struct pruned *pruned, struct error *err)
{
	auto_container_list struct container_list list = {0};
	int r = container_select(store, &(struct container_selection){.all = true, .filters = filters}, &list, err);
	if (r < 0 || keep_stopped(&list) == 0)
		return r;
	auto_free int64_t *written = xcalloc(list.count, sizeof(int64_t));
	if ((r = containers_written(store, list.items, list.count, written, err)) < 0)
		return r;
	for (size_t i = 0; i < list.count; i++) {
		const struct container *container = list.items[i].container;
		r = control_remove(store, container, false, CONTROL_OWN_TIMEOUT, err);
		/* Started, or removed by somebody else, since we looked. */
		if (r == -EBUSY || r == -ENOENT) {
			error_clear(err);
			continue;
		}
		if (r < 0)
			return r;
		strv_add(&pruned->containers, container->id);
		pruned->bytes += written[i];
	}
	return 0;
}

/* ---- images ---- */
struct layer_size {
	const char *diff_id;
	int64_t size;
};

static int container_layers(struct store *store, struct strv *ret, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(store, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		if (container_read(store, ids.items[i], &container, NULL) == 0)
			strv_add_all(ret, &container->layers);
	}
	return r;
}

/* Images to go first, the others behind them. The count, or negative. */
static int choose(struct store *store, const struct image_filter *filter, bool all, struct image **images, size_t count, struct error *err)
{
	auto_strv struct strv used = STRV_INIT;
	int r = images_used(store, &used, err);
	size_t chosen = 0;
	for (size_t i = 0; r >= 0 && i < count; i++) {
		struct image *image = images[i];
		if (image->read_only || (!all && image->names.count) || strv_contains(&used, image->id))
			continue;
		/* Where it is mounted its files are wanted, whoever looks at them and whenever. */
		auto_free char *mounted_at = NULL;
		if (image_mounted_at(store, image->id, &mounted_at))
			continue;
		if (image_filter_match(store, filter, image)) {
			images[i] = images[chosen];
			images[chosen++] = image;
		}
	}
	return r < 0 ? r : (int)chosen;
}

/* What the layers have is known only while they are there. */
static void measure_layers(struct store *store, const struct strv *layers, struct layer_size *ret)
{
	for (size_t i = 0; i < layers->count; i++) {
		struct layer_facts facts = {0};
		layer_read_facts(store, layers->items[i], &facts, NULL);
		ret[i] = (struct layer_size){layers->items[i], layer_room(&facts)};
	}
}

static int64_t size_of(const struct layer_size *sizes, size_t count, const char *diff_id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(sizes[i].diff_id, diff_id) == 0)
			return sizes[i].size;
	return 0;
}

static int remove_images(struct store *store, struct image **images, size_t count, struct pruned *pruned, struct error *err)
{
	auto_strv struct strv layers = STRV_INIT, users = STRV_INIT, untagged = STRV_INIT, deleted = STRV_INIT;
	int r = layer_list(store, &layers, err);
	if (r < 0 || (r = container_layers(store, &users, err)) < 0)
		return r;
	auto_free struct layer_size *sizes = xcalloc(layers.count + 1, sizeof(*sizes));
	measure_layers(store, &layers, sizes);
	if (count)
		r = images_remove(store, images, count, &untagged, &deleted, err);
	if (r >= 0)
		r = image_remove_unused_layers(store, &users, &deleted, err);
	for (size_t i = 0; i < untagged.count; i++)
		strv_addf(&pruned->images, "untagged: %s", untagged.items[i]);
	for (size_t i = 0; r >= 0 && i < count; i++)
		strv_addf(&pruned->images, "deleted: sha256:%s", images[i]->id);
	for (size_t i = 0; i < deleted.count; i++) {
		strv_addf(&pruned->images, "deleted: %s", deleted.items[i]);
		pruned->bytes += size_of(sizes, layers.count, deleted.items[i]);
	}
	return r;
}

int prune_images(struct store *store, const struct strv *filters, bool all, struct pruned *pruned, struct error *err)
{
	auto_image_filter struct image_filter filter = {0};
	struct image **images;
	size_t count;
	int r = image_filter_parse(store, filters, &filter, err);
	if (r < 0)
		return r;
	auto_close int lock = store_lock(store, LOCK_MODE_EXCLUSIVE, err);
	if (lock < 0 || (r = image_list(store, &images, &count, err)) < 0)
		return lock < 0 ? lock : r;
	r = choose(store, &filter, all, images, count, err);
	if (r >= 0)
		r = remove_images(store, images, (size_t)r, pruned, err);
	image_list_free(images, count);
	return r;
}

/* ---- volumes ---- */
int prune_volumes(struct store *store, const struct strv *filters, bool named, struct pruned *pruned, struct error *err)
{
	auto_volume_filter struct volume_filter filter = {0};
	auto_volume_list struct volume_list list = {0};
	int r = volume_filter_parse(store, filters, &filter, err);
	if (r < 0 || (r = volume_select(store, &filter, &list, err)) < 0)
		return r;
	for (size_t i = 0; i < list.count; i++) {
		const struct volume *volume = &list.items[i];
		int64_t size = 0;
		if (volume_count_uses(&filter.used, volume->name) || (!named && !volume->anonymous))
			continue;
		volume_size(store, volume->name, &size, NULL);
		r = volumes_remove(store, volume->name, err);
		/* Taken by a container, or removed by somebody else, since we looked. */
		if (r == -EBUSY || r == -ENOENT) {
			error_clear(err);
			continue;
		}
		if (r < 0)
			return r;
		strv_add(&pruned->volumes, volume->name);
		pruned->bytes += size;
	}
	return 0;
}

/* ---- saying so ---- */
static void print_list(const char *title, const struct strv *lines)
{
	if (lines->count == 0)
		return;
	printf("%s:\n", title);
	for (size_t i = 0; i < lines->count; i++)
		puts(lines->items[i]);
	putchar('\n');
}

void prune_report(struct store *store, const struct pruned *pruned)
{
	char size[TEXT_STAMP_MAX];
	print_list("Deleted Containers", &pruned->containers);
	print_list("Deleted Networks", &pruned->networks);
	print_list("Deleted Volumes", &pruned->volumes);
	print_list("Deleted Images", &pruned->images);
	printf("Total reclaimed space: %s\n", format_human_size(size, (uint64_t)pruned->bytes));
	fflush(stdout);
	store_empty_trash_later(store);
}
