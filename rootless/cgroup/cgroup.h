/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: a control group (cgroups(7), version 2) for each container, where the user was given a place to make one.
 *
 * A cgroup freezes, kills and counts a container's processes in one go. It is a convenience: containers are made,
 * paused (by signals), killed (by their pid namespace) and removed without one just the same, so that "there is none"
 * is an answer here and not an error.
 *
 * Where: in the cgroup that systemd has delegated for containers, when there is one (place.c). Otherwise from our own cgroup upwards as far as the directory and its cgroup.procs are ours to write. The kernel lets
 * a process be moved only below a common ancestor that its mover may write, and the highest one outlives the
 * terminal's own scope, which a logout or a closed window kills with all below it. In a session of systemd that is
 * user@<uid>.service when started from something that the user's manager runs; a login shell of its own
 * (session-N.scope) has none. In the hybrid layout it is the version 2 tree beside the others; its freezer and kill
 * need no controllers.
 *
 * Nothing is kept allocated: the monitor uses it.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "pkg/error/error.h"

struct cgroup {
	int fd;              /* its directory, O_CLOEXEC, for CLONE_INTO_CGROUP; -1: none can be had */
	char path[PATH_MAX]; /* absolute, in the file system: for cgroup_remove() later */
	char reason[128];    /* why none, in words */
};

/* The place: the highest writable ancestor of our own cgroup, itself included; -ENOENT: no version 2 here, -EACCES:
 * not ours to write. */
int cgroup_find_parent(char *path, size_t size);

/* The directory of the cgroup that coracle made for the container and that the process is in, or below; a negative errno when it is in
 * none, or it cannot be seen. */
int cgroup_open_of(pid_t pid, const char *id);

struct cgroup_request {
	const char *id;	    /* of the container */
	const char *parent; /* --cgroup-parent; NULL: the usual place */
	bool own;	    /* below our own cgroup: --cgroups split */
	bool without_systemd;
	bool limits;	    /* it is to have limits: one must be had, with the controllers that there are */
};
/* Makes the empty cgroup coracle-<id>; one that a killed start left is taken over. *ret is always filled; fd is -1,
 * and 0 returned, when there is no place for one and nothing was asked for that needs one. */
int cgroup_make(const struct cgroup_request *request, struct cgroup *ret, struct error *err);

/* For one that was made without limits and is to have some: as many controllers as its parent can hand down. What cannot be had is missed when it is wanted. */
void cgroup_enable_controllers(int fd);

/* For a container that divides its cgroup itself: the one below it, empty and with what controllers there are, in which the container is to live. Whoever owns a cgroup may
 * lift limits that it has itself; those of the container are one above it, where the container does not get. What an earlier start left is removed. It is given to `uid` and `gid`, -1: it stays the caller's. A descriptor. */
int cgroup_delegate(int fd, uid_t uid, gid_t gid, struct error *err);
/* Where such a one's process is right now, for a further process of the container: the kernel lets nobody into a cgroup that has been divided. */
int cgroup_open_exactly(pid_t pid, const char *id);

/* Stops all its processes from being scheduled, or lets them go on, and waits until that is so; -ETIMEDOUT (they are
 * frozen later). */
int cgroup_freeze(int fd, bool frozen, int timeout_ms, struct error *err);

/* SIGKILL to all processes in it and below, also to those that fork meanwhile. They are not waited for. */
int cgroup_kill(int fd, struct error *err);

/* The processes in it and below, as our pid namespace counts them, at most `max`. Returns how many there are, which
 * can be more. */
ssize_t cgroup_pids(int fd, pid_t *pids, size_t max, struct error *err);

/* Waits until it is empty, at most timeout_ms, and removes it with all below it. One that is gone is success; -EBUSY
 * when it is not empty. */
int cgroup_remove(const char *path, int timeout_ms, struct error *err);
/* The same for one that is open: where it is, the kernel says. The descriptor stays the caller's. */
int cgroup_remove_open(int fd, int timeout_ms, struct error *err);
