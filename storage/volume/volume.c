/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes come and go: their directories, and the symlinks that stand for those that live in a container's. */
#include "storage/volume/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "storage/volume/internal.h"

void volume_clear(struct volume *volume)
{
	free(volume->name);
	free(volume->driver);
	strv_free(&volume->labels);
	strv_free(&volume->options);
	*volume = (struct volume){0};
}

int volume_name_check(const char *name, struct error *err)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t length = strlen(name);
	if (length && length <= NAME_MAX && strchr(first, *name) &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == length)
		return 0;
	return error_set(err, EINVAL,
			 "\"%s\" is no name for a volume: give letters, digits and _.-, a letter or digit first; the "
			 "path of a folder begins with / or ./",
			 name);
}

char *volume_random_name(void)
{
	char name[65];
	text_random_hex(name, 32);
	return xstrdup(name);
}

char *volume_data_path(const struct store *store, const char *name)
{
	return xasprintf("%s/" VOLUMES "/%s/" VOLUME_DATA, store->root, name);
}

/* The first volume of a store makes the directory of all. */
static int make_volumes(struct store *store, struct error *err)
{
	if (mkdirat(store->root_fd, VOLUMES, 0700) < 0)
		return errno == EEXIST ? 0 : error_sys(err, errno, "make %s/" VOLUMES, store->root);
	auto_close int fd = openat(store->root_fd, VOLUMES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open %s/" VOLUMES, store->root) : store_give(store, fd, err);
}

/* Into an empty directory. */
static int fill_in(struct store *store, int fd, struct volume *volume, struct error *err)
{
	if (!volume->created_ns)
		volume->created_ns = time_now_ns();
	if (!volume->driver)
		volume->driver = xstrdup("local");
	if (mkdirat(fd, VOLUME_DATA, 0755) < 0)
		return error_sys(err, errno, "make the volume's directory");
	auto_close int data = openat(fd, VOLUME_DATA, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Whatever the umask. */
	if (data < 0 || fchmod(data, 0755) < 0)
		return error_sys(err, errno, "make the volume's directory");
	auto_close int fresh = openat(fd, VOLUME_FRESH, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fresh < 0)
		return error_sys(err, errno, "write the volume's record");
	int r = store_give(store, data, err);
	return r < 0 ? r : volume_write(fd, volume, err);
}

int volume_make_at(struct store *store, int dirfd, struct volume *volume, struct error *err)
{
	if (mkdirat(dirfd, volume->name, 0700) < 0)
		return error_sys(err, errno, "make volume %s", volume->name);
	auto_close int fd = openat(dirfd, volume->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "make volume %s", volume->name);
	int r = store_give(store, fd, err);
	return r < 0 ? r : fill_in(store, fd, volume, err);
}

static int already(const char *name, struct error *err)
{
	return error_set(err, EEXIST, "volume %s already exists", name);
}

struct giving {
	int data;
	uid_t uid;
	gid_t gid;
};

static int give(void *data, struct error *err)
{
	const struct giving *giving = data;
	return fchown(giving->data, giving->uid, giving->gid) < 0
		   ? error_sys(err, errno, "give the volume to %d:%d", (int)giving->uid, (int)giving->gid)
		   : 0;
}

/* o=uid=…,gid=…: as the containers call them. */
static int give_as_asked(struct store *store, int fd, const struct volume *volume, struct error *err)
{
	auto_volume_source struct volume_source source = {0};
	int r = volume_source(store, volume, &source, err);
	if (r < 0 || source.kind != VOLUME_PLAIN || (source.uid < 0 && source.gid < 0))
		return r;
	auto_close int data = openat(fd, VOLUME_DATA, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (data < 0)
		return error_sys(err, errno, "open the volume");
	struct giving giving = {data, (uid_t)source.uid, (gid_t)source.gid};
	return store_run_mapped(store, give, &giving, err);
}

int volume_create(struct store *store, struct volume *volume, struct error *err)
{
	int r = volume_name_check(volume->name, err);
	auto_stage struct stage stage = STAGE_INIT;
	auto_free char *path = xasprintf(VOLUMES "/%s", volume->name);
	struct stat st;
	if (r < 0 || (r = make_volumes(store, err)) < 0)
		return r;
	if (fstatat(store->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return already(volume->name, err);
	if ((r = store_stage(store, &stage, err)) < 0 || (r = fill_in(store, stage.fd, volume, err)) < 0 ||
	    (r = give_as_asked(store, stage.fd, volume, err)) < 0)
		return error_context(err, "make volume %s", volume->name);
	r = stage_place(&stage, path, true, err);
	if (r == -EEXIST) {
		error_clear(err);
		return already(volume->name, err);
	}
	return r;
}

/* ---- those of a container ---- */
int volume_link(struct store *store, const char *name, const char *container, struct error *err)
{
	int r = make_volumes(store, err);
	auto_free char *path = xasprintf(VOLUMES "/%s", name),
		       *target = xasprintf("../containers/%s/" VOLUMES "/%s", container, name);
	if (r == 0 && symlinkat(target, store->root_fd, path) < 0)
		r = error_sys(err, errno, "make volume %s", name);
	return r;
}

void volume_unlink(struct store *store, const char *name)
{
	auto_free char *path = xasprintf(VOLUMES "/%s", name);
	unlinkat(store->root_fd, path, 0);
}

/* Where a symlink stands for it: the path under the root of what it leads to. 0: there is none; 1; or negative errno.
 */
static int linked_path(struct store *store, const char *name, char **ret)
{
	char target[PATH_MAX];
	auto_free char *path = xasprintf(VOLUMES "/%s", name);
	ssize_t length = readlinkat(store->root_fd, path, target, sizeof(target) - 1);
	if (length < 0)
		return errno == EINVAL ? 0 : -errno;
	target[length] = '\0';
	if (!text_starts_with(target, "../containers/"))
		return -EINVAL;
	*ret = xstrdup(target + strlen("../"));
	return 1;
}

int volume_keep(struct store *store, const char *name, struct error *err)
{
	auto_free char *from = NULL, *path = xasprintf(VOLUMES "/%s", name);
	int r = linked_path(store, name, &from);
	if (r <= 0)
		return r < 0 ? error_sys(err, r, "volume %s", name) : 0;
	/* The symlink goes to where the volume was, and with the container. */
	if (renameat2(store->root_fd, from, store->root_fd, path, RENAME_EXCHANGE) == 0)
		return 0;
	/* A network file system cannot do both at once. */
	if (errno == EINVAL && unlinkat(store->root_fd, path, 0) == 0 &&
	    renameat(store->root_fd, from, store->root_fd, path) == 0)
		return 0;
	return error_sys(err, errno, "keep volume %s", name);
}

/* ---- removing ---- */
int volume_remove(struct store *store, const char *name, struct error *err)
{
	auto_free char *from = NULL, *path = xasprintf(VOLUMES "/%s", name);
	int r = linked_path(store, name, &from);
	if (r > 0) {
		r = store_trash(store, from, NULL);
		volume_unlink(store, name);
		return r == -ENOENT ? error_set(err, ENOENT, "no such volume: %s", name) : r;
	}
	r = store_trash(store, path, err);
	return r == -ENOENT ? error_set(err, ENOENT, "no such volume: %s", name) : r;
}
