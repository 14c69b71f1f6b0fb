/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * oci: the executor as an OCI runtime (runtime.md): create, start, state, kill, delete, exec, for tools that bring a
 * bundle of their own.
 *
 * A container is a directory <root>/<id>:
 *
 *	config.json   the specification, as it was at creation
 *	record.json   bundle, pid and the time at which that process was started, so that a number that is another's by
 *	              now is not taken for it
 *	start         a FIFO from which the container's process reads 'x' when it is to execute its program; it goes when
 *	              it was told to
 *	report        a FIFO through which it says why it could not
 *
 * creating: no record yet. created: the process lives and `start` is there. running: it lives. stopped: it does not.
 * Nothing else is kept, and no process of ours stays: create ends when the container waits for its start, which the
 * kernel then gives to whoever asked for orphans (a subreaper: conmon, containerd's shim).
 *
 * The process is made by a helper, which becomes root of the container's user namespace first: mapped by us, from
 * outside, or joined.
 */
/* clang-format on */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libpod/spec/spec.h"
#include "pkg/error/error.h"

struct oci_record {
	char *id, *bundle;
	pid_t pid;
	uint64_t pid_start; /* field 22 of /proc/PID/stat */
	int64_t created_ns;
	char *owner; /* user name of who made it */
};
void oci_record_free(struct oci_record *record);
#define auto_oci_record CLEANUP(oci_record_free)

/* The state directory: `root`, or the usual place of this user. Made when it is missing; O_RDONLY|O_DIRECTORY. */
int oci_open_root(const char *root, struct error *err);
int oci_check_id(const char *id, struct error *err);
/* -ENOENT: container "x" does not exist. */
int oci_read_record(int root_fd, const char *id, struct oci_record *ret, struct error *err);
int oci_read_spec(int root_fd, const char *id, struct spec *ret, struct error *err);
/* "creating", "created", "running" or "stopped". */
const char *oci_status(int root_fd, const struct oci_record *record);
/* All ids, sorted. */
int oci_list(int root_fd, struct strv *ret, struct error *err);

struct oci_create {
	const char *id;
	const char *bundle;         /* directory; relative to the working directory */
	const char *config;         /* file, NULL: <bundle>/config.json */
	const char *console_socket; /* NULL: none */
	const char *pid_file;       /* NULL: none */
	int64_t preserve_fds;
};
/* Creates; the container waits for its start. */
int oci_create(int root_fd, const struct oci_create *options, struct error *err);
int oci_start(int root_fd, const char *id, struct error *err);
/* Creates, starts, waits, deletes, handing on signals. *ret_exit_code. */
int oci_run(int root_fd, const struct oci_create *options, int *ret_exit_code, struct error *err);
/* `all`: to every process of its pid namespace. */
int oci_kill(int root_fd, const char *id, int signal, bool all, struct error *err);
int oci_delete(int root_fd, const char *id, bool force, struct error *err);

struct oci_exec {
	const char *id;
	const char *process_file; /* NULL: args and the rest */
	struct strv args, env;    /* borrowed */
	const char *cwd, *user;   /* NULL: the container's; "uid[:gid]" */
	bool terminal, detach, no_new_privileges;
	const char *console_socket, *pid_file;
	int64_t preserve_fds;
};
int oci_exec(int root_fd, const struct oci_exec *options, int *ret_exit_code, struct error *err);

/* features.md, as JSON text. malloc'd. */
char *oci_features(void);
