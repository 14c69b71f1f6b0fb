/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --hostuser: this machine's users in the container's passwd(5). getent(1) knows them wherever the machine has them
 * (nsswitch.conf(5)); a program that is linked statically, as ours is, cannot ask by itself.
 */
#include <errno.h>
#include <string.h>

#include "libpod/plan/plan_internal.h"
#include "pkg/process/process.h"

/* The line of a user or group, by name or number; NULL where there is none. */
static int ask(const char *database, const char *key, char **ret, struct error *err)
{
	auto_strbuf struct strbuf output = STRBUF_INIT;
	const char *const argv[] = {"getent", "--", database, key, NULL};
	int r = spawn_run(&(struct spawn){.argv = argv, .output = &output}, NULL);
	*ret = NULL;
	if (r == -ENOENT)
		return error_set(err, ENOENT, "--hostuser needs the program getent");
	size_t length = strcspn(strbuf_text(&output), "\n");
	if (r == 0 && length)
		*ret = xstrndup(strbuf_text(&output), length);
	return 0;
}

static void append(char **text, const char *line)
{
	auto_free char *before = *text;
	*text = xasprintf("%s%s%s\n", before, *before && !text_ends_with(before, "\n") ? "\n" : "", line);
}

/* The user's own group, where the image has none of that number. */
static int add_group(const char *passwd_line, char **group, struct container *container, struct error *err)
{
	auto_strv struct strv fields = STRV_INIT;
	auto_free char *line = NULL;
	int64_t gid;
	strv_split(&fields, passwd_line, ':');
	if (fields.count < 4 || parse_int64(fields.items[3], "id", 0, UINT32_MAX - 1, &gid, NULL) < 0 || find_group_of(*group, (uint32_t)gid))
		return 0;
	int r = ask("group", fields.items[3], &line, err);
	if (r < 0 || !line)
		return r;
	append(group, line);
	strv_take(&container->group_lines, TAKE_PTR(line));
	return 0;
}

static int add_user(const char *name, char **passwd, char **group, struct container *container, struct error *err)
{
	CLEANUP(passwd_entry_free) struct passwd_entry there = {0};
	auto_free char *line = NULL;
	int r = ask("passwd", name, &line, err);
	if (r < 0)
		return r;
	if (!line)
		return error_set(err, ENOENT, "--hostuser %s: this machine has no such user (see `getent passwd`)", name);
	auto_free char *user = xstrndup(line, strcspn(line, ":"));
	if (find_passwd(*passwd, user, 0, &there))
		return 0;
	if ((r = add_group(line, group, container, err)) < 0)
		return r;
	append(passwd, line);
	strv_take(&container->passwd_lines, TAKE_PTR(line));
	return 0;
}

int plan_host_users(const struct strv *names, char **passwd, char **group, struct container *container, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < names->count; i++)
		r = add_user(names->items[i], passwd, group, container, err);
	return r;
}
