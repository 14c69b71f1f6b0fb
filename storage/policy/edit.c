/* SPDX-License-Identifier: Apache-2.0 */
/* Changing a policy file: the rule of one scope, all else as it is. What comes out is read as a policy before anybody
 * has it. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/lock/lock.h"
#include "storage/policy/internal.h"

char *policy_path_in_force(void)
{
	char *own = policy_user_path();
	if (own && access(own, F_OK) == 0)
		return own;
	free(own);
	return xstrdup(POLICY_SYSTEM_PATH);
}

static struct json_object *object_in(struct json_object *parent, const char *key)
{
	struct json_object *child;
	if (!json_object_object_get_ex(parent, key, &child)) {
		child = json_object_new_object();
		json_object_object_add(parent, key, child);
	}
	return child;
}

static struct json_object *make_requirements(const char *type, const struct strv *key_files)
{
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; i == 0 || i < key_files->count; i++) {
		struct json_object *requirement = json_object_new_object();
		json_add_string(requirement, "type", type);
		if (key_files->count)
			json_add_string(requirement, "keyPath", key_files->items[i]);
		json_object_array_add(list, requirement);
	}
	return list;
}

/* What is in force is what is changed: a first file of the user's own begins as the system's. */
static int read_text(const char *path, char **ret, size_t *ret_length, struct error *err)
{
	static const char none[] = "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}";
	int r = file_read_at(AT_FDCWD, path, POLICY_SIZE_MAX, ret, ret_length, err);
	if (r != -ENOENT)
		return r;
	error_clear(err);
	*ret = xstrdup(none);
	*ret_length = strlen(none);
	return 0;
}

int policy_set(const char *path, const char *scope, const char *type, const struct strv *key_files, struct error *err)
{
	auto_free char *to = path ? xstrdup(path) : policy_user_path(), *from = NULL, *text = NULL, *changed = NULL;
	auto_json struct json_object *json = NULL;
	auto_policy struct policy *before = NULL, *after = NULL;
	size_t length;
	if (!to)
		return error_set(err, EINVAL, "HOME is not set, so that there is no place for a policy of your own");
	auto_close int lock = lock_directory_of(to, 0755, err);
	if (lock < 0)
		return lock;
	from = path ? xstrdup(path) : policy_path_in_force();
	int r = read_text(from, &text, &length, err);
	if (r == 0)
		r = policy_parse(text, length, from, &before, err);
	if (r == 0)
		r = json_parse(text, length, from, &json, err);
	if (r < 0)
		return r;
	struct json_object *parent =
	    strcmp(scope, "default") == 0 ? json : object_in(object_in(json, "transports"), "docker");
	json_object_object_add(parent, scope, make_requirements(type, key_files));
	changed = json_text(json, true);
	r = policy_parse(changed, strlen(changed), to, &after, err);
	if (r < 0)
		return r;
	/* What is a link stays one. */
	char resolved[PATH_MAX];
	return file_write_at(AT_FDCWD, realpath(to, resolved) ? resolved : to, changed, strlen(changed), 0644, FILE_SYNC,
			     err);
}
