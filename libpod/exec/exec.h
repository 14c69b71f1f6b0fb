/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: a further process in a running container.
 *
 * Nothing stays of the command but the process: no record is written and no monitor is made. The container's monitor gives a pidfd of the
 * first process, free of races, and the command joins the namespaces by it (runtime_exec()). The process is the command's child and in
 * the container's pid namespace, so that it ends with the container.
 *
 * What a process of the container holds it can open anew, for writing too, through /proc/self/fd. So none of our own files, terminals and
 * sockets is given to it: only pipes, which lead nowhere else. A standard stream of ours that is a pipe already is handed over as it is, and costs nothing;
 * all others are carried over one (libpod/stdio/relay.h).
 *
 * With --detach, a keeper stays instead of the command: a small process that is the process's parent, because an orphan that the machine's pid 1 does not wait for
 * would keep the container's pid namespace, and with it the container, from ending. It holds the terminal's other end, if there is one, too.
 */
#pragma once

#include "libpod/container/container.h"

struct exec_options {
	bool detach, interactive, terminal, privileged;
	const char *user, *workdir; /* NULL: the container's */
	const char *detach_keys;    /* NULL: the container's */
	struct strv env, env_files; /* as given with -e and --env-file */
	int64_t preserve_fds;       /* so many descriptors from 3 on are the process's, and are closed here; they were checked (descriptors_check_inherited()) */
};

/* Runs `arguments`. *ret_exit_code is the process's, or 0 when it was detached (from). -ESRCH: the container is not running; -EBUSY: it is paused. A program that
 * cannot be executed: err->status is 126 or 127. */
int exec_run(struct store *store, const struct container *container, const struct exec_options *options, const struct strv *arguments,
	     int *ret_exit_code, struct error *err);
