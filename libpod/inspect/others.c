/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members that templates of docker's and podman's ask for besides: what limits single devices, and what nothing
 * here corresponds to, which has the value that says so there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpod/inspect/internal.h"
#include "pkg/template/template.h"

/* Devices are kept by their numbers, and shown by the name that they have now. */
static void add_device_path(struct json_object *object, struct json_object *item)
{
	int64_t major = 0, minor = 0;
	json_get_int(item, "major", 0, UINT32_MAX, &major, NULL);
	json_get_int(item, "minor", 0, UINT32_MAX, &minor, NULL);
	auto_free char *link = xasprintf("/sys/dev/block/%lld:%lld", (long long)major, (long long)minor);
	auto_free char *device = realpath(link, NULL);
	auto_free char *path = device ? xasprintf("/dev%s", strrchr(device, '/'))
				      : xasprintf("%lld:%lld", (long long)major, (long long)minor);
	/* sysfs(5) has names with a slash so: "cciss!c0d0". */
	for (char *at = path; (at = strchr(at, '!'));)
		*at = '/';
	json_add_string(object, "Path", path);
}

static void add_device_limits(struct json_object *block, struct json_object *host_config)
{
	static const struct {
		const char *name, *member, *number, *shown;
	} kinds[] = {
	    {"BlkioWeightDevice", "weightDevice", "weight", "Weight"},
	    {"BlkioDeviceReadBps", "throttleReadBpsDevice", "rate", "Rate"},
	    {"BlkioDeviceWriteBps", "throttleWriteBpsDevice", "rate", "Rate"},
	    {"BlkioDeviceReadIOps", "throttleReadIOPSDevice", "rate", "Rate"},
	    {"BlkioDeviceWriteIOps", "throttleWriteIOPSDevice", "rate", "Rate"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct json_object *array = json_object_new_array(), *items = NULL;
		json_get_array(block, kinds[i].member, &items, NULL);
		for (size_t j = 0; items && j < json_object_array_length(items); j++) {
			struct json_object *item = json_object_array_get_idx(items, j),
					   *object = json_object_new_object();
			int64_t number = 0;
			json_get_int(item, kinds[i].number, 0, INT64_MAX, &number, NULL);
			add_device_path(object, item);
			json_add_int(object, kinds[i].shown, number);
			json_object_array_add(array, object);
		}
		json_object_object_add(host_config, kinds[i].name, array);
	}
}

static void add_cgroup_files(struct json_object *resources, struct json_object *host_config)
{
	auto_strv struct strv files = STRV_INIT;
	json_get_map(resources, "unified", &files, NULL);
	json_add_map(host_config, "CgroupConf", &files);
	template_mark_map(json_object_object_get(host_config, "CgroupConf"));
}

void inspect_add_others(const struct container *container, const struct spec *spec, struct json_object *host_config)
{
	static const char *const texts[] = {"Cgroup", "Isolation", "VolumeDriver"};
	static const char *const numbers[] = {"CpuCount",           "CpuPercent",  "CpuRealtimePeriod",
					      "CpuRealtimeRuntime", "DiskQuota",   "IOMaximumBandwidth",
					      "IOMaximumIOps",      "KernelMemory"};
	struct json_object *block = NULL, *size = json_object_new_array();
	json_get_object(spec->resources, "blockIO", &block, NULL);
	add_device_limits(block, host_config);
	add_cgroup_files(spec->resources, host_config);
	json_add_string(host_config, "CgroupManager", container->cgroup_manager ? container->cgroup_manager : "");
	json_add_strv(host_config, "GroupAdd", &container->group_add);
	json_add_strv(host_config, "VolumesFrom", &container->volumes_from);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		json_add_string(host_config, texts[i], "");
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_add_int(host_config, numbers[i], 0);
	json_object_array_add(size, json_object_new_int(0));
	json_object_array_add(size, json_object_new_int(0));
	json_object_object_add(host_config, "ConsoleSize", size);
	json_object_object_add(host_config, "Links", NULL);
}
