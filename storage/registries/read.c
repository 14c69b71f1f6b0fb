/* SPDX-License-Identifier: Apache-2.0 */
/* What a file says. Members that are not known are passed over: files are shared with programs of other ages. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/file/file.h"
#include "pkg/toml/toml.h"
#include "storage/registries/internal.h"

#define FILE_MAX ((size_t)4 * 1024 * 1024)

static void location_free(struct location *location)
{
	free(location->text);
}

void registry_entry_free(struct registry_entry *entry)
{
	location_free(&entry->location);
	for (size_t i = 0; i < entry->mirrors_count; i++)
		location_free(&entry->mirrors[i]);
	free(entry->mirrors);
	free(entry->prefix);
	free(entry->place);
	*entry = (struct registry_entry){0};
}

/* ---- locations ---- */

/* A tag or a digest has a place behind the path of a repository alone. */
static bool is_whole_name(const char *text)
{
	auto_reference struct reference reference = {0};
	return strchr(text, '/') && reference_parse(text, &reference, NULL) == 0 && reference.domain &&
	       (reference.tag || reference.digest);
}

enum shape {
	BEGINNING, /* host[:port][/path] */
	LOCATION,  /* the same, or host[:port]/path with :tag or @digest */
	PREFIX,    /* the same, or *.host */
};

/* Without a scheme; malloc'd. */
static int take_location(const char *text, const char *what, enum shape shape, char **ret, struct error *err)
{
	auto_reference struct reference reference = {0};
	if (strstr(text, "://"))
		return error_set(err, EINVAL, "%s: \"%s\" must not have a scheme", what, text);
	auto_free char *trimmed = xstrdup(text);
	for (size_t length = strlen(trimmed); length > 0 && trimmed[length - 1] == '/'; length--)
		trimmed[length - 1] = '\0';
	/* A name below it must be one of an image. */
	const char *host = shape == PREFIX && text_starts_with(trimmed, "*.") ? trimmed + 2 : trimmed;
	auto_free char *name = xasprintf("%s/x", host);
	bool beginning = *host && reference_parse(name, &reference, NULL) == 0 && !strchr(name, '@') && !reference.tag;
	if (!beginning && (shape == BEGINNING || !is_whole_name(host)))
		return error_set(err, EINVAL, "%s: \"%s\" is not HOST[:PORT][/PATH%s]", what, text,
				 shape == BEGINNING ? "" : "[:TAG|@DIGEST]");
	*ret = TAKE_PTR(trimmed);
	return 0;
}

static int take_mirror_use(struct json_object *table, struct location *ret, struct error *err)
{
	const char *use = NULL;
	int r = json_get_string(table, "pull-from-mirror", &use, err);
	if (r <= 0 || !*use || strcmp(use, "all") == 0)
		return r < 0 ? r : 0;
	ret->digest_only = strcmp(use, "digest-only") == 0;
	ret->tag_only = strcmp(use, "tag-only") == 0;
	if (!ret->digest_only && !ret->tag_only)
		return error_set(err, EINVAL, "pull-from-mirror: expected all, digest-only or tag-only, not \"%s\"",
				 use);
	return 0;
}

static int take_mirror(struct json_object *table, bool digest_only, struct location *ret, struct error *err)
{
	const char *text = NULL;
	int r = json_get_string(table, "location", &text, err);
	if (r == 0)
		r = error_set(err, EINVAL, "the mirror has no location");
	if (r > 0)
		r = take_location(text, "location", LOCATION, &ret->text, err);
	if (r == 0 && (r = json_get_bool(table, "insecure", &ret->insecure, err)) >= 0)
		r = take_mirror_use(table, ret, err);
	if (r == 0 && digest_only && (ret->digest_only || ret->tag_only))
		r = error_set(err, EINVAL, "pull-from-mirror and mirror-by-digest-only contradict each other");
	if (r == 0)
		ret->digest_only |= digest_only;
	return r;
}

static int take_mirrors(struct json_object *table, const char *path, struct registry_entry *entry, struct error *err)
{
	struct json_object *mirrors = NULL;
	bool digest_only = false;
	int r = json_get_bool(table, "mirror-by-digest-only", &digest_only, err);
	if (r < 0 || (r = json_get_array(table, "mirror", &mirrors, err)) <= 0)
		return r;
	size_t count = json_object_array_length(mirrors);
	entry->mirrors = xcalloc(count ? count : 1, sizeof(*entry->mirrors));
	for (size_t i = 0; i < count; i++) {
		struct json_object *mirror = json_object_array_get_idx(mirrors, i);
		entry->mirrors_count++;
		if ((r = take_mirror(mirror, digest_only, &entry->mirrors[i], err)) < 0)
			return error_context(err, "%s:%zu", path, toml_line(mirror));
	}
	return 0;
}

/* ---- [[registry]] ---- */

static int take_names(struct json_object *table, struct registry_entry *entry, struct error *err)
{
	const char *prefix = NULL, *location = NULL;
	int r = json_get_string(table, "prefix", &prefix, err);
	if (r < 0 || (r = json_get_string(table, "location", &location, err)) < 0)
		return r;
	bool has_location = !text_is_empty(location);
	if (text_is_empty(prefix))
		prefix = location;
	if (text_is_empty(prefix))
		return error_set(err, EINVAL, "the registry has neither a prefix nor a location");
	r = has_location ? take_location(location, "location", LOCATION, &entry->location.text, err) : 0;
	return r < 0 ? r : take_location(prefix, "prefix", PREFIX, &entry->prefix, err);
}

static int take_entry(struct json_object *table, const char *path, struct registry_entry *entry, struct error *err)
{
	entry->place = xasprintf("%s:%zu", path, toml_line(table));
	int r = take_names(table, entry, err);
	if (r < 0 || (r = json_get_bool(table, "insecure", &entry->location.insecure, err)) < 0 ||
	    (r = json_get_bool(table, "blocked", &entry->blocked, err)) < 0)
		return error_context(err, "%s", entry->place);
	return take_mirrors(table, path, entry, err);
}

static void add_entry(struct registries *registries, struct registry_entry *entry)
{
	for (size_t i = 0; i < registries->count; i++)
		if (strcmp(registries->entries[i].prefix, entry->prefix) == 0) {
			registry_entry_free(&registries->entries[i]);
			registries->entries[i] = *entry;
			return;
		}
	registries->entries = xrealloc(registries->entries, (registries->count + 1) * sizeof(*registries->entries));
	registries->entries[registries->count++] = *entry;
}

static int take_entries(struct registries *registries, struct json_object *tree, const char *path, struct error *err)
{
	struct json_object *array = NULL;
	int r = json_get_array(tree, "registry", &array, err);
	if (r <= 0)
		return r < 0 ? error_context(err, "%s", path) : 0;
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct registry_entry entry = {0};
		if ((r = take_entry(json_object_array_get_idx(array, i), path, &entry, err)) < 0) {
			registry_entry_free(&entry);
			return r;
		}
		add_entry(registries, &entry);
	}
	return 0;
}

/* ---- the rest ---- */

static int take_unqualified(struct registries *registries, struct json_object *tree, struct error *err)
{
	auto_strv struct strv list = STRV_INIT;
	int r = json_get_strv(tree, "unqualified-search-registries", &list, err);
	for (size_t i = 0; r > 0 && i < list.count; i++) {
		auto_free char *checked = NULL;
		r = take_location(list.items[i], "unqualified-search-registries", BEGINNING, &checked, err) < 0
			? -EINVAL
			: 1;
	}
	if (r <= 0)
		return r;
	strv_clear(&registries->unqualified);
	strv_add_all(&registries->unqualified, &list);
	registries->unqualified_set = true;
	return 0;
}

static int take_mode(struct registries *registries, struct json_object *tree, struct error *err)
{
	const char *mode = NULL;
	int r = json_get_string(tree, "short-name-mode", &mode, err);
	if (r <= 0)
		return r;
	registries->enforcing = strcmp(mode, "enforcing") == 0;
	if (registries->enforcing || !*mode || strcmp(mode, "permissive") == 0 || strcmp(mode, "disabled") == 0)
		return 0;
	return error_set(err, EINVAL, "short-name-mode: expected enforcing, permissive or disabled, not \"%s\"", mode);
}

static int take_helpers(struct registries *registries, struct json_object *tree, struct error *err)
{
	auto_strv struct strv list = STRV_INIT;
	int r = json_get_strv(tree, "credential-helpers", &list, err);
	if (r <= 0)
		return r;
	for (size_t i = 0; i < list.count; i++)
		if (!*list.items[i] || strchr(list.items[i], '/'))
			return error_set(err, EINVAL,
					 "credential-helpers: \"%s\" is not the name of one; NAME stands for the "
					 "program docker-credential-NAME, and containers-auth.json for the auth files",
					 list.items[i]);
	strv_clear(&registries->helpers);
	strv_add_all(&registries->helpers, &list);
	return 0;
}

static int take_alias(struct registries *registries, const char *name, struct json_object *value, struct error *err)
{
	auto_reference struct reference from = {0}, to = {0};
	const char *full = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
	if (!full || reference_parse(name, &from, NULL) < 0 || from.domain || from.tag || from.digest)
		return error_set(err, EINVAL, "aliases: expected \"name\" = \"host/name\", not \"%s\"", name);
	auto_free char *key = xasprintf("%s=", name);
	/* An empty one takes an earlier one away. */
	if (*full && (reference_parse(full, &to, NULL) < 0 || !to.domain || to.tag || to.digest))
		return error_set(err, EINVAL, "aliases: \"%s\", which %s stands for, is not HOST/NAME", full, name);
	auto_free char *assignment = xasprintf("%s%s", key, full);
	strv_env_set(&registries->aliases, assignment);
	return 0;
}

static int take_aliases(struct registries *registries, struct json_object *tree, const char *path, struct error *err)
{
	struct json_object *aliases = NULL;
	int r = json_get_object(tree, "aliases", &aliases, err);
	if (r <= 0)
		return r < 0 ? error_context(err, "%s", path) : 0;
	json_object_object_foreach(aliases, name, value)
	{
		if ((r = take_alias(registries, name, value, err)) < 0)
			return error_context(err, "%s:%zu", path, toml_line(value));
	}
	return 0;
}

/* [registries.search] and its like. */
static int refuse_version_1(struct json_object *tree, const char *path, struct error *err)
{
	struct json_object *old = NULL;
	if (!json_object_object_get_ex(tree, "registries", &old))
		return 0;
	return error_set(err, EINVAL,
			 "%s:%zu: [registries…] is of version 1 of this file, which is not read any more; write "
			 "unqualified-search-registries = [\"…\"], and a "
			 "[[registry]] for each that is insecure or blocked",
			 path, toml_line(old));
}

int registries_add_tree(struct registries *registries, struct json_object *tree, const char *path, struct error *err)
{
	int r = refuse_version_1(tree, path, err);
	if (r < 0)
		return r;
	if ((r = take_unqualified(registries, tree, err)) < 0 || (r = take_helpers(registries, tree, err)) < 0 ||
	    (r = take_mode(registries, tree, err)) < 0)
		return error_context(err, "%s", path);
	if ((r = take_entries(registries, tree, path, err)) == 0)
		r = take_aliases(registries, tree, path, err);
	return r;
}

/* ---- files ---- */

/* Whether a file is known to say nothing that is asked for: one that does not have the word, and no list that is for
 * all names. */
static bool is_beside_the_point(const struct registries *registries, const char *text)
{
	return registries->only && !strstr(text, registries->only) && !strstr(text, "unqualified-search-registries") &&
	       !strchr(text, '\\'); /* an escape can spell anything */
}

/* 1: read, 0: not there. */
static int read_tree(const struct registries *registries, const char *path, struct json_object **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read_at(AT_FDCWD, path, FILE_MAX, &text, &length, err);
	if (r == 0 && is_beside_the_point(registries, text))
		*ret = json_object_new_object();
	else if (r == 0)
		r = toml_parse(text, length, path, ret, err);
	if (r != -ENOENT && r != -ENOTDIR)
		return r < 0 ? r : 1;
	if (err)
		error_clear(err);
	return 0;
}

int registries_add_file(struct registries *registries, const char *path, struct error *err)
{
	auto_json struct json_object *tree = NULL;
	int r = read_tree(registries, path, &tree, err);
	if (r > 0 && (r = registries_add_tree(registries, tree, path, err)) == 0)
		r = 1;
	return r;
}

int registries_add_aliases(struct registries *registries, const char *path, struct error *err)
{
	auto_json struct json_object *tree = NULL;
	int r = read_tree(registries, path, &tree, err);
	return r > 0 ? take_aliases(registries, tree, path, err) : r;
}

static int is_configuration(const struct dirent *entry)
{
	return text_ends_with(entry->d_name, ".conf");
}

int registries_add_directory(struct registries *registries, const char *path, struct error *err)
{
	struct dirent **entries;
	int r = 0, count = scandir(path, &entries, is_configuration, alphasort);
	if (count < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : error_sys(err, errno, "read %s", path);
	for (int i = 0; i < count; i++) {
		auto_free char *file = xasprintf("%s/%s", path, entries[i]->d_name);
		if (r >= 0)
			r = registries_add_file(registries, file, err);
		free(entries[i]);
	}
	free(entries);
	return r < 0 ? r : 0;
}
