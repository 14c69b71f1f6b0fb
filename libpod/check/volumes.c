/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes: their records, and that what containers have is there. What is in a volume nobody but its users knows: it is
 * never touched. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libpod/check/check.h"
#include "libpod/container/container.h"
#include "storage/volume/volume.h"

enum {
	MAKING_S = 60, /* between the making of a symlink and that of its container is less than this */
};

static void check_link(struct check *check, int dirfd, const char *name, const char *subject)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ctime + MAKING_S >= time(NULL))
		return;
	bool mended = check->repair && unlinkat(dirfd, name, 0) == 0;
	check_found(check, mended ? CHECK_MENDED : CHECK_WRONG, subject, "its container is not there any more");
}

static void check_record(struct check *check, const char *name, const char *subject)
{
	struct error err = ERROR_INIT, failure = ERROR_INIT;
	auto_volume struct volume volume = {0};
	int r = volume_read(check->store, name, &volume, &err);
	if (r == 0)
		return;
	bool mended = check->repair && volume_mend(check->store, name, &failure) == 0;
	check_found(check, mended ? CHECK_MENDED : CHECK_WRONG, subject,
		    "its record %s; a new one knows neither labels nor options",
		    r == -ENOENT ? "is not there" : "cannot be read");
}

static void check_one(struct check *check, int dirfd, const char *name)
{
	struct stat st;
	auto_free char *subject = xasprintf("volume %s", name), *data = xasprintf("%s/_data", name);
	if (fstatat(dirfd, name, &st, 0) < 0) {
		check_link(check, dirfd, name, subject);
		return;
	}
	if (fstatat(dirfd, data, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)) {
		if (fstatat(dirfd, name, &st, 0) == 0) /* not just removed */
			check_found(check, CHECK_LOST, subject, "its data is not there");
		return;
	}
	check_record(check, name, subject);
}

/* One that is missing hinders its containers from starting, and takes nothing else from them. */
static void check_users(struct check *check, const char *id)
{
	auto_container struct container *container = NULL;
	if (container_read_listed(check->store, id, &container, NULL) < 0)
		return;
	auto_free char *subject = xasprintf("container %.12s", id);
	for (size_t i = 0; i < container->volumes.count; i++) {
		auto_free char *name = xstrndup(container->volumes.items[i], strcspn(container->volumes.items[i], ":"));
		auto_free char *path = volume_data_path(check->store, name);
		if (access(path, F_OK) < 0 && errno == ENOENT)
			check_found(check, CHECK_WRONG, subject,
				    "its volume %s is not there; \"volume create %s\" makes an empty one", name, name);
	}
}

int check_volumes(struct check *check, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(check->store, &ids, err);
	for (size_t i = 0; r == 0 && i < ids.count; i++)
		check_users(check, ids.items[i]);
	int fd = r < 0 ? -1 : openat(check->store->root_fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return r < 0 ? r : errno == ENOENT ? 0 : error_sys(err, errno, "read %s/volumes", check->store->root);
	auto_closedir DIR *directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return error_sys(err, errno, "read %s/volumes", check->store->root);
	}
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			check_one(check, fd, entry->d_name);
	return 0;
}
