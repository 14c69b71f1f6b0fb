/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of an auth file. {"auths": {KEY: {"auth": base64 of "name:password", "identitytoken": …}}, "credHelpers":
 * {HOST: NAME}, "credsStore": NAME}.
 *
 * A key is a host, or (containers-auth.json) a host with a path: the longest that the repository begins with is its
 * entry. docker writes URLs in the place of hosts, and "https://index.docker.io/v1/" for its own registry.
 */
#include <string.h>

#include "pkg/base64/base64.h"
#include "storage/auth/internal.h"

#define HUB     "docker.io"
#define HUB_KEY "https://index.docker.io/v1/"

static bool is_hub(const char *host)
{
	return strcmp(host, HUB) == 0 || strcmp(host, "index." HUB) == 0 || strcmp(host, "registry-1." HUB) == 0;
}

/* A URL's host, or the key as it is; docker.io by one name. malloc'd. */
static char *normalized(const char *key)
{
	bool url = text_starts_with(key, "https://") || text_starts_with(key, "http://");
	if (url)
		key = strstr(key, "://") + strlen("://");
	size_t length = url ? strcspn(key, "/") : strlen(key);
	while (length > 0 && key[length - 1] == '/')
		length--;
	auto_free char *text = xstrndup(key, length);
	char *slash = strchr(text, '/');
	auto_free char *host = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);
	return is_hub(host) ? xasprintf(HUB "%s", slash ? slash : "") : TAKE_PTR(text);
}

/* The name by which helpers know a host. */
static const char *server_name(const char *host)
{
	return is_hub(host) ? HUB_KEY : host;
}

char *auth_server(const char *repository)
{
	auto_free char *name = normalized(repository), *host = xstrndup(name, strcspn(name, "/"));
	return xstrdup(server_name(host));
}

static int members(struct json_object *tree, const char *name, struct json_object **ret, struct error *err)
{
	*ret = NULL;
	return json_get_object(tree, name, ret, err);
}

/* The member whose key means `wanted`; the exact one before others. NULL: none. `ret_key` may be NULL. */
static struct json_object *find_key(struct json_object *object, const char *wanted, const char **ret_key)
{
	struct json_object *found = NULL;
	const char *found_key = NULL;
	if (!object)
		return NULL;
	json_object_object_foreach(object, key, value)
	{
		bool exact = strcmp(key, wanted) == 0;
		auto_free char *plain = normalized(key);
		if (value && (exact || (!found && strcmp(plain, wanted) == 0))) {
			found = value;
			found_key = key;
			if (exact)
				break;
		}
	}
	if (ret_key)
		*ret_key = found_key;
	return found;
}

/* The helper for a host: its own or the one for all; NULL: none. */
static int helper_of(struct json_object *tree, const char *host, const char **ret, bool *ret_own, struct error *err)
{
	struct json_object *helpers, *own;
	*ret = NULL;
	*ret_own = false;
	int r = members(tree, "credHelpers", &helpers, err);
	if (r < 0)
		return r;
	if ((own = find_key(helpers, host, NULL))) {
		*ret_own = true;
		*ret = json_object_is_type(own, json_type_string) ? json_object_get_string(own) : "";
		return **ret ? 0 : error_set(err, EINVAL, "credHelpers: the helper for %s has no name", host);
	}
	r = json_get_string(tree, "credsStore", ret, err);
	if (*ret && !**ret)
		*ret = NULL;
	return r < 0 ? r : 0;
}

/* ---- finding ---- */

/* 1: it has credentials, 0: it only says that there are some (in credsStore). */
static int read_entry(struct json_object *entry, struct credentials *ret, struct error *err)
{
	const char *encoded = NULL, *token = NULL;
	auto_credentials struct credentials found = {0};
	int r = json_get_string(entry, "auth", &encoded, err);
	if (r >= 0)
		r = json_get_string(entry, "identitytoken", &token, err);
	if (r < 0)
		return r;
	if (!text_is_empty(encoded)) {
		auto_free char *pair = NULL;
		size_t length;
		if ((r = base64_decode(encoded, &pair, &length, err)) < 0)
			return error_context(err, "auth");
		/* docker pads old ones with NULs. */
		char *colon = strchr(pair, ':');
		if (!colon) {
			explicit_bzero(pair, length);
			return error_set(err, EINVAL, "auth: expected NAME:PASSWORD in base64");
		}
		found.username = xstrndup(pair, (size_t)(colon - pair));
		found.password = xstrdup(colon + 1);
		explicit_bzero(pair, length);
	}
	if (!text_is_empty(token))
		found.identity_token = xstrdup(token);
	if (!found.username && !found.identity_token)
		return 0;
	*ret = found;
	found = (struct credentials){0};
	return 1;
}

static int find_auth(struct json_object *auths, const char *repository, struct credentials *ret, struct error *err)
{
	auto_free char *name = xstrdup(repository);
	for (;;) {
		struct json_object *entry = find_key(auths, name, NULL);
		int r = entry ? read_entry(entry, ret, err) : 0;
		if (r < 0)
			return error_context(err, "auths: %s", name);
		char *slash = strrchr(name, '/');
		if (r > 0 || !slash)
			return r;
		*slash = '\0';
	}
}

int auth_entry_find(struct json_object *tree, const char *repository, struct credentials *ret, struct error *err)
{
	auto_free char *name = normalized(repository), *host = xstrndup(name, strcspn(name, "/"));
	struct json_object *auths;
	const char *helper;
	bool own;
	int r = helper_of(tree, host, &helper, &own, err);
	if (r < 0 || (r = members(tree, "auths", &auths, err)) < 0)
		return r;
	if (own)
		return helper_get(helper, server_name(host), ret, err);
	r = find_auth(auths, name, ret, err);
	if (r == 0 && helper)
		r = helper_get(helper, server_name(host), ret, err);
	return r;
}

bool auth_entry_is_there(struct json_object *tree, const char *host)
{
	auto_free char *name = normalized(host);
	struct json_object *auths, *helpers;
	return (members(tree, "auths", &auths, NULL) > 0 && find_key(auths, name, NULL)) ||
	       (members(tree, "credHelpers", &helpers, NULL) > 0 && find_key(helpers, name, NULL));
}

/* ---- changing ---- */

static bool remove_entry(struct json_object *auths, const char *name)
{
	const char *key = NULL;
	bool removed = false;
	while (find_key(auths, name, &key)) {
		auto_free char *copy = xstrdup(key); /* it goes with the member */
		json_object_object_del(auths, copy);
		removed = true;
	}
	return removed;
}

static struct json_object *make_entry(const struct credentials *credentials)
{
	struct json_object *entry = json_object_new_object();
	auto_free char *pair = xasprintf("%s:%s", credentials->username ? credentials->username : "",
					 credentials->password ? credentials->password : "");
	auto_free char *encoded = base64_encode(pair, strlen(pair));
	json_add_string(entry, "auth", encoded);
	json_add_string(entry, "identitytoken", credentials->identity_token);
	explicit_bzero(pair, strlen(pair));
	explicit_bzero(encoded, strlen(encoded));
	return entry;
}

int auth_entry_store(struct json_object *tree, const char *host, const struct credentials *credentials,
		     struct error *err)
{
	auto_free char *name = normalized(host);
	struct json_object *auths;
	const char *helper;
	bool own;
	int r = helper_of(tree, name, &helper, &own, err);
	if (r < 0 || (r = members(tree, "auths", &auths, err)) < 0)
		return r;
	if (helper && (r = helper_store(helper, server_name(name), credentials, err)) < 0)
		return r;
	if (own)
		return 0;
	if (!auths) {
		auths = json_object_new_object();
		json_object_object_add(tree, "auths", auths);
	}
	remove_entry(auths, name);
	json_object_object_add(auths, name, helper ? json_object_new_object() : make_entry(credentials));
	return 0;
}

int auth_entry_erase(struct json_object *tree, const char *host, struct error *err)
{
	auto_free char *name = normalized(host);
	struct json_object *auths;
	const char *helper;
	bool own;
	int erased = 0, r = helper_of(tree, name, &helper, &own, err);
	if (r < 0 || (r = members(tree, "auths", &auths, err)) < 0)
		return r;
	if (helper && (erased = helper_erase(helper, server_name(name), err)) < 0)
		return erased;
	return remove_entry(auths, name) || erased;
}

int auth_entry_erase_all(struct json_object *tree, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	struct json_object *auths, *helpers;
	int removed = 0, r = members(tree, "auths", &auths, err);
	if (r < 0 || (r = members(tree, "credHelpers", &helpers, err)) < 0)
		return r;
	if (auths) {
		json_object_object_foreach(auths, key, value)
		{
			(void)value;
			strv_add(&names, key);
		}
	}
	if (helpers) {
		json_object_object_foreach(helpers, key, value)
		{
			(void)value;
			strv_add(&names, key);
		}
	}
	for (size_t i = 0; i < names.count; i++) {
		if ((r = auth_entry_erase(tree, names.items[i], err)) < 0)
			return r;
		removed |= r;
	}
	return removed;
}
