/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/pull/pull.h"

#include <string.h>

#include "pkg/message/message.h"
#include "storage/layer/layer.h"
#include "storage/pull/layers.h"
#include "storage/pull/partial.h"
#include "storage/pull/source.h"

#define PARTIAL_AGE_S ((int64_t)7 * 24 * 60 * 60)

struct pulled {
	char id[65];
	char *full_name;
	bool fetched;
};

static void pulled_clear(struct pulled *pulled)
{
	free(pulled->full_name);
}

/* ---- what is here ---- */
static bool suits(const struct image *image, const struct platform *platform)
{
	if (!platform)
		return true;
	return strcmp(image->os ? image->os : "", platform->os) == 0 &&
	       strcmp(image->architecture ? image->architecture : "", platform->architecture) == 0 &&
	       (!*platform->variant || strcmp(image->variant ? image->variant : "", platform->variant) == 0);
}

/* 1 when there is such an image, 0 when not. */
static int find_here(struct store *store, const char *name, const struct platform *platform, struct image **ret,
		     struct error *err)
{
	auto_image struct image *image = NULL;
	int r = image_find(store, name, &image, err);
	if (r == -ENOENT || (r == 0 && !suits(image, platform))) {
		error_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(image);
	return 1;
}

static void take_here(const struct image *image, struct pulled *ret)
{
	memcpy(ret->id, image->id, sizeof(ret->id));
	ret->full_name = xstrdup(image->found_name    ? image->found_name
				 : image->names.count ? image->names.items[0]
						      : image->id);
}

static bool has_all_layers(struct store *store, const struct image *image)
{
	for (size_t i = 0; i < image->layers.count; i++)
		if (layer_exists(store, image->layers.items[i], NULL) <= 0)
			return false;
	return true;
}

/* Whether the name leads to the same image as at the registry, and nothing of it is missing. */
static bool is_current(struct store *store, const struct pull_source *source, const char *name, struct pulled *ret)
{
	auto_image struct image *image = NULL;
	if (find_here(store, name, NULL, &image, NULL) <= 0 || !image->manifest_digest ||
	    strcmp(image->manifest_digest, source->manifest.digest) != 0 || !has_all_layers(store, image))
		return false;
	take_here(image, ret);
	return true;
}

/* ---- what is there ---- */
struct contents {
	struct manifest manifest;
	char *config;
	size_t config_length;
	struct strv diff_ids;
};

static void contents_free(struct contents *contents)
{
	manifest_free(&contents->manifest);
	free(contents->config);
	strv_free(&contents->diff_ids);
}

static const char *text_member(struct json_object *json, const char *key)
{
	const char *text = "";
	json_get_string(json, key, &text, NULL);
	return text;
}

/* Where there is an index it has chosen; an image that stands alone is taken as it is. */
static void check_platform(struct json_object *config, const struct platform *wanted)
{
	const char *os = text_member(config, "os"), *architecture = text_member(config, "architecture");
	struct platform host;
	platform_host(&host);
	if (!wanted)
		wanted = &host;
	if (strcmp(os, wanted->os) != 0 || strcmp(architecture, wanted->architecture) != 0)
		message_warn("the image is for %s/%s, not for %s/%s", os, architecture, wanted->os,
			     wanted->architecture);
}

static int read_contents(const struct pull_source *source, const struct pull_request *request, struct contents *ret,
			 struct error *err)
{
	auto_json struct json_object *config = NULL;
	int r = manifest_parse(source->manifest.text, source->manifest.length, &ret->manifest, err);
	if (r == 0)
		r = remote_read_blob(&source->remote, &ret->manifest.config, MANIFEST_SIZE_MAX,
				     "the image's configuration", &ret->config, &ret->config_length, err);
	if (r == 0)
		r = json_parse(ret->config, ret->config_length, "the image's configuration", &config, err);
	if (r == 0)
		r = config_diff_ids(config, &ret->diff_ids, err);
	if (r < 0)
		return r;
	if (ret->diff_ids.count != ret->manifest.layers_count)
		return error_set(err, EINVAL, "the manifest has %zu layers, the image's configuration %zu",
				 ret->manifest.layers_count, ret->diff_ids.count);
	if (!source->platform_chosen)
		check_platform(config, request->platform);
	return 0;
}

/* ---- from there to here ---- */
static int fetch(struct store *store, const struct pull_source *source, const struct pull_request *request,
		 struct pulled *ret, struct error *err)
{
	CLEANUP(contents_free) struct contents contents = {0};
	char manifest_digest[DIGEST_TEXT_MAX];
	auto_close int lock = -1;
	int64_t size = 0;
	int r = read_contents(source, request, &contents, err);
	if (r < 0)
		return r;
	struct layers_request layers = {.store = store,
					.remote = &source->remote,
					.manifest = &contents.manifest,
					.diff_ids = &contents.diff_ids,
					.progress = request->progress};
	r = layers_fetch(&layers, &lock, &size, err);
	if (r == 0)
		r = image_add(store, source->manifest.text, source->manifest.length, contents.config,
			      contents.config_length, &contents.diff_ids, size, ret->id, manifest_digest, err);
	if (r == 0)
		r = image_tag(store, &source->name, manifest_digest, ret->id, err);
	ret->fetched = true;
	return r;
}

static int pull(struct store *store, const struct pull_request *request, struct pulled *ret, struct error *err)
{
	auto_pull_source struct pull_source source = {0};
	int r = pull_source_find(request, &source, err);
	if (r < 0)
		return r;
	auto_free char *name = reference_text(&source.name);
	r = pull_source_verify(&source, request->signature_policy, err);
	if (r == 0 && is_current(store, &source, name, ret))
		return 0;
	if (r == 0)
		r = fetch(store, &source, request, ret, err);
	if (r < 0)
		return error_context(err, "%s", name);
	ret->full_name = TAKE_PTR(name);
	return 0;
}

/* The image that is here stands in for a registry that does not answer. */
static int pull_newer(struct store *store, const struct pull_request *request, const struct image *here,
		      struct pulled *ret, struct error *err)
{
	int r = pull(store, request, ret, err);
	if (r == 0 || r == -EPERM || r == -EBADMSG)
		return r;
	if (err)
		message_warn("%s; the image that is here is used", err->text);
	error_clear(err);
	take_here(here, ret);
	return 0;
}

static int pull_as_wanted(struct store *store, const struct pull_request *request, struct pulled *ret,
			  struct error *err)
{
	auto_image struct image *here = NULL;
	const char *name;
	int r = remote_name(request->name, &name, err);
	if (r == 0 && request->policy != PULL_ALWAYS)
		r = find_here(store, name, request->platform, &here, err);
	if (r < 0)
		return r;
	if (!here && request->policy == PULL_NEVER)
		return error_set(err, ENOENT, "no such image: %s; it is not to be pulled", request->name);
	if (here && request->policy == PULL_NEWER)
		return pull_newer(store, request, here, ret, err);
	if (!here)
		return pull(store, request, ret, err);
	take_here(here, ret);
	return 0;
}

int image_pull(struct store *store, const struct pull_request *request, char *ret_id, char **ret_full_name,
	       bool *ret_pulled, struct error *err)
{
	CLEANUP(pulled_clear) struct pulled pulled = {.fetched = false};
	/* What pulls left that were killed. */
	store_empty_trash(store, NULL);
	partial_sweep(store, PARTIAL_AGE_S, NULL);
	int r = pull_as_wanted(store, request, &pulled, err);
	if (r < 0)
		return r;
	memcpy(ret_id, pulled.id, sizeof(pulled.id));
	*ret_full_name = TAKE_PTR(pulled.full_name);
	if (ret_pulled)
		*ret_pulled = pulled.fetched;
	return 0;
}
