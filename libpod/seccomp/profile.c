/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker's profiles say what is allowed to whom: a group of system calls has `includes` and `excludes`, conditions on
 * the container's capabilities, the architecture and the kernel's version. Here the conditions are decided; what
 * remains is OCI's linux.seccomp.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "libpod/seccomp/seccomp_internal.h"
#include "libpod/spec/spec.h"

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE "SCMP_ARCH_X86_64"
#define NATIVE_NAME         "amd64"
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE "SCMP_ARCH_AARCH64"
#define NATIVE_NAME         "arm64"
#else
#error "seccomp profiles are resolved for x86-64 and 64-bit ARM"
#endif

static int kernel_is_at_least(const char *version, bool *ret, struct error *err)
{
	struct utsname name;
	unsigned int wanted[2], have[2];
	if (sscanf(version, "%u.%u", &wanted[0], &wanted[1]) != 2)
		return error_set(err, EINVAL, "minKernel: '%s' is not a version", version);
	uname(&name);
	if (sscanf(name.release, "%u.%u", &have[0], &have[1]) != 2)
		return error_set(err, EINVAL, "the kernel calls itself '%s'", name.release);
	*ret = have[0] > wanted[0] || (have[0] == wanted[0] && have[1] >= wanted[1]);
	return 0;
}

struct conditions {
	bool any_capability, all_capabilities; /* of those named */
	bool has_capabilities;
	bool architecture, has_architectures;
	bool kernel, has_kernel;
};

static int read_conditions(struct json_object *group, const char *key, uint64_t capabilities, struct conditions *ret,
			   struct error *err)
{
	struct json_object *object;
	const char *kernel;
	auto_strv struct strv caps = STRV_INIT;
	auto_strv struct strv arches = STRV_INIT;
	*ret = (struct conditions){.all_capabilities = true};
	int r = json_get_object(group, key, &object, err);
	if (r <= 0)
		return r;
	if ((r = json_get_strv(object, "caps", &caps, err)) < 0 ||
	    (r = json_get_strv(object, "arches", &arches, err)) < 0)
		return error_context(err, "%s", key);
	ret->has_capabilities = caps.count > 0;
	for (size_t i = 0; i < caps.count; i++) {
		int capability = capability_from_name(caps.items[i]);
		bool there = capability >= 0 && (capabilities & (1ULL << capability));
		ret->any_capability |= there;
		ret->all_capabilities &= there;
	}
	ret->has_architectures = arches.count > 0;
	ret->architecture = strv_contains(&arches, NATIVE_NAME);
	r = json_get_string(object, "minKernel", &kernel, err);
	if (r > 0) {
		ret->has_kernel = true;
		r = kernel_is_at_least(kernel, &ret->kernel, err);
	}
	return r < 0 ? error_context(err, "%s", key) : 0;
}

/* 1: the group holds here, 0: it does not. */
static int group_applies(struct json_object *group, uint64_t capabilities, struct error *err)
{
	struct conditions includes, excludes;
	int r;
	if ((r = read_conditions(group, "includes", capabilities, &includes, err)) < 0 ||
	    (r = read_conditions(group, "excludes", capabilities, &excludes, err)) < 0)
		return r;
	if ((includes.has_capabilities && !includes.all_capabilities) ||
	    (includes.has_architectures && !includes.architecture) || (includes.has_kernel && !includes.kernel))
		return 0;
	return !(excludes.any_capability || excludes.architecture || excludes.kernel);
}

static void copy_member(struct json_object *to, struct json_object *from, const char *key)
{
	struct json_object *value;
	if (json_object_object_get_ex(from, key, &value) && value)
		json_object_object_add(to, key, json_object_get(value));
}

/* Adds what the runtime specification knows of a group. The oldest profiles have one "name" a group. */
static int add_group(struct json_object *group, struct json_object *syscalls, struct error *err)
{
	struct json_object *names, *args;
	const char *name;
	int r;
	auto_json struct json_object *item = json_object_new_object();
	if ((r = json_get_array(group, "names", &names, err)) > 0) {
		json_object_object_add(item, "names", json_object_get(names));
	} else if (r == 0 && (r = json_get_string(group, "name", &name, err)) > 0) {
		names = json_object_new_array();
		json_object_array_add(names, json_object_new_string(name));
		json_object_object_add(item, "names", names);
	} else {
		return r < 0 ? r : error_set(err, EINVAL, "names is missing");
	}
	copy_member(item, group, "action");
	copy_member(item, group, "errnoRet");
	if ((r = json_get_array(group, "args", &args, err)) < 0)
		return r;
	if (r > 0 && json_object_array_length(args))
		copy_member(item, group, "args");
	json_object_array_add(syscalls, TAKE_PTR(item));
	return 0;
}

static int resolve_groups(struct json_object *profile, uint64_t capabilities, struct json_object *oci,
			  struct error *err)
{
	struct json_object *groups;
	int r = json_get_array(profile, "syscalls", &groups, err);
	if (r <= 0)
		return r;
	struct json_object *syscalls = json_object_new_array();
	json_object_object_add(oci, "syscalls", syscalls);
	for (size_t i = 0; i < json_object_array_length(groups); i++) {
		struct json_object *group = json_object_array_get_idx(groups, i);
		r = group_applies(group, capabilities, err);
		if (r > 0)
			r = add_group(group, syscalls, err);
		if (r < 0)
			return error_context(err, "syscalls[%zu]", i);
	}
	return 0;
}

/* archMap's entry for this machine; without one, `architectures` as it stands. */
static int resolve_architectures(struct json_object *profile, struct json_object *oci, struct error *err)
{
	struct json_object *map;
	int r = json_get_array(profile, "archMap", &map, err);
	if (r < 0)
		return r;
	auto_strv struct strv architectures = STRV_INIT;
	for (size_t i = 0; r > 0 && i < json_object_array_length(map); i++) {
		struct json_object *entry = json_object_array_get_idx(map, i);
		const char *architecture = "";
		if (json_get_string(entry, "architecture", &architecture, err) < 0)
			return error_context(err, "archMap[%zu]", i);
		if (strcmp(architecture, NATIVE_ARCHITECTURE) != 0)
			continue;
		strv_add(&architectures, architecture);
		if (json_get_strv(entry, "subArchitectures", &architectures, err) < 0)
			return error_context(err, "archMap[%zu]", i);
	}
	if (architectures.count == 0 && (r = json_get_strv(profile, "architectures", &architectures, err)) < 0)
		return r;
	if (architectures.count)
		json_add_strv(oci, "architectures", &architectures);
	return 0;
}

int profile_resolve(struct json_object *profile, uint64_t capabilities, struct json_object **ret, struct error *err)
{
	static const char *const plain[] = {"defaultAction", "defaultErrnoRet", "flags"};
	auto_json struct json_object *oci = json_object_new_object();
	if (!json_object_is_type(profile, json_type_object))
		return error_set(err, EINVAL, "expected an object");
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		copy_member(oci, profile, plain[i]);
	int r;
	if ((r = resolve_architectures(profile, oci, err)) < 0 ||
	    (r = resolve_groups(profile, capabilities, oci, err)) < 0)
		return r;
	*ret = TAKE_PTR(oci);
	return 0;
}
