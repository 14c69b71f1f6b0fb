/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan: what the user asked for, plus what the image says, becomes a struct spec and a struct container. Nothing is executed or
 * written here, so that everything wrong with a request is found before anything is made.
 */
#pragma once

#include "libpod/container/container.h"
#include "libpod/limits/limits.h"
#include "libpod/seccomp/seccomp.h"
#include "libpod/spec/spec.h"
#include "rootless/idmap/idmap.h"
#include "storage/driver/driver.h"
#include "storage/image/image.h"
#include "storage/volume/volume.h"

/* The options of run and create, as their option table (src/create_options.c) fills them. Texts are borrowed from the command line. */
struct create_options {
	/* the process */
	const char *entrypoint;
	const char *user, *workdir, *umask;
	bool interactive, terminal, init, privileged;
	struct strv env, env_files, env_merge, unset_env;
	bool env_host, unset_env_all, http_proxy;
	struct strv group_add, ulimits, cap_add, cap_drop, security_opts, sysctls;
	int64_t oom_score_adj;
	const char *stop_signal, *systemd, *init_path, *personality;
	int64_t stop_timeout, timeout;
	bool entrypoint_given, oom_score_adj_given, stop_timeout_given;
	/* the container */
	const char *name, *hostname, *cidfile, *pidfile, *conmon_pidfile, *restart;
	/* its image */
	const char *pull, *platform, *arch, *os, *variant, *authfile;
	bool tls_verify, tls_verify_given;
	const char *uts, *pid, *ipc, *cgroupns;
	/* who it is */
	const char *userns, *subuidname, *subgidname, *passwd_entry, *group_entry;
	struct strv uidmap, gidmap, secrets, host_users, requires;
	bool passwd;
	struct strv labels, label_files, annotations;
	bool rm, replace, quiet, rootfs, disable_content_trust;
	/* files */
	struct strv volumes, tmpfs, mounts, volumes_from, devices, device_cgroup_rules;
	const char *gpus, *time_zone;
	const char *image_volume;
	int64_t shm_size;
	bool read_only, read_only_tmpfs, shm_size_given;
	/* network */
	const char *ip, *ip6, *mac, *client_address;
	struct strv networks, network_aliases;
	struct strv publish, expose, dns, dns_search, dns_options, add_hosts;
	bool publish_all, no_hosts, no_hostname;
	/* log */
	const char *log_driver;
	struct strv log_opts;
	/* limits */
	struct limit_options limits;
	const char *cgroups, *cgroup_parent, *cgroup_manager;
	/* run only */
	bool detach, sig_proxy, rmi;
	const char *detach_keys;
	struct strv attach;
	int64_t preserve_fds;
	/* not an option: the whole command line, for the record; NULL-terminated, or NULL */
	char *const *command_line;
	struct signals_held *held; /* taken hold of before anything is made; NULL: nobody waits for the container */
};

/* A volume that is to be made with the container. */
struct plan_volume {
	struct volume volume;
};

/* The annotation by which crun, too, knows that the groups of who starts the container are kept: "run.oci.keep_original_groups=1". */
#define PLAN_KEEP_GROUPS "run.oci.keep_original_groups"
bool plan_keeps_groups(const struct strv *annotations);

struct plan {
	struct spec spec;
	struct container *container;
	struct seccomp_filter seccomp;
	bool has_seccomp;
	struct id_mapping mapping; /* of the user namespace that the containers share */
	bool nested;		   /* the container has one of its own below that: */
	struct id_mapping inner;   /* its ids, `outside` as those of the shared one */
	struct rootfs rootfs; /* filled once the container's directory is there */
	struct strv proc_options;  /* of the mount of /proc */
	char *hosts, *resolv_conf; /* contents of /etc/hosts and /etc/resolv.conf; NULL: left to the image */
	int *listen_fds;           /* of the published ports, when the container is started at once; libpod/network */
	size_t listen_count;
	struct plan_volume *volumes;
	size_t volumes_count;
	char *names_id; /* --network container:…: whose /etc/hosts, /etc/hostname and /etc/resolv.conf the container has; NULL: its own */
};
void plan_free(struct plan *plan);
#define auto_plan CLEANUP(plan_free)

/*
 * Makes the plan for a new container (its id is chosen here). `arguments`: the command and its arguments behind the image's name. `image` has its configuration
 * loaded; with options->rootfs it is empty, and `image_name` says the folder. `listen`: open the published ports now, because the container is to be started at once.
 */
int plan_make(struct store *store, const struct create_options *options, const struct image *image, const char *image_name,
	      const struct strv *arguments, bool listen, struct plan *ret, struct error *err);

/* For --userns auto: a lock that is to be held from before plan_make() until the container, and with it its claim on ids, is in the store. A descriptor. */
int plan_lock_ids(struct store *store, struct error *err);
/* From the container's record: plan->nested and inner. */
int plan_read_nesting(struct plan *plan, const struct container *container, struct error *err);
/* --userns ns:PATH. *ret_outer: the namespace, or the one above it that is right below our own, in which the monitor is to live, and its ids in the plan. *ret_inner: the namespace itself
 * where that is another, with its ids; -1. */
int plan_user_namespace(const char *path, struct plan *plan, int *ret_outer, int *ret_inner, struct error *err);
/* The ids that the container has, `outside` as those of the shared namespace or of ours. */
const struct id_mapping *plan_ids(const struct plan *plan);
/* Whether ids have other numbers in the container than on disk, so that its files must be shown with others. */
bool plan_moves_ids(const struct plan *plan);

/* The ids that the container is to have, in the plan and its specification. Whether the specification has them already; whether with these every file of the
 * container would belong to whom it did with those that the specification has. */
int plan_set_mapping(struct plan *plan, const struct id_mapping *mapping, struct error *err);
bool plan_has_mapping(const struct plan *plan, const struct id_mapping *mapping);
bool plan_keeps_owners(const struct plan *plan, const struct id_mapping *mapping);

/* "[[ip:]host[-end]:]container[-end][/tcp|/udp]" appended to the container's ports; one that overlaps another is an error. */
int plan_port(const char *text, struct container *container, struct error *err);

/* "NETWORK[:ip=ADDRESS,ip6=ADDRESS,mac=ADDRESS,alias=NAME,interface_name=NAME]": one more network of the container, checked against its record; also used by `network connect`. */
int plan_network(struct store *store, const char *text, struct container *container, struct error *err);
/* The addresses and names that a network was given, checked against its record. */
int plan_check_network(struct store *store, const struct container_network *network, struct error *err);

/* ---- who a process is: also used by exec ---- */
struct user_identity {
	uint32_t uid, gid;
	uint32_t *groups; /* additional ones, malloc'd */
	size_t groups_count;
	bool known; /* the user is in passwd */
	char *home; /* malloc'd; "/" when the user is not in passwd */
};
/* `user`: "", "name", "uid", either with ":group" or ":gid". `passwd` and `group`: contents of the container's files; "" where there is none. A name that
 * is not there is -EINVAL; an id need not be. */
int plan_user(const char *user, const char *passwd, const char *group, const struct strv *group_add, struct user_identity *ret,
	      struct error *err);
/* Its capabilities. docker: `--cap-drop all --cap-add x` gives x alone, `--cap-add all --cap-drop x` all but x. A user that is not root has only those
 * that were asked for by name. */
int plan_capabilities(uint32_t uid, bool privileged, const struct strv *cap_add, const struct strv *cap_drop, struct spec_capabilities *ret,
		      struct error *err);
/* The lines of an environment file ("KEY=value", "KEY" from our own environment, # comments) laid over `env`. */
int plan_env_file(const char *path, struct strv *env, struct error *err);
/* "KEY=value", "KEY" (from our own environment, if it is there) or "PREFIX*". */
void plan_env(const char *assignment, struct strv *env);
