/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes in memory (type=tmpfs), which all who use them at a time share.
 *
 * Nobody holds such a volume but the containers that have it mounted, and so it is empty again when the last of them
 * has ended, however that was. A further one takes a copy of the mount from the mount namespace of one that lives; the
 * first makes it. Who starts holds the volume's lock from before it looks for others until its program is executed: so
 * none is missed (libpod/launch/volumes.c).
 *
 * The file system belongs to the user namespace that containers share, so that all of their ids can own files in it:
 * with a user namespace of the container's own it is made by the caller's rights, as are its copies (nested.c). The way
 * to where another container has it can be one that only that container's user namespace may go (the root is
 * fuse-overlayfs'): the copy is made by a process in there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

static bool is_our_user_namespace(int fd)
{
	struct stat ours, theirs;
	return stat("/proc/self/ns/user", &ours) == 0 && fstat(fd, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

/* In a process of its own. */
static int clone_there(const struct runtime_shared *shared)
{
	struct statfs fs;
	auto_close int user = userns_owner(shared->mount_namespace);
	if (user >= 0 && !is_our_user_namespace(user) && setns(user, CLONE_NEWUSER) < 0)
		return -errno;
	/* Its root: ids that the namespace does not have cannot ask a FUSE server. */
	if (setns(shared->mount_namespace, CLONE_NEWNS) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return -errno;
	auto_close int there = open_in_root(AT_FDCWD, shared->path, O_PATH | O_DIRECTORY, 0);
	if (there < 0 || fstatfs(there, &fs) < 0)
		return there < 0 ? there : -errno;
	/* The container may have put something else there. */
	return fs.f_type == TMPFS_MAGIC ? mount_clone(there, "", false) : -ESTALE;
}

static int clone_from_other(const struct runtime_shared *shared, struct error *err)
{
	int pair[2], status = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "make a socket");
	auto_close int ours = pair[0], theirs = pair[1];
	pid_t pid = process_clone(0, NULL);
	if (pid == 0) {
		int clone = clone_there(shared);
		_exit(clone < 0 ? -clone : descriptor_send(theirs, clone, "the mount", NULL) < 0 ? EIO : 0);
	}
	if (pid < 0)
		return error_sys(err, pid, "make a process");
	cleanup_close(&theirs);
	theirs = -1;
	int fd = descriptors_receive_one(ours, 0);
	process_wait(pid, &status);
	if (fd >= 0)
		return fd;
	return error_sys(err, WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : EIO,
			 "take the volume in memory from %s in the container that has it", shared->path);
}

static int owner(const struct id_map *inner, uint32_t id)
{
	return inner ? (int)id_map_outside(inner, id) : (int)id;
}

/* `root`: the container's; with :U its process's user. */
static int give(const struct runtime *runtime, int fd, bool all, struct error *err)
{
	const struct id_map *uids = runtime->inner ? &runtime->inner->uids : NULL,
			    *gids = runtime->inner ? &runtime->inner->gids : NULL;
	const struct spec_process *process = &runtime->spec->process;
	auto_close int directory = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return error_sys(err, errno, "open the volume in memory");
	if (!all)
		return fchown(directory, (uid_t)owner(uids, 0), (gid_t)owner(gids, 0)) < 0
			   ? error_sys(err, errno, "give the volume in memory to the container's root")
			   : 0;
	if (runtime->fake_ownership)
		return 0; /* there is one id */
	return tree_give(directory, (uid_t)owner(uids, process->uid), (gid_t)owner(gids, process->gid), err);
}

static bool says_owner(const struct mount_options *options)
{
	return strv_env_get(&options->data, "uid") || strv_env_get(&options->data, "gid");
}

static int take_one(const struct runtime *runtime, const struct runtime_shared *shared, struct error *err)
{
	const struct spec_mount *mount = &runtime->spec->mounts[shared->mount];
	auto_mount_options struct mount_options options = {0};
	int r = mount_options_parse(mount, &options, err);
	if (r < 0)
		return r;
	bool made = false;
	auto_close int fd = -1;
	if (shared->mount_namespace >= 0) {
		fd = clone_from_other(shared, err);
	} else {
		fd = mount_new("tmpfs", mount->source, &options.data, 0, err);
		made = true;
	}
	if (fd < 0)
		return fd;
	if ((made && !says_owner(&options) && (r = give(runtime, fd, false, err)) < 0) ||
	    (options.chown && (r = give(runtime, fd, true, err)) < 0))
		return r;
	return TAKE_FD(fd);
}

int shared_take(const struct runtime *runtime, struct prepared *prepared, struct error *err)
{
	if (runtime->shared_count == 0 || prepared->shared)
		return 0;
	prepared->shared = xcalloc(runtime->shared_count, sizeof(*prepared->shared));
	prepared->shared_mounts = runtime->shared;
	for (; prepared->shared_count < runtime->shared_count; prepared->shared_count++) {
		const struct runtime_shared *shared = &runtime->shared[prepared->shared_count];
		int fd = shared->same_as < 0 ? take_one(runtime, shared, err) : -1;
		if (fd < 0 && shared->same_as < 0)
			return error_context(err, "mount %s", runtime->spec->mounts[shared->mount].destination);
		prepared->shared[prepared->shared_count] = fd;
	}
	return 0;
}

/* The copy has what the other container's has. */
static int set_own_attributes(int fd, const struct mount_options *options, struct error *err)
{
	int r = mount_set_attributes(fd, false, options->set | options->set_recursive,
				     (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) &
					 ~(options->set | options->set_recursive));
	return r < 0 ? error_sys(err, r, "set mount options") : 0;
}

int shared_mount(const struct prepared *prepared, size_t mount, const struct mount_options *options, struct error *err)
{
	for (size_t i = 0; i < prepared->shared_count; i++) {
		const struct runtime_shared *shared = &prepared->shared_mounts[i];
		if (shared->mount != mount)
			continue;
		/* The other place in this container is mounted by now, as it must be to be copied (Linux 6.15 could
		 * copy it before). */
		auto_close int fd = shared->same_as >= 0 ? mount_clone(prepared->shared[shared->same_as], "", false)
							 : fcntl(prepared->shared[i], F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return error_sys(err, shared->same_as >= 0 ? fd : errno, "take the volume in memory");
		int r = set_own_attributes(fd, options, err);
		return r < 0 ? r : TAKE_FD(fd);
	}
	return -ENOENT;
}
