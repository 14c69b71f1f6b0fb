/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime: the executor. It carries out a struct spec: namespaces, root file system, mounts, identity, capabilities,
 * seccomp, exec. It is what coracle's own commands start containers with, and coracle-runtime offers it as an OCI
 * runtime.
 *
 * The caller of runtime_spawn() is already root in the container's user namespace and single-threaded; it becomes the
 * parent of the container's first process. That process is made by one clone3(2) into all its new namespaces, so that
 * the slow ones (the network's) are being made while the caller goes on. It then waits on `sync_fd` twice: before its
 * first file system operation (until the ids are mapped) and before exec (until the network is there). Everything that
 * can fail before exec is reported through report_fd as a struct error.
 *
 * Security boundaries (each has a test): no descriptor above 2 survives exec (all are O_CLOEXEC and close_range(2) is
 * called besides); every mount target inside the root file system is opened with openat2 RESOLVE_IN_ROOT and mounted on
 * by descriptor, so that a symlink in an image or one swapped in during the start cannot lead outside; the old root is
 * detached after pivot_root(2) and the working directory is verified to lie inside the new one; /proc/self/exe of a
 * process that entered a container cannot be written (see exec); nothing after the first operation on
 * container-controlled files runs with a descriptor of the host's directories open.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libpod/spec/spec.h"
#include "pkg/error/error.h"
#include "rootless/idmap/idmap.h"
#include "storage/driver/driver.h"

struct seccomp_filter; /* libpod/seccomp */

/* A file in the container, read-only and in memory alone, with what `fd` has from its beginning. */
struct runtime_secret {
	char *target;
	uint32_t uid, gid, mode;
	int fd;
};

/* A volume in memory: the tmpfs at spec->mounts[mount]. */
struct runtime_shared {
	size_t mount;
	int mount_namespace; /* of a living container that has it, at `path`; -1: there is none, it is made */
	char *path;
	int same_as; /* an earlier one of the list is the same volume; -1 */
};

struct runtime {
	const struct spec *spec;
	struct rootfs *rootfs;                /* NULL: spec->root_path is there already */
	const struct seccomp_filter *seccomp; /* NULL: unconfined */
	bool fake_ownership;                  /* single-id mode: the user is the one id under another name; for root chown, set*id and mknod pretend to succeed */
	int stdio[3];                         /* given to the process; unused where spec->process.terminal */
	int console_socket; /* where spec->process.terminal: the pty's master is sent here (SCM_RIGHTS) */
	int fuse_socket;    /* see rootfs_mount(); -1 */
	int network_socket; /* -1, or where the child sends a descriptor of its network namespace first of all
			     * (SCM_RIGHTS): its files in /proc are closed to its parent */
	int init_fd; /* --init: coracle-init, opened for reading; runs as pid 1 with the command as its child. -1: none
		      */
	const char *init_name; /* what messages call it where it is another program that takes the same arguments; NULL */
	int cgroup_fd; /* directory of the container's cgroup for CLONE_INTO_CGROUP; -1 */
	int wait_fd;   /* the child reads one byte 'm' from here before it touches files, and 'x' before exec; -1: does
			  not wait */
	int ready_fd;  /* -1, or where the child says how far it is: 'h' when the mounts are made and prestart and
			* createRuntime hooks are due (it then reads a byte 'h' from wait_fd; only when the spec has
			* such hooks), 'r' when it is about to wait for 'x' */
	int report_fd; /* the child writes a struct runtime_report when it fails before exec; closed by exec when all
			  went well */
	const int *namespace_fds; /* SPEC_NS_COUNT descriptors for namespaces to join; -1 or NULL: by spec's path */
	bool nested; /* the process gets a user namespace below the caller's, to which all its new namespaces belong:
		      * namespace_fds[SPEC_NS_USER], or a new one, whose ids the caller maps before it says 'm' */
	const struct id_mapping *inner; /* nested: those ids, `outside` as the caller calls them; NULL: nothing is done to volumes */
	const struct runtime_shared *shared; /* descriptors are borrowed; may be NULL */
	size_t shared_count;
	const int *held; /* descriptors that stay open until exec: their locks say that the start goes on; may be NULL */
	size_t held_count;
	bool keep_groups; /* the process's supplementary groups are those of the caller */
	const struct runtime_secret *secrets;
	size_t secrets_count;
	const struct strv *passwd_lines, *group_lines; /* added to /etc/passwd and /etc/group where they are not in it; may be NULL */
	int shm_namespace_fd; /* mount namespace whose /dev/shm the container has too, with the IPC namespace; -1: none
			       */
	bool die_with_parent; /* where no pid namespace sees to it: SIGKILL when the caller dies (PR_SET_PDEATHSIG) */
	unsigned int preserve_fds; /* so many descriptors from 3 on are the process's own */
	const char *id, *bundle;   /* for the state that hooks get; may be NULL when there are no hooks */
};

struct runtime_report {
	int32_t errnum;
	int32_t status; /* 125, 126 or 127 */
	char text[1024 - 8];
};

/* Makes the first process. *ret_pidfd is O_CLOEXEC. 0 or negative. */
int runtime_spawn(const struct runtime *runtime, pid_t *ret_pid, int *ret_pidfd, struct error *err);

/* Reads report_fd's other end: 0 when the exec took place (end of file), negative with err filled (err->status set)
 * otherwise. */
int runtime_read_report(int fd, struct error *err);

/* A further process in a running container: `pidfd` is its first process. The caller is outside the user namespace, its
 * owner. Joins all the namespaces that differ, forks, applies `process` as runtime_spawn would. The caller's program
 * must not be reachable by /proc/self/exe for writing: this is guaranteed here. */
struct runtime_exec {
	int pidfd;
	const struct spec *spec;            /* the container's, for its namespaces */
	const struct spec_process *process; /* what to run */
	const struct seccomp_filter *seccomp;
	bool fake_ownership;
	bool nested; /* the container has a user namespace below the one that containers share */
	bool keep_groups;
	int stdio[3];
	int console_socket;
	int report_fd;
	int cgroup_fd;
	unsigned int preserve_fds;
};
int runtime_exec(const struct runtime_exec *exec, pid_t *ret_pid, int *ret_pidfd, struct error *err);

/* Runs the hooks of one kind, each with the container's state (state.md) on its standard input: `status` "creating",
 * "created", "running" or "stopped"; pid 0: there is none. For the kinds that belong to the runtime's own namespaces;
 * the others run by themselves. Stops at the first that fails or takes longer than its timeout. */
int runtime_run_hooks(const struct spec *spec, enum spec_hook_kind kind, const char *id, const char *bundle,
		      const char *status, pid_t pid, struct error *err);
/* That state as JSON text, malloc'd. */
char *runtime_state_text(const struct spec *spec, const char *id, const char *bundle, const char *status, pid_t pid,
			 bool pretty);
/* Adds the names of all mount options that mean something for every file system. */
void runtime_mount_options(struct strv *ret);
/* Mounts what the specification says (its "mounts") below the open root, in a mount namespace of the caller's own. */
int runtime_mount(const struct spec *spec, int root_fd, struct error *err);
