/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container: the records of the containers in the store, their names and their states.
 *
 *	containers/<id>/config.json     the OCI specification as run (spec_write)
 *	containers/<id>/container.json  our configuration: what `inspect` shows beyond it, written once at creation (rename, update: a transaction)
 *	containers/<id>/state           written by the monitor, by rename: see struct container_state. Missing: never started
 *	containers/<id>/lock            held by the monitor for as long as it lives: the container is alive exactly when it is held
 *	containers/<id>/<id>-json.log   the log
 *	containers/<id>/{upper,work}    what the container writes; etc/{hosts,hostname,resolv.conf}
 *	names/<name>                    symlink to the id; making it reserves the name
 *
 * States: created (no state file) → running ⇄ paused → stopping → exited; running → restarting → running by its restart policy; removing is over when the directory was renamed into trash. What the state file
 * says of a living container is believed only while the lock is held; otherwise the monitor died without a word (kill -9, power cut), the container
 * died with it, and the truth is: exited, code 137 unless it had recorded one. No state can be stale.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkg/json/json.h"
#include "storage/store/store.h"

enum container_status {
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_STOPPING,
	CONTAINER_EXITED,
	CONTAINER_STARTING, /* the monitor is there, the process not yet: shown as "initialized" */
	CONTAINER_RESTARTING, /* its process has ended, and the monitor will start it again as its restart policy says */
};
const char *container_status_name(enum container_status status); /* "created" "running" "paused" "stopping" "exited" "initialized" "restarting" */

/* The state file: JSON on one line, so that other tools can read it; written with snprintf by the monitor (state_file.c has both ends). */
struct container_state {
	enum container_status status;
	int32_t pid;         /* of the first process, in the host's pid namespace; 0: none */
	int32_t monitor_pid;
	int64_t started_ns, finished_ns; /* 0: never */
	int32_t exit_code;
	int32_t restart_count;
	bool oom_killed;
	bool died_unseen;     /* not in the file: what that says of a living container is not so, because its monitor was killed */
	bool stopped_by_user; /* stop or kill by a command: no restart policy applies, and after a reboot neither */
	char error[256];     /* why the last start failed */
};

struct container_port {
	char protocol[8];   /* "tcp" "udp" */
	char host_ip[46];   /* "" : all addresses */
	uint16_t host_port; /* 0 while not chosen */
	uint16_t container_port;
	uint16_t range;     /* of consecutive ports, at least 1 */
};

/* A network that the container is on (libpod/networks): as it was asked for. Texts are malloc'd; NULL: left to us. */
struct container_network {
	char *name;
	char *interface; /* inside: "eth0" … */
	char *ip, *ip6, *mac;
	struct strv aliases; /* further names on this network */
};

/* container.json. Texts are malloc'd and owned; optional ones NULL. */
struct container {
	char id[65];
	char *name;
	char *image_id;     /* hex */
	char *image_name;   /* as it was found: "localhost/hello:latest" */
	char *image_digest;
	char *rootfs;	     /* a folder, instead of an image: absolute; NULL */
	bool rootfs_overlay; /* what is written goes over it, not into it */
	struct strv layers; /* diff ids: what keeps them in use */
	int64_t created_ns;
	char *driver;       /* "overlay" … */
	char *mapping_key;  /* of the id mapping that it was made with */
	struct strv create_command; /* argv */
	struct strv command;        /* process args beyond the entrypoint, as `ps` shows them */
	struct strv entrypoint;
	struct strv labels;         /* "k=v" */
	struct strv annotations;
	struct strv exposed;        /* "80/tcp" */
	struct container_port *ports;
	size_t ports_count;
	char *network;      /* "bridge" "slirp4netns" "pasta" "none" "host" "container:<id>" "ns:<path>" */
	char *client_address;  /* whose address servers see on published ports: "tcp" "all" "none"; NULL: "tcp" */
	char *network_options; /* behind the colon of slirp4netns:… and pasta:… */
	struct container_network *networks; /* with "bridge": those that it is on */
	size_t networks_count;
	struct strv dns, dns_search, dns_options, add_hosts;
	char *hostname;
	bool remove;        /* --rm */
	char *init_path;    /* of the host's, instead of our own init; NULL */
	bool systemd;       /* it is one for systemd: has a cgroup to divide */
	bool terminal, open_stdin, stdin_once, init, privileged, read_only, publish_all, detached;
	char *detach_keys;
	int stop_signal;
	int64_t stop_timeout_s; /* default 10 */
	int64_t timeout_s;      /* killed when it has run for so long; 0: never */
	char *log_driver;   /* "json-file" "none" */
	int64_t log_max_size; /* bytes; 0: unlimited */
	int64_t log_max_files;
	char *restart_policy; /* "no" "always" "on-failure" "unless-stopped" */
	int64_t restart_max;
	struct strv security_options, cap_add, cap_drop, binds, tmpfs, group_add, volumes_from; /* as given, for inspect */
	struct strv mounts;         /* what the user and the image asked for: "type\tdestination\tsource" */
	struct strv volumes;        /* "name:destination" */
	struct strv devices;        /* "host:container:rwm", and names of CDI devices */
	struct strv mounted_images; /* ids of images that are mounted in it, which it keeps */
	char *userns, *pid_mode, *ipc_mode, *uts_mode, *cgroup_mode, *cgroups, *cgroup_parent, *cgroup_manager; /* as given; NULL: private */
	struct strv uid_map, gid_map; /* of a user namespace of its own: "inside:outside:count", `outside` in the shared one */
	struct strv requires;	    /* ids of containers that are to run before it */
	struct strv passwd_lines, group_lines; /* added to /etc/passwd and /etc/group */
	struct strv secrets; /* libpod/secret says how */
	char *user;         /* as given: "redis", "1000:1000" */
	char *working_dir;
	int64_t shm_size;
	struct json_object *healthcheck; /* of the image, for inspect; NULL: none */
	char *pid_file, *cid_file;
	char *monitor_pid_file; /* --conmon-pidfile */
};
struct container *container_new(void);
void container_free(struct container *container);
DEFINE_CLEANUP(struct container *, container_free)
#define auto_container CLEANUP(container_freep)

/* A new random id: 64 hex digits and a NUL. A name as docker makes them (adjective_surname), not yet reserved. */
void container_random_id(char *out);
char *container_random_name(void);
/* [a-zA-Z0-9][a-zA-Z0-9_.-]* */
int container_name_check(const char *name, struct error *err);

/* The network that it is on by this name, or NULL. */
struct container_network *container_network_find(const struct container *container, const char *name);
/* Adds their names; of a container on none of them what --network said. */
void container_network_names(const struct container *container, struct strv *ret);
/* One more, at the end; valid until the next change. */
struct container_network *container_network_add(struct container *container, const char *name);
void container_network_remove(struct container *container, const char *name);

/* Who is to change the record reads it, and writes it, under this lock of its directory (`dirfd`, in which it ends). Waits. */
int container_lock_record(int dirfd, struct error *err);
/* Writes container.json into the directory behind `dirfd` (a stage, or the container's own when it changes). */
int container_write(int dirfd, const struct container *container, struct error *err);
/* Writes container.json into the staged directory, places it as containers/<id> and reserves the name; when the name is taken nothing is left (-EEXIST, "the container name "x" is already in use by <id> …"). A
 * NULL name gets a random one. The lock file is made here. */
int container_place(struct store *store, struct stage *stage, struct container *container, struct error *err);

/* By name, id, or unique start of an id. -ENOENT: "no such container: x". */
int container_find(struct store *store, const char *name, struct container **ret, struct error *err);
int container_read(struct store *store, const char *id, struct container **ret, struct error *err);
/* Only what lists show: id, name, image, creation, command, entrypoint, labels, network, networks, ports, binds, mounts, volumes, remove, cid_file. */
int container_read_listed(struct store *store, const char *id, struct container **ret, struct error *err);
/* All ids, unsorted. */
int container_ids(struct store *store, struct strv *ret, struct error *err);
/* All names, unsorted: as many as there are ids, but for what somebody is doing, or has left, in the middle. */
int container_names(struct store *store, struct strv *ret, struct error *err);
/* Removes of these names those that lead nowhere, and the run directories of the containers that they led to. */
void container_sweep_names(struct store *store, const struct strv *names);
/* The directory, O_RDONLY|O_DIRECTORY. */
int container_open(struct store *store, const char *id, struct error *err);

/* The truth: reads the state file and looks at the lock. */
int container_state(struct store *store, const char *id, struct container_state *ret, struct error *err);
/* -ESRCH, with a text that says what a container is that is not running, and, when it is between two of its lives, what to do about it. */
int container_not_running(struct store *store, const struct container *container, struct error *err);
/* The same after the connection to its monitor broke: that one is dying, and its lock may be free a moment later than its socket; this waits for it. -EBUSY, "the monitor of container … has closed
 * the connection", when it is still there after 10 seconds. */
int container_state_after(struct store *store, const char *id, struct container_state *ret, struct error *err);
/* The state file alone, both ends. */
int container_state_read(int dirfd, struct container_state *ret, struct error *err);
int container_state_read_at(int dirfd, const char *path, struct container_state *ret, struct error *err);
int container_state_write(int dirfd, const struct container_state *state, struct error *err); /* no heap: the monitor uses it */
/* Opens the lock file: it lies in the container's directory, or by id in the local directory that stands in for it (store->lock_fd). */
int container_lock_file(struct store *store, int dirfd, const char *id, struct error *err);
/* The same by id alone. */
int container_lock_open(struct store *store, const char *id, struct error *err);
/* Takes the lock of a container that is not alive: its descriptor. -EAGAIN, without a text, when somebody has it. A monitor that has written that
 * its container has ended lets go of it a moment later (its cgroup comes first): that is waited for, 5 seconds at the most. */
int container_lock(struct store *store, const char *id, struct error *err);

/* With the lock held, before a start or a removal: kills what outlived a monitor that was killed, and writes the state that it could not. */
void container_bury(struct store *store, const char *id);

int container_rename(struct store *store, struct container *container, const char *new_name, struct error *err);
/* Removes a container that is not alive: name, directory (into trash). With the lock taken, so that no start can come between. -EBUSY when it is alive. */
int container_remove(struct store *store, const char *id, struct error *err);
/* The same with the anonymous volumes that live in its directory, which are kept otherwise, unless it is a --rm container. */
int container_remove_with_volumes(struct store *store, const char *id, struct error *err);
/* Finishes what a dead monitor owed: processes that outlived it are killed, its last state is written, and a --rm container that was started is removed. Cheap;
 * called by commands that look at all. */
int container_reap(struct store *store, const struct container *container, const struct container_state *state, struct error *err);
