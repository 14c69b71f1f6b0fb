/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which image a person means: by a full name the one file that has it; by a short name what was made here, then what a
 * pull of it would fetch (an alias of registries.conf, or the registries that are searched), then Docker Hub's, then the
 * only one whose name ends so; by the start of an id. What was made here comes first, unlike with podman, where an alias
 * hides it: nobody has to know the aliases of his distribution to run what he has just built.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "storage/image/internal.h"
#include "storage/registries/registries.h"

struct found {
	struct ref ref;
	char *name; /* the full name; NULL: found by its id */
};

static void found_free(struct found *found)
{
	free(found->name);
}

static int not_found(const struct store *store, const char *name, struct error *err)
{
	error_set(err, ENOENT, "no such image: %s; 'coracle images' shows what is here, 'coracle pull' gets more", name);
	return store_explain_missing(store, err);
}

/* ---- by name ---- */

struct digest_search {
	const char *digest;
	struct found *found;
};

static int match_digest(void *context, const char *name, const struct ref *ref)
{
	struct digest_search *search = context;
	if (strcmp(ref->manifest, search->digest) != 0)
		return 0;
	search->found->ref = *ref;
	search->found->name = xasprintf("%.*s@%s", (int)strcspn(name, "@"), name, search->digest);
	return 1;
}

/* By the digest under which it was pulled, which may be that of an index; else every name of the repository is as good as that by
 * the digest itself. */
static int find_by_digest(struct store *store, const struct reference *name, struct found *found, struct error *err)
{
	struct digest_search search = {name->digest, found};
	struct reference exact = {.domain = name->domain, .path = name->path, .digest = name->digest};
	int r = ref_read(store, &exact, &found->ref, err);
	if (r == 0)
		r = refs_walk_repository(store, name, match_digest, &search, err);
	if (r <= 0)
		return r;
	auto_free char *repository = reference_repository(name);
	free(found->name);
	found->name = xasprintf("%s@%s", repository, name->digest);
	return 1;
}

static int find_exact(struct store *store, const struct reference *name, struct found *found, struct error *err)
{
	/* With both, the digest says which; the tag may have moved on since. */
	if (name->digest)
		return find_by_digest(store, name, found, err);
	int r = ref_read(store, name, &found->ref, err);
	if (r > 0)
		found->name = reference_text(name);
	return r;
}

struct suffix_search {
	const struct reference *wanted;
	struct found *found;
};

static bool ends_with_part(const char *repository, const char *path)
{
	size_t length = strlen(repository), end = strlen(path);
	return length > end && repository[length - end - 1] == '/' && strcmp(repository + length - end, path) == 0;
}

static bool is_wanted(const struct reference *wanted, const struct reference *name, const struct ref *ref)
{
	if (wanted->digest)
		return strcmp(ref->manifest, wanted->digest) == 0;
	return name->tag && strcmp(name->tag, wanted->tag ? wanted->tag : "latest") == 0;
}

static int match_suffix(void *context, const char *text, const struct ref *ref)
{
	struct suffix_search *search = context;
	auto_reference struct reference name = {0};
	if (reference_parse(text, &name, NULL) < 0 || !is_wanted(search->wanted, &name, ref))
		return 0;
	auto_free char *repository = reference_repository(&name);
	if (!ends_with_part(repository, search->wanted->path))
		return 0;
	if (!search->found->name) {
		search->found->name = xstrdup(text);
		search->found->ref = *ref;
	} else if (strcmp(search->found->ref.id, ref->id) != 0) {
		return -EINVAL;
	}
	return 0;
}

static int find_by_suffix(struct store *store, const struct reference *name, const char *text, struct found *found,
			  struct error *err)
{
	struct suffix_search search = {.wanted = name, .found = found};
	error_clear(err);
	int r = refs_walk(store, match_suffix, &search, err);
	if (r == -EINVAL)
		return error_set(err, EINVAL, "\"%s\" could be %s and others; give the whole name", text, found->name);
	return r < 0 ? r : found->name != NULL;
}

static int find_normalized(struct store *store, const char *text, void (*normalize)(struct reference *),
			   struct found *found, struct error *err)
{
	auto_reference struct reference name = {0};
	int r = reference_parse(text, &name, err);
	if (r < 0)
		return r;
	normalize(&name);
	return find_exact(store, &name, found, err);
}

/* What a pull of the name would ask for. Where registries.conf cannot be read, that is for a pull to say: it has no
 * power over what is here already. */
static int find_pulled(struct store *store, const char *text, struct found *found, struct error *err)
{
	auto_reference_list struct reference_list list = {0};
	if (registries_resolve_quickly(text, &list, NULL) < 0)
		return 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < list.count; i++)
		r = find_exact(store, &list.items[i], found, err);
	return r;
}

static int find_short(struct store *store, const char *text, struct found *found, struct error *err)
{
	int r = find_normalized(store, text, reference_normalize_local, found, err);
	if (r == 0)
		r = find_pulled(store, text, found, err);
	return r != 0 ? r : find_normalized(store, text, reference_normalize_docker, found, err);
}

/* ---- by id ---- */

static int find_id_in(const struct store_place *place, const char *hex, size_t length, struct found *found,
		      struct error *err)
{
	int fd = openat(place->fd, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		int r = error_sys(err, errno, "read %s/images", place->root);
		cleanup_close(&fd);
		return r;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (strncmp(entry->d_name, hex, length) != 0 || strlen(entry->d_name) != 64 ||
		    !text_is_hex(entry->d_name, 64) || strcmp(entry->d_name, found->ref.id) == 0)
			continue;
		if (found->ref.id[0])
			return error_set(err, EINVAL, "\"%s\" is the start of several images' ids; give more of it",
					 hex);
		memcpy(found->ref.id, entry->d_name, sizeof(found->ref.id));
	}
	return 0;
}

static int find_by_id(struct store *store, const char *text, struct found *found, struct error *err)
{
	const char *hex = text_starts_with(text, "sha256:") ? text + strlen("sha256:") : text;
	size_t length = strlen(hex);
	int r = 0;
	if (length == 0 || length > 64 || !text_is_hex(hex, length))
		return 0;
	found->ref.id[0] = '\0';
	for (size_t i = 0; r == 0 && i < store_places(store); i++) {
		struct store_place place;
		if (store_place(store, i, &place))
			r = find_id_in(&place, hex, length, found, err);
	}
	return r < 0 ? r : found->ref.id[0] != '\0';
}

static int find(struct store *store, const char *text, struct found *found, struct error *err)
{
	auto_reference struct reference name = {0};
	int parsed = reference_parse(text, &name, err);
	int r = 0;
	if (parsed == 0 && name.domain) {
		reference_normalize_local(&name);
		r = find_exact(store, &name, found, err);
	} else if (parsed == 0) {
		r = find_short(store, text, found, err);
	}
	if (r == 0)
		r = find_by_id(store, text, found, err);
	if (r == 0 && parsed == 0 && !name.domain)
		r = find_by_suffix(store, &name, text, found, err);
	if (r != 0)
		return r;
	/* What is no name is an id that is not there, if it looks like one. */
	const char *hex = text_starts_with(text, "sha256:") ? text + strlen("sha256:") : text;
	return parsed < 0 && (!*hex || !text_is_hex(hex, strlen(hex))) ? parsed : not_found(store, text, err);
}

/* ---- what callers get ---- */

static int add_name(void *context, const char *name, const struct ref *ref)
{
	struct image *image = context;
	if (strcmp(image->id, ref->id) == 0)
		image_add_name(image, name, ref);
	return 0;
}

static int collect_names(struct store *store, struct image *image, struct error *err)
{
	int r = refs_walk(store, add_name, image, err);
	image_sort_names(image);
	return r;
}

int image_find(struct store *store, const char *name, struct image **ret, struct error *err)
{
	CLEANUP(found_free) struct found found = {0};
	auto_image struct image *image = NULL;
	int r = find(store, name, &found, err);
	if (r < 0)
		return r;
	r = image_read(store, found.ref.id, &image, err);
	if (r == -ENOENT)
		return not_found(store, name, err);
	if (r < 0)
		return r;
	if (found.name) {
		if (!image->is_list) {
			free(image->manifest_digest);
			image->manifest_digest = xstrdup(found.ref.manifest);
		}
		image->found_name = TAKE_PTR(found.name);
	}
	r = collect_names(store, image, err);
	if (r < 0)
		return r;
	error_clear(err);
	*ret = TAKE_PTR(image);
	return 0;
}

/* What has no configuration is a list, of which the image for this machine is meant, or gone. */
static int load_instance(struct store *store, struct image *image, const char *name, struct error *err)
{
	struct platform host;
	auto_free char *path = xasprintf("images/%s", image->id), *digest = NULL;
	if (faccessat(store_find(store, path).fd, path, F_OK, 0) < 0)
		return not_found(store, name, err);
	platform_host(&host);
	int r = image_instance(store, image->id, &host, image->id, &digest, err);
	if (r < 0)
		return r;
	free(image->manifest_digest);
	image->manifest_digest = TAKE_PTR(digest);
	return image_load_config(store, image, err);
}

int image_find_to_run(struct store *store, const char *name, struct image **ret, char **ret_full_name,
		      struct error *err)
{
	CLEANUP(found_free) struct found found = {0};
	int r = find(store, name, &found, err);
	if (r < 0)
		return r;
	auto_image struct image *image = xcalloc(1, sizeof(*image));
	memcpy(image->id, found.ref.id, sizeof(image->id));
	if (found.name)
		image->manifest_digest = xstrdup(found.ref.manifest);
	r = image_load_config(store, image, err);
	if (r == -ENOENT)
		r = load_instance(store, image, name, err);
	if (r == 0)
		r = image_fill_from_config(image, image->config, err);
	if (r == 0 && !found.name)
		r = collect_names(store, image, err);
	if (r < 0)
		return r;
	if (!found.name)
		found.name = xstrdup(image->names.count ? image->names.items[0] : image->id);
	error_clear(err);
	*ret = TAKE_PTR(image);
	*ret_full_name = TAKE_PTR(found.name);
	return 0;
}
