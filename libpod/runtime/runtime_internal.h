/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * What the files of the executor share. The order of things in the first process, and the file that does each:
 *
 *	spawn.c        clone3 into the new namespaces; descriptors that are not needed are closed
 *	hand.c         what is done for such a container's volumes with the caller's rights
 *	shared.c       volumes in memory, which living containers share
 *	nested.c       where the container has a user namespace of its own: what only the caller's rights reach is taken along
 *	namespaces.c   the others joined, time offsets, host name; wait for 'm' before any of it touches a file
 *	rootfs.c       propagation off, the root file system mounted: from here on root_fd is the container's /
 *	mounts.c, own_mounts.c
 *	               each mount is made detached and then moved onto its target, a descriptor found by openat2 in root_fd
 *	devices.c      /dev
 *	paths.c        sysctls, masked and read-only paths
 *	console.c      the terminal, from the container's own devpts
 *	hooks.c        createContainer
 *	rootfs.c       pivot_root, old root detached, read-only root
 *	denied.c       why a path is closed
 *	program.c      working directory, the program looked up as the container sees it
 *	               wait for 'x'; startContainer hooks
 *	process.c      limits, ids, capabilities, no_new_privs, seccomp
 *	program.c      descriptors, exec
 */
/* clang-format on */
#pragma once

#include "libpod/runtime/runtime.h"

/* ---- namespaces.c ---- */
/* clone3(2)'s flags for the namespaces that are to be new, and setns(2)'s for all that the container has of its own. */
uint64_t namespaces_to_make(const struct runtime *runtime);
int namespaces_of(const struct spec *spec);
/* A detached copy of the mount of /dev/shm in another container's mount namespace. */
int namespace_clone_shm(int namespace_fd, struct error *err);
/* Joins one namespace by runtime->namespace_fds or the spec's path. */
int namespace_join(const struct runtime *runtime, enum spec_namespace type, struct error *err);
/* In the first process: joins those that are not new, makes the cgroup and time namespaces, sets the host name. */
int namespaces_enter(const struct runtime *runtime, struct error *err);

/* ---- clone.c ---- */
/* clone3(2) with CLONE_INTO_CGROUP where cgroup_fd >= 0; signal handlers are reset in the child. Like fork(2): 0 in the
 * child. */
pid_t runtime_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd);
/* The same by way of a helper process that calls `enter` first, whose effect (a joined pid namespace) is on its
 * children only. The child is the caller's own all the same. */
pid_t runtime_clone_entered(int (*enter)(const void *context, struct error *err), const void *context, uint64_t flags,
			    int cgroup_fd, int *ret_pidfd, struct error *err);
/* Default dispositions, nothing blocked, a session of its own. */
void reset_signals(void);

/* ---- nested.c: a user namespace of the container's own, below the one that containers share ---- */
/* What the first process cannot get at any more with the rights that it has there. */
struct prepared {
	int *sources; /* detached mounts for the spec's bind mounts, one for each of its mounts; -1: none. NULL: not
			 nested */
	size_t count;
	int shm; /* detached mount for /dev/shm; -1: none */
	int *shared; /* shared.c: a mount for each of runtime->shared; NULL: not taken yet */
	size_t shared_count;
	const struct runtime_shared *shared_mounts;
	int hand; /* hand.c: the socket; -1: not needed */
};
#define PREPARED_INIT ((struct prepared){.shm = -1, .hand = -1})
void prepared_free(struct prepared *prepared);
/* Clones the first process. Like runtime_clone(), for runtime->nested. */
pid_t nested_clone(const struct runtime *runtime, uint64_t flags, struct prepared *prepared, int *ret_pidfd,
		   struct error *err);

/* ---- hand.c: a process with the caller's rights, for the first process that has them no more ---- */
/* With the caller's rights; *ret_socket stays as it is when no mount needs the hand. */
int hand_make(const struct runtime *runtime, int *ret_socket, struct error *err);
/* In the first process: fills the volume of the spec's mount from what the image has at its place (-1: nothing) when that is still to be done. */
int hand_fill(int socket, size_t mount, int from, struct error *err);
/* Gives all that the mount shows to the process's user. */
int hand_give(int socket, size_t mount, struct error *err);

/* For exec: joins all namespaces of the container, its user namespace last, and becomes its root. */
int nested_join(int pidfd, int flags, bool keep_groups, struct error *err);

/* ---- rootfs.c ---- */
/* Nothing that is mounted here may show on the host; what is mounted there later shows here only where a mount asks for
 * it. */
int stop_propagation(const struct spec *spec, struct error *err);
/* Turns propagation off and mounts the root; *ret_root is O_PATH. */
int rootfs_setup(const struct runtime *runtime, int *ret_root, struct error *err);
int rootfs_pivot(const struct spec *spec, int root_fd, struct error *err);

/* ---- mount_options.c ---- */
struct mount_options {
	uint64_t set, clear;                     /* MOUNT_ATTR_… of this mount */
	uint64_t set_recursive, clear_recursive; /* and of all below (rro …) */
	bool bind, recursive;                    /* bind, rbind */
	bool copy_up;                            /* tmpcopyup: a tmpfs begins with what it covers */
	struct {
		uint64_t type; /* MS_PRIVATE …; 0: none asked for */
		bool recursive;
	} propagation[4]; /* in the order given */
	size_t propagation_count;
	struct strv data; /* the file system's own: "mode=755", "newinstance" */
	/* What coracle's own plans ask for beyond the specification, as "x-coracle.…" (mount(8): x-… is for programs).
	 */
	bool fill;                /* "fill": the source is a volume's data, which its first user fills */
	bool chown;               /* "chown": all in it becomes the process's */
	bool scratch;             /* "scratch": upper and work are emptied first */
	struct strv lowers;       /* "lower=PATH": an overlay of these, the lowest first */
	const char *upper, *work; /* "upper=PATH", "work=PATH"; borrowed from the mount, as subpath */
	const char *subpath;      /* "subpath=PATH": only this of the source, found in it as in a root */
	bool shared;              /* "shared=VOLUME": a tmpfs that others may have already */
	const char *idmap;        /* "idmap" and what comes behind it; NULL: not asked for */
};
int mount_options_parse(const struct spec_mount *mount, struct mount_options *ret, struct error *err);
void mount_options_free(struct mount_options *options);
#define auto_mount_options CLEANUP(mount_options_free)

/* ---- mounts.c ---- */
/* `prepared`: detached mounts that are there already, instead of what the specification says. */
int mounts_setup(const struct spec *spec, int root_fd, const struct prepared *prepared, struct error *err);
/* A /dev that devices are put into: read-only at the very end (devices_seal()), whatever its options say. */
bool mount_is_own_dev(const struct spec_mount *mount);
/* A detached copy of what a bind mount shows. */
int mount_bind_source(const struct spec_mount *mount, struct error *err);
/* Whether a mount, or the root, is to see what the host mounts later. */
bool mounts_follow_host(const struct spec *spec);
/* A detached mount of a file system type, or a detached clone of what is there. Descriptors, O_CLOEXEC, or negative. */
int mount_new(const char *type, const char *source, const struct strv *data, uint64_t attributes, struct error *err);
int mount_clone(int dirfd, const char *path, bool recursive); /* no error text */
/* Moves a detached mount onto the open target. 0 or negative errno. */
int mount_attach(int mount_fd, int target_fd);
int mount_set_attributes(int mount_fd, bool recursive, uint64_t set, uint64_t clear);

/* ---- shared.c: volumes in memory that several containers have ---- */
/* Makes those mounts, or copies them from other containers, once. By the first process, or with the caller's rights for one that is nested. */
int shared_take(const struct runtime *runtime, struct prepared *prepared, struct error *err);
/* The detached mount for the spec's mount; -ENOENT, without a text: it is none of these. */
int shared_mount(const struct prepared *prepared, size_t mount, const struct mount_options *options, struct error *err);

/* ---- own_mounts.c: what coracle's own plans ask of a mount ---- */
/* A detached mount of the overlay that the options describe. */
int own_overlay(const struct mount_options *options, struct error *err);
/* The part of the source, opened; O_PATH. */
int own_subpath(int source, const char *subpath, struct error *err);
/* idmap: tries it, and says why it is not allowed. */
int own_idmap(int mount_fd, const struct spec_mount *mount, const struct mount_options *options, struct error *err);
/* Before it is attached: fills the volume from what the image has at its place (-1: nothing), gives all to the process.
 */
int own_prepare(const struct spec *spec, const struct spec_mount *mount, const struct mount_options *options,
		int mount_fd, int from, const struct prepared *prepared, struct error *err);
/* Gives all that the mount shows to uid:gid. `mount_fd`: of an overlay or a new file system; otherwise its source is what counts. */
int own_give(const struct spec_mount *mount, const struct mount_options *options, int mount_fd, uid_t uid, gid_t gid, struct error *err);

/* console.c: sends a descriptor over a socket (SCM_RIGHTS); `what` for the error. */
int descriptor_send(int socket, int fd, const char *what, struct error *err);

/* ---- devices.c, paths.c, console.c ---- */
int devices_setup(const struct spec *spec, int root_fd, struct error *err);
/* When all is there: makes /dev read-only where the specification says so. */
int devices_seal(const struct spec *spec, int root_fd, struct error *err);
/* Attaches a detached mount of a device at `name` in a directory, unless that device is there already. 0 or negative
 * errno. */
int device_place(int directory, const char *name, int mount_fd);
/* accounts.c: adds lines to /etc/passwd and /etc/group. */
int accounts_setup(const struct runtime *runtime, int root_fd, struct error *err);
/* secrets.c */
int secrets_setup(const struct runtime *runtime, int root_fd, struct error *err);
int paths_setup(const struct spec *spec, int root_fd, struct error *err);
int sysctls_setup(const struct spec *spec, int root_fd, struct error *err);
/* Makes a terminal from the devpts at /dev/pts in root_fd, sends its master over the socket, and gives the slave. */
int console_open(const struct spec_process *process, int root_fd, int socket, int *ret_slave, struct error *err);
/* Puts the slave at /dev/console. */
int console_mount(int root_fd, int slave, struct error *err);
/* Makes it the controlling terminal and standard input, output and error. */
int console_adopt(int slave, struct error *err);

/* ---- process.c ---- */
/* What the last steps need, whether in a new container or in a running one. */
struct launch_pad {
	const struct spec *spec; /* the container's, for its ids */
	const struct spec_process *process;
	const struct seccomp_filter *seccomp;
	bool fake_ownership, keep_groups;
	int init_fd;
	const char *init_name;
	int report_fd;
	unsigned int preserve_fds;
	struct strv env; /* the process's and, where it has none, HOME */
	char *path;      /* of the program */
	int exec_fd;     /* sealed copy of the init that executes it; -1: executed directly */
};
/* Goes to the working directory; `make` it when it is missing. */
int process_enter_directory(const struct spec *spec, const struct spec_process *process, bool make, struct error *err);
int process_set_oom_score(const struct spec_process *process, struct error *err);
/* stdio[] to 0, 1, 2; -1: /dev/null. */
int process_take_stdio(const struct spec_process *process, const int stdio[3], struct error *err);
/* Everything from resource limits to seccomp. */
int process_apply(const struct launch_pad *pad, struct error *err);

/* denied.c: adds to "permission denied" (-EACCES) for the path who owns what is closed, on the host, and what helps. */
void denied_explain(const struct spec *spec, const struct spec_process *process, const char *path, struct error *err);

/* ---- one_id.c: single-id mode ---- */
/* Whether the id that there is is called as the process's is to be. */
bool one_id_is(const struct spec_process *process);
/* Calls it so, in a user namespace made for it, and leaves the process dumpable. `proc_self` is /proc/self; inside a
 * container it is found, made sure of, and the process is left as dumpable as it was. */
int one_id_become(int proc_self, const struct spec_process *process, struct error *err);
int one_id_become_inside(const struct spec_process *process, struct error *err);
/* Joins the container's user namespace: 1. Where the first process has one below it that suits this process nothing is
 * joined: 0. */
int one_id_join(int pidfd, const struct spec_process *process, struct error *err);

/* ---- program.c ---- */
/* A descriptor (O_PATH) of our own executable, taken before any namespace is entered, or negative. */
int program_open_self(void);
/* Whether root in the user namespace that we are in by now could write it. */
bool program_is_exposed(int self_fd);
/* Looks the program up as the container sees it, and prepares what will execute it. */
int program_prepare(struct launch_pad *pad, bool exposed, struct error *err);
/* Returns only when it failed. */
int program_execute(const struct launch_pad *pad, struct error *err);

/* ---- report.c ---- */
void report_failure(int report_fd, const struct error *err);
_Noreturn void report_and_exit(int report_fd, const struct error *err);
