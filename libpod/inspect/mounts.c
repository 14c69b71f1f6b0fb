/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libpod/inspect/internal.h"

/* What is mounted is in the specification, what it is to the user in the container's record. */
static const struct spec_mount *find_mount(const struct spec *spec, const char *destination)
{
	for (size_t i = 0; i < spec->mounts_count; i++)
		if (strcmp(spec->mounts[i].destination, destination) == 0)
			return &spec->mounts[i];
	return NULL;
}

static char *volume_name(const struct container *container, const char *destination)
{
	for (size_t i = 0; i < container->volumes.count; i++) {
		const char *entry = container->volumes.items[i], *colon = strchr(entry, ':');
		if (colon && strcmp(colon + 1, destination) == 0)
			return xstrndup(entry, (size_t)(colon - entry));
	}
	return xstrdup("");
}

static bool is_propagation(const char *word)
{
	return text_ends_with(word, "shared") || text_ends_with(word, "slave") || text_ends_with(word, "private");
}

static struct json_object *describe(const struct container *container, const struct spec_mount *mount,
				    const struct strv *parts)
{
	struct json_object *object = json_object_new_object();
	auto_free char *name = volume_name(container, mount->destination);
	auto_strv struct strv options = STRV_INIT;
	bool bind = strcmp(parts->items[0], "bind") == 0, volume = strcmp(parts->items[0], "volume") == 0,
	     writable = true;
	const char *propagation = bind || volume ? "rprivate" : "";
	for (size_t i = 0; i < mount->options.count; i++) {
		const char *option = mount->options.items[i];
		if (is_propagation(option))
			propagation = option;
		else if (!text_starts_with(option, "x-coracle.") && strcmp(option, "ro") != 0 &&
			 strcmp(option, "rw") != 0 && strcmp(option, "rro") != 0)
			strv_add(&options, option);
		if (strcmp(option, "ro") == 0 || strcmp(option, "rw") == 0)
			writable = option[1] == 'w';
	}
	json_add_string(object, "Type", parts->items[0]);
	if (*name)
		json_add_string(object, "Name", name);
	json_add_string(object, "Source", parts->items[2]);
	json_add_string(object, "Destination", mount->destination);
	json_add_string(object, "Driver", volume ? "local" : "");
	json_add_string(object, "Mode", "");
	json_add_strv(object, "Options", &options);
	json_add_bool(object, "RW", writable);
	json_add_string(object, "Propagation", propagation);
	return object;
}

struct json_object *inspect_mounts(const struct container *container, const struct spec *spec)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < container->mounts.count; i++) {
		auto_strv struct strv parts = STRV_INIT;
		strv_split(&parts, container->mounts.items[i], '\t');
		const struct spec_mount *mount = parts.count == 3 ? find_mount(spec, parts.items[1]) : NULL;
		if (mount)
			json_object_array_add(array, describe(container, mount, &parts));
	}
	return array;
}

struct json_object *inspect_devices(const struct container *container)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < container->devices.count; i++) {
		auto_strv struct strv parts = STRV_INIT;
		struct json_object *object = json_object_new_object();
		strv_split(&parts, container->devices.items[i], ':');
		json_add_string(object, "PathOnHost", parts.items[0]);
		json_add_string(object, "PathInContainer", parts.count > 1 ? parts.items[1] : "");
		json_add_string(object, "CgroupPermissions", parts.count > 2 ? parts.items[2] : "");
		json_object_array_add(array, object);
	}
	return array;
}
