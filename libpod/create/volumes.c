/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "libpod/create/internal.h"

static int make_anonymous(struct store *store, const struct plan *plan, struct volume *volume, int stage_fd,
			  struct error *err)
{
	if (mkdirat(stage_fd, "volumes", 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make a directory of the container");
	auto_close int volumes = openat(stage_fd, "volumes", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (volumes < 0)
		return error_sys(err, errno, "open a directory of the container");
	int r = store_give(store, volumes, err);
	if (r < 0 || (r = volume_make_at(store, volumes, volume, err)) < 0)
		return r;
	return volume_link(store, volume->name, plan->container->id, err);
}

static int make_named(struct store *store, struct volume *volume, struct error *err)
{
	int r = volume_create(store, volume, err);
	/* Another was faster, and its volume is as good. */
	if (r == -EEXIST)
		error_clear(err);
	return r == -EEXIST ? 0 : r;
}

static bool is_planned(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->volumes_count; i++)
		if (strcmp(plan->volumes[i].volume.name, name) == 0)
			return true;
	return false;
}

/* An anonymous volume of another container that this one has, too, does not go with that one any more. */
static int keep_others(struct store *store, const struct plan *plan, struct error *err)
{
	const struct strv *volumes = &plan->container->volumes;
	int r = 0;
	for (size_t i = 0; r == 0 && i < volumes->count; i++) {
		auto_free char *name = xstrndup(volumes->items[i], strcspn(volumes->items[i], ":"));
		if (!is_planned(plan, name))
			r = volume_keep(store, name, err);
	}
	return r;
}

void create_forget_volumes(struct store *store, const struct plan *plan)
{
	for (size_t i = 0; i < plan->volumes_count; i++)
		if (plan->volumes[i].volume.anonymous)
			volume_unlink(store, plan->volumes[i].volume.name);
}

int create_volumes(struct store *store, const struct plan *plan, int stage_fd, struct error *err)
{
	int r = keep_others(store, plan, err);
	for (size_t i = 0; r == 0 && i < plan->volumes_count; i++) {
		struct volume *volume = &plan->volumes[i].volume;
		r = volume->anonymous ? make_anonymous(store, plan, volume, stage_fd, err)
				      : make_named(store, volume, err);
	}
	if (r < 0)
		create_forget_volumes(store, plan);
	return r;
}
