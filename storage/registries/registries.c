/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "storage/registries/internal.h"

#define HUB          "docker.io"
#define SYSTEM       "/etc/containers"
#define DISTRIBUTION "/usr/share/containers"

void registries_free(struct registries *registries)
{
	for (size_t i = 0; i < registries->count; i++)
		registry_entry_free(&registries->entries[i]);
	free(registries->entries);
	strv_free(&registries->unqualified);
	strv_free(&registries->aliases);
	strv_free(&registries->helpers);
	free(registries);
}

/* ---- files ---- */

/* "$VARIABLE/containers" or "~/<below_home>/containers"; NULL where neither is known. malloc'd. */
static char *user_directory(const char *variable, const char *below_home)
{
	const char *value = getenv(variable), *home = getenv("HOME");
	if (!text_is_empty(value))
		return xasprintf("%s/containers", value);
	return text_is_empty(home) ? NULL : xasprintf("%s/%s/containers", home, below_home);
}

static int read_named(struct registries *registries, const char *path, struct error *err)
{
	auto_free char *directory = xasprintf("%s.d", path);
	int r = registries_add_file(registries, path, err);
	if (r == 0)
		return error_set(err, ENOENT, "%s: there is no such file", path);
	return r < 0 ? r : registries_add_directory(registries, directory, err);
}

static int read_usual(struct registries *registries, struct error *err)
{
	auto_free char *user = user_directory("XDG_CONFIG_HOME", ".config");
	const char *const directories[] = {user, SYSTEM, DISTRIBUTION};
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(directories) && r == 0; i++) {
		if (!directories[i])
			continue;
		auto_free char *path = xasprintf("%s/registries.conf", directories[i]);
		r = registries_add_file(registries, path, err);
	}
	if (r >= 0)
		r = registries_add_directory(registries, SYSTEM "/registries.conf.d", err);
	if (r >= 0 && user) {
		auto_free char *path = xasprintf("%s/registries.conf.d", user);
		r = registries_add_directory(registries, path, err);
	}
	return r;
}

static int read_all(const char *path, const char *only, struct registries **ret, struct error *err)
{
	auto_registries struct registries *registries = xcalloc(1, sizeof(*registries));
	auto_free char *cache = user_directory("XDG_CACHE_HOME", ".cache");
	registries->only = only;
	if (!path && !text_is_empty(getenv("CONTAINERS_REGISTRIES_CONF")))
		path = getenv("CONTAINERS_REGISTRIES_CONF");
	int r = path ? read_named(registries, path, err) : read_usual(registries, err);
	if (r >= 0 && cache) {
		auto_free char *aliases = xasprintf("%s/short-name-aliases.conf", cache);
		r = registries_add_aliases(registries, aliases, err);
	}
	if (r < 0)
		return r;
	if (!registries->unqualified_set)
		strv_add(&registries->unqualified, HUB);
	registries->only = NULL;
	*ret = TAKE_PTR(registries);
	return 0;
}

int registries_read(const char *path, struct registries **ret, struct error *err)
{
	return read_all(path, NULL, ret, err);
}

const struct strv *registries_unqualified(const struct registries *registries)
{
	return &registries->unqualified;
}

const struct strv *registries_credential_helpers(const struct registries *registries)
{
	return &registries->helpers;
}

/* ---- names ---- */

void reference_list_free(struct reference_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		reference_free(&list->items[i]);
	free(list->items);
	*list = (struct reference_list){0};
}

/* `repository` ("host/path") with the tag and digest of the short name. */
static int add_candidate(struct reference_list *list, const char *repository, const struct reference *name,
			 struct error *err)
{
	auto_reference struct reference reference = {0};
	auto_free char *text = xasprintf("%s%s%s%s%s", repository, name->tag ? ":" : "", name->tag ? name->tag : "",
					 name->digest ? "@" : "", name->digest ? name->digest : "");
	int r = reference_parse(text, &reference, err);
	if (r < 0)
		return r;
	reference_normalize_docker(&reference);
	list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
	list->items[list->count++] = reference;
	reference = (struct reference){0};
	return 0;
}

static int add_all_candidates(const struct registries *registries, const struct reference *name,
			      struct reference_list *list, struct error *err)
{
	if (name->domain) {
		auto_free char *repository = reference_repository(name);
		return add_candidate(list, repository, name, err);
	}
	const char *alias = strv_env_get(&registries->aliases, name->path);
	if (!text_is_empty(alias))
		return add_candidate(list, alias, name, err);
	for (size_t i = 0; i < registries->unqualified.count; i++) {
		auto_free char *repository = xasprintf("%s/%s", registries->unqualified.items[i], name->path);
		int r = add_candidate(list, repository, name, err);
		if (r < 0)
			return r;
	}
	return list->count
		   ? 0
		   : error_set(err, EINVAL,
			       "\"%s\" has no registry in front of it, and registries.conf names none to search "
			       "(unqualified-search-registries); write docker.io/%s, for example",
			       name->path, name->path);
}

int registries_resolve(const struct registries *registries, const char *name, struct reference_list *ret,
		       struct error *err)
{
	auto_reference struct reference reference = {0};
	auto_reference_list struct reference_list list = {0};
	int r = reference_parse(name, &reference, err);
	if (r == 0)
		r = add_all_candidates(registries, &reference, &list, err);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct reference_list){0};
	return 0;
}

int registries_resolve_to_pull(const struct registries *registries, const char *name, struct reference_list *ret,
			       struct error *err)
{
	auto_reference_list struct reference_list list = {0};
	int r = registries_resolve(registries, name, &list, err);
	if (r < 0)
		return r;
	if (registries->enforcing && list.count > 1) {
		auto_free char *first = reference_text(&list.items[0]), *last = reference_text(&list.items[list.count - 1]);
		return error_set(err, EINVAL,
				 "\"%s\" could be %s%s or %s, and short-name-mode in registries.conf forbids to try one "
				 "after the other; write the whole name, or make an alias of it there",
				 name, first, list.count > 2 ? ", others" : "", last);
	}
	*ret = list;
	list = (struct reference_list){0};
	return 0;
}

int registries_resolve_quickly(const char *name, struct reference_list *ret, struct error *err)
{
	auto_reference struct reference reference = {0};
	auto_registries struct registries *registries = NULL;
	int r = reference_parse(name, &reference, err);
	if (r == 0)
		r = read_all(NULL, reference.path, &registries, err);
	return !registries ? r : registries_resolve(registries, name, ret, err);
}

/* ---- endpoints ---- */

void registry_endpoint_clear(struct registry_endpoint *endpoint)
{
	free(endpoint->host);
	free(endpoint->repository);
	*endpoint = (struct registry_endpoint){0};
}

void endpoint_list_free(struct endpoint_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		registry_endpoint_clear(&list->items[i]);
	free(list->items);
	*list = (struct endpoint_list){0};
}

/* Whether a name can go on with this behind a prefix: with a part of its own; a repository also with tag or digest. */
static bool is_boundary(const char *prefix, char next)
{
	return next == '\0' || next == '/' || (strchr(prefix, '/') && (next == ':' || next == '@'));
}

/* How much of the name the prefix covers: whole parts of it; 0: it is another's. */
static size_t covered(const char *prefix, const char *name)
{
	size_t skipped = 0;
	if (text_starts_with(prefix, "*.")) {
		/* Any host below it, and not that one itself. */
		size_t host = strcspn(name, "/"), rest = strlen(prefix + 1), domain = strcspn(prefix + 1, "/");
		size_t end = strcspn(name, ":/");
		bool port = memchr(prefix + 1, ':', domain);
		if (port)
			end = host;
		if (end <= domain || strncmp(name + end - domain, prefix + 1, domain) != 0)
			return 0;
		skipped = end - domain;
		if (rest == domain) /* a wildcard without a port is for all of them */
			return host;
		prefix++;
	}
	size_t length = strlen(prefix);
	bool same = strncmp(name + skipped, prefix, length) == 0;
	return same && is_boundary(prefix, name[skipped + length]) ? skipped + length : 0;
}

/* The entry of the longest prefix; NULL: none. */
static const struct registry_entry *find_entry(const struct registries *registries, const char *name,
					       size_t *ret_covered)
{
	const struct registry_entry *best = NULL;
	for (size_t i = 0; i < registries->count; i++) {
		const struct registry_entry *entry = &registries->entries[i];
		if (covered(entry->prefix, name) > 0 && (!best || strlen(entry->prefix) > strlen(best->prefix)))
			best = entry;
	}
	*ret_covered = best ? covered(best->prefix, name) : 0;
	return best;
}

static int find_allowed(const struct registries *registries, const char *name, const struct registry_entry **ret,
			size_t *ret_covered, struct error *err)
{
	static const struct registry_entry none = {0};
	const struct registry_entry *entry = find_entry(registries, name, ret_covered);
	*ret = entry ? entry : &none;
	return (*ret)->blocked ? error_set(err, EPERM, "%s: the registry is blocked (%s)", name, entry->place) : 0;
}

int registries_host(const struct registries *registries, const char *host, bool *ret_insecure, struct error *err)
{
	const struct registry_entry *entry;
	size_t length;
	int r = find_allowed(registries, host, &entry, &length, err);
	if (r == 0)
		*ret_insecure = entry->location.insecure;
	return r;
}

/* `name` with the covered part replaced by the location. */
static int add_endpoint(struct endpoint_list *list, const struct location *location, bool mirror, const char *name,
			size_t covered_length, struct error *err)
{
	auto_free char *moved =
	    location->text ? xasprintf("%s%s", location->text, name + covered_length) : xstrdup(name);
	char *slash = strchr(moved, '/');
	if (!slash)
		return error_set(err, EINVAL,
				 "%s: its location in registries.conf, \"%s\", leaves no name of a repository", name,
				 location->text);
	/* Who asks does it by the tag or digest that he has: one that is not renamed on the way. */
	size_t repository = strcspn(slash, ":@"), own = strcspn(strchr(name, '/'), ":@");
	if (strcmp(slash + repository, strchr(name, '/') + own) != 0)
		return error_set(err, EINVAL,
				 "%s: its location in registries.conf, \"%s\", has another tag or digest, which is not "
				 "followed; give both the same",
				 name, location->text);
	list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
	list->items[list->count++] =
	    (struct registry_endpoint){.host = xstrndup(moved, (size_t)(slash - moved)),
				       .repository = xstrndup(slash + 1, repository - 1),
				       .insecure = location->insecure,
				       .mirror = mirror,
				       .digest_only = location->digest_only,
				       .tag_only = location->tag_only};
	return 0;
}

/* The name as prefixes are compared with it: of tag and digest the digest, which says more. */
static char *name_of(const struct reference *reference)
{
	struct reference one = *reference;
	if (one.digest)
		one.tag = NULL;
	return reference_text(&one);
}

int registries_endpoints(const struct registries *registries, const struct reference *reference, bool mirrors,
			 struct endpoint_list *ret, struct error *err)
{
	auto_endpoint_list struct endpoint_list list = {0};
	auto_free char *name = name_of(reference);
	const struct registry_entry *entry;
	size_t length;
	int r = find_allowed(registries, name, &entry, &length, err);
	if (r < 0)
		return r;
	for (size_t i = 0; mirrors && i < entry->mirrors_count && r == 0; i++)
		r = add_endpoint(&list, &entry->mirrors[i], true, name, length, err);
	if (r == 0)
		r = add_endpoint(&list, &entry->location, false, name, length, err);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct endpoint_list){0};
	return 0;
}

int registries_target(const struct registries *registries, const struct reference *reference,
		      struct registry_endpoint *ret, struct error *err)
{
	auto_free char *name = name_of(reference);
	const struct registry_entry *entry;
	size_t length;
	int r = find_allowed(registries, name, &entry, &length, err);
	if (r < 0)
		return r;
	*ret = (struct registry_endpoint){.host = xstrdup(reference->domain),
					  .repository = xstrdup(reference->path),
					  .insecure = entry->location.insecure};
	return 0;
}
