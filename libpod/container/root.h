/* SPDX-License-Identifier: Apache-2.0 */
/* root: what a container's root file system is made of: the layers of its image, or a folder (--rootfs). */
#pragma once

#include "libpod/container/container.h"
#include "storage/driver/driver.h"

/* Whether it is the folder itself, and not an overlay over it: then nothing of it lies in the container's directory. */
bool container_root_in_place(const struct container *container);
/* rootfs_prepare() or rootfs_prepare_folder() for a container whose directory is in its place, with its driver. */
int container_root_prepare(struct store *store, const struct container *container, struct rootfs *ret,
			   struct error *err);
