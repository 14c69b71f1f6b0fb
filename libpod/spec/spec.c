/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libpod/spec/spec.h"

void spec_init(struct spec *spec)
{
	*spec = (struct spec){.process.umask = -1};
}

void spec_process_free(struct spec_process *process)
{
	strv_free(&process->args);
	strv_free(&process->env);
	free(process->cwd);
	free(process->additional_gids);
	free(process->rlimits);
	free(process->apparmor_profile);
	free(process->selinux_label);
	*process = (struct spec_process){.umask = -1};
}

static void free_mounts(struct spec *spec)
{
	for (size_t i = 0; i < spec->mounts_count; i++) {
		free(spec->mounts[i].destination);
		free(spec->mounts[i].type);
		free(spec->mounts[i].source);
		strv_free(&spec->mounts[i].options);
	}
	free(spec->mounts);
}

static void free_hooks(struct spec_hooks *hooks)
{
	for (size_t i = 0; i < hooks->count; i++) {
		free(hooks->items[i].path);
		strv_free(&hooks->items[i].args);
		strv_free(&hooks->items[i].env);
	}
	free(hooks->items);
}

void spec_free(struct spec *spec)
{
	free(spec->oci_version);
	spec_process_free(&spec->process);
	free(spec->root_path);
	free(spec->hostname);
	free(spec->domainname);
	free_mounts(spec);
	for (int i = 0; i < SPEC_HOOK_COUNT; i++)
		free_hooks(&spec->hooks[i]);
	strv_free(&spec->annotations);
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		free(spec->namespaces[i].path);
	free(spec->uid_mappings);
	free(spec->gid_mappings);
	for (size_t i = 0; i < spec->devices_count; i++)
		free(spec->devices[i].path);
	free(spec->devices);
	free(spec->cgroups_path);
	json_object_put(spec->resources);
	free(spec->rootfs_propagation);
	free(spec->personality);
	strv_free(&spec->masked_paths);
	strv_free(&spec->readonly_paths);
	strv_free(&spec->sysctl);
	free(spec->seccomp);
	spec_init(spec);
}

struct spec_mount *spec_add_mount(struct spec *spec, const char *destination, const char *type, const char *source,
				  const char *const *options)
{
	spec->mounts = xrealloc(spec->mounts, (spec->mounts_count + 1) * sizeof(*spec->mounts));
	struct spec_mount *mount = &spec->mounts[spec->mounts_count++];
	*mount = (struct spec_mount){
	    .destination = xstrdup(destination),
	    .type = type ? xstrdup(type) : NULL,
	    .source = source ? xstrdup(source) : NULL,
	};
	for (; options && *options; options++)
		strv_add(&mount->options, *options);
	return mount;
}

void spec_process_add_rlimit(struct spec_process *process, int resource, uint64_t soft, uint64_t hard)
{
	process->rlimits = xrealloc(process->rlimits, (process->rlimits_count + 1) * sizeof(*process->rlimits));
	process->rlimits[process->rlimits_count++] = (struct spec_rlimit){resource, soft, hard};
}

void spec_add_rlimit(struct spec *spec, int resource, uint64_t soft, uint64_t hard)
{
	spec_process_add_rlimit(&spec->process, resource, soft, hard);
}

struct spec_device *spec_add_device(struct spec *spec, const char *path, char type, int64_t major, int64_t minor,
				    uint32_t mode)
{
	spec->devices = xrealloc(spec->devices, (spec->devices_count + 1) * sizeof(*spec->devices));
	struct spec_device *device = &spec->devices[spec->devices_count++];
	*device = (struct spec_device){xstrdup(path), type, major, minor, mode, 0, 0};
	return device;
}
