/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec: the OCI runtime specification's config.json as a C structure (runtime-spec 1.1, config.md, config-linux.md).
 *
 * It is the plan of a container: the command line and the image become one of these, validation happens on it, the
 * executor (libpod/runtime) carries it out, and coracle-runtime reads one that another tool wrote. Reading is strict: a
 * member of the wrong type, an unknown namespace or capability is an error that names the member. What this executor
 * does not do is refused, not skipped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/json/json.h"
#include "pkg/text/text.h"

#define OCI_VERSION "1.1.0"

enum spec_namespace {
	SPEC_NS_USER,
	SPEC_NS_MOUNT,
	SPEC_NS_PID,
	SPEC_NS_NETWORK,
	SPEC_NS_IPC,
	SPEC_NS_UTS,
	SPEC_NS_CGROUP,
	SPEC_NS_TIME,
	SPEC_NS_COUNT,
};

struct spec_namespace_entry {
	bool present; /* false: shared with the caller */
	char *path;   /* NULL: a new one; otherwise join this one */
};

struct spec_mount {
	char *destination;
	char *type;   /* "bind", "proc", "tmpfs" …; NULL as for a bind mount */
	char *source; /* may be NULL */
	struct strv options;
};

struct spec_rlimit {
	int resource; /* RLIMIT_… */
	uint64_t soft, hard;
};

struct spec_device {
	char *path;
	char type; /* c u b p */
	int64_t major, minor;
	uint32_t mode; /* permission bits */
	int64_t uid, gid;
};

/* Bits are 1ULL << CAP_… */
struct spec_capabilities {
	bool present;
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct spec_process {
	bool present;
	struct strv args, env;
	char *cwd;
	bool terminal;
	uint16_t rows, columns; /* 0: not given */
	uint32_t uid, gid;
	int umask; /* -1: not given */
	uint32_t *additional_gids;
	size_t additional_gids_count;
	bool no_new_privileges;
	struct spec_capabilities capabilities;
	struct spec_rlimit *rlimits;
	size_t rlimits_count;
	bool has_oom_score_adj;
	int oom_score_adj;
	char *apparmor_profile;
	char *selinux_label;
};

struct spec_hook {
	char *path;
	struct strv args, env;
	int64_t timeout; /* seconds; 0: none */
};
enum spec_hook_kind {
	SPEC_HOOK_PRESTART,
	SPEC_HOOK_CREATE_RUNTIME,
	SPEC_HOOK_CREATE_CONTAINER,
	SPEC_HOOK_START_CONTAINER,
	SPEC_HOOK_POSTSTART,
	SPEC_HOOK_POSTSTOP,
	SPEC_HOOK_COUNT
};
struct spec_hooks {
	struct spec_hook *items;
	size_t count;
};

struct spec_id_mapping {
	uint32_t container_id, host_id, size;
};

struct spec {
	char *oci_version;
	struct spec_process process;
	char *root_path;
	bool root_readonly;
	char *hostname, *domainname;
	struct spec_mount *mounts;
	size_t mounts_count;
	struct spec_hooks hooks[SPEC_HOOK_COUNT];
	struct strv annotations; /* "key=value" */

	struct spec_namespace_entry namespaces[SPEC_NS_COUNT];
	struct spec_id_mapping *uid_mappings, *gid_mappings;
	size_t uid_mappings_count, gid_mappings_count;
	struct spec_device *devices;
	size_t devices_count;
	char *cgroups_path;
	struct json_object *resources; /* linux.resources as it came; libpod/cgroup reads it. NULL: none */
	char *personality;             /* "LINUX" "LINUX32"; NULL: as it is */
	char *rootfs_propagation;      /* NULL: "private" */
	struct strv masked_paths, readonly_paths;
	struct strv sysctl; /* "key=value" */
	bool has_seccomp;
	char *seccomp; /* linux.seccomp as JSON text; NULL: unconfined */
	int64_t time_offset_monotonic_s, time_offset_boottime_s;
};

void spec_init(struct spec *spec); /* empty: umask -1, no namespaces */
void spec_free(struct spec *spec);
#define auto_spec CLEANUP(spec_free)

/* From the text of a config.json. `name` for errors. Relative root.path is taken against the bundle by the caller. */
int spec_read(const char *text, size_t length, const char *name, struct spec *ret, struct error *err);
/* A `process` object alone, as `exec --process` takes it. spec_process_free() gives it back. */
int spec_process_read(const char *text, size_t length, const char *name, struct spec_process *ret, struct error *err);
void spec_process_free(struct spec_process *process);
/* How long config.json can be: who makes a container refuses more, because nobody would read it. */
#define SPEC_TEXT_MAX (16 << 20)
/* As JSON text for config.json; malloc'd. The seccomp text is laid in as it is. */
char *spec_write(const struct spec *spec);
/* What the specification demands and the executor relies on (absolute cwd, destinations …). */
int spec_validate(const struct spec *spec, struct error *err);

/* Builders; each copies its texts. The mount may be completed by the caller (strv_add(&mount->options, …)). */
struct spec_mount *spec_add_mount(struct spec *spec, const char *destination, const char *type, const char *source,
				  const char *const *options /* NULL-terminated */);
void spec_process_add_rlimit(struct spec_process *process, int resource, uint64_t soft, uint64_t hard);
void spec_add_rlimit(struct spec *spec, int resource, uint64_t soft, uint64_t hard);
struct spec_device *spec_add_device(struct spec *spec, const char *path, char type, int64_t major, int64_t minor,
				    uint32_t mode);

/* Names of capabilities: with or without CAP_, any case; -1 when unknown. capability_name gives "CAP_CHOWN" or NULL. */
int capability_from_name(const char *name);
const char *capability_name(int capability);
int rlimit_from_name(const char *name);    /* "RLIMIT_NOFILE", "nofile"; -1 */
const char *rlimit_name(int resource);     /* "RLIMIT_NOFILE" */
int namespace_from_name(const char *name); /* "mount"; -1 */
const char *namespace_name(enum spec_namespace type);
const char *hook_name(enum spec_hook_kind kind); /* "createRuntime" */
