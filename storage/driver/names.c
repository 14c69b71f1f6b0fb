/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/driver/internal.h"

static const char *const names[] = {
    [DRIVER_OVERLAY] = "overlay",
    [DRIVER_FUSE_OVERLAYFS] = "fuse-overlayfs",
    [DRIVER_VFS] = "vfs",
};

const char *driver_name(enum driver driver)
{
	return names[driver];
}

bool driver_from_name(const char *name, enum driver *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0) {
			*ret = (enum driver)i;
			return true;
		}
	return false;
}

const char *rootfs_source(const struct rootfs *rootfs, const char *otherwise)
{
	static const char place[] = "/containers/";
	const char *found = NULL;
	for (const char *at = rootfs->upper; at && (at = strstr(at, place)); at++)
		found = at + 1;
	return found ? found : otherwise;
}

void rootfs_free(struct rootfs *rootfs)
{
	strv_free(&rootfs->lowers);
	strv_free(&rootfs->squashed);
	free(rootfs->upper);
	free(rootfs->work);
	free(rootfs->target);
}
