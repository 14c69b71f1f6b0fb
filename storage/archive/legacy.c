/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker-archives from before Docker 1.10 (Docker Image Specification v1.0): `repositories` names, for each repository
 * and tag, a layer; <layer>/json has its facts and its parent, <layer>/layer.tar its files. There is no configuration
 * for the whole image: it is made of the top layer's, with the diff ids and the history of all.
 */
#include <string.h>

#include "storage/archive/kinds.h"

/* Layers from the top down, while they are read. */
struct chain {
	struct json_object *jsons[MANIFEST_LAYERS_MAX];
	char *ids[MANIFEST_LAYERS_MAX];
	size_t count;
};

static void chain_free(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		json_object_put(chain->jsons[i]);
		free(chain->ids[i]);
	}
}

static int read_chain(struct image_archive *archive, const char *top, struct chain *chain, struct error *err)
{
	for (const char *id = top; id;) {
		if (chain->count == MANIFEST_LAYERS_MAX)
			return error_set(err, EINVAL,
					 "the image has more than %d layers, or a layer that is its own parent",
					 MANIFEST_LAYERS_MAX);
		auto_free char *file = xasprintf("%s/json", id);
		struct json_object *json = NULL;
		int r = archive_source_read_json(archive->source, file, &json, err);
		if (r < 0)
			return r;
		chain->jsons[chain->count] = json;
		chain->ids[chain->count++] = xstrdup(id);
		id = NULL;
		r = json_get_string(json, "parent", &id, err);
		if (r < 0)
			return error_context(err, "%s", file);
		if (id && !*id)
			id = NULL;
	}
	return 0;
}

static void copy_member(struct json_object *to, struct json_object *from, const char *key)
{
	struct json_object *value = NULL;
	if (json_object_object_get_ex(from, key, &value) && value)
		json_object_object_add(to, key, json_object_get(value));
}

static struct json_object *make_history(struct json_object *layer)
{
	struct json_object *history = json_object_new_object(), *container = NULL;
	auto_strv struct strv command = STRV_INIT;
	copy_member(history, layer, "created");
	copy_member(history, layer, "author");
	copy_member(history, layer, "comment");
	json_get_object(layer, "container_config", &container, NULL);
	if (json_get_strv(container, "Cmd", &command, NULL) > 0) {
		auto_free char *text = strv_join(&command, " ");
		json_add_string(history, "created_by", text);
	}
	return history;
}

static struct json_object *make_config(const struct chain *chain)
{
	static const char *const members[] = {"architecture", "os", "created", "author", "config", "docker_version"};
	struct json_object *config = json_object_new_object(), *history = json_object_new_array();
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		copy_member(config, chain->jsons[0], members[i]);
	for (size_t i = chain->count; i-- > 0;)
		json_object_array_add(history, make_history(chain->jsons[i]));
	json_object_object_add(config, "history", history);
	return config;
}

char *archive_legacy_config(struct json_object *config, const struct strv *diff_ids)
{
	struct json_object *rootfs = json_object_new_object();
	json_add_string(rootfs, "type", "layers");
	json_add_strv(rootfs, "diff_ids", diff_ids);
	json_object_object_add(config, "rootfs", rootfs);
	return json_text(config, false);
}

static int read_tag(struct image_archive *archive, const char *repository, const char *tag, const char *top,
		    struct error *err)
{
	CLEANUP(chain_free) struct chain chain = {.count = 0};
	auto_free char *name = xasprintf("%s:%s", repository, tag);
	struct archive_image *image = archive_add_image(archive);
	int r = archive_add_name(image, name, reference_normalize_docker, err);
	if (r == 0)
		r = read_chain(archive, top, &chain, err);
	if (r < 0)
		return r;
	for (size_t i = chain.count; i-- > 0;) {
		auto_free char *file = xasprintf("%s/layer.tar", chain.ids[i]);
		archive_add_layer(image, file, NULL, NULL);
	}
	image->legacy_config = make_config(&chain);
	return 0;
}

int archive_read_legacy(struct image_archive *archive, struct error *err)
{
	auto_json struct json_object *repositories = NULL;
	int r = archive_source_read_json(archive->source, "repositories", &repositories, err);
	if (r < 0)
		return r;
	if (!json_object_is_type(repositories, json_type_object))
		return error_set(err, EINVAL, "%s: repositories: expected an object",
				 archive_source_name(archive->source));
	json_object_object_foreach(repositories, repository, tags)
	{
		if (!json_object_is_type(tags, json_type_object))
			return error_set(err, EINVAL, "%s: repositories.%s: expected an object",
					 archive_source_name(archive->source), repository);
		json_object_object_foreach(tags, tag, id)
		{
			r = read_tag(archive, repository, tag, json_object_get_string(id), err);
			if (r < 0)
				return error_context(err, "%s: %s:%s", archive_source_name(archive->source), repository,
						     tag);
		}
	}
	return 0;
}
