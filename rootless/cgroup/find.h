/* SPDX-License-Identifier: Apache-2.0 */
/* What is inside the module: finding the place for cgroups, and the pure parts of it for their tests. */
#pragma once

#include "rootless/cgroup/cgroup.h"

/* What the names of cgroups that coracle makes begin with; the container's id follows. */
#define CGROUP_PREFIX "coracle-"

/* Root and mount point of a line of /proc/self/mountinfo, which is cut up; -ENOENT when it is no cgroup2. */
int cgroup_parse_mount(char *line, const char **ret_root, const char **ret_point);
/* The path of the cgroup `own` in a file system mounted so; the length of the mount point in it, -ENOENT when it is
 * not below. */
int cgroup_join_path(const char *root, const char *point, const char *own, char *out, size_t size);
/* Our own cgroup as a path of the file system; the length of the mount point in it. -ENOENT: no version 2 here. */
int cgroup_find_own(char *path, size_t size);
/* From a cgroup at `path`, of which `point` is the length of the mount point, up to the highest that is ours; -EACCES: not even that one is. */
int cgroup_climb(char *path, int point);
/* Whether we may make cgroups in it and move processes there. */
bool cgroup_is_ours(const char *path);
/* All controllers that it has, for the cgroups below it: place.c. */
void cgroup_hand_down(int fd);
/* The place for the cgroup that is asked for: place.c. */
int cgroup_place(const struct cgroup_request *request, char *path, size_t size, struct error *err);
