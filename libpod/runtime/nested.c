/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user namespace of the container's own, below the one that containers share: keep-id, auto and the like.
 *
 * The first process is born into it, so that its other new namespaces belong to it. Its ids are other ones than the
 * caller's, and its rights end where the caller's begin: it may not be able to walk to the store or to what is to be
 * bind-mounted, and it cannot join a namespace of another container. So a helper with the caller's rights does that
 * first, in a mount namespace that it leaves to the first process: it joins what is to be joined, clones what is to be
 * bound as detached mounts, and goes to the directory where the root file system is to be mounted. The first process
 * inherits all of it.
 *
 * The ids are mapped by the caller, which is root of the namespace above and needs neither newuidmap(1) nor
 * newgidmap(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"
#include "storage/driver/driver.h"

void prepared_free(struct prepared *prepared)
{
	for (size_t i = 0; i < prepared->count; i++)
		cleanup_close(&prepared->sources[i]);
	free(prepared->sources);
	cleanup_close(&prepared->shm);
	cleanup_close(&prepared->hand);
	for (size_t i = 0; i < prepared->shared_count; i++)
		cleanup_close(&prepared->shared[i]);
	free(prepared->shared);
	*prepared = PREPARED_INIT;
}

/* What can be written belongs to the container's root where it belongs to nobody there. */
static int give_top(const struct id_mapping *inner, int overlay, struct error *err)
{
	struct stat st;
	auto_close int top = openat(overlay, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || fstat(top, &st) < 0)
		return error_sys(err, errno, "open the overlay");
	if (id_map_inside(&inner->uids, st.st_uid) >= 0)
		return 0;
	if (fchown(top, (uid_t)id_map_outside(&inner->uids, 0), (gid_t)id_map_outside(&inner->gids, 0)) < 0)
		return error_sys(err, errno, "give the overlay to the container's root");
	return 0;
}

/* An overlay over a folder or an image: by who can walk to all of its parts. With :U its files are given away here as well. */
static int take_overlay(const struct runtime *runtime, const struct spec_mount *mount, const struct mount_options *options, struct error *err)
{
	const struct spec_process *process = &runtime->spec->process;
	auto_close int overlay = own_overlay(options, err);
	int r = overlay >= 0 && options->upper && runtime->inner ? give_top(runtime->inner, overlay, err) : 0;
	if (overlay < 0 || r < 0)
		return r < 0 ? r : TAKE_FD(overlay);
	if (!options->chown || !runtime->inner)
		return TAKE_FD(overlay);
	r = own_give(mount, options, overlay, (uid_t)id_map_outside(&runtime->inner->uids, process->uid), (gid_t)id_map_outside(&runtime->inner->gids, process->gid), err);
	return r < 0 ? r : TAKE_FD(overlay);
}

static int take_sources(const struct runtime *runtime, struct prepared *prepared, struct error *err)
{
	const struct spec *spec = runtime->spec;
	prepared->sources = xcalloc(spec->mounts_count, sizeof(*prepared->sources));
	for (; prepared->count < spec->mounts_count; prepared->count++) {
		const struct spec_mount *mount = &spec->mounts[prepared->count];
		auto_mount_options struct mount_options options = {0};
		int r = mount_options_parse(mount, &options, err), source = -1;
		if (r == 0 && options.lowers.count)
			r = source = take_overlay(runtime, mount, &options, err);
		else if (r == 0 && options.bind)
			r = source = mount_bind_source(mount, err);
		if (r < 0)
			return error_context(err, "mount %s", mount->destination);
		prepared->sources[prepared->count] = source;
	}
	return 0;
}

struct nesting {
	const struct runtime *runtime;
	struct prepared *prepared;
};

static int join_others(const struct runtime *runtime, struct error *err)
{
	for (int i = 0; i < SPEC_NS_COUNT; i++) {
		int r =
		    i != SPEC_NS_USER && i != SPEC_NS_MOUNT && runtime->namespace_fds && runtime->namespace_fds[i] >= 0
			? namespace_join(runtime, (enum spec_namespace)i, err)
			: 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int enter(const void *context, struct error *err)
{
	const struct nesting *nesting = context;
	const struct runtime *runtime = nesting->runtime;
	struct prepared *prepared = nesting->prepared;
	int r = 0;
	if (unshare(CLONE_NEWNS) < 0)
		return error_sys(err, errno, "make a mount namespace");
	/* What is only to be seen in the user namespace that is joined below, the first process finds itself. */
	if (runtime->shm_namespace_fd >= 0)
		prepared->shm = r = namespace_clone_shm(runtime->shm_namespace_fd, err);
	if (r < 0 && r != -EACCES)
		return r;
	error_clear(err);
	if ((r = stop_propagation(runtime->spec, err)) < 0 || (r = take_sources(runtime, prepared, err)) < 0 ||
	    (r = shared_take(runtime, prepared, err)) < 0 || (r = hand_make(runtime, &prepared->hand, err)) < 0 || (r = join_others(runtime, err)) < 0)
		return r;
	/* The working directory follows into a new mount namespace; a path would have to be walked. */
	if (runtime->rootfs && chdir(runtime->rootfs->target) < 0)
		return error_sys(err, errno, "enter %s", runtime->rootfs->target);
	int user = runtime->namespace_fds ? runtime->namespace_fds[SPEC_NS_USER] : -1;
	if (user >= 0 && setns(user, CLONE_NEWUSER) < 0)
		return error_sys(err, errno, "join the user namespace");
	return 0;
}

pid_t nested_clone(const struct runtime *runtime, uint64_t flags, struct prepared *prepared, int *ret_pidfd,
		   struct error *err)
{
	const struct nesting nesting = {runtime, prepared};
	bool joins = runtime->namespace_fds && runtime->namespace_fds[SPEC_NS_USER] >= 0;
	return runtime_clone_entered(enter, &nesting, flags | (joins ? 0 : CLONE_NEWUSER), runtime->cgroup_fd,
				     ret_pidfd, err);
}

/* ---- exec ---- */

static int open_user_namespaces(int pidfd, int *ret_inner, int *ret_outer, struct error *err)
{
	char path[64];
	pid_t pid = pidfd_pid(pidfd);
	if (pid < 0)
		return error_set(err, ESRCH, "the container is not running");
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	auto_close int mounts = open(path, O_RDONLY | O_CLOEXEC);
	auto_close int inner = mounts < 0 ? -1 : userns_owner(mounts);
	auto_close int outer = inner < 0 ? -1 : userns_outermost(inner);
	if (outer < 0)
		return error_sys(err,
				 mounts < 0  ? errno
				 : inner < 0 ? inner
					     : outer,
				 "find the container's user namespace");
	if (pidfd_signal(pidfd, 0) < 0) /* the number may have been another's by then */
		return error_set(err, ESRCH, "the container is not running");
	*ret_inner = TAKE_FD(inner);
	*ret_outer = TAKE_FD(outer);
	return 0;
}

int nested_join(int pidfd, int flags, bool keep_groups, struct error *err)
{
	auto_close int inner = -1, outer = -1;
	int r = open_user_namespaces(pidfd, &inner, &outer, err);
	if (r < 0 || (r = userns_join(outer, keep_groups, err)) < 0)
		return r;
	if (setns(pidfd, flags & ~CLONE_NEWUSER) < 0)
		return errno == ESRCH ? error_set(err, ESRCH, "the container is not running")
				      : error_sys(err, errno, "join the container's namespaces");
	if (setns(inner, CLONE_NEWUSER) < 0)
		return error_sys(err, errno, "join the container's user namespace");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return error_sys(err, errno, "become root of the container's user namespace");
	return 0;
}
