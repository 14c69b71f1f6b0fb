/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/info/info.h"

#include "libpod/info/info_internal.h"

static struct json_object *strings(const char *const *texts)
{
	struct json_object *array = json_object_new_array();
	for (; *texts; texts++)
		json_object_array_add(array, json_object_new_string(*texts));
	return array;
}

static struct json_object *plugins(void)
{
	struct json_object *object = json_object_new_object();
	json_object_object_add(object, "volume", json_object_new_array());
	json_object_object_add(object, "network", strings((const char *const[]){"none", "host", "container", "slirp4netns", "pasta", NULL}));
	json_object_object_add(object, "log", strings((const char *const[]){"json-file", "none", NULL}));
	json_object_object_add(object, "authorization", NULL);
	return object;
}

static struct json_object *version(const char *architecture)
{
	struct json_object *object = json_object_new_object();
	auto_free char *platform = xasprintf("linux/%s", architecture);
	json_add_string(object, "APIVersion", CORACLE_VERSION);
	json_add_string(object, "Version", CORACLE_VERSION);
	json_add_string(object, "OsArch", platform);
	json_add_string(object, "Os", "linux");
	return object;
}

int info_collect(struct store *store, struct json_object **ret, struct error *err)
{
	auto_json struct json_object *info = json_object_new_object();
	struct json_object *host = json_object_new_object(), *images = json_object_new_object();
	json_object_object_add(info, "host", host);
	info_machine(host);
	int r = info_rights(store, host, err);
	if (r < 0)
		return r;
	info_programs(store, host);
	json_object_object_add(info, "store", images);
	if ((r = info_store(store, images, err)) < 0)
		return r;
	json_object_object_add(info, "registries", json_object_new_object());
	json_object_object_add(info, "plugins", plugins());
	json_object_object_add(info, "version", version(json_object_get_string(json_object_object_get(host, "arch"))));
	*ret = TAKE_PTR(info);
	return 0;
}
