/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view: the tree under Go's names. A Go field is its JSON name with a capital, but for the ones in a table.
 */
#include <ctype.h>
#include <string.h>

#include "libpod/info/info_internal.h"
#include "pkg/template/template.h"

static char *field_name(const char *key)
{
	static const char *const others[][2] = {
	    {"os", "OS"},
	    {"cpus", "CPUs"},
	    {"cpuUtilization", "CPUUtilization"},
	    {"ociRuntime", "OCIRuntime"},
	    {"idMappings", "IDMappings"},
	    {"uidmap", "UIDMap"},
	    {"gidmap", "GIDMap"},
	    {"container_id", "ContainerID"},
	    {"host_id", "HostID"},
	    {"idMode", "IDMode"},
	    {"idModeAdvice", "IDModeAdvice"},
	    {"cgroupVersion", "CgroupsVersion"},
	    {"slirp4netns", "Slirp4NetNS"},
	    {"apparmorEnabled", "AppArmorEnabled"},
	    {"seccompEnabled", "SECCOMPEnabled"},
	    {"seccompProfilePath", "SECCOMPProfilePath"},
	    {"selinuxEnabled", "SELinuxEnabled"},
	    {"capabilities", "DefaultCapabilities"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(key, others[i][0]) == 0)
			return xstrdup(others[i][1]);
	char *name = xstrdup(key);
	*name = (char)toupper((unsigned char)*name);
	return name;
}

static bool is_map(const char *key)
{
	return strcmp(key, "graphStatus") == 0 || strcmp(key, "graphOptions") == 0 || strcmp(key, "registries") == 0;
}

static struct json_object *renamed(struct json_object *value, bool map)
{
	if (json_object_is_type(value, json_type_array)) {
		struct json_object *array = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(value); i++)
			json_object_array_add(array, renamed(json_object_array_get_idx(value, i), false));
		return array;
	}
	if (!json_object_is_type(value, json_type_object))
		return json_object_get(value);
	struct json_object *object = json_object_new_object();
	json_object_object_foreach(value, key, member)
	{
		auto_free char *name = map ? xstrdup(key) : field_name(key);
		json_object_object_add(object, name, renamed(member, is_map(key)));
	}
	return map ? template_mark_map(object) : object;
}

/* The member at a path as "host.security", borrowed; NULL when it is not there. */
static struct json_object *find(struct json_object *object, const char *path)
{
	auto_free char *copy = xstrdup(path);
	for (char *rest = copy, *key; object && (key = strsep(&rest, "."));)
		object = json_object_object_get(object, key);
	return object;
}

static bool is_true(struct json_object *info, const char *path)
{
	return json_object_get_boolean(find(info, path));
}

static struct json_object *security_options(struct json_object *info)
{
	struct json_object *array = json_object_new_array();
	if (is_true(info, "host.security.apparmorEnabled"))
		json_object_array_add(array, json_object_new_string("name=apparmor"));
	if (is_true(info, "host.security.seccompEnabled"))
		json_object_array_add(array, json_object_new_string("name=seccomp,profile=builtin"));
	if (is_true(info, "host.security.selinuxEnabled"))
		json_object_array_add(array, json_object_new_string("name=selinux"));
	if (is_true(info, "host.security.rootless"))
		json_object_array_add(array, json_object_new_string("name=rootless"));
	return array;
}

/* docker: a list of pairs. */
static struct json_object *driver_status(struct json_object *info)
{
	struct json_object *array = json_object_new_array(), *pair = json_object_new_array();
	json_object_array_add(pair, json_object_new_string("Backing Filesystem"));
	json_object_array_add(pair, json_object_get(find(info, "store.fileSystem")));
	json_object_array_add(array, pair);
	return array;
}

struct json_object *info_template_view(struct json_object *info)
{
	static const char *const docker[][2] = {
	    {"Architecture", "host.arch"},
	    {"CgroupDriver", "host.cgroupManager"},
	    {"Containers", "store.containerStore.number"},
	    {"ContainersPaused", "store.containerStore.paused"},
	    {"ContainersRunning", "store.containerStore.running"},
	    {"ContainersStopped", "store.containerStore.stopped"},
	    {"DefaultRuntime", "host.ociRuntime.name"},
	    {"DockerRootDir", "store.graphRoot"},
	    {"Driver", "store.graphDriverName"},
	    {"Images", "store.imageStore.number"},
	    {"KernelVersion", "host.kernel"},
	    {"LoggingDriver", "host.logDriver"},
	    {"MemTotal", "host.memTotal"},
	    {"NCPU", "host.cpus"},
	    {"Name", "host.hostname"},
	    {"OperatingSystem", "host.distribution.name"},
	    {"OSType", "host.os"},
	    {"OSVersion", "host.distribution.version"},
	    {"ServerVersion", "version.Version"},
	};
	struct json_object *view = renamed(info, false);
	for (size_t i = 0; i < ARRAY_SIZE(docker); i++)
		json_object_object_add(view, docker[i][0], json_object_get(find(info, docker[i][1])));
	const char *cgroup = json_object_get_string(find(info, "host.cgroupVersion"));
	json_add_string(view, "CgroupVersion", cgroup && *cgroup ? cgroup + 1 : "");
	json_object_object_add(view, "DriverStatus", driver_status(info));
	json_object_object_add(view, "SecurityOptions", security_options(info));
	return view;
}
