/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/archive/archive.h"

#include <stdio.h>
#include <string.h>

#include "storage/archive/kinds.h"
#include "storage/image/image.h"

struct archive_image *archive_add_image(struct image_archive *archive)
{
	archive->images = xrealloc(archive->images, (archive->count + 1) * sizeof(*archive->images));
	struct archive_image *image = &archive->images[archive->count++];
	*image = (struct archive_image){.names = STRV_INIT};
	return image;
}

struct archive_layer *archive_add_layer(struct archive_image *image, const char *file, const char *blob_digest,
					const char *diff_id)
{
	image->layers = xrealloc(image->layers, (image->layers_count + 1) * sizeof(*image->layers));
	struct archive_layer *layer = &image->layers[image->layers_count++];
	*layer = (struct archive_layer){xstrdup(file), blob_digest ? xstrdup(blob_digest) : NULL,
					diff_id ? xstrdup(diff_id) : NULL};
	return layer;
}

int archive_add_name(struct archive_image *image, const char *name, void (*normalize)(struct reference *),
		     struct error *err)
{
	auto_reference struct reference reference = {0};
	int r = reference_parse(name, &reference, err);
	if (r < 0)
		return r;
	normalize(&reference);
	auto_free char *text = reference_text(&reference);
	if (!strv_contains(&image->names, text))
		strv_add(&image->names, text);
	return 0;
}

static void image_clear(struct archive_image *image)
{
	for (size_t i = 0; i < image->layers_count; i++) {
		free(image->layers[i].file);
		free(image->layers[i].blob_digest);
		free(image->layers[i].diff_id);
	}
	free(image->layers);
	free(image->manifest);
	free(image->config);
	json_object_put(image->legacy_config);
	strv_free(&image->names);
}

void image_archive_free(struct image_archive *archive)
{
	for (size_t i = 0; i < archive->count; i++)
		image_clear(&archive->images[i]);
	free(archive->images);
	if (archive->source)
		archive_source_free(archive->source);
	free(archive);
}

/* ---- opening ---- */
static int read_kind(struct image_archive *archive, struct error *err)
{
	static const struct {
		const char *file;
		int (*read)(struct image_archive *archive, struct error *err);
		const char *transports[2]; /* of an archive, of a directory */
	} kinds[] = {
	    {"index.json", archive_read_oci, {"oci-archive", "oci"}},
	    {"manifest.json", archive_read_docker, {"docker-archive", "dir"}},
	    {"repositories", archive_read_legacy, {"docker-archive", "docker-archive"}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		auto_blob struct blob blob = {.fd = -1};
		int r = archive_source_find(archive->source, kinds[i].file, &blob, err);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		archive->transport = kinds[i].transports[archive_source_is_directory(archive->source)];
		return kinds[i].read(archive, err);
	}
	return error_set(err, EINVAL,
			 "%s is not an archive of images: it has neither index.json nor manifest.json (a file system's "
			 "tar becomes an image with \"import\")",
			 archive_source_name(archive->source));
}

int image_archive_open(struct store *store, const char *path, struct progress *progress, struct image_archive **ret,
		       struct error *err)
{
	auto_image_archive struct image_archive *archive = xcalloc(1, sizeof(*archive));
	archive->progress = progress;
	int r = archive_source_open(store, path, progress, &archive->source, err);
	if (r == 0)
		r = read_kind(archive, err);
	if (r < 0)
		return r;
	if (archive->count == 0)
		return error_set(err, EINVAL, "%s has no image in it", archive_source_name(archive->source));
	*ret = TAKE_PTR(archive);
	return 0;
}

/* ---- loading ---- */
/* What is known of an image's layers while they come in. */
struct loading {
	struct strv diff_ids;
	int64_t *tar_sizes;
	int64_t size;
	struct progress *progress;
	size_t *items; /* of the progress; as many as there are diff_ids. NO_ITEM: it is through */
};
#define NO_ITEM SIZE_MAX

static void add_item(struct loading *loading, const struct archive_layer *layer, int64_t size)
{
	char name[32];
	const char *colon = layer->diff_id ? strchr(layer->diff_id, ':') : NULL;
	if (colon)
		snprintf(name, sizeof(name), "%.12s", colon + 1);
	else
		snprintf(name, sizeof(name), "layer %zu", loading->diff_ids.count + 1);
	loading->items[loading->diff_ids.count] =
	    progress_add(loading->progress, name, "Loading layer", (uint64_t)size);
}

static size_t current_item(const struct loading *loading)
{
	return loading->items[loading->diff_ids.count];
}

static void layer_moved(void *data, int64_t done)
{
	struct loading *loading = data;
	progress_update(loading->progress, current_item(loading), (uint64_t)done);
}

/* `loading` NULL: nobody looks on. */
static int unpack(struct layer_batch *batch, struct loading *loading, const struct archive_layer *layer,
		  const struct blob *blob, struct unpack_result *ret, struct error *err)
{
	struct layer_original_source original = {.fd = blob->fd, .offset = blob->offset, .length = blob->length};
	struct unpack_request request = {
	    .original = &original,
	    .fd = blob->fd,
	    .offset = blob->offset,
	    .length = blob->length,
	    .name = layer->file,
	    .blob_digest = layer->blob_digest,
	    .diff_id = layer->diff_id,
	    .moved = loading ? layer_moved : NULL,
	    .moved_data = loading,
	};
	if (loading)
		add_item(loading, layer, blob->length);
	int r = layer_batch_add(batch, &request, ret, err);
	if (r >= 0 && loading)
		progress_state(loading->progress, current_item(loading), "Writing to the disk", 0);
	return r;
}

static int find_layer(struct image_archive *archive, const struct archive_layer *layer, struct blob *ret, struct error *err)
{
	int r = archive_source_find(archive->source, layer->file, ret, err);
	return r == 0 ? error_set(err, EBADMSG, "%s is incomplete: there is no %.250s in it",
				  archive_source_name(archive->source), layer->file)
		      : r;
}

static int load_layer(struct image_archive *archive, const struct archive_layer *layer, struct layer_batch *batch,
		      struct loading *loading, struct error *err)
{
	auto_blob struct blob blob = {.fd = -1};
	struct layer_facts facts = {0};
	struct unpack_result result = {0};
	int r = layer->diff_id ? layer_batch_has(batch, layer->diff_id, &facts, err) : 0;
	if (r == 0) {
		r = find_layer(archive, layer, &blob, err);
		if (r > 0)
			r = unpack(batch, loading, layer, &blob, &result, err);
		facts = (struct layer_facts){.size = result.size, .tar_size = result.tar_size};
	} else if (r > 0) {
		add_item(loading, layer, 0);
		progress_done(loading->progress, current_item(loading), "Already exists");
		loading->items[loading->diff_ids.count] = NO_ITEM;
	}
	if (r < 0)
		return error_context(err, "%s: %.250s", archive_source_name(archive->source), layer->file);
	strv_add(&loading->diff_ids, layer->diff_id ? layer->diff_id : result.diff_id);
	loading->tar_sizes[loading->diff_ids.count - 1] = facts.tar_size;
	loading->size += facts.size;
	return 0;
}

/* Those that were there may have been removed before the lock was ours. */
static int bring_back(struct image_archive *archive, const struct archive_image *image, const struct loading *loading,
		      struct layer_batch *batch, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < loading->diff_ids.count; i++) {
		auto_blob struct blob blob = {.fd = -1};
		struct layer_facts facts;
		struct unpack_result result = {0};
		r = layer_batch_has(batch, loading->diff_ids.items[i], &facts, err);
		if (r == 0 && (r = find_layer(archive, &image->layers[i], &blob, err)) > 0)
			r = unpack(batch, NULL, &image->layers[i], &blob, &result, err);
	}
	return r < 0 ? r : layer_batch_place(batch, err);
}

/* Makes what the archive did not have. */
static int complete_image(struct archive_image *image, const struct loading *loading, struct error *err)
{
	char digest[DIGEST_TEXT_MAX];
	if (!image->config) {
		image->config = archive_legacy_config(image->legacy_config, &loading->diff_ids);
		image->config_length = strlen(image->config);
	}
	if (image->manifest)
		return 0;
	int r = digest_of(image->config, image->config_length, digest, err);
	if (r < 0)
		return r;
	image->manifest = manifest_make(digest, image->config_length, &loading->diff_ids, loading->tar_sizes);
	image->manifest_length = strlen(image->manifest);
	return 0;
}

static int tag_image(struct store *store, const struct archive_image *image, const char *manifest_digest,
		     const char *id, struct error *err)
{
	for (size_t i = 0; i < image->names.count; i++) {
		auto_reference struct reference reference = {0};
		int r = reference_parse(image->names.items[i], &reference, err);
		if (r == 0)
			r = image_tag(store, &reference, manifest_digest, id, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load(struct store *store, struct image_archive *archive, struct archive_image *image,
		struct layer_batch *batch, struct loading *loading, char *ret_id, struct error *err)
{
	char manifest_digest[DIGEST_TEXT_MAX];
	int r = 0;
	for (size_t i = 0; r == 0 && i < image->layers_count; i++)
		r = load_layer(archive, &image->layers[i], batch, loading, err);
	/* Only now: unpacking takes its time, in which others remove images. */
	auto_close int lock = r < 0 ? r : store_lock(store, LOCK_MODE_SHARED, err);
	if (lock < 0)
		return lock;
	r = layer_batch_place(batch, err);
	if (r == 0)
		r = bring_back(archive, image, loading, batch, err);
	for (size_t i = 0; r == 0 && i < loading->diff_ids.count; i++)
		if (loading->items[i] != NO_ITEM)
			progress_done(loading->progress, loading->items[i], "Loaded");
	if (r == 0)
		r = complete_image(image, loading, err);
	if (r == 0)
		r = image_add(store, image->manifest, image->manifest_length, image->config, image->config_length,
			      &loading->diff_ids, loading->size, ret_id, manifest_digest, err);
	return r < 0 ? r : tag_image(store, image, manifest_digest, ret_id, err);
}

int image_archive_load(struct store *store, struct image_archive *archive, size_t index, struct layer_batch *batch,
		       char *ret_id, struct error *err)
{
	struct archive_image *image = &archive->images[index];
	struct loading loading = {
	    .tar_sizes = xcalloc(image->layers_count + 1, sizeof(int64_t)),
	    .progress = archive->progress,
	    .items = xcalloc(image->layers_count + 1, sizeof(size_t)),
	};
	int r = load(store, archive, image, batch, &loading, ret_id, err);
	strv_free(&loading.diff_ids);
	free(loading.tar_sizes);
	free(loading.items);
	return r;
}
