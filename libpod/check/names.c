/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libpod/check/check.h"
#include "libpod/container/container.h"
#include "libpod/container/name.h"

/* Between a container's removal and its name's is less than this. */
#define REMOVAL_US 100000

static bool leads_nowhere(struct store *store, const char *name, char owner[65])
{
	int r = name_resolve(store->root_fd, name, owner);
	if (r < 0)
		return r == -ENOENT && !(owner[0] = '\0');
	auto_close int fd = container_open(store, owner, NULL);
	return fd < 0;
}

static bool is_there(struct store *store, const char *name)
{
	auto_free char *path = xasprintf("names/%s", name);
	return faccessat(store->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool mend(struct store *store, const char *name, const char *owner)
{
	auto_free char *path = xasprintf("names/%s", name);
	if (*owner)
		return name_release(store->root_fd, store->lock_fd, name, owner) == 0;
	return unlinkat(store->root_fd, path, 0) == 0;
}

static void check_one(struct check *check, const char *name)
{
	char owner[65];
	auto_free char *subject = xasprintf("name %s", name);
	if (!leads_nowhere(check->store, name, owner))
		return;
	usleep(REMOVAL_US);
	if (!is_there(check->store, name) || !leads_nowhere(check->store, name, owner))
		return;
	bool mended = check->repair && mend(check->store, name, owner);
	check_found(check, mended ? CHECK_MENDED : CHECK_WRONG, subject, "it does not lead to a container");
}

int check_names(struct check *check, struct error *err)
{
	int fd = openat(check->store->root_fd, "names", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		int r = error_sys(err, errno, "read %s/names", check->store->root);
		cleanup_close(&fd);
		return r;
	}
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			check_one(check, entry->d_name);
	return 0;
}
