/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which credentials are looked for: the `credential-helpers` of registries.conf, of which FILES stands for
 * the files (where their own credHelpers and credsStore come in); without such a list the files alone.
 *
 * Finding: the first that has some. One that cannot be asked is passed over, because the next may know; when none does,
 * what went wrong with it is the answer. Storing: the first that takes them. A helper knows registries, not the
 * repositories below one, so that it is asked for the host, and given nothing for a path. Erasing: from all.
 */
#include <string.h>

#include "storage/auth/internal.h"

#define FILES "containers-auth.json"

static bool is_files(const char *helper)
{
	return strcmp(helper, FILES) == 0;
}

static void list_of(const struct auth_places *places, struct strv *ret)
{
	if (places->helpers)
		strv_add_all(ret, places->helpers);
	if (ret->count == 0)
		strv_add(ret, FILES);
}

/* ---- finding ---- */

static int find_in(const char *helper, const struct auth_places *places, const char *repository,
		   struct credentials *ret, struct error *err)
{
	if (is_files(helper))
		return auth_files_find(places->authfile, repository, ret, err);
	auto_free char *server = auth_server(repository);
	return helper_get(helper, server, ret, err);
}

int auth_find(const struct auth_places *places, const char *repository, struct credentials *ret, struct error *err)
{
	auto_strv struct strv helpers = STRV_INIT;
	struct error failure = ERROR_INIT;
	int failed = 0;
	list_of(places, &helpers);
	for (size_t i = 0; i < helpers.count; i++) {
		struct error now = ERROR_INIT;
		int r = find_in(helpers.items[i], places, repository, ret, &now);
		if (r > 0)
			return r;
		if (r < 0 && failed == 0) {
			failed = r;
			failure = now;
		}
	}
	if (failed < 0 && err)
		*err = failure;
	return failed;
}

/* ---- storing ---- */

/* Whether it can keep something for the name. */
static bool takes(const char *helper, const char *host)
{
	return is_files(helper) || !strchr(host, '/');
}

static int store_in(const char *helper, const struct auth_places *places, const char *host,
		    const struct credentials *credentials, char **ret, struct error *err)
{
	if (is_files(helper)) {
		*ret = auth_file_to_store(places->authfile, host);
		return auth_files_store(places->authfile, host, credentials, err);
	}
	auto_free char *server = auth_server(host);
	*ret = xasprintf("docker-credential-%s", helper);
	return helper_store(helper, server, credentials, err);
}

int auth_store(const struct auth_places *places, const char *host, const struct credentials *credentials,
	       char **ret_place, struct error *err)
{
	auto_strv struct strv helpers = STRV_INIT;
	struct error failure = ERROR_INIT;
	list_of(places, &helpers);
	for (size_t i = 0; i < helpers.count; i++) {
		struct error now = ERROR_INIT;
		auto_free char *place = NULL;
		if (!takes(helpers.items[i], host))
			continue;
		if (store_in(helpers.items[i], places, host, credentials, &place, &now) == 0) {
			if (ret_place)
				*ret_place = TAKE_PTR(place);
			return 0;
		}
		if (failure.errnum == 0)
			failure = now;
	}
	if (failure.errnum == 0)
		return error_set(err, ENOTSUP,
				 "%s: the credential-helpers of registries.conf keep credentials for whole registries; "
				 "log in to %.*s, or add \"" FILES "\" to them",
				 host, (int)strcspn(host, "/"), host);
	if (err)
		*err = failure;
	return -failure.errnum;
}

/* ---- erasing ---- */

static int erase_one(const char *helper, const struct auth_places *places, const char *host, struct error *err)
{
	if (is_files(helper))
		return auth_files_erase(places->authfile, host, err);
	if (!takes(helper, host))
		return 0;
	auto_free char *server = auth_server(host);
	return helper_erase(helper, server, err);
}

static int erase_all(const char *helper, const struct auth_places *places, struct error *err)
{
	auto_strv struct strv servers = STRV_INIT;
	int removed = 0;
	if (is_files(helper))
		return auth_files_erase(places->authfile, NULL, err);
	int r = helper_list(helper, &servers, err);
	for (size_t i = 0; r >= 0 && i < servers.count; i++) {
		r = helper_erase(helper, servers.items[i], err);
		removed |= r > 0;
	}
	return r < 0 ? r : removed;
}

int auth_erase(const struct auth_places *places, const char *host, struct error *err)
{
	auto_strv struct strv helpers = STRV_INIT;
	struct error failure = ERROR_INIT;
	int removed = 0;
	list_of(places, &helpers);
	for (size_t i = 0; i < helpers.count; i++) {
		struct error now = ERROR_INIT;
		int r =
		    host ? erase_one(helpers.items[i], places, host, &now) : erase_all(helpers.items[i], places, &now);
		if (r < 0 && failure.errnum == 0)
			failure = now;
		removed |= r > 0;
	}
	if (failure.errnum == 0)
		return removed;
	/* Something may be left that the user wants to be gone. */
	if (err)
		*err = failure;
	return -failure.errnum;
}
