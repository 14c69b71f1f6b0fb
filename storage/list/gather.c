/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/list/gather.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/file/file.h"
#include "storage/pull/source.h"

#define LOCAL  "containers-storage:"
#define REMOTE "docker://"

void list_entries_free(struct list_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		list_entry_clear(&entries->items[i]);
	free(entries->items);
}

static void take(struct list_entries *entries, struct list_entry *entry)
{
	entries->items = xrealloc(entries->items, (entries->count + 1) * sizeof(*entries->items));
	entries->items[entries->count++] = *entry;
	*entry = (struct list_entry){0};
}

/* ---- one image ---- */

static int get_text(struct json_object *object, const char *key, char **ret, struct error *err)
{
	const char *text;
	int r = json_get_string(object, key, &text, err);
	if (r > 0)
		*ret = xstrdup(text);
	return r;
}

/* What an image's own configuration says that it is for. */
static int take_platform(struct json_object *config, struct list_entry *ret, struct error *err)
{
	int r = get_text(config, "os", &ret->os, err);
	if (r >= 0)
		r = get_text(config, "architecture", &ret->architecture, err);
	if (r >= 0)
		r = get_text(config, "variant", &ret->variant, err);
	if (r >= 0)
		r = get_text(config, "os.version", &ret->os_version, err);
	if (r >= 0)
		r = json_get_strv(config, "os.features", &ret->os_features, err);
	return r < 0 ? r : 0;
}

static void take_manifest(struct json_object *manifest, const char *digest, size_t size, struct list_entry *ret)
{
	const char *type = MEDIA_TYPE_OCI_MANIFEST;
	json_get_string(manifest, "mediaType", &type, NULL);
	ret->media_type = xstrdup(type);
	ret->digest = xstrdup(digest);
	ret->size = (int64_t)size;
}

/* ---- an index ---- */

static int gather_one(struct json_object *index, size_t i, const char *source, struct list_entries *ret,
		      struct error *err)
{
	auto_list_entry struct list_entry entry = {0};
	int r = list_entry_of(index, i, &entry, err);
	if (r < 0)
		return r;
	entry.source = source ? xstrdup(source) : NULL;
	take(ret, &entry);
	return 0;
}

/* Where an image of a list here is. */
static const char *source_in(struct json_object *sources, struct json_object *descriptor)
{
	const char *digest = "", *source = NULL;
	json_get_string(descriptor, "digest", &digest, NULL);
	json_get_string(sources, digest, &source, NULL);
	return source;
}

/* `sources` of a list here, or `source` of an index in a registry. */
static int gather_index(struct json_object *index, struct json_object *sources, const char *source, bool all,
			const struct platform *platform, struct list_entries *ret, struct error *err)
{
	struct json_object *manifests = NULL, *chosen = NULL;
	int r = all ? json_get_array(index, "manifests", &manifests, err) : index_choose(index, platform, &chosen, err);
	if (r < 0)
		return r;
	json_get_array(index, "manifests", &manifests, NULL);
	for (size_t i = 0; r >= 0 && manifests && i < json_object_array_length(manifests); i++) {
		struct json_object *descriptor = json_object_array_get_idx(manifests, i);
		if (all || descriptor == chosen)
			r = gather_one(index, i, sources ? source_in(sources, descriptor) : source, ret, err);
	}
	return r < 0 ? r : 0;
}

/* ---- here ---- */

static int gather_image(struct store *store, struct image *image, struct list_entries *ret, struct error *err)
{
	auto_list_entry struct list_entry entry = {0};
	auto_json struct json_object *manifest = NULL;
	auto_free char *text = NULL;
	size_t length;
	if (!image->manifest_digest)
		return error_set(err, EINVAL,
				 "image %.12s is damaged: nothing says which manifest it has; load or pull it again",
				 image->id);
	auto_free char *path = xasprintf("images/%s/manifests/%s", image->id, strchr(image->manifest_digest, ':') + 1);
	int r = file_read_at(store_find(store, path).fd, path, MANIFEST_SIZE_MAX, &text, &length, err);
	if (r == 0)
		r = json_parse(text, length, path, &manifest, err);
	if (r == 0)
		r = image_load_config(store, image, err);
	if (r == 0)
		r = take_platform(image->config, &entry, err);
	if (r < 0)
		return r;
	take_manifest(manifest, image->manifest_digest, length, &entry);
	take(ret, &entry);
	return 0;
}

static int gather_here(struct store *store, struct image *image, bool all, const struct platform *platform,
		       struct list_entries *ret, struct error *err)
{
	auto_list struct manifest_list *list = NULL;
	if (!image->is_list)
		return gather_image(store, image, ret, err);
	int r = list_read(store, image->id, &list, err);
	return r < 0 ? r : gather_index(list->index, list->sources, NULL, all, platform, ret, err);
}

/* ---- in a registry ---- */

static int gather_manifest(const struct pull_source *source, struct json_object *json, const char *place,
			   struct list_entries *ret, struct error *err)
{
	auto_list_entry struct list_entry entry = {0};
	CLEANUP(manifest_free) struct manifest manifest = {0};
	auto_json struct json_object *config = NULL;
	auto_free char *text = NULL;
	size_t length;
	int r = manifest_parse(source->manifest.text, source->manifest.length, &manifest, err);
	if (r == 0)
		r = remote_read_blob(&source->remote, &manifest.config, MANIFEST_SIZE_MAX, "the configuration", &text,
				     &length, err);
	if (r == 0)
		r = json_parse(text, length, "the configuration", &config, err);
	if (r == 0)
		r = take_platform(config, &entry, err);
	if (r < 0)
		return r;
	take_manifest(json, source->manifest.digest, source->manifest.length, &entry);
	entry.source = xstrdup(place);
	take(ret, &entry);
	return 0;
}

static int gather_remote(const char *name, const struct pull_request *settings, bool all,
			 const struct platform *platform, struct list_entries *ret, struct error *err)
{
	auto_pull_source struct pull_source source = {0};
	auto_json struct json_object *json = NULL;
	struct pull_request request = *settings;
	request.name = name;
	int r = pull_source_find_any(&request, &source, err);
	if (r == 0)
		r = json_parse(source.manifest.text, source.manifest.length, "the manifest", &json, err);
	if (r < 0)
		return r;
	auto_free char *repository = reference_repository(&source.name), *place = xasprintf(REMOTE "%s", repository);
	return manifest_is_index(json) ? gather_index(json, NULL, place, all, platform, ret, err)
				       : gather_manifest(&source, json, place, ret, err);
}

int list_gather(struct store *store, const char *name, const struct pull_request *request, bool all,
		const struct platform *platform, struct list_entries *ret, struct error *err)
{
	auto_list_entries struct list_entries entries = {0};
	auto_image struct image *image = NULL;
	bool here = text_starts_with(name, LOCAL);
	int r = text_starts_with(name, REMOTE) ? -ENOENT
					       : image_find(store, here ? name + strlen(LOCAL) : name, &image, err);
	if (r == -ENOENT && !here) {
		error_clear(err);
		r = gather_remote(name, request, all, platform, &entries, err);
	} else if (r == 0) {
		r = gather_here(store, image, all, platform, &entries, err);
	}
	if (r < 0)
		return error_context(err, "%s", name);
	*ret = entries;
	entries = (struct list_entries){0};
	return 0;
}
