/* SPDX-License-Identifier: Apache-2.0 */
/* inspect: an image as docker and podman show it. */
#include <string.h>

#include "pkg/template/template.h"
#include "storage/driver/driver.h"
#include "storage/image/image.h"
#include "storage/layer/layer.h"

#define MANIFEST_MAX ((size_t)4 << 20)

static const char *string_member(struct json_object *object, const char *key)
{
	const char *text = "";
	json_get_string(object, key, &text, NULL);
	return text;
}

/* A copy of a member by reference, or what stands for one that is not there. */
static void add_member(struct json_object *to, struct json_object *from, const char *key, struct json_object *otherwise)
{
	struct json_object *value = NULL;
	if (from && json_object_object_get_ex(from, key, &value) && value) {
		json_object_put(otherwise);
		otherwise = json_object_get(value);
	}
	json_object_object_add(to, key, otherwise);
}

static void add_map(struct json_object *to, struct json_object *from, const char *key)
{
	add_member(to, from, key, json_object_new_object());
	struct json_object *map = json_object_object_get(to, key);
	if (json_object_is_type(map, json_type_object))
		template_mark_map(map);
}

/* As docker reads it: a text is a list of one. */
static void add_list(struct json_object *to, struct json_object *from, const char *key)
{
	add_member(to, from, key, json_object_new_array());
	struct json_object *value = json_object_object_get(to, key);
	if (!json_object_is_type(value, json_type_string))
		return;
	struct json_object *list = json_object_new_array();
	json_object_array_add(list, json_object_get(value));
	json_object_object_add(to, key, list);
}

/* All members that docker's templates can name, and whatever else the image has. */
static struct json_object *config_object(struct json_object *config)
{
	static const char *const texts[] = {"User", "WorkingDir", "StopSignal"};
	static const char *const lists[] = {"Env", "Entrypoint", "Cmd"};
	static const char *const maps[] = {"ExposedPorts", "Volumes", "Labels"};
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		add_member(object, config, texts[i], json_object_new_string(""));
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		add_list(object, config, lists[i]);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		add_map(object, config, maps[i]);
	if (config) {
		json_object_object_foreach(config, key, value) if (!json_object_object_get_ex(object, key, NULL))
		    json_object_object_add(object, key, json_object_get(value));
	}
	return object;
}

static struct json_object *graph_driver(struct store *store, const struct image *image)
{
	struct json_object *object = json_object_new_object(), *data = json_object_new_object();
	enum driver driver;
	json_add_string(object, "Name", driver_choose(store, &driver, NULL, NULL) < 0 ? "" : driver_name(driver));
	auto_strbuf struct strbuf lower = STRBUF_INIT;
	for (size_t i = image->layers.count; i-- > 0;) {
		auto_free char *path = NULL;
		if (layer_tree_path(store, image->layers.items[i], &path, NULL) < 0)
			continue;
		if (i + 1 == image->layers.count)
			json_add_string(data, "UpperDir", path);
		else
			strbuf_printf(&lower, "%s%s", lower.length ? ":" : "", path);
	}
	if (lower.length)
		json_add_string(data, "LowerDir", strbuf_text(&lower));
	json_object_object_add(object, "Data", template_mark_map(data));
	return object;
}

static struct json_object *root_fs(const struct image *image)
{
	struct json_object *object = json_object_new_object();
	json_add_string(object, "Type", "layers");
	json_add_strv(object, "Layers", &image->layers);
	return object;
}

/* A manifest without a media type is an OCI one. */
static void add_manifest_members(struct store *store, const struct image *image, struct json_object *object)
{
	auto_json struct json_object *manifest = NULL;
	const char *digest = image->manifest_digest ? strchr(image->manifest_digest, ':') : NULL;
	auto_free char *path = xasprintf("images/%s/manifests/%s", image->id, digest ? digest + 1 : "");
	json_read_at(store_find(store, path).fd, path, MANIFEST_MAX, &manifest, NULL);
	const char *type = string_member(manifest, "mediaType");
	json_add_string(object, "ManifestType", *type ? type : "application/vnd.oci.image.manifest.v1+json");
	struct json_object *annotations = NULL;
	json_get_object(manifest, "annotations", &annotations, NULL);
	annotations = annotations ? json_object_get(annotations) : json_object_new_object();
	json_object_object_add(object, "Annotations", template_mark_map(annotations));
}

static struct json_object *image_object(struct store *store, const struct image *image, const char *parent)
{
	struct json_object *object = json_object_new_object(), *config = NULL;
	json_get_object(image->config, "config", &config, NULL);
	json_add_string(object, "Id", image->id);
	json_add_string(object, "Digest", image->manifest_digest ? image->manifest_digest : "");
	auto_strv struct strv tags = STRV_INIT;
	for (size_t i = 0; i < image->names.count; i++)
		if (!strchr(image->names.items[i], '@'))
			strv_add(&tags, image->names.items[i]);
	json_add_strv(object, "RepoTags", &tags);
	json_add_strv(object, "RepoDigests", &image->digests);
	json_add_string(object, "Parent", parent);
	json_add_string(object, "Comment", string_member(image->config, "comment"));
	json_add_string(object, "Created", string_member(image->config, "created"));
	json_object_object_add(object, "Config", config_object(config));
	json_add_string(object, "Version", string_member(image->config, "docker_version"));
	json_add_string(object, "Author", string_member(image->config, "author"));
	json_add_string(object, "Architecture", image->architecture ? image->architecture : "");
	json_add_string(object, "Variant", image->variant ? image->variant : "");
	json_add_string(object, "Os", image->os ? image->os : "");
	json_add_int(object, "Size", image->size);
	json_add_int(object, "VirtualSize", image->size);
	json_object_object_add(object, "GraphDriver", graph_driver(store, image));
	json_object_object_add(object, "RootFS", root_fs(image));
	add_map(object, config, "Labels");
	add_manifest_members(store, image, object);
	json_add_string(object, "User", string_member(config, "User"));
	struct json_object *history = NULL;
	json_get_array(image->config, "history", &history, NULL);
	json_object_object_add(object, "History", history ? json_object_get(history) : json_object_new_array());
	json_add_strv(object, "NamesHistory", &image->names);
	return object;
}

/* The list itself is what `manifest inspect` shows. */
int image_inspect(struct store *store, const char *name, struct json_object **ret, struct error *err)
{
	auto_image struct image *image = NULL;
	int r = image_find_instance(store, name, &image, err);
	if (r < 0 || (r = image_load_config(store, image, err)) < 0)
		return r;
	struct image **images = NULL;
	size_t count = 0;
	if ((r = image_list(store, &images, &count, err)) < 0)
		return r;
	const struct image *parent = image_parent(store, images, count, image);
	*ret = image_object(store, image, parent ? parent->id : "");
	image_list_free(images, count);
	return 0;
}
