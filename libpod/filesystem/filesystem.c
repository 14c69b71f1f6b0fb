/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/filesystem/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "libpod/container/root.h"
#include "libpod/spec/spec.h"
#include "pkg/file/file.h"
#include "storage/driver/driver.h"

void filesystem_close(struct filesystem *filesystem)
{
	if (filesystem->image)
		contents_free(filesystem->image);
	changes_free(&filesystem->changes);
	cleanup_close(&filesystem->tree_fd);
	*filesystem = FILESYSTEM_INIT;
}

static int read_mount_points(int dirfd, struct strv *ret, struct error *err)
{
	auto_free char *text = NULL;
	auto_spec struct spec spec = {0};
	size_t length;
	int r = file_read_at(dirfd, "config.json", SPEC_TEXT_MAX, &text, &length, err);
	if (r == 0)
		r = spec_read(text, length, "config.json", &spec, err);
	for (size_t i = 0; r == 0 && i < spec.mounts_count; i++)
		strv_add(ret, spec.mounts[i].destination + strspn(spec.mounts[i].destination, "/"));
	return r;
}

/* `dirfd`: of the container. */
static int find_changes(struct store *store, const struct container *container, int dirfd,
			struct filesystem *filesystem, struct error *err)
{
	auto_strv struct strv mount_points = STRV_INIT;
	struct id_mapping mapping;
	bool whole = container->driver && strcmp(container->driver, driver_name(DRIVER_VFS)) == 0;
	const char *folder = container_root_in_place(container) ? container->rootfs : NULL;
	if (container->rootfs && !folder && !whole)
		return error_set(err, EOPNOTSUPP, "container %s is made of the folder %s, of which there is no record; see what it has changed from inside",
				 container->name, container->rootfs);
	filesystem->tree_fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
				     : openat(dirfd, whole ? "rootfs" : "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (filesystem->tree_fd < 0)
		return errno == ENOENT ? 0
				       : error_sys(err, errno, "open what container %s has written", container->name);
	int r = store_mapping(store, &mapping, err);
	if (r == 0)
		r = read_mount_points(dirfd, &mount_points, err);
	if (r < 0)
		return r;
	struct changed_tree tree = {filesystem->tree_fd, whole, mapping.single, &mount_points};
	return changes_find(filesystem->image, &tree, &filesystem->changes, err);
}

int filesystem_open(struct store *store, const struct container *container, struct filesystem *ret, struct error *err)
{
	auto_filesystem struct filesystem filesystem = FILESYSTEM_INIT;
	auto_close int dirfd = container_open(store, container->id, err);
	int r = dirfd < 0 ? dirfd : contents_read(store, &container->layers, &filesystem.image, err);
	if (r == 0)
		r = find_changes(store, container, dirfd, &filesystem, err);
	if (r < 0)
		return r;
	*ret = filesystem;
	filesystem = FILESYSTEM_INIT;
	return 0;
}
