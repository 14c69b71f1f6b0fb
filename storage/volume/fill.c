/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first use of a volume: it gets what the image has at the place where it is mounted, and who owns it.
 *
 * volumes/<name>/fresh says that it is still to be done, volumes/<name>/lock that somebody is at it; who comes
 * meanwhile waits and finds it done. It is copied to fill.tmp/, written to the disk, renamed to fill/ (from here on all
 * of it is there), moved entry by entry into _data/, which may be mounted somewhere already, and fresh removed. Who is
 * killed before the rename leaves what the next one throws away, and after it what the next one completes by the same
 * moves.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/lock/lock.h"
#include "storage/volume/internal.h"

#define FILL      "fill"
#define FILL_TEMP "fill.tmp"

static int open_directory(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_names(int dirfd, struct strv *ret)
{
	int fd = reopen_fd(dirfd, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	auto_closedir DIR *directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return -errno;
	}
	for (struct dirent *entry; (entry = readdir(directory));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strv_add(ret, entry->d_name);
	return 0;
}

static int move_all(int volume, int data, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	struct stat st;
	auto_close int fill = open_directory(volume, FILL);
	if (fill < 0)
		return fill == -ENOENT ? 0 : error_sys(err, fill, "open the volume");
	int r = fstat(fill, &st) < 0 ? -errno : read_names(fill, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		if (renameat(fill, names.items[i], data, names.items[i]) < 0)
			r = -errno;
	if (r == 0 && (fchown(data, st.st_uid, st.st_gid) < 0 || fchmod(data, st.st_mode & 07777) < 0 ||
		       unlinkat(volume, FILL, AT_REMOVEDIR) < 0))
		r = -errno;
	return r < 0 ? error_sys(err, r, "fill the volume") : 0;
}

static char *directory_of(const char *data_path)
{
	const char *slash = strrchr(data_path, '/');
	return xstrndup(data_path, slash ? (size_t)(slash - data_path) : 0);
}

bool volume_is_fresh(const char *data_path)
{
	auto_free char *directory = directory_of(data_path), *path = xasprintf("%s/" VOLUME_FRESH, directory);
	return access(path, F_OK) == 0;
}

void volume_filling_clear(struct volume_filling *filling)
{
	cleanup_close(&filling->data);
	cleanup_close(&filling->lock);
	cleanup_close(&filling->volume);
	*filling = VOLUME_FILLING_INIT;
}

static int complete(const struct volume_filling *filling, struct error *err)
{
	int r = move_all(filling->volume, filling->data, err);
	if (r == 0 && unlinkat(filling->volume, VOLUME_FRESH, 0) < 0 && errno != ENOENT)
		r = error_sys(err, errno, "fill the volume");
	return r;
}

static bool is_fresh_at(int volume)
{
	return faccessat(volume, VOLUME_FRESH, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int volume_filling_begin(const char *data_path, struct volume_filling *ret, struct error *err)
{
	auto_volume_filling struct volume_filling filling = VOLUME_FILLING_INIT;
	auto_strv struct strv names = STRV_INIT;
	auto_free char *path = directory_of(data_path);
	filling.volume = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (filling.volume < 0)
		return error_sys(err, errno, "open the volume %s", path);
	int r = 0;
	if (is_fresh_at(filling.volume)) {
		r = filling.lock = lock_file_open(filling.volume, "lock", err);
		if (r < 0 || (r = lock_take(filling.lock, LOCK_MODE_EXCLUSIVE, err)) < 0)
			return r;
	}
	if (filling.lock >= 0 && is_fresh_at(filling.volume)) {
		r = filling.data = open_directory(filling.volume, VOLUME_DATA);
		if (r < 0 || (r = read_names(filling.data, &names)) < 0)
			return error_sys(err, r, "open the volume");
		bool begun = faccessat(filling.volume, FILL, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		filling.needed = !begun && names.count == 0;
		r = filling.needed ? 0 : complete(&filling, err);
	}
	if (r < 0)
		return r;
	*ret = filling;
	filling = VOLUME_FILLING_INIT;
	return 0;
}

int volume_filling_aside(const struct volume_filling *filling, uid_t uid, gid_t gid, struct error *err)
{
	int volume = filling->volume, r = tree_remove_at(volume, FILL_TEMP, err);
	if (r < 0)
		return r;
	if (mkdirat(volume, FILL_TEMP, 0700) < 0)
		return error_sys(err, errno, "make a directory of the volume");
	auto_close int aside = open_directory(volume, FILL_TEMP);
	if (aside < 0 || fchown(aside, uid, gid) < 0)
		return error_sys(err, aside < 0 ? aside : errno, "make a directory of the volume");
	return TAKE_FD(aside);
}

int volume_filling_end(struct volume_filling *filling, bool copied, uid_t uid, gid_t gid, struct error *err)
{
	int volume = filling->volume;
	if (!filling->needed)
		return 0;
	if (!copied && fchown(filling->data, uid, gid) < 0)
		return error_sys(err, errno, "give the volume to %u:%u", uid, gid);
	if (copied && syncfs(filling->data) < 0)
		return error_sys(err, errno, "write the volume to the disk");
	if (copied && renameat(volume, FILL_TEMP, volume, FILL) < 0)
		return error_sys(err, errno, "fill the volume");
	return complete(filling, err);
}

static int copy_aside(const struct volume_filling *filling, int from, struct error *err)
{
	auto_close int aside = volume_filling_aside(filling, (uid_t)-1, (gid_t)-1, err);
	if (aside < 0)
		return aside;
	auto_close int readable = reopen_fd(from, O_RDONLY | O_DIRECTORY);
	if (readable < 0)
		return error_sys(err, readable, "open what is to be copied into the volume");
	int r = tree_copy(readable, aside, err);
	if (r < 0)
		tree_remove_at(filling->volume, FILL_TEMP, NULL);
	return r;
}

int volume_fill(const char *data_path, const struct volume_fill *fill, struct error *err)
{
	auto_volume_filling struct volume_filling filling = VOLUME_FILLING_INIT;
	int r = volume_filling_begin(data_path, &filling, err);
	if (r < 0 || !filling.needed)
		return r;
	r = fill->from >= 0 ? copy_aside(&filling, fill->from, err) : 0;
	return r < 0 ? r : volume_filling_end(&filling, fill->from >= 0, fill->uid, fill->gid, err);
}
