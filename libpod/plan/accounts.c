/* SPDX-License-Identifier: Apache-2.0 */
/* accounts: the image's passwd(5) and group(5), and what is added to them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "libpod/plan/plan_internal.h"
#include "pkg/file/file.h"
#include "storage/layer/layer.h"

#define ACCOUNT_FILE_MAX (4 << 20)

/* Whether the etc of a layer hides those of the layers below: it is opaque, or no directory (a whiteout). */
static bool hides_below(int layer)
{
	char value;
	auto_close int etc = open_in_root(layer, "etc", O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
	if (etc < 0)
		return etc == -ENOTDIR;
	return fgetxattr(etc, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static int open_account_file(int root, const char *path)
{
	return root < 0 ? root : open_in_root(root, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
}

/* "" where it is no ordinary file. */
static char *read_account_file(int fd, const char *path)
{
	struct stat st;
	char *text;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || file_read_fd(fd, path, ACCOUNT_FILE_MAX, &text, NULL, NULL) < 0)
		return xstrdup("");
	return text;
}

static char *folder_file(const char *folder, const char *path)
{
	auto_close int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = open_account_file(dir, path);
	return read_account_file(fd, path);
}

/*
 * From the highest layer that has it: no mount is needed for two small files. A whiteout (a character device) or a
 * layer whose etc hides those below ends the search.
 */
char *plan_account_file(struct store *store, const char *folder, const struct strv *layers, const char *name)
{
	auto_free char *path = xasprintf("etc/%s", name);
	if (folder)
		return folder_file(folder, path);
	for (size_t i = layers->count; i-- > 0;) {
		auto_free char *tree = NULL;
		if (layer_tree_path(store, layers->items[i], &tree, NULL) < 0)
			break;
		auto_close int dir = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
		auto_close int fd = open_account_file(dir, path);
		if (fd >= 0)
			return read_account_file(fd, path);
		if (hides_below(dir))
			break;
	}
	return xstrdup("");
}

/* ---- lines for who is not known ---- */

static bool mounts_at(const struct create_options *options, const char *path)
{
	for (size_t i = 0; i < options->volumes.count; i++) {
		const char *target = strchr(options->volumes.items[i], ':');
		size_t length = target ? strcspn(target + 1, ":") : 0;
		if (length && strlen(path) == length && strncmp(target + 1, path, length) == 0)
			return true;
	}
	return false;
}

struct unknown {
	const char *name, *gecos, *group_name;
	uint32_t uid, gid;
	const char *home, *passwd, *group;
};

/* podman's variables: $USERNAME, $UID, $GID, $NAME and $HOME in passwd's line, $GROUPNAME, $GID and $USERLIST in group's. */
static char *fill_template(const char *template, const struct unknown *user)
{
	auto_free char *uid = xasprintf("%u", user->uid), *gid = xasprintf("%u", user->gid);
	const char *const variables[][2] = {
	    {"$USERNAME", user->name}, {"$UID", uid},		      {"$GID", gid},	      {"$NAME", user->gecos},
	    {"$HOME", user->home},     {"$GROUPNAME", user->group_name}, {"$USERLIST", user->name}};
	struct strbuf line = STRBUF_INIT;
	while (*template) {
		size_t i = 0;
		while (i < ARRAY_SIZE(variables) && !text_starts_with(template, variables[i][0]))
			i++;
		if (i < ARRAY_SIZE(variables)) {
			strbuf_puts(&line, variables[i][1]);
			template += strlen(variables[i][0]);
		} else {
			strbuf_putc(&line, *template ++);
		}
	}
	return strbuf_take(&line);
}

static void add_lines(const struct create_options *options, const struct unknown *user, struct container *container)
{
	const char *passwd =
	    options->passwd_entry ? options->passwd_entry : "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh";
	const char *group = options->group_entry ? options->group_entry : "$GROUPNAME:x:$GID:$USERLIST";
	strv_take(&container->passwd_lines, fill_template(passwd, user));
	auto_free char *added = strv_join(&container->group_lines, "\n");
	if (!find_group_of(user->group, user->gid) && !find_group_of(added, user->gid))
		strv_take(&container->group_lines, fill_template(group, user));
}

/* Our own account on the host; without one in its passwd (a directory service has it), by the name that the session
 * says. */
static void own_account(char **ret_name, char **ret_home)
{
	CLEANUP(passwd_entry_free) struct passwd_entry entry = {0};
	auto_free char *passwd = NULL;
	const char *home = getenv("HOME");
	if (file_read_at(AT_FDCWD, "/etc/passwd", ACCOUNT_FILE_MAX, &passwd, NULL, NULL) == 0 &&
	    find_passwd(passwd, NULL, geteuid(), &entry)) {
		*ret_name = TAKE_PTR(entry.name);
		*ret_home = TAKE_PTR(entry.home);
		return;
	}
	const char *name = getenv("USER");
	*ret_name = text_is_empty(name) || strpbrk(name, ":\n") ? xasprintf("%u", geteuid()) : xstrdup(name);
	*ret_home = xstrdup(text_is_empty(home) || strpbrk(home, ":\n") ? "/" : home);
}

static void add_accounts(const struct create_options *options, const char *cwd, const char *passwd, const char *group,
			 struct user_identity *identity, struct plan *plan)
{
	uint32_t uid, gid;
	bool renamed;
	struct unknown user = {.gecos = "", .home = cwd, .passwd = passwd, .group = group};
	if (plan_kept_id(options->userns, &uid, &gid, &renamed) && !renamed) {
		CLEANUP(passwd_entry_free) struct passwd_entry entry = {0}, same_name = {0};
		auto_free char *name = NULL, *home = NULL;
		own_account(&name, &home);
		user.name = user.group_name = name;
		user.uid = uid;
		user.gid = gid;
		if (mounts_at(options, home))
			user.home = home;
		bool there = find_passwd(passwd, NULL, uid, &entry);
		bool taken = !there && find_passwd(passwd, name, 0, &same_name);
		if (!there && !taken)
			add_lines(options, &user, plan->container);
		if (!there && identity->uid == uid) {
			free(identity->home);
			identity->home = xstrdup(user.home);
			identity->known = !taken;
		}
	}
	if (identity->known)
		return;
	auto_free char *number = xasprintf("%u", identity->uid), *group_number = xasprintf("%u", identity->gid);
	user = (struct unknown){.name = number,
				.group_name = group_number,
				.gecos = "container user",
				.uid = identity->uid,
				.gid = identity->gid,
				.home = cwd,
				.passwd = passwd,
				.group = group};
	add_lines(options, &user, plan->container);
	free(identity->home);
	identity->home = xstrdup(cwd);
}

/* ---- who the process is ---- */

bool plan_keeps_groups(const struct strv *annotations)
{
	const char *value = strv_env_get(annotations, PLAN_KEEP_GROUPS);
	return value && strcmp(value, "1") == 0;
}

static int default_user(const struct create_options *options, struct json_object *image_config, char **ret,
			struct error *err)
{
	uint32_t uid, gid;
	bool renamed;
	const char *user = options->user;
	int r = user ? 0 : json_get_string(image_config, "User", &user, err);
	if (r < 0)
		return -EINVAL;
	if (text_is_empty(user) && plan_kept_id(options->userns, &uid, &gid, &renamed))
		*ret = xasprintf("%u:%u", uid, gid);
	else
		*ret = xstrdup(user ? user : "");
	return 0;
}

/* A group that does not come with the user: --group-add, but for keep-groups. */
static int check_groups(const struct create_options *options, struct strv *ret, bool *ret_keep, struct error *err)
{
	for (size_t i = 0; i < options->group_add.count; i++)
		if (strcmp(options->group_add.items[i], "keep-groups") != 0)
			strv_add(ret, options->group_add.items[i]);
	*ret_keep = ret->count < options->group_add.count;
	if (*ret_keep && ret->count)
		return error_set(
		    err, EINVAL,
		    "--group-add keep-groups keeps the groups that you have; no other can be added to them");
	return 0;
}

static void add_gid(struct spec_process *process, uint32_t gid)
{
	for (size_t i = 0; i < process->additional_gids_count; i++)
		if (process->additional_gids[i] == gid)
			return;
	process->additional_gids = xrealloc(process->additional_gids,
					    (process->additional_gids_count + 1) * sizeof(*process->additional_gids));
	process->additional_gids[process->additional_gids_count++] = gid;
}

int plan_identity(struct store *store, const struct create_options *options, const struct image *image,
		  struct json_object *image_config, struct plan *plan, char **ret_home, struct error *err)
{
	struct spec_process *process = &plan->spec.process;
	struct container *container = plan->container;
	const struct id_mapping *ids = plan_ids(plan);
	auto_strv struct strv groups = STRV_INIT;
	auto_free char *passwd = plan_account_file(store, container->rootfs, &image->layers, "passwd");
	auto_free char *group = plan_account_file(store, container->rootfs, &image->layers, "group");
	const char *cwd = options->workdir;
	struct user_identity identity;
	bool keep_groups;
	int r;
	if ((r = plan_host_users(&options->host_users, &passwd, &group, container, err)) < 0 ||
	    (r = default_user(options, image_config, &container->user, err)) < 0 ||
	    (r = check_groups(options, &groups, &keep_groups, err)) < 0 ||
	    (r = plan_user(container->user, passwd, group, &groups, &identity, err)) < 0)
		return r;
	if (keep_groups)
		strv_env_set(&container->annotations, PLAN_KEEP_GROUPS "=1");
	if (!cwd && json_get_string(image_config, "WorkingDir", &cwd, err) < 0)
		r = -EINVAL;
	if (r >= 0 && options->passwd)
		add_accounts(options, text_is_empty(cwd) ? "/" : cwd, passwd, group, &identity, plan);
	*ret_home = identity.home;
	process->uid = identity.uid;
	process->gid = identity.gid;
	process->additional_gids = identity.groups;
	process->additional_gids_count = identity.groups_count;
	uint32_t uid, gid;
	bool renamed;
	/* What his group may do he may do as anybody. */
	if (plan->nested && plan_kept_id(options->userns, &uid, &gid, &renamed) && !renamed)
		add_gid(process, gid);
	/* A single id goes by any name. */
	if (r >= 0 && !ids->single &&
	    (id_map_outside(&ids->uids, identity.uid) < 0 || id_map_outside(&ids->gids, identity.gid) < 0))
		return error_set(err, EINVAL,
				 "user %u:%u of the container is beyond the ids that %s (see `coracle info`)",
				 identity.uid, identity.gid, plan->nested ? "its user namespace has" : "you have");
	return r < 0 ? r : 0;
}
