/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/container/root.h"

#include <errno.h>

bool container_root_in_place(const struct container *container)
{
	return container->rootfs && !container->rootfs_overlay;
}

int container_root_prepare(struct store *store, const struct container *container, struct rootfs *ret,
			   struct error *err)
{
	enum driver driver = DRIVER_OVERLAY;
	auto_free char *path = xasprintf("%s/containers/%s", store->root, container->id);
	if (!container->driver || !driver_from_name(container->driver, &driver))
		return error_set(err, EINVAL, "unknown storage driver %s", container->driver ? container->driver : "");
	if (container->rootfs)
		return rootfs_prepare_folder(store, driver, container->rootfs, container->rootfs_overlay ? path : NULL,
					     ret, err);
	return rootfs_prepare(store, driver, &container->layers, path, ret, err);
}
