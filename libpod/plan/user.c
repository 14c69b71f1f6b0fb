/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user: --user and the container's passwd(5) and group(5).
 *
 * The files belong to the image and are hostile: they are texts in memory, read line by line; nothing is executed and no name service is asked.
 */
#include <errno.h>
#include <string.h>

#include "libpod/plan/plan_internal.h"

#define FIELDS_MAX 7
#define ID_MAX 4294967294LL /* (uid_t) -1 means "unchanged" to the kernel */

/* Splits one line at ':' in place; returns how many fields there are. */
static size_t split_fields(char *line, char *fields[FIELDS_MAX])
{
	size_t count = 0;
	for (char *rest = line; rest && count < FIELDS_MAX;)
		fields[count++] = strsep(&rest, ":");
	return count;
}

static bool parse_id(const char *text, uint32_t *ret)
{
	int64_t id;
	if (parse_int64(text, "id", 0, ID_MAX, &id, NULL) < 0)
		return false;
	*ret = (uint32_t)id;
	return true;
}

void passwd_entry_free(struct passwd_entry *entry)
{
	free(entry->name);
	free(entry->home);
}

bool find_passwd(const char *passwd, const char *name, uint32_t uid, struct passwd_entry *ret)
{
	auto_free char *copy = xstrdup(passwd);
	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		char *fields[FIELDS_MAX];
		uint32_t entry_uid, entry_gid;
		if (split_fields(line, fields) < 6 || !parse_id(fields[2], &entry_uid) || !parse_id(fields[3], &entry_gid))
			continue;
		if (name ? strcmp(fields[0], name) != 0 : entry_uid != uid)
			continue;
		*ret = (struct passwd_entry){entry_uid, entry_gid, xstrdup(fields[0]), xstrdup(fields[5])};
		return true;
	}
	return false;
}

static bool find_group(const char *group, const char *name, uint32_t *ret_gid)
{
	auto_free char *copy = xstrdup(group);
	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		char *fields[FIELDS_MAX];
		if (split_fields(line, fields) >= 3 && strcmp(fields[0], name) == 0 && parse_id(fields[2], ret_gid))
			return true;
	}
	return false;
}

bool find_group_of(const char *group, uint32_t gid)
{
	auto_free char *copy = xstrdup(group);
	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		char *fields[FIELDS_MAX];
		uint32_t found;
		if (split_fields(line, fields) >= 3 && parse_id(fields[2], &found) && found == gid)
			return true;
	}
	return false;
}

static void add_group(struct user_identity *identity, uint32_t gid)
{
	for (size_t i = 0; i < identity->groups_count; i++)
		if (identity->groups[i] == gid)
			return;
	identity->groups = xrealloc(identity->groups, (identity->groups_count + 1) * sizeof(*identity->groups));
	identity->groups[identity->groups_count++] = gid;
}

/* The groups that list `name` as a member. */
static void add_memberships(const char *group, const char *name, struct user_identity *identity)
{
	auto_free char *copy = xstrdup(group);
	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		char *fields[FIELDS_MAX];
		uint32_t gid;
		if (split_fields(line, fields) < 4 || !parse_id(fields[2], &gid))
			continue;
		for (char *members = fields[3], *member; (member = strsep(&members, ","));)
			if (strcmp(member, name) == 0)
				add_group(identity, gid);
	}
}

static int resolve_group(const char *text, const char *group, uint32_t *ret, struct error *err)
{
	if (find_group(group, text, ret) || parse_id(text, ret))
		return 0;
	return error_set(err, EINVAL, "no group \"%s\" in the image's /etc/group; give its number", text);
}

int plan_user(const char *user, const char *passwd, const char *group, const struct strv *group_add, struct user_identity *ret,
	      struct error *err)
{
	const char *colon = strchr(user, ':');
	auto_free char *name = colon ? xstrndup(user, (size_t)(colon - user)) : xstrdup(user);
	const char *group_name = colon ? colon + 1 : NULL;

	CLEANUP(passwd_entry_free) struct passwd_entry entry = {0};
	uint32_t uid = 0;
	bool known;
	/* A name that looks like a number is a name where passwd has it (as docker reads it), an id otherwise. */
	if (!*name)
		known = find_passwd(passwd, NULL, 0, &entry);
	else if (!(known = find_passwd(passwd, name, 0, &entry))) {
		if (!parse_id(name, &uid))
			return error_set(err, EINVAL, "no user \"%s\" in the image's /etc/passwd; give a numeric id", name);
		known = find_passwd(passwd, NULL, uid, &entry);
	}

	struct user_identity identity = {.uid = known ? entry.uid : uid, .gid = known ? entry.gid : 0};
	if (!text_is_empty(group_name)) {
		int r = resolve_group(group_name, group, &identity.gid, err);
		if (r < 0)
			return r;
	} else if (known) {
		add_memberships(group, entry.name, &identity);
	}
	for (size_t i = 0; group_add && i < group_add->count; i++) {
		uint32_t gid = 0;
		int r = resolve_group(group_add->items[i], group, &gid, err);
		if (r < 0) {
			free(identity.groups);
			return r;
		}
		add_group(&identity, gid);
	}
	/* The process's own group is among them, so that it cannot leave it, and what is denied to it, by becoming a member of another (CVE-2022-2989). */
	add_group(&identity, identity.gid);
	identity.known = known;
	identity.home = known && *entry.home ? TAKE_PTR(entry.home) : xstrdup("/");
	*ret = identity;
	return 0;
}
