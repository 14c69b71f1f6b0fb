/* SPDX-License-Identifier: Apache-2.0 */
/*
 * choose: which driver works here, found by trying.
 *
 * The trial of the kernel's overlay is the real thing: a mount on directories in the store, a whiteout and an opaque
 * directory, in a mount namespace of a child that is root in the user namespace. Its result is kept in cache/driver
 * with what it depends on: another kernel, file system or user asks again. That overlay does not work is believed for
 * ten minutes only, because an administrator may have allowed it since.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "storage/driver/internal.h"
#include "storage/layer/layer.h"
#include "storage/layer/squash.h"

#define CACHE     "cache/driver"
#define CACHE_MAX 4096
enum {
	REFUSAL_BELIEVED_S = 600,
};

/* What the choice depends on, as one line. */
static int cache_key(struct store *store, char *out, size_t size, struct error *err)
{
	struct utsname kernel;
	struct stat st;
	struct statfs fs;
	if (uname(&kernel) < 0 || fstat(store->root_fd, &st) < 0 || fstatfs(store->root_fd, &fs) < 0)
		return error_sys(err, errno, "look at the file system of %s", store->root);
	snprintf(out, size, "1 %s %lx %lx %o", kernel.release, (unsigned long)st.st_dev, (unsigned long)fs.f_type,
		 (unsigned)geteuid());
	return 0;
}

struct trial {
	struct store *store;
	int stage;
	const char *path; /* of the stage */
};

/* In the stage, as root of the user namespace: a layer with a file, and the directories over it. */
static int make_trial(int stage, struct error *err)
{
	static const char *const names[] = {"lower", "upper", "work"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (mkdirat(stage, names[i], 0755) < 0)
			return error_sys(err, errno, "prepare the trial of overlay");
	auto_close int lower = openat(stage, "lower", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int file = openat(stage, "lower/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (lower < 0 || file < 0)
		return error_sys(err, errno, "prepare the trial of overlay");
	if (fsetxattr(lower, "user.overlay.opaque", "y", 1, 0) < 0)
		return error_sys(err, errno, "set an extended attribute on the file system of the store");
	return 0;
}

static int mount_trial(const struct trial *trial, struct error *err)
{
	auto_rootfs struct rootfs rootfs = {
	    .driver = DRIVER_OVERLAY,
	    .upper = xasprintf("%s/upper", trial->path),
	    .work = xasprintf("%s/work", trial->path),
	    .target = xasprintf("%s/mnt", trial->store->root),
	};
	strv_addf(&rootfs.lowers, "%s/lower", trial->path);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return error_sys(err, errno, "make a mount namespace");
	int r = overlay_mount(&rootfs, err);
	if (r < 0)
		return r;
	auto_free char *file = xasprintf("%s/file", rootfs.target);
	/* A copy-up, a whiteout, and a directory that replaces one of a layer. */
	if (chmod(file, 0600) < 0 || unlink(file) < 0 || mkdir(file, 0700) < 0)
		return error_sys(err, errno, "change a file on an overlay");
	return 0;
}

static int try_overlay(void *data, struct error *err)
{
	const struct trial *trial = data;
	int r = make_trial(trial->stage, err);
	return r < 0 ? r : mount_trial(trial, err);
}

static int probe_overlay(struct store *store, struct error *err)
{
	if (store->network_file_system)
		return error_set(err, EOPNOTSUPP, "the store lies on a network file system");
	auto_stage struct stage stage = STAGE_INIT;
	int r = store_stage(store, &stage, err);
	if (r < 0)
		return r;
	auto_free char *path = xasprintf("%s/tmp/%s", store->root, stage.name);
	struct trial trial = {store, stage.fd, path};
	return store_run_mapped(store, try_overlay, &trial, err);
}

int probe_fuse(struct error *err)
{
	auto_free char *program = find_program("fuse-overlayfs");
	if (!program)
		return error_set(err, ENOENT, "there is no fuse-overlayfs (install the package fuse-overlayfs)");
	auto_close int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno,
				 "/dev/fuse cannot be opened (ask the administrator to allow it: chmod 666 /dev/fuse)");
	return 0;
}

static enum driver probe(struct store *store, struct strbuf *reason)
{
	struct error err = ERROR_INIT;
	if (probe_overlay(store, &err) >= 0)
		return DRIVER_OVERLAY;
	strbuf_printf(reason, "the kernel's overlay does not work here: %s", err.text);
	if (probe_fuse(&err) >= 0)
		return DRIVER_FUSE_OVERLAYFS;
	strbuf_printf(reason, "; %s; so every container is a whole copy of its image", err.text);
	return DRIVER_VFS;
}

/* "key\nname\nreason\n" */
static bool read_cache(struct store *store, const char *key, enum driver *ret, char **ret_reason)
{
	auto_free char *text = NULL;
	if (file_read_at(store->root_fd, CACHE, CACHE_MAX, &text, NULL, NULL) < 0)
		return false;
	char *rest = text;
	const char *line = strsep(&rest, "\n");
	const char *name = rest ? strsep(&rest, "\n") : NULL;
	const char *reason = rest ? strsep(&rest, "\n") : NULL;
	if (!reason || strcmp(line, key) != 0 || !driver_from_name(name, ret))
		return false;
	struct stat st;
	if (*ret != DRIVER_OVERLAY &&
	    (fstatat(store->root_fd, CACHE, &st, 0) < 0 || st.st_mtime + REFUSAL_BELIEVED_S < time(NULL)))
		return false;
	if (ret_reason)
		*ret_reason = xstrdup(reason);
	return true;
}

static int choose_asked(struct store *store, enum driver *ret, struct error *err)
{
	enum driver driver;
	if (!driver_from_name(store->driver, &driver))
		return error_set(err, EINVAL,
				 "unknown storage driver \"%s\": there are overlay, fuse-overlayfs and vfs",
				 store->driver);
	int r = driver == DRIVER_OVERLAY          ? probe_overlay(store, err)
		: driver == DRIVER_FUSE_OVERLAYFS ? probe_fuse(err)
						  : 0;
	if (r < 0)
		return error_context(err, "storage driver %s", store->driver);
	*ret = driver;
	return 0;
}

int driver_choose_moving(struct store *store, enum driver *ret, struct error *err)
{
	enum driver asked;
	if (store->driver && driver_from_name(store->driver, &asked) && asked != DRIVER_FUSE_OVERLAYFS)
		return error_set(err, EOPNOTSUPP,
				 "--userns: only fuse-overlayfs shows an image with other ids without a copy of it; "
				 "leave out --storage-driver %s",
				 store->driver);
	int r = probe_fuse(err);
	if (r < 0)
		return error_context(
		    err, "--userns: to show the image with other ids without a copy of it, fuse-overlayfs is needed");
	*ret = DRIVER_FUSE_OVERLAYFS;
	return 0;
}

int driver_choose(struct store *store, enum driver *ret, char **ret_reason, struct error *err)
{
	char key[256];
	int r = cache_key(store, key, sizeof(key), err);
	if (r < 0)
		return r;
	enum driver cached;
	bool known = read_cache(store, key, &cached, store->driver ? NULL : ret_reason);
	if (store->driver && !(known && strcmp(driver_name(cached), store->driver) == 0)) {
		if ((r = choose_asked(store, ret, err)) >= 0 && ret_reason)
			*ret_reason = xstrdup("");
		return r;
	}
	if (known) {
		if (store->driver && ret_reason)
			*ret_reason = xstrdup("");
		*ret = cached;
		return 0;
	}
	auto_strbuf struct strbuf reason = STRBUF_INIT;
	*ret = probe(store, &reason);
	auto_free char *line = xasprintf("%s\n%s\n%s\n", key, driver_name(*ret), strbuf_text(&reason));
	/* Failing to remember only means to ask again. */
	(void)file_write_at(store->root_fd, CACHE, line, strlen(line), 0600, 0, NULL);
	if (ret_reason)
		*ret_reason = strbuf_take(&reason);
	return 0;
}

/* Where there is one id only, the owners that a squashfs file shows are not ours either. */
static bool owners_are_ours(struct store *store, const char *diff_id)
{
	auto_free char *path = NULL;
	struct id_mapping mapping;
	if (layer_tree_path(store, diff_id, &path, NULL) == 0 && layer_is_squashed(path))
		return store_mapping(store, &mapping, NULL) == 0 && !mapping.single;
	return !layer_is_foreign(store, diff_id);
}

bool layers_are_ours(struct store *store, const struct strv *diff_ids)
{
	for (size_t i = 0; i < diff_ids->count; i++)
		if (!owners_are_ours(store, diff_ids->items[i]))
			return false;
	return true;
}

int driver_for_layers(struct store *store, const struct strv *diff_ids, enum driver *driver, struct error *err)
{
	if (*driver != DRIVER_OVERLAY || layers_are_ours(store, diff_ids))
		return 0;
	if (store->driver)
		return error_set(err, EOPNOTSUPP,
				 "storage driver %s: the files of this image belong to ids that you do not have; use "
				 "fuse-overlayfs or vfs",
				 store->driver);
	*driver = probe_fuse(NULL) == 0 ? DRIVER_FUSE_OVERLAYFS : DRIVER_VFS;
	return 0;
}
