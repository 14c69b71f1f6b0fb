/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top: the processes of a running container, as ps(1) inside it would show them, whether or not it has a ps of its own.
 *
 * They are found in our own /proc by their pid namespace; ids are the container's, names come from its /etc/passwd and /etc/group.
 */
#pragma once

#include "libpod/container/container.h"

/* Columns by name: user group pid hpid ppid pcpu etime tty time comm args state nice rss vsz. NULL or empty: user pid ppid pcpu etime tty time args. Each row of *ret is
 * an object from column to text; *ret_columns has the columns' names in order. */
int top_list(struct store *store, const struct container *container, const struct strv *columns, struct json_object **ret,
	     struct strv *ret_columns, struct error *err);
/* Its first process, as we see it, and its pid namespace, as stat(2) has it. -ESRCH: it is not running. */
int top_namespace(struct store *store, const struct container *container, pid_t *ret_pid, uint64_t *ret_namespace, struct error *err);
/* What all its processes together use. `pid`: of its first process, as we see it. -ESRCH: it is gone. */
struct top_totals {
	int64_t cpu_ns, rss;   /* of those that live; bytes */
	int64_t cpu_system_ns; /* of cpu_ns in the kernel */
	int64_t processes;
};
int top_totals(pid_t pid, struct top_totals *ret, struct error *err);
/* "PID" for "pid", "%CPU" for "pcpu" … */
const char *top_title(const char *column);
