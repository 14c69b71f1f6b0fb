/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userns: the user namespace shared by the living.
 *
 * There is no pause process. Every monitor (and every program that unpacks or removes files of a container) is a
 * member of a user namespace with the user's mapping and, while it lives, has a file <runroot>/userns/<mapping
 * key>/<pid>-<inode of the namespace>. Who needs the namespace looks for a living member there, checks that the
 * namespace behind /proc/<pid>/ns/user still has that inode and our mapping, and joins it; files of the dead are
 * unlinked on the way. When there is none it makes a new one, which costs newuidmap(1) and newgidmap(1), run side by
 * side. The namespace goes with its last member.
 */
#pragma once

#include <sys/types.h>

#include "pkg/error/error.h"
#include "rootless/idmap/idmap.h"

/* The namespace of a living member with this mapping: an O_CLOEXEC descriptor, or -ENOENT when there is none.
 * `run_fd` is the run directory of the store. */
int userns_find(int run_fd, const struct id_mapping *mapping, struct error *err);

/* The user namespace that owns the namespace behind `fd`, with all rights over it: an O_CLOEXEC descriptor, or a
 * negative errno (-EPERM: it is none of ours). */
int userns_owner(int fd);

/* Of the namespaces that the one behind `fd` lies in, and itself, the one right below our own: the namespace that our
 * containers share. An O_CLOEXEC descriptor, or a negative errno. */
int userns_outermost(int fd);

/* Makes the calling process (which must be single-threaded) root in the namespace behind `fd`, with all capabilities
 * in it: setns(2), then userns_become_root(). Nothing happens when it is in that namespace already. */
int userns_join(int fd, bool keep_groups, struct error *err);

/* Writes the maps of process `pid`, which has just been cloned with CLONE_NEWUSER by the caller: newuidmap(1) and
 * newgidmap(1) side by side, or directly (setgroups denied) where mapping->direct. -EPERM with a clear text when
 * newuidmap refuses. */
int userns_map(pid_t pid, const struct id_mapping *mapping, struct error *err);

/* Called by a process cloned with CLONE_NEWUSER once userns_map() was done for it: becomes uid and gid 0 there,
 * without groups where the namespace lets groups be dropped, unless they are to be kept (`keep_groups`), which nobody
 * there can take on again. */
int userns_become_root(bool keep_groups, struct error *err);

/* Words for a clone3, unshare or setns with CLONE_NEWUSER that failed with `errnum` (or for what a user namespace did
 * not allow where it should): who switched user namespaces off, and how they are switched on. Returns -errnum. */
int userns_explain(int errnum, struct error *err);

/* Makes the calling process a member: finds and joins, or unshares and maps itself (a helper child stays outside to
 * do it). On return it is root in the namespace and announced. For programs that unpack or remove; containers use the
 * functions above. */
int userns_enter(int run_fd, const struct id_mapping *mapping, struct error *err);

/* Announces the calling process as a member, withdraws it again. A process that is killed in between leaves a file
 * that the next userns_find() removes. userns_announce works by number in /proc of the host, also inside a pid
 * namespace. */
int userns_announce(int run_fd, const struct id_mapping *mapping, struct error *err);
void userns_withdraw(int run_fd, const struct id_mapping *mapping);
