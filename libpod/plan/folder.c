/* SPDX-License-Identifier: Apache-2.0 */
/* folder: --rootfs: a folder of the user's in the place of an image. It has no configuration: no command, no environment, no ports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libpod/plan/plan_internal.h"

/* "PATH", "PATH:O" */
int plan_folder(const char *text, struct container *container, struct error *err)
{
	struct stat st;
	bool overlay = text_ends_with(text, ":O");
	auto_free char *path = xstrndup(text, strlen(text) - (overlay ? strlen(":O") : 0));
	container->rootfs = realpath(path, NULL);
	container->rootfs_overlay = overlay;
	if (!container->rootfs || stat(container->rootfs, &st) < 0)
		return error_sys(err, errno, "--rootfs %s", path);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "--rootfs %s: that is not a folder", path);
	return 0;
}

int plan_check_folder(const struct plan *plan, struct error *err)
{
	const struct container *container = plan->container;
	if (container->rootfs && !container->rootfs_overlay && plan_moves_ids(plan))
		return error_set(
		    err, EINVAL,
		    "--rootfs %s: in a user namespace of its own the container would see other owners; use %s:O",
		    container->rootfs, container->rootfs);
	return 0;
}
