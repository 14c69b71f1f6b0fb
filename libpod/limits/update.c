/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update: other limits for a container that is there. A living one gets them first; only what the kernel took is written down. When it refuses, the ones before are
 * put back.
 */
#include <errno.h>
#include <string.h>

#include "libpod/limits/update.h"
#include "libpod/spec/spec.h"
#include "pkg/file/file.h"
#include "rootless/cgroup/cgroup.h"


static int apply_to(const struct container_state *state, const struct container *container, struct json_object *before, struct json_object *after,
		    struct error *err)
{
	auto_close int cgroup = cgroup_open_of(state->pid, container->id);
	if (cgroup < 0)
		return error_set(err, EOPNOTSUPP, "container %s was started without a cgroup of its own; stop it, and its limits count from the next start on",
				 container->name);
	cgroup_enable_controllers(cgroup);
	int r = limits_apply(cgroup, after, err);
	if (r < 0 && before)
		limits_apply(cgroup, before, NULL);
	return r;
}

int limits_update(struct store *store, struct container *container, const struct container_state *state, const struct limit_options *options,
		  struct error *err)
{
	auto_spec struct spec spec;
	auto_free char *text = NULL;
	size_t length;
	spec_init(&spec);
	auto_close int dirfd = container_open(store, container->id, err);
	int r = dirfd;
	if (r < 0 || (r = file_read_at(dirfd, "config.json", SPEC_TEXT_MAX, &text, &length, err)) < 0 ||
	    (r = spec_read(text, length, "config.json", &spec, err)) < 0)
		return r;
	auto_json struct json_object *before = spec.resources ? json_object_get(spec.resources) : NULL;
	if ((r = limits_from_options(options, &spec.resources, err)) < 0)
		return r;
	bool alive = state->status == CONTAINER_RUNNING || state->status == CONTAINER_PAUSED;
	if (alive && (r = apply_to(state, container, before, spec.resources, err)) < 0)
		return r;
	auto_free char *config = spec_write(&spec);
	return file_write_at(dirfd, "config.json", config, strlen(config), 0600, 0, err);
}
