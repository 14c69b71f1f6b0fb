/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/pull/source.h"

#include <string.h>

#include "pkg/message/message.h"

#define INDEX_DEPTH_MAX 4

void pull_source_free(struct pull_source *source)
{
	reference_free(&source->name);
	strv_free(&source->tags);
	registry_manifest_clear(&source->manifest);
	remote_close(&source->remote);
	*source = (struct pull_source){0};
}

/* ---- indexes ---- */
static int get(struct pull_source *source, const char *reference, struct error *err)
{
	return registry_manifest_get(source->remote.registry, source->remote.repository, reference, MANIFEST_SIZE_MAX,
				     &source->manifest, err);
}

/* What an index has for the platform: 1 and its descriptor; 0: the manifest is no index. */
static int choose(const struct registry_manifest *manifest, const struct platform *platform, struct descriptor *ret,
		  struct error *err)
{
	auto_json struct json_object *json = NULL;
	struct json_object *chosen;
	int r = json_parse(manifest->text, manifest->length, "the manifest", &json, err);
	if (r < 0 || !manifest_is_index(json))
		return r;
	r = index_choose(json, platform, &chosen, err);
	if (r == 0)
		r = descriptor_parse(chosen, "the index: manifests", ret, err);
	return r < 0 ? r : 1;
}

/* Follows indexes until there is the manifest of an image. */
static int follow(struct pull_source *source, const struct platform *platform, struct error *err)
{
	for (int depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
		auto_descriptor struct descriptor chosen = {0};
		int r = choose(&source->manifest, platform, &chosen, err);
		if (r <= 0)
			return r;
		source->platform_chosen = true;
		registry_manifest_clear(&source->manifest);
		r = get(source, chosen.digest, err);
		if (r == 0 && source->manifest.length != (size_t)chosen.size)
			r = error_set(err, EBADMSG, "manifest %s has %zu bytes, not %lld as the index says", chosen.digest,
				      source->manifest.length, (long long)chosen.size);
		if (r < 0)
			return r;
	}
	return error_set(err, EINVAL, "indexes within indexes, %d deep", INDEX_DEPTH_MAX);
}

/* ---- registries ---- */
static const char *wanted(const struct reference *name)
{
	return name->digest ? name->digest : name->tag;
}

/* What is wanted to know of a repository. */
typedef int (*question)(struct pull_source *source, struct error *err);

static int ask_manifest(struct pull_source *source, struct error *err)
{
	return get(source, wanted(&source->name), err);
}

static int ask_tags(struct pull_source *source, struct error *err)
{
	return registry_tags(source->remote.registry, source->remote.repository, &source->tags, err);
}

static int ask(const struct registries *registries, const struct registry_endpoint *endpoint,
	       const struct pull_request *request, question asked, struct pull_source *source, struct error *err)
{
	const struct remote_options options = {
	    request->authfile,   request->username, request->password,     request->certificate_directory,
	    request->tls_verify, request->retries,  request->retry_delay_s, registries_credential_helpers(registries)};
	int r = remote_open(endpoint, &source->name, &options, &source->remote, err);
	if (r == 0)
		r = asked(source, err);
	if (r < 0)
		remote_close(&source->remote);
	return r;
}

static bool is_for(const struct registry_endpoint *endpoint, const struct reference *name)
{
	return name->digest ? !endpoint->tag_only : !endpoint->digest_only;
}

/* The mirrors, then the registry itself. */
static int ask_endpoints(const struct registries *registries, const struct pull_request *request, question asked,
			 struct pull_source *source, struct error *err)
{
	auto_endpoint_list struct endpoint_list endpoints = {0};
	int r = registries_endpoints(registries, &source->name, true, &endpoints, err);
	if (r < 0)
		return r;
	r = error_set(err, ENOENT, "no registry is configured to have it");
	for (size_t i = 0; r < 0 && i < endpoints.count; i++) {
		const struct registry_endpoint *endpoint = &endpoints.items[i];
		if (!is_for(endpoint, &source->name))
			continue;
		error_clear(err);
		r = ask(registries, endpoint, request, asked, source, err);
		if (r < 0 && endpoint->mirror && err)
			message_info("mirror %s: %s", endpoint->host, err->text);
	}
	return r;
}

static void copy_name(const struct reference *name, struct reference *ret)
{
	*ret = (struct reference){.domain = xstrdup(name->domain), .path = xstrdup(name->path)};
	/* With both, the digest says which. */
	if (name->digest)
		ret->digest = xstrdup(name->digest);
	else
		ret->tag = xstrdup(name->tag);
}

/* What a short name can mean is asked for one after the other; the error tells of all. */
static int ask_candidates(const struct registries *registries, const struct reference_list *candidates,
			  const struct pull_request *request, question asked, struct pull_source *source,
			  struct error *err)
{
	auto_strbuf struct strbuf failures = STRBUF_INIT;
	struct error failure = ERROR_INIT;
	int r = -ENOENT;
	for (size_t i = 0; i < candidates->count; i++) {
		copy_name(&candidates->items[i], &source->name);
		auto_free char *text = reference_text(&source->name);
		if (request->trying)
			request->trying(text);
		error_clear(&failure);
		r = ask_endpoints(registries, request, asked, source, &failure);
		if (r == 0)
			return 0;
		reference_free(&source->name);
		strbuf_printf(&failures, "%s%s: %s", i > 0 ? "; " : "", text, failure.text);
	}
	return error_set(err, failure.errnum, "%s", strbuf_text(&failures));
}

static int find(const struct pull_request *request, question asked, struct pull_source *source, struct error *err)
{
	auto_registries struct registries *registries = NULL;
	auto_reference_list struct reference_list candidates = {0};
	const char *name;
	int r = remote_name(request->name, &name, err);
	if (r == 0)
		r = registries_read(NULL, &registries, err);
	if (r == 0)
		r = registries_resolve_to_pull(registries, name, &candidates, err);
	return r < 0 ? r : ask_candidates(registries, &candidates, request, asked, source, err);
}

int pull_source_find(const struct pull_request *request, struct pull_source *ret, struct error *err)
{
	auto_pull_source struct pull_source source = {0};
	struct platform host;
	int r = find(request, ask_manifest, &source, err);
	if (r < 0)
		return r;
	platform_host(&host);
	r = follow(&source, request->platform ? request->platform : &host, err);
	if (r < 0) {
		auto_free char *text = reference_text(&source.name);
		return error_context(err, "%s", text);
	}
	*ret = source;
	source = (struct pull_source){0};
	return 0;
}

int pull_source_find_any(const struct pull_request *request, struct pull_source *ret, struct error *err)
{
	auto_pull_source struct pull_source source = {0};
	int r = find(request, ask_manifest, &source, err);
	if (r < 0)
		return r;
	*ret = source;
	source = (struct pull_source){0};
	return 0;
}

int image_pull_tags(const struct pull_request *request, struct strv *ret_names, struct error *err)
{
	auto_pull_source struct pull_source source = {0};
	int r = find(request, ask_tags, &source, err);
	if (r < 0)
		return r;
	auto_free char *repository = reference_repository(&source.name);
	for (size_t i = 0; i < source.tags.count; i++)
		strv_addf(ret_names, "%s:%s", repository, source.tags.items[i]);
	return 0;
}
