/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libpod/check/check.h"
#include "libpod/container/container.h"
#include "libpod/container/name.h"

/* Between a container's removal and its name's is less than this, on a machine that is not too busy for it. */
#define REMOVAL_US 2000000
#define LOOK_US    50000

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

static bool is_suspect(struct store *store, const char *name)
{
	char owner[65];
	return is_there(store, name) && leads_nowhere(store, name, owner);
}

static void keep_suspects(struct store *store, struct strv *names)
{
	auto_strv struct strv left = STRV_INIT;
	for (size_t i = 0; i < names->count; i++)
		if (is_suspect(store, names->items[i]))
			strv_add(&left, names->items[i]);
	strv_free(names);
	*names = left;
	left = (struct strv)STRV_INIT;
}

static void report(struct check *check, const char *name)
{
	char owner[65];
	auto_free char *subject = xasprintf("name %s", name);
	if (!leads_nowhere(check->store, name, owner))
		return;
	bool mended = check->repair && mend(check->store, name, owner);
	check_found(check, mended ? CHECK_MENDED : CHECK_WRONG, subject, "it does not lead to a container");
}

int check_names(struct check *check, struct error *err)
{
	auto_strv struct strv suspects = STRV_INIT;
	int fd = openat(check->store->root_fd, "names", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		int r = error_sys(err, errno, "read %s/names", check->store->root);
		cleanup_close(&fd);
		return r;
	}
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			strv_add(&suspects, entry->d_name);
	keep_suspects(check->store, &suspects);
	for (unsigned int waited = 0; suspects.count && waited < REMOVAL_US; waited += LOOK_US) {
		usleep(LOOK_US);
		keep_suspects(check->store, &suspects);
	}
	for (size_t i = 0; i < suspects.count; i++)
		report(check, suspects.items[i]);
	return 0;
}
