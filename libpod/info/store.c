/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "libpod/container/container.h"
#include "libpod/info/info_internal.h"
#include "storage/driver/driver.h"
#include "storage/image/image.h"

/* The type of the file system under the store, as mount(8) names it: by the mount that statx(2) tells. malloc'd. */
static char *file_system(int fd)
{
	struct statx st;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
		return xstrdup("unknown");
	auto_fclose FILE *file = fopen("/proc/self/mountinfo", "re");
	auto_free char *line = NULL;
	size_t size = 0;
	while (file && getline(&line, &size, file) > 0) {
		/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
		unsigned long long id;
		const char *type = strstr(line, " - ");
		if (sscanf(line, "%llu", &id) == 1 && id == st.stx_mnt_id && type)
			return xstrndup(type + 3, strcspn(type + 3, " "));
	}
	return xstrdup("unknown");
}

static int add_containers(struct store *store, struct json_object *object, struct error *err)
{
	int64_t counts[3] = {0}; /* paused, running, stopped */
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(store, &ids, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ids.count; i++) {
		struct container_state state;
		if (container_state(store, ids.items[i], &state, NULL) < 0)
			continue;
		bool alive = state.status != CONTAINER_CREATED && state.status != CONTAINER_EXITED;
		counts[state.status == CONTAINER_PAUSED ? 0 : alive ? 1 : 2]++;
	}
	struct json_object *containers = json_object_new_object();
	json_add_int(containers, "number", (int64_t)ids.count);
	json_add_int(containers, "paused", counts[0]);
	json_add_int(containers, "running", counts[1]);
	json_add_int(containers, "stopped", counts[2]);
	json_object_object_add(object, "containerStore", containers);
	return 0;
}

static int add_images(struct store *store, struct json_object *object, struct error *err)
{
	struct image **images;
	size_t count;
	int r = image_list(store, &images, &count, err);
	if (r < 0)
		return r;
	image_list_free(images, count);
	struct json_object *number = json_object_new_object();
	json_add_int(number, "number", (int64_t)count);
	json_object_object_add(object, "imageStore", number);
	return 0;
}

static struct json_object *additional_stores(struct store *store)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 1; i < store_places(store); i++) {
		struct json_object *row = json_object_new_object();
		struct store_place place;
		bool usable = store_place(store, i, &place);
		auto_free char *backing = usable ? file_system(place.fd) : NULL;
		json_add_string(row, "path", place.root);
		json_add_string(row, "fileSystem", backing);
		json_add_bool(row, "readable", usable);
		if (!usable)
			json_add_string(row, "error", strerror(place.errnum));
		json_object_array_add(array, row);
	}
	return array;
}

static void add_driver(struct store *store, struct json_object *object, const char *backing)
{
	enum driver driver;
	auto_free char *reason = NULL;
	struct error err = ERROR_INIT;
	int r = driver_choose(store, &driver, &reason, &err);
	json_add_string(object, "graphDriverName", r < 0 ? "" : driver_name(driver));
	if (r < 0 || !text_is_empty(reason))
		json_add_string(object, "graphDriverReason", r < 0 ? err.text : reason);
	struct json_object *options = json_object_new_object();
	if (store_places(store) > 1)
		json_object_object_add(options, "additionalImageStores", additional_stores(store));
	json_object_object_add(object, "graphOptions", options);
	struct json_object *status = json_object_new_object();
	json_add_string(status, "Backing Filesystem", backing);
	json_object_object_add(object, "graphStatus", status);
}

int info_store(struct store *store, struct json_object *object, struct error *err)
{
	int r = add_containers(store, object, err);
	if (r < 0 || (r = add_images(store, object, err)) < 0)
		return r;
	auto_free char *backing = file_system(store->root_fd);
	add_driver(store, object, backing);
	json_add_string(object, "graphRoot", store->root);
	struct statvfs fs;
	if (fstatvfs(store->root_fd, &fs) == 0) {
		json_add_int(object, "graphRootAllocated", (int64_t)(fs.f_blocks * fs.f_frsize));
		json_add_int(object, "graphRootUsed", (int64_t)((fs.f_blocks - fs.f_bfree) * fs.f_frsize));
	}
	json_add_string(object, "fileSystem", backing);
	json_add_bool(object, "networkFileSystem", store->network_file_system);
	info_file_system(store, backing, object);
	auto_free char *staging = xasprintf("%s/tmp", store->root);
	json_add_string(object, "imageCopyTmpDir", staging);
	json_add_string(object, "runRoot", store->run);
	auto_free char *volumes = xasprintf("%s/volumes", store->root);
	json_add_string(object, "volumePath", volumes);
	return 0;
}
