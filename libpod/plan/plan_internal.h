/* SPDX-License-Identifier: Apache-2.0 */
/* plan_internal: the steps of plan_make(), one file each. `image_config` is the "config" member of the image's configuration, or NULL. */
#pragma once

#include "libpod/plan/plan.h"

/* folder.c: --rootfs, in the record; and, when the ids are known, whether that can be. */
int plan_folder(const char *text, struct container *container, struct error *err);
int plan_check_folder(const struct plan *plan, struct error *err);
/* accounts.c: the text of the image's etc/<name>, or of the folder's where that is not NULL, as the container will see it before it has written anything; "" when there is
 * none. malloc'd. */
char *plan_account_file(struct store *store, const char *folder, const struct strv *layers, const char *name);
/* Who the process is, and the lines that passwd and group get for it. */
int plan_identity(struct store *store, const struct create_options *options, const struct image *image, struct json_object *image_config,
		  struct plan *plan, char **ret_home, struct error *err);
/* userns.c: --userns and its like. `keeps_id`: the process is by default who the user is. */
int plan_userns(struct store *store, const struct create_options *options, const struct image *image, struct plan *plan, struct error *err);
/* keep-id's id in the container; false when it is not asked for. */
bool plan_kept_id(const char *userns, uint32_t *ret_uid, uint32_t *ret_gid, bool *ret_renamed);
/* auto.c: ids that no other container has, for --userns auto. */
int plan_auto_ids(struct store *store, const char *options, uint32_t smallest, struct plan *plan, struct error *err);
/* user.c */
struct passwd_entry {
	uint32_t uid, gid;
	char *name, *home;
};
void passwd_entry_free(struct passwd_entry *entry);
/* The first entry with this name or, `name` NULL, this uid. */
bool find_passwd(const char *passwd, const char *name, uint32_t uid, struct passwd_entry *ret);
bool find_group_of(const char *group, uint32_t gid); /* whether the gid has a name */
/* host_users.c: appends the lines of this machine's users `names` (names or ids), and of their groups, to the two texts and to the container's
 * record, but for those that are there. -ENOENT: the machine has none such. */
int plan_host_users(const struct strv *names, char **passwd, char **group, struct container *container, struct error *err);
/* environment.c */
int plan_environment(const struct create_options *options, struct json_object *image_config, const char *hostname, const char *home,
		     struct strv *env, struct error *err);
/* process.c: arguments, user, capabilities' owner, limits, working directory. */
int plan_process(struct store *store, const struct create_options *options, const struct image *image, struct json_object *image_config,
		 const struct strv *arguments, struct plan *plan, struct error *err);
/* systemd.c: whether the container is one for systemd; called when the arguments are known. What it then has besides. */
int plan_systemd(const struct create_options *options, struct plan *plan, struct error *err);
void plan_systemd_environment(struct plan *plan);
void plan_systemd_mounts(struct plan *plan); /* after all others are placed */
/* security.c: capabilities, seccomp, no_new_privileges, masked and read-only paths. */
int plan_security(struct store *store, const struct create_options *options, struct plan *plan, struct error *err);
/* mounts.c */
int plan_mounts(struct store *store, const struct create_options *options, struct json_object *image_config, struct plan *plan, struct error *err);
void plan_remove_mount(struct spec *spec, const char *destination);
/* reach.c: after the ids are known: what is mounted and cannot be reached is an error, or, where only the process may not look, a warning. */
int plan_reach(const struct create_options *options, const struct plan *plan, struct error *err);
/* devices.c */
int plan_devices(const struct create_options *options, struct plan *plan, struct error *err);
/* namespaces.c */
int plan_namespaces(struct store *store, const struct create_options *options, struct plan *plan, struct error *err);
/* networks.c: --network and what goes with it. */
int plan_networks(struct store *store, const struct create_options *options, struct container *container, struct error *err);
/* policy.c */
int plan_restart(const struct create_options *options, struct container *container, struct error *err);
int plan_requires(struct store *store, const struct create_options *options, struct container *container, struct error *err);
int plan_log(const struct create_options *options, struct container *container, struct error *err);
int plan_limits(const struct create_options *options, struct plan *plan, struct error *err);
/* ports.c */
int plan_ports(const struct create_options *options, struct json_object *image_config, struct plan *plan, struct error *err);
