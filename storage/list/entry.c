/* SPDX-License-Identifier: Apache-2.0 */
/* What an index says of its images. */
#include <string.h>

#include "storage/list/list.h"
#include "storage/manifest/manifest.h"

void list_entry_clear(struct list_entry *entry)
{
	free(entry->media_type);
	free(entry->digest);
	free(entry->os);
	free(entry->architecture);
	free(entry->variant);
	free(entry->os_version);
	strv_free(&entry->os_features);
	strv_free(&entry->features);
	strv_free(&entry->annotations);
	free(entry->source);
	*entry = (struct list_entry){0};
}

int list_entry_check(const struct list_entry *entry, struct error *err)
{
	for (size_t i = 0; i < entry->annotations.count; i++)
		if (!strchr(entry->annotations.items[i], '=') || entry->annotations.items[i][0] == '=')
			return error_set(err, EINVAL, "an annotation is KEY=VALUE, not \"%s\"",
					 entry->annotations.items[i]);
	return 0;
}

/* ---- reading ---- */

static int get_text(struct json_object *object, const char *key, char **ret, struct error *err)
{
	const char *text;
	int r = json_get_string(object, key, &text, err);
	if (r > 0)
		*ret = xstrdup(text);
	return r;
}

static int get_platform(struct json_object *platform, struct list_entry *ret, struct error *err)
{
	int r = get_text(platform, "os", &ret->os, err);
	if (r >= 0)
		r = get_text(platform, "architecture", &ret->architecture, err);
	if (r >= 0)
		r = get_text(platform, "variant", &ret->variant, err);
	if (r >= 0)
		r = get_text(platform, "os.version", &ret->os_version, err);
	if (r >= 0)
		r = json_get_strv(platform, "os.features", &ret->os_features, err);
	return r < 0 ? r : json_get_strv(platform, "features", &ret->features, err);
}

int list_entry_of(const struct json_object *index, size_t i, struct list_entry *ret, struct error *err)
{
	auto_list_entry struct list_entry entry = {0};
	auto_descriptor struct descriptor descriptor = {0};
	struct json_object *json = json_object_array_get_idx(json_object_object_get(index, "manifests"), i),
			   *platform = NULL;
	int r = descriptor_parse(json, "the index: manifests", &descriptor, err);
	if (r == 0)
		r = json_get_object(json, "platform", &platform, err);
	if (r >= 0)
		r = get_platform(platform, &entry, err);
	if (r >= 0)
		r = json_get_map(json, "annotations", &entry.annotations, err);
	if (r < 0)
		return r;
	entry.media_type = TAKE_PTR(descriptor.media_type);
	entry.digest = TAKE_PTR(descriptor.digest);
	entry.size = descriptor.size;
	*ret = entry;
	entry = (struct list_entry){0};
	return 0;
}

/* ---- changing ---- */

static struct json_object *entries(const struct manifest_list *list)
{
	return json_object_object_get(list->index, "manifests");
}

/* The number of the entry; their count when there is none. */
static size_t find(const struct manifest_list *list, const char *digest)
{
	size_t i, count = json_object_array_length(entries(list));
	for (i = 0; i < count; i++) {
		const char *text = "";
		json_get_string(json_object_array_get_idx(entries(list), i), "digest", &text, NULL);
		if (strcmp(text, digest) == 0)
			break;
	}
	return i;
}

static struct json_object *member_object(struct json_object *object, const char *key)
{
	struct json_object *member;
	if (!json_object_object_get_ex(object, key, &member)) {
		member = json_object_new_object();
		json_object_object_add(object, key, member);
	}
	return member;
}

static void set_list(struct json_object *object, const char *key, const struct strv *list)
{
	if (list->count)
		json_add_strv(object, key, list);
}

static void set_platform(struct json_object *descriptor, const struct list_entry *entry)
{
	struct json_object *platform = member_object(descriptor, "platform");
	json_add_string(platform, "architecture", entry->architecture);
	json_add_string(platform, "os", entry->os);
	json_add_string(platform, "os.version", entry->os_version);
	set_list(platform, "os.features", &entry->os_features);
	if (entry->variant && *entry->variant)
		json_add_string(platform, "variant", entry->variant);
	set_list(platform, "features", &entry->features);
}

static void set_annotations(struct json_object *descriptor, const struct strv *annotations)
{
	for (size_t i = 0; i < annotations->count; i++) {
		const char *equals = strchr(annotations->items[i], '=');
		auto_free char *key = xstrndup(annotations->items[i], (size_t)(equals - annotations->items[i]));
		json_add_string(member_object(descriptor, "annotations"), key, equals + 1);
	}
}

void list_add(struct manifest_list *list, const struct list_entry *entry)
{
	struct json_object *descriptor = json_object_new_object();
	size_t before = find(list, entry->digest);
	json_add_string(descriptor, "mediaType", entry->media_type);
	json_add_string(descriptor, "digest", entry->digest);
	json_add_int(descriptor, "size", entry->size);
	set_platform(descriptor, entry);
	set_annotations(descriptor, &entry->annotations);
	if (before < json_object_array_length(entries(list)))
		json_object_array_put_idx(entries(list), before, descriptor);
	else
		json_object_array_add(entries(list), descriptor);
	json_object_object_del(list->sources, entry->digest);
	json_add_string(list->sources, entry->digest, entry->source);
}

static int not_there(const char *digest, struct error *err)
{
	return error_set(err, ENOENT, "%s is not in the list; 'coracle manifest inspect' shows what is", digest);
}

int list_annotate(struct manifest_list *list, const struct list_entry *entry, struct error *err)
{
	size_t i = find(list, entry->digest);
	if (i == json_object_array_length(entries(list)))
		return not_there(entry->digest, err);
	struct json_object *descriptor = json_object_array_get_idx(entries(list), i);
	set_platform(descriptor, entry);
	if (entry->annotations.count)
		json_object_object_del(descriptor, "annotations");
	set_annotations(descriptor, &entry->annotations);
	return 0;
}

int list_remove(struct manifest_list *list, const char *digest, struct error *err)
{
	size_t i = find(list, digest);
	if (i == json_object_array_length(entries(list)))
		return not_there(digest, err);
	json_object_array_del_idx(entries(list), i, 1);
	json_object_object_del(list->sources, digest);
	return 0;
}

/* ---- the index as text ---- */

static struct json_object *for_docker(struct json_object *descriptor)
{
	struct json_object *copy = json_object_new_object();
	json_object_object_foreach(descriptor, key, value)
	{
		if (strcmp(key, "annotations") != 0)
			json_object_object_add(copy, key, json_object_get(value));
	}
	return copy;
}

char *list_text(const struct json_object *index, bool docker)
{
	auto_json struct json_object *json = json_object_new_object();
	struct json_object *from = json_object_object_get(index, "manifests"), *to = json_object_new_array();
	json_add_int(json, "schemaVersion", 2);
	json_add_string(json, "mediaType", docker ? LIST_TYPE_DOCKER : MEDIA_TYPE_OCI_INDEX);
	json_object_object_add(json, "manifests", to);
	for (size_t i = 0; i < json_object_array_length(from); i++) {
		struct json_object *descriptor = json_object_array_get_idx(from, i);
		json_object_array_add(to, docker ? for_docker(descriptor) : json_object_get(descriptor));
	}
	return json_text(json, false);
}
