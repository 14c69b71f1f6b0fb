/* SPDX-License-Identifier: Apache-2.0 */
/* exec_internal: the steps of exec_run(), a file each. */
#pragma once

#include "libpod/exec/exec.h"
#include "libpod/runtime/runtime.h"
#include "libpod/spec/spec.h"

/* process.c: turns the container's own process, in spec->process, into the one that is asked for. `pidfd` is of the container's first process. */
int exec_process(const struct container *container, const struct exec_options *options, const struct strv *arguments, int pidfd,
		 struct spec *spec, struct error *err);

/* attached.c, keeper.c: start it and stay with it, or leave it to a keeper. In `exec` all but the streams is filled. */
int exec_attached(struct runtime_exec *exec, const struct exec_options *options, const char *detach_keys, int *ret_exit_code, struct error *err);
int exec_detached(struct runtime_exec *exec, struct error *err);
/* Leaves the terminal to a process that reads it to its end, so that nobody is hung up on. Returns in the command. */
int exec_keep_terminal(int master, struct error *err);

/* exec.c: single-id mode: every file on disk belongs to the one user, who goes by any name. */
bool exec_has_one_id(const struct spec *spec);
/* runtime_exec(), in the container's cgroup where the kernel lets us put a process there. */
int exec_start(struct runtime_exec *exec, pid_t *ret_pid, int *ret_pidfd, struct error *err);

/* console.c: the socket pair by which a terminal comes. */
int exec_console_pair(int *ret_ours, int *ret_theirs, struct error *err);
/* Waits for it; an error when the other end is closed instead. */
int exec_console_receive(int socket, struct error *err);
