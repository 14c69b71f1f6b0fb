/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: files in a tmpfs at /run/secrets, read-only when they are all there. One whose target lies elsewhere is made
 * in that tmpfs, bound to its target, and loses its name in the tmpfs again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"

#define PLACE "/run/secrets"

static int attach_tmpfs(int root_fd, int *ret_tmpfs, struct error *err)
{
	auto_strv struct strv data = STRV_INIT;
	strv_add(&data, "mode=755");
	auto_close int place = mkdirs_in_root(root_fd, PLACE, 0755);
	if (place < 0)
		return error_sys(err, place, "make " PLACE);
	auto_close int tmpfs =
	    mount_new("tmpfs", "secrets", &data, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	int r = tmpfs < 0 ? tmpfs : mount_attach(tmpfs, place);
	if (r < 0)
		return tmpfs < 0 ? tmpfs : error_sys(err, r, "attach " PLACE);
	*ret_tmpfs = TAKE_FD(tmpfs);
	return 0;
}

/* The file behind `name` in the tmpfs. A single id owns everything. */
static int fill(const struct runtime *runtime, const struct runtime_secret *secret, int file)
{
	char data[4096];
	off_t offset = 0;
	for (ssize_t n; (n = pread(secret->fd, data, sizeof(data), offset)) != 0; offset += n) {
		int r = n < 0 ? -errno : write_all(file, data, (size_t)n);
		if (r < 0)
			return r;
	}
	if (fchown(file, secret->uid, secret->gid) < 0 && !runtime->fake_ownership)
		return -errno;
	return fchmod(file, secret->mode) < 0 ? -errno : 0;
}

/* Makes the directories on the way, too. */
static int make_file(int directory, const char *path)
{
	auto_free char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		auto_close int made = mkdirs_in_root(directory, parent, 0755);
		if (made < 0)
			return made;
	}
	return open_in_root(directory, path, O_WRONLY | O_CREAT, 0600);
}

static int bind_file(int root_fd, int tmpfs, const char *name, const char *path)
{
	auto_close int clone = mount_clone(tmpfs, name, false);
	if (clone < 0)
		return clone;
	int r = mount_set_attributes(clone, false, MOUNT_ATTR_RDONLY, 0);
	auto_close int made = r < 0 ? r : open_in_root(root_fd, path, O_PATH, 0);
	if (made == -ENOENT)
		made = make_file(root_fd, path);
	auto_close int target = made < 0 ? made : open_in_root(root_fd, path, O_PATH, 0);
	return target < 0 ? target : mount_attach(clone, target);
}

static int set_one(const struct runtime *runtime, const struct runtime_secret *secret, int root_fd, int tmpfs)
{
	bool here = strncmp(secret->target, PLACE "/", strlen(PLACE "/")) == 0;
	const char *name = here ? secret->target + strlen(PLACE) : ".elsewhere";
	auto_close int file = make_file(tmpfs, name);
	int r = file < 0 ? file : fill(runtime, secret, file);
	if (r < 0 || here)
		return r;
	r = bind_file(root_fd, tmpfs, name, secret->target);
	unlinkat(tmpfs, name, 0);
	return r;
}

int secrets_setup(const struct runtime *runtime, int root_fd, struct error *err)
{
	auto_close int tmpfs = -1;
	if (!runtime->secrets_count)
		return 0;
	int r = attach_tmpfs(root_fd, &tmpfs, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < runtime->secrets_count; i++) {
		const struct runtime_secret *secret = &runtime->secrets[i];
		if ((r = set_one(runtime, secret, root_fd, tmpfs)) < 0) {
			error_sys(err, r, "secret %s", secret->target);
			if (r == -EINVAL)
				error_advice(err, "; the container has no user %u or group %u", secret->uid,
					     secret->gid);
			return r;
		}
	}
	r = mount_set_attributes(tmpfs, false, MOUNT_ATTR_RDONLY, 0);
	return r < 0 ? error_sys(err, r, "make " PLACE " read-only") : 0;
}
