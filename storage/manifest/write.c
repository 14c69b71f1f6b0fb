/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "storage/manifest/manifest.h"

const char *manifest_layer_type(bool docker, const char *compression)
{
	static const struct {
		const char *compression, *oci, *docker;
	} types[] = {
	    {"none", MEDIA_TYPE_OCI_LAYER, "application/vnd.docker.image.rootfs.diff.tar"},
	    {"gzip", MEDIA_TYPE_OCI_LAYER "+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"},
	    {"zstd", MEDIA_TYPE_OCI_LAYER "+zstd", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].compression, compression) == 0)
			return docker ? types[i].docker : types[i].oci;
	return NULL;
}

static struct json_object *descriptor_object(const struct descriptor *descriptor)
{
	struct json_object *object = json_object_new_object();
	json_add_string(object, "mediaType", descriptor->media_type);
	json_add_string(object, "digest", descriptor->digest);
	json_add_int(object, "size", descriptor->size);
	return object;
}

char *manifest_write(bool docker, const struct descriptor *config, const struct descriptor *layers, size_t count)
{
	auto_json struct json_object *json = json_object_new_object();
	struct json_object *array = json_object_new_array();
	json_add_int(json, "schemaVersion", 2);
	json_add_string(json, "mediaType", docker ? MEDIA_TYPE_DOCKER_MANIFEST : MEDIA_TYPE_OCI_MANIFEST);
	json_object_object_add(json, "config", descriptor_object(config));
	json_object_object_add(json, "layers", array);
	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, descriptor_object(&layers[i]));
	return json_text(json, false);
}
