/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request for a mount becomes one of the specification. What coracle's executor does beyond the specification stands
 * among its options as "x-coracle.…" (libpod/runtime/own_mounts.c).
 */
#include <errno.h>
#include <string.h>

#include "libpod/plan/mount_request.h"
#include "libpod/plan/plan_internal.h"
#include "storage/layer/layer.h"
#include "storage/layer/squash.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OWN          "x-coracle."

static bool has_propagation(const struct strv *options)
{
	for (size_t i = 0; i < options->count; i++)
		if (text_ends_with(options->items[i], "private") || text_ends_with(options->items[i], "shared") ||
		    text_ends_with(options->items[i], "slave") || text_ends_with(options->items[i], "unbindable"))
			return true;
	return false;
}

/* What `inspect`, `ps` and --volumes-from know of it. */
static void record(struct plan *plan, const struct mount_request *request, const char *type, const char *source)
{
	strv_addf(&plan->container->mounts, "%s\t%s\t%s", type, request->destination, source);
}

static char *scratch_path(const struct plan *plan, const struct store *store, const char *name)
{
	return xasprintf("%s/containers/%s/mounts/%zu/%s", store->root, plan->container->id,
			 plan->container->mounts.count, name);
}

/* ---- folders, and volumes that are some ---- */
static void place_overlay(struct store *store, struct mount_request *request, const char *source, struct plan *plan)
{
	auto_free char *upper = request->upper ? xstrdup(request->upper) : scratch_path(plan, store, "upper");
	auto_free char *work = request->work ? xstrdup(request->work) : scratch_path(plan, store, "work");
	struct spec_mount *mount =
	    spec_add_mount(&plan->spec, request->destination, "overlay", "overlay", OPTIONS("nosuid", "nodev"));
	strv_addf(&mount->options, OWN "lower=%s", source);
	strv_addf(&mount->options, OWN "upper=%s", upper);
	strv_addf(&mount->options, OWN "work=%s", work);
	if (!request->upper)
		strv_add(&mount->options, OWN "scratch");
	if (request->chown)
		strv_add(&mount->options, OWN "chown");
	strv_add_all(&mount->options, &request->options);
}

static void place_bind(struct store *store, struct mount_request *request, const char *source, bool fill,
		       struct plan *plan)
{
	if (request->overlay) {
		place_overlay(store, request, source, plan);
		return;
	}
	struct spec_mount *mount =
	    spec_add_mount(&plan->spec, request->destination, "bind", source, OPTIONS("nosuid", "nodev"));
	strv_add(&mount->options, request->no_recursion ? "bind" : "rbind");
	if (!has_propagation(&request->options))
		strv_add(&mount->options, "rprivate");
	strv_add_all(&mount->options, &request->options);
	/* Of what is mounted below the folder nothing can be written either. */
	if (strv_contains(&request->options, "ro") && !request->no_recursion && !request->top_only)
		strv_add(&mount->options, "rro");
	if (fill)
		strv_add(&mount->options, OWN "fill");
	if (request->chown)
		strv_add(&mount->options, OWN "chown");
	if (request->subpath)
		strv_addf(&mount->options, OWN "subpath=%s", request->subpath);
	if (request->idmap)
		strv_add(&mount->options, request->idmap);
}

/* ---- volumes ---- */
static int check_driver(const struct mount_request *request, struct error *err)
{
	if (text_is_empty(request->driver) || strcmp(request->driver, "local") == 0)
		return 0;
	return error_set(err, EOPNOTSUPP,
			 "there is no volume driver %s, only local; mount it outside, and bind that folder", request->driver);
}

/* The volume's settings: as it is, or as it is to be made, which is noted in the plan. */
static int find_volume(struct store *store, struct mount_request *request, struct plan *plan, struct volume *ret,
		       bool *ret_fresh, struct error *err)
{
	struct plan_volume *planned = NULL;
	int r = request->source ? volume_read(store, request->source, ret, NULL) : -ENOENT;
	if (r == 0) {
		auto_free char *path = volume_data_path(store, ret->name);
		*ret_fresh = volume_is_fresh(path);
		return 0;
	}
	if (r != -ENOENT)
		return volume_read(store, request->source, ret, err);
	if ((r = check_driver(request, err)) < 0)
		return r;
	*ret = (struct volume){.name = request->source ? xstrdup(request->source) : volume_random_name(),
			       .anonymous = !request->source};
	strv_add_all(&ret->labels, &request->labels);
	strv_add_all(&ret->options, &request->volume_options);
	*ret_fresh = true;
	plan->volumes = xrealloc(plan->volumes, (plan->volumes_count + 1) * sizeof(*plan->volumes));
	planned = &plan->volumes[plan->volumes_count++];
	*planned = (struct plan_volume){.volume = {.name = xstrdup(ret->name), .anonymous = ret->anonymous}};
	strv_add_all(&planned->volume.labels, &ret->labels);
	strv_add_all(&planned->volume.options, &ret->options);
	return 0;
}

static int place_tmpfs(struct mount_request *request, const char *type, struct plan *plan)
{
	struct spec_mount *mount =
	    spec_add_mount(&plan->spec, request->destination, type, type, OPTIONS("nosuid", "nodev"));
	/* Later options win: "suid" undoes the default. */
	strv_add_all(&mount->options, &request->options);
	if (request->chown && !plan->mapping.single && strcmp(type, "tmpfs") == 0) {
		strv_addf(&mount->options, "uid=%u", plan->spec.process.uid);
		strv_addf(&mount->options, "gid=%u", plan->spec.process.gid);
	} else if (request->chown) {
		strv_add(&mount->options, OWN "chown");
	}
	return 0;
}

/* A volume in memory: all containers that have it at a time see the same. */
static void place_shared_tmpfs(const struct mount_request *request, const char *name, struct plan *plan)
{
	struct spec_mount *mount = spec_add_mount(&plan->spec, request->destination, "tmpfs", "tmpfs", OPTIONS("nosuid", "nodev"));
	strv_add_all(&mount->options, &request->options);
	if (request->chown)
		strv_add(&mount->options, OWN "chown");
	strv_addf(&mount->options, OWN "shared=%s", name);
}

static int place_volume(struct store *store, struct mount_request *request, struct plan *plan, struct error *err)
{
	auto_volume struct volume volume = {0};
	auto_volume_source struct volume_source source = {0};
	bool fresh = false;
	int r = find_volume(store, request, plan, &volume, &fresh, err);
	if (r < 0 || (r = volume_source(store, &volume, &source, err)) < 0)
		return error_context(err, "%s", request->shown);
	for (size_t i = source.options.count; i-- > 0;) {
		/* Before the container's own, which win. */
		strv_add(&request->options, source.options.items[i]);
	}
	auto_free char *shown = source.path ? xstrdup(source.path) : xstrdup("tmpfs");
	if (source.kind == VOLUME_TMPFS)
		place_shared_tmpfs(request, volume.name, plan);
	else
		place_bind(store, request, source.path,
			   fresh && source.kind == VOLUME_PLAIN && !request->no_copy && !source.no_copy, plan);
	record(plan, request, "volume", shown);
	strv_addf(&plan->container->volumes, "%s:%s", volume.name, request->destination);
	return 0;
}

/* ---- images ---- */
static int add_layers(struct store *store, const struct image *image, struct spec_mount *mount, struct error *err)
{
	for (size_t i = 0; i < image->layers.count; i++) {
		bool again = false;
		for (size_t j = i + 1; j < image->layers.count && !again; j++)
			again = strcmp(image->layers.items[i], image->layers.items[j]) == 0;
		auto_free char *tree = NULL;
		int r = again ? 0 : layer_tree_path(store, image->layers.items[i], &tree, err);
		if (r < 0)
			return r;
		if (tree && layer_is_squashed(tree))
			return error_set(err, EOPNOTSUPP, "the image is a squashfs file, which can be run but not be mounted into another container");
		if (tree)
			strv_addf(&mount->options, OWN "lower=%s", tree);
	}
	return 0;
}

static int place_image(struct store *store, struct mount_request *request, struct plan *plan, struct error *err)
{
	auto_image struct image *image = NULL;
	int r = image_find_instance(store, request->source, &image, err);
	if (r < 0)
		return error_context(err, "%s", request->shown);
	struct spec_mount *mount =
	    spec_add_mount(&plan->spec, request->destination, "overlay", "overlay", OPTIONS("nosuid", "nodev"));
	if ((r = add_layers(store, image, mount, err)) < 0)
		return error_context(err, "%s", request->shown);
	if (image->layers.count == 0)
		return error_set(err, EINVAL, "%s: the image has no files", request->shown);
	if (request->writable) {
		auto_free char *upper = scratch_path(plan, store, "upper"), *work = scratch_path(plan, store, "work");
		strv_addf(&mount->options, OWN "upper=%s", upper);
		strv_addf(&mount->options, OWN "work=%s", work);
	} else if (!strv_contains(&request->options, "ro")) {
		strv_add(&mount->options, "ro");
	}
	strv_add_all(&mount->options, &request->options);
	if (request->subpath)
		strv_addf(&mount->options, OWN "subpath=%s", request->subpath);
	record(plan, request, "image", request->source);
	strv_add(&plan->container->mounted_images, image->id);
	return 0;
}

static void place_devpts(struct mount_request *request, struct plan *plan)
{
	struct spec_mount *mount = spec_add_mount(&plan->spec, request->destination, "devpts", "devpts",
						  OPTIONS("nosuid", "noexec", "newinstance", "ptmxmode=0666"));
	strv_add_all(&mount->options, &request->options);
	record(plan, request, "devpts", "devpts");
}

/* ---- all of them ---- */
int mount_request_place(struct store *store, struct mount_request *request, struct plan *plan, struct error *err)
{
	plan_remove_mount(&plan->spec, request->destination);
	switch (request->kind) {
	case MOUNT_BIND:
		place_bind(store, request, request->source, false, plan);
		record(plan, request, "bind", request->source);
		return 0;
	case MOUNT_VOLUME:
		return place_volume(store, request, plan, err);
	case MOUNT_IMAGE:
		return place_image(store, request, plan, err);
	case MOUNT_DEVPTS:
		place_devpts(request, plan);
		return 0;
	default:
		place_tmpfs(request, request->kind == MOUNT_RAMFS ? "ramfs" : "tmpfs", plan);
		/* --tmpfs is shown elsewhere. */
		if (text_starts_with(request->shown, "--mount"))
			record(plan, request, request->kind == MOUNT_RAMFS ? "ramfs" : "tmpfs", "");
		return 0;
	}
}
