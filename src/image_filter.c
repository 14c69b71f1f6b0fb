/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image_filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "libpod/container/container.h"
#include "pkg/message/message.h"

static const char *const keys[] = {"dangling", "reference", "label", "label!",     "before",      "since",
				   "after",    "until",     "id",    "containers", "intermediate", "readonly", "digest", "manifest"};

void image_filter_free(struct image_filter *filter)
{
	strv_free(&filter->pairs);
	strv_free(&filter->used);
}

int images_used(struct store *store, struct strv *ret, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(store, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		if (container_read(store, ids.items[i], &container, NULL) < 0)
			continue;
		strv_add(ret, container->image_id);
		strv_add_all(ret, &container->mounted_images);
	}
	return r;
}

/* ---- reading ---- */

static int image_time(struct store *store, const char *name, int64_t *ret, struct error *err)
{
	auto_image struct image *image = NULL;
	int r = image_find(store, name, &image, err);
	if (r >= 0)
		*ret = image->created_ns;
	return r;
}

static bool is_key(const char *pair, const char *key)
{
	size_t length = strlen(key);
	return strncmp(pair, key, length) == 0 && pair[length] == '=';
}

/* The value as a bool, which it was checked to be. */
static bool is_true(const char *value)
{
	bool yes = false;
	parse_bool(value, "", &yes, NULL);
	return yes;
}

static int check_pair(struct store *store, const char *pair, struct image_filter *filter, struct error *err)
{
	const char *value = strchr(pair, '=') + 1;
	bool ignored;
	if (is_key(pair, "before"))
		return image_time(store, value, &filter->before_ns, err);
	if (is_key(pair, "since") || is_key(pair, "after"))
		return image_time(store, value, &filter->since_ns, err);
	if (is_key(pair, "until"))
		return parse_time(value, "--filter until", &filter->until_ns, err);
	if (is_key(pair, "dangling") || is_key(pair, "intermediate") || is_key(pair, "readonly") ||
	    is_key(pair, "manifest"))
		return parse_bool(value, "--filter", &ignored, err);
	if (is_key(pair, "containers")) {
		int r = parse_bool(value, "--filter containers", &ignored, err);
		return r < 0 ? r : images_used(store, &filter->used, err);
	}
	return 0;
}

int image_filter_parse(struct store *store, const struct strv *texts, struct image_filter *ret, struct error *err)
{
	auto_image_filter struct image_filter filter = {0};
	for (size_t i = 0; i < texts->count; i++) {
		const char *pair = texts->items[i];
		bool known = false;
		for (size_t j = 0; j < ARRAY_SIZE(keys); j++)
			known |= is_key(pair, keys[j]);
		if (!known)
			return error_set(err, EINVAL,
					 "--filter %s: give KEY=VALUE with dangling, reference, label, before, since, "
					 "until, id, digest, containers, "
					 "intermediate, manifest or readonly",
					 pair);
		int r = check_pair(store, pair, &filter, err);
		if (r < 0)
			return r;
		strv_add(&filter.pairs, pair);
	}
	*ret = filter;
	filter = (struct image_filter){0};
	return 0;
}

/* ---- matching ---- */

bool image_name_matches(const char *name, const char *pattern)
{
	auto_free char *repository = xstrdup(name);
	char *end = strchr(repository, '@');
	*(end ? end : strrchr(repository, ':')) = '\0';
	for (const char *full = name, *bare = repository; full; full = strchr(full, '/'), bare = strchr(bare, '/')) {
		full += *full == '/';
		bare += *bare == '/';
		if (fnmatch(pattern, full, FNM_PATHNAME) == 0 || fnmatch(pattern, bare, FNM_PATHNAME) == 0)
			return true;
		if (!strchr(bare, '/'))
			break;
	}
	return false;
}

static bool any_name_matches(const struct image *image, const char *pattern)
{
	for (size_t i = 0; i < image->names.count; i++)
		if (image_name_matches(image->names.items[i], pattern))
			return true;
	for (size_t i = 0; i < image->digests.count; i++)
		if (image_name_matches(image->digests.items[i], pattern))
			return true;
	return false;
}

/* The digest of a manifest, or its beginning. */
static bool has_digest(const struct image *image, const char *wanted)
{
	for (size_t i = 0; i < image->digests.count; i++)
		if (text_starts_with(strchr(image->digests.items[i], '@') + 1, wanted))
			return true;
	return image->manifest_digest && text_starts_with(image->manifest_digest, wanted);
}

/* Whether the image has the label is what is `wanted_there`. One whose labels cannot be read matches neither way, so that
 * it does not keep others from being listed, or removed, and is not removed itself. */
static bool label_matches(struct store *store, struct image *image, const char *wanted, bool wanted_there)
{
	struct error problem = ERROR_INIT;
	struct json_object *config = NULL;
	auto_strv struct strv labels = STRV_INIT;
	int r = image_load_config(store, image, &problem);
	if (r < 0 || (r = json_get_object(image->config, "config", &config, &problem)) < 0 ||
	    (r = json_get_map(config, "Labels", &labels, &problem)) < 0) {
		message_warn("image %.12s: its labels cannot be read: %s", image->id, problem.text);
		return false;
	}
	const char *equals = strchr(wanted, '=');
	auto_free char *key = equals ? xstrndup(wanted, (size_t)(equals - wanted)) : xstrdup(wanted);
	const char *value = strv_env_get(&labels, key);
	return (value && (!equals || strcmp(value, equals + 1) == 0)) == wanted_there;
}

static bool pair_matches(struct store *store, const struct image_filter *filter, struct image *image, const char *pair)
{
	const char *value = strchr(pair, '=') + 1;
	if (is_key(pair, "label") || is_key(pair, "label!"))
		return label_matches(store, image, value, is_key(pair, "label"));
	if (is_key(pair, "dangling"))
		return (image->names.count == 0) == is_true(value);
	if (is_key(pair, "readonly"))
		return image->read_only == is_true(value);
	/* Nothing here is a step of a build only. */
	if (is_key(pair, "intermediate"))
		return !is_true(value);
	if (is_key(pair, "manifest"))
		return image->is_list == is_true(value);
	if (is_key(pair, "digest"))
		return has_digest(image, value);
	if (is_key(pair, "containers"))
		return strv_contains(&filter->used, image->id) == is_true(value);
	if (is_key(pair, "reference"))
		return any_name_matches(image, value);
	if (is_key(pair, "id"))
		return text_starts_with(image->id,
					text_starts_with(value, "sha256:") ? value + strlen("sha256:") : value);
	if (is_key(pair, "before"))
		return image->created_ns < filter->before_ns;
	if (is_key(pair, "until"))
		return image->created_ns <= filter->until_ns;
	return image->created_ns > filter->since_ns;
}

bool image_filter_match(struct store *store, const struct image_filter *filter, struct image *image)
{
	for (size_t i = 0; i < filter->pairs.count; i++) {
		const char *pair = filter->pairs.items[i];
		size_t key = strcspn(pair, "=") + 1;
		bool all = text_starts_with(pair, "label");
		bool matches = false;
		for (size_t j = 0; j < filter->pairs.count && !matches; j++)
			if (all ? j == i : strncmp(filter->pairs.items[j], pair, key) == 0)
				matches = pair_matches(store, filter, image, filter->pairs.items[j]);
		if (!matches)
			return false;
	}
	return true;
}
