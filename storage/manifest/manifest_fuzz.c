/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an image's manifest, as an index, and as a configuration.
 */
#include <stdint.h>
#include <string.h>

#include "storage/image/internal.h"
#include "storage/list/list.h"
#include "storage/manifest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_index(struct json_object *json)
{
	static const struct platform platforms[] = {{"linux", "amd64", ""}, {"linux", "arm", "v7"}};
	struct json_object *chosen, *manifests = NULL;
	struct error err = ERROR_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++)
		if (index_choose(json, &platforms[i], &chosen, &err) == 0 && !platform_match(chosen, &platforms[i]))
			abort();
	if (json_get_array(json, "manifests", &manifests, &err) <= 0)
		return;
	for (size_t i = 0; i < json_object_array_length(manifests); i++) {
		auto_list_entry struct list_entry entry = {0};
		struct manifest_list list = {.index = json_object_new_object(), .sources = json_object_new_object()};
		json_object_object_add(list.index, "manifests", json_object_new_array());
		if (list_entry_of(json, i, &entry, &err) == 0) {
			list_add(&list, &entry);
			if (list_annotate(&list, &entry, &err) < 0 || list_remove(&list, entry.digest, &err) < 0)
				abort();
		}
		json_object_put(list.index);
		json_object_put(list.sources);
	}
}

static void read_config(struct json_object *json)
{
	auto_image struct image *image = xcalloc(1, sizeof(*image));
	auto_strv struct strv diff_ids = STRV_INIT;
	struct error err = ERROR_INIT;
	image_fill_from_config(image, json, &err);
	config_diff_ids(json, &diff_ids, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json struct json_object *json = NULL;
	auto_manifest struct manifest manifest = {0};
	struct error err = ERROR_INIT;
	if (manifest_parse((const char *)data, size, &manifest, &err) == 0)
		for (size_t i = 0; i < manifest.layers_count; i++)
			if (!digest_is_valid(manifest.layers[i].digest))
				abort();
	if (json_parse((const char *)data, size, "any", &json, &err) < 0)
		return 0;
	manifest_is_index(json);
	read_index(json);
	read_config(json);
	return 0;
}
