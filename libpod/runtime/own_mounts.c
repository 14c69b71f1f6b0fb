/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What coracle's own plans ask of a mount beyond the runtime specification: overlays over a folder or an image (-v …:O,
 * --mount type=image), a part of a volume, volumes that are filled at their first use, files that are given to the
 * process (:U), and idmapped mounts.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"
#include "storage/volume/volume.h"

/* ---- overlays ---- */
static int make_empty(const char *path, mode_t mode, struct error *err)
{
	int r = tree_remove_at(AT_FDCWD, path, err);
	if (r == 0)
		r = mkdirs(path, 0700, err);
	/* The upper directory stands in for the lower one. */
	if (r == 0 && chmod(path, mode) < 0)
		r = error_sys(err, errno, "make %s", path);
	return r;
}

int own_overlay(const struct mount_options *options, struct error *err)
{
	struct stat st;
	const char *top = options->lowers.items[options->lowers.count - 1];
	if (stat(top, &st) < 0)
		return error_sys(err, errno, "overlay over %s", top);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "overlay over %s: it is not a folder", top);
	const char *upper = options->upper, *work = options->work;
	int r = 0;
	if (upper && work && options->scratch)
		r = make_empty(upper, st.st_mode & 07777, err) < 0 ? -EIO : make_empty(work, 0700, err);
	else if (upper && work)
		r = mkdirs(upper, 0755, err) < 0 ? -EIO : mkdirs(work, 0700, err);
	if (r < 0)
		return r;
	/* Whose the folder is, as far as that id is one of ours. */
	if (upper && options->scratch && chown(upper, st.st_uid, st.st_gid) < 0 && errno != EINVAL && errno != EPERM)
		return error_sys(err, errno, "give %s to %u:%u", upper, st.st_uid, st.st_gid);
	return overlay_new(&options->lowers, upper, work, err);
}

/* ---- a part ---- */
int own_subpath(int source, const char *subpath, struct error *err)
{
	int fd = open_in_root(source, subpath, O_PATH, 0);
	if (fd == -ENOENT)
		return error_set(err, ENOENT,
				 "there is no %s in it; make it first, from a container that has all of it", subpath);
	return fd < 0 ? error_sys(err, fd, "open %s in it", subpath) : fd;
}

/* ---- idmap ---- */
int own_idmap(int mount_fd, const struct spec_mount *mount, const struct mount_options *options, struct error *err)
{
	auto_close int userns = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)(unsigned int)userns};
	bool recursive = options->idmap[0] == 'r';
	if (userns >= 0 && mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes,
					 sizeof(attributes)) == 0)
		return 0;
	return error_set(
	    err, EPERM,
	    "idmap: %s cannot be mounted with other owners: the kernel lets only the root of the user namespace that "
	    "mounted its file system do that "
	    "(mount_setattr(2)), and never to what it has itself; U gives the files to the container's user instead",
	    mount->source);
}

/* ---- owners ---- */
/* Single-id mode: the process's id is the one that everything has. */
static bool has_one_id(const struct spec *spec)
{
	return spec->uid_mappings_count == 1 && spec->uid_mappings[0].size == 1;
}

/* What the mount shows, where it can be written whatever the mount's options are. */
static int open_shown(const struct spec_mount *mount, const struct mount_options *options, int mount_fd,
		      struct error *err)
{
	bool path = options->bind && !options->lowers.count;
	int fd = path ? open(mount->source, O_PATH | O_CLOEXEC) : fcntl(mount_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_sys(err, errno, "open %s", path ? mount->source : "it");
	if (!path || !options->subpath)
		return fd;
	auto_close int source = fd;
	return own_subpath(source, options->subpath, err);
}

int own_give(const struct spec_mount *mount, const struct mount_options *options, int mount_fd, uid_t uid, gid_t gid, struct error *err)
{
	struct stat st;
	auto_close int shown = open_shown(mount, options, mount_fd, err);
	if (shown < 0)
		return shown;
	if (fstat(shown, &st) < 0)
		return error_sys(err, errno, "look at it");
	if (!S_ISDIR(st.st_mode)) {
		if ((st.st_uid != uid || st.st_gid != gid) && fchownat(shown, "", uid, gid, AT_EMPTY_PATH) < 0)
			return error_sys(err, errno, "give it to %u:%u", uid, gid);
		return 0;
	}
	auto_close int directory = openat(shown, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory < 0 ? error_sys(err, errno, "open it") : tree_give(directory, uid, gid, err);
}

int own_prepare(const struct spec *spec, const struct spec_mount *mount, const struct mount_options *options,
		int mount_fd, int from, const struct prepared *prepared, struct error *err)
{
	bool one_id = !prepared->sources && has_one_id(spec);
	uid_t uid = one_id ? 0 : spec->process.uid;
	gid_t gid = one_id ? 0 : spec->process.gid;
	int r = 0;
	/* With a user namespace of the container's own these are done for us; not what we have mounted ourselves. */
	size_t index = (size_t)(mount - spec->mounts);
	bool by_hand = prepared->hand >= 0 && options->bind && !options->lowers.count;
	if (options->fill && by_hand)
		r = hand_fill(prepared->hand, index, from, err);
	else if (options->fill && !prepared->sources)
		r = volume_fill(mount->source, &(struct volume_fill){from, uid, gid}, err);
	if (r == 0 && options->chown && by_hand)
		r = hand_give(prepared->hand, index, err);
	else if (r == 0 && options->chown && !one_id && !(prepared->sources && options->lowers.count))
		r = own_give(mount, options, mount_fd, uid, gid, err);
	if (r == -EPERM && options->chown)
		error_advice(err, "; what belongs to an id of the host that the container does not have can be given "
				  "only by the host's root, with chown(1)");
	return r;
}
