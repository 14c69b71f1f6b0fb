/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "libpod/spec/spec.h"

static int validate_process(const struct spec_process *process, struct error *err)
{
	if (!process->present)
		return error_set(err, EINVAL, "process is missing");
	if (process->args.count == 0)
		return error_set(err, EINVAL, "process.args: there is no command");
	if (!process->cwd || *process->cwd != '/')
		return error_set(err, EINVAL, "process.cwd: '%s' is not an absolute path",
				 process->cwd ? process->cwd : "");
	for (size_t i = 0; i < process->rlimits_count; i++)
		if (process->rlimits[i].soft > process->rlimits[i].hard)
			return error_set(err, EINVAL, "process.rlimits: %s: the soft limit is above the hard one",
					 rlimit_name(process->rlimits[i].resource));
	return 0;
}

static int validate_mounts(const struct spec *spec, struct error *err)
{
	for (size_t i = 0; i < spec->mounts_count; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		if (!mount->destination || *mount->destination != '/')
			return error_set(err, EINVAL, "mounts[%zu]: destination '%s' is not an absolute path", i,
					 mount->destination ? mount->destination : "");
		bool bind = !mount->type || strcmp(mount->type, "bind") == 0 ||
			    strv_contains(&mount->options, "bind") || strv_contains(&mount->options, "rbind");
		if (bind && text_is_empty(mount->source))
			return error_set(err, EINVAL, "mounts[%zu]: %s: a bind mount needs a source", i,
					 mount->destination);
	}
	return 0;
}

static int validate_paths(const struct strv *paths, const char *what, struct error *err)
{
	for (size_t i = 0; i < paths->count; i++)
		if (*paths->items[i] != '/')
			return error_set(err, EINVAL, "linux.%s: '%s' is not an absolute path", what, paths->items[i]);
	return 0;
}

/* The namespace that has the value of its own, or -1: the value is the whole machine's. */
static int sysctl_namespace(const char *name, size_t length)
{
	static const struct {
		const char *prefix;
		int namespace;
	} known[] = {
	    {"net.", SPEC_NS_NETWORK},        {"fs.mqueue.", SPEC_NS_IPC},
	    {"kernel.msgmax", SPEC_NS_IPC},   {"kernel.msgmnb", SPEC_NS_IPC},
	    {"kernel.msgmni", SPEC_NS_IPC},   {"kernel.sem", SPEC_NS_IPC},
	    {"kernel.shmall", SPEC_NS_IPC},   {"kernel.shmmax", SPEC_NS_IPC},
	    {"kernel.shmmni", SPEC_NS_IPC},   {"kernel.shm_rmid_forced", SPEC_NS_IPC},
	    {"kernel.hostname", SPEC_NS_UTS}, {"kernel.domainname", SPEC_NS_UTS},
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t prefix = strlen(known[i].prefix);
		bool whole = known[i].prefix[prefix - 1] != '.';
		if (strncmp(name, known[i].prefix, prefix) == 0 && (!whole || length == prefix))
			return known[i].namespace;
	}
	return -1;
}

static int validate_sysctl(const struct spec *spec, const char *assignment, struct error *err)
{
	size_t length = strcspn(assignment, "=");
	for (size_t i = 0; i < length; i++)
		if ((!isalnum((unsigned char)assignment[i]) && !strchr("._-/", assignment[i])) ||
		    (strchr("./", assignment[i]) && (i == 0 || strchr("./", assignment[i - 1]))))
			return error_set(err, EINVAL, "linux.sysctl: '%.*s' is not a name", (int)length, assignment);
	auto_free char *name = xstrndup(assignment, length);
	/* Both spellings are in use: net.ipv4.ip_forward and net/ipv4/ip_forward. The first separator decides. */
	if (name[strcspn(name, "./")] == '/')
		for (char *c = name; *c; c++)
			*c = *c == '/' ? '.' : *c == '.' ? '/' : *c;
	int namespace = sysctl_namespace(name, length);
	if (namespace < 0)
		return error_set(err, EINVAL, "linux.sysctl: '%s' belongs to the whole machine, not to a namespace",
				 name);
	if (!spec->namespaces[namespace].present)
		return error_set(err, EINVAL, "linux.sysctl: '%s' needs a %s namespace of the container's own", name,
				 namespace_name((enum spec_namespace) namespace));
	return 0;
}

static int validate_linux(const struct spec *spec, struct error *err)
{
	static const char *const propagations[] = {"private",  "slave",  "shared",  "unbindable",
						   "rprivate", "rslave", "rshared", "runbindable"};
	if (!spec->namespaces[SPEC_NS_MOUNT].present)
		return error_set(err, EINVAL, "linux.namespaces: a container needs a mount namespace of its own");
	if (spec->namespaces[SPEC_NS_MOUNT].path)
		return error_set(err, ENOTSUP, "linux.namespaces: to join a mount namespace is not supported");
	if ((spec->hostname || spec->domainname) && !spec->namespaces[SPEC_NS_UTS].present)
		return error_set(err, EINVAL, "%s: needs a uts namespace of the container's own",
				 spec->hostname ? "hostname" : "domainname");
	bool offsets = spec->time_offset_boottime_s || spec->time_offset_monotonic_s;
	if (offsets && (!spec->namespaces[SPEC_NS_TIME].present || spec->namespaces[SPEC_NS_TIME].path))
		return error_set(err, EINVAL, "linux.timeOffsets: needs a new time namespace");
	if ((spec->uid_mappings_count || spec->gid_mappings_count) && !spec->namespaces[SPEC_NS_USER].present)
		return error_set(err, EINVAL, "linux.uidMappings: needs a user namespace");
	for (size_t i = 0; i < spec->devices_count; i++)
		if (*spec->devices[i].path != '/')
			return error_set(err, EINVAL, "linux.devices: '%s' is not an absolute path",
					 spec->devices[i].path);
	for (size_t i = 0; i < spec->sysctl.count; i++) {
		int r = validate_sysctl(spec, spec->sysctl.items[i], err);
		if (r < 0)
			return r;
	}
	if (spec->personality && strcmp(spec->personality, "LINUX") != 0 && strcmp(spec->personality, "LINUX32") != 0)
		return error_set(err, EINVAL, "linux.personality: unknown domain '%s'", spec->personality);
	if (!spec->rootfs_propagation || !*spec->rootfs_propagation)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++)
		if (strcmp(spec->rootfs_propagation, propagations[i]) == 0)
			return 0;
	return error_set(err, EINVAL, "linux.rootfsPropagation: unknown propagation '%s'", spec->rootfs_propagation);
}

static int validate_hooks(const struct spec *spec, struct error *err)
{
	for (int kind = 0; kind < SPEC_HOOK_COUNT; kind++)
		for (size_t i = 0; i < spec->hooks[kind].count; i++)
			if (*spec->hooks[kind].items[i].path != '/')
				return error_set(err, EINVAL, "hooks.%s[%zu]: path '%s' is not absolute",
						 hook_name((enum spec_hook_kind)kind), i,
						 spec->hooks[kind].items[i].path);
	return 0;
}

int spec_validate(const struct spec *spec, struct error *err)
{
	int r;
	if (spec->oci_version && strncmp(spec->oci_version, "1.", 2) != 0)
		return error_set(err, ENOTSUP, "ociVersion: %s is not supported, only 1.x", spec->oci_version);
	if ((r = validate_process(&spec->process, err)) < 0 || (r = validate_mounts(spec, err)) < 0 ||
	    (r = validate_hooks(spec, err)) < 0 || (r = validate_paths(&spec->masked_paths, "maskedPaths", err)) < 0 ||
	    (r = validate_paths(&spec->readonly_paths, "readonlyPaths", err)) < 0)
		return r;
	return validate_linux(spec, err);
}
