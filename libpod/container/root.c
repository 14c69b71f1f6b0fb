/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/container/root.h"

#include <errno.h>
#include <string.h>

static int driver_by_name(const char *name, enum driver *ret, struct error *err)
{
	for (enum driver driver = DRIVER_OVERLAY; driver <= DRIVER_VFS; driver++) {
		if (name && strcmp(driver_name(driver), name) == 0) {
			*ret = driver;
			return 0;
		}
	}
	return error_set(err, EINVAL, "unknown storage driver %s", name ? name : "");
}

bool container_root_in_place(const struct container *container)
{
	return container->rootfs && !container->rootfs_overlay;
}

int container_root_prepare(struct store *store, const struct container *container, struct rootfs *ret,
			   struct error *err)
{
	enum driver driver = DRIVER_OVERLAY;
	auto_free char *path = xasprintf("%s/containers/%s", store->root, container->id);
	int r = driver_by_name(container->driver, &driver, err);
	if (r < 0)
		return r;
	if (container->rootfs)
		return rootfs_prepare_folder(store, driver, container->rootfs, container->rootfs_overlay ? path : NULL,
					     ret, err);
	return rootfs_prepare(store, driver, &container->layers, path, ret, err);
}
