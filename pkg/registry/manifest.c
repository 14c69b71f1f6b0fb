/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/registry/internal.h"

static const char accept[] =
    "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "*/*;q=0.1";

void registry_manifest_clear(struct registry_manifest *manifest)
{
	free(manifest->text);
	free(manifest->media_type);
	*manifest = (struct registry_manifest){0};
}

/* What a call for a manifest is made of; the call points into it. */
struct manifest_call {
	struct call call;
	char *url, *scope, *what;
	struct strv headers;
};

static void manifest_call_clear(struct manifest_call *call)
{
	free(call->url);
	free(call->scope);
	free(call->what);
	strv_free(&call->headers);
}

static int make_call(struct manifest_call *ret, const char *method, const char *verb, const char *rights,
		     const char *repository, const char *reference, struct error *err)
{
	int r = registry_check_name(repository, reference, err);
	if (r < 0)
		return r;
	ret->url = xasprintf("/v2/%s/manifests/%s", repository, reference);
	ret->scope = xasprintf("repository:%s:%s", repository, rights);
	ret->what = xasprintf("%s manifest %s%c%s", verb, repository, strchr(reference, ':') ? '@' : ':', reference);
	ret->call = (struct call){.what = ret->what,
				  .scope = ret->scope,
				  .request = {.method = method, .url = ret->url, .headers = &ret->headers}};
	return 0;
}

static char *media_type_of(const struct http_exchange *exchange)
{
	const char *type = http_header(exchange, "Content-Type");
	return type ? xstrndup(type, strcspn(type, "; \t")) : NULL;
}

static bool is_sha256(const char *text)
{
	return text && text_starts_with(text, "sha256:") && strlen(text) == strlen("sha256:") + 64;
}

int registry_manifest_get(struct registry *registry, const char *repository, const char *reference, size_t max,
			  struct registry_manifest *ret, struct error *err)
{
	CLEANUP(manifest_call_clear) struct manifest_call get = {0};
	auto_answer struct answer answer = {0};
	char digest[DIGEST_TEXT_MAX];
	int r = make_call(&get, "GET", "read", "pull", repository, reference, err);
	if (r < 0)
		return r;
	strv_add(&get.headers, accept);
	get.call.request.follow = true;
	get.call.max = max;
	if ((r = registry_call(registry, &get.call, &answer, err)) < 0)
		return r;
	const char *text = strbuf_text(&answer.body);
	/* What was named by its digest must have that one. By a tag it is what it is; but a registry that says which it
	 * should be has sent something else where that is not so. */
	const char *said = http_header(answer.exchange, "Docker-Content-Digest");
	if (strchr(reference, ':'))
		r = digest_check(text, answer.body.length, reference, get.what, err);
	else if (is_sha256(said))
		r = digest_check(text, answer.body.length, said, get.what, err);
	if (r == 0)
		r = digest_of(text, answer.body.length, digest, err);
	if (r < 0)
		return error_context(err, "%s", registry->name);
	ret->media_type = media_type_of(answer.exchange);
	ret->length = answer.body.length;
	ret->text = strbuf_take(&answer.body);
	snprintf(ret->digest, sizeof(ret->digest), "%s", strchr(reference, ':') ? reference : digest);
	return 0;
}

int registry_manifest_head(struct registry *registry, const char *repository, const char *reference,
			   struct registry_manifest *ret, struct error *err)
{
	CLEANUP(manifest_call_clear) struct manifest_call head = {0};
	auto_answer struct answer answer = {0};
	int r = make_call(&head, "HEAD", "look for", "pull", repository, reference, err);
	if (r < 0)
		return r;
	strv_add(&head.headers, accept);
	head.call.request.follow = true;
	if ((r = registry_call(registry, &head.call, &answer, err)) < 0)
		return r;
	const char *digest = http_header(answer.exchange, "Docker-Content-Digest");
	if (text_is_empty(digest) || strlen(digest) >= DIGEST_TEXT_MAX) {
		auto_registry_manifest struct registry_manifest whole = {0};
		if ((r = registry_manifest_get(registry, repository, reference, ANSWER_MAX, &whole, err)) < 0)
			return r;
		*ret = (struct registry_manifest){.length = whole.length, .media_type = TAKE_PTR(whole.media_type)};
		memcpy(ret->digest, whole.digest, DIGEST_TEXT_MAX);
		return 0;
	}
	int64_t length = http_length(answer.exchange);
	*ret = (struct registry_manifest){.length = length > 0 ? (size_t)length : 0,
					  .media_type = media_type_of(answer.exchange)};
	snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
	return 0;
}

int registry_manifest_put(struct registry *registry, const char *repository, const char *reference,
			  const char *media_type, const void *text, size_t length, struct error *err)
{
	CLEANUP(manifest_call_clear) struct manifest_call put = {0};
	auto_answer struct answer answer = {0};
	int r = make_call(&put, "PUT", "write", "pull,push", repository, reference, err);
	if (r < 0)
		return r;
	strv_addf(&put.headers, "Content-Type: %s", media_type);
	put.call.request.follow = true;
	put.call.request.body = text;
	put.call.request.body_length = length;
	return registry_call(registry, &put.call, &answer, err);
}

int registry_manifest_delete(struct registry *registry, const char *repository, const char *digest, struct error *err)
{
	CLEANUP(manifest_call_clear) struct manifest_call delete = {0};
	auto_answer struct answer answer = {0};
	int r = make_call(&delete, "DELETE", "delete", "delete", repository, digest, err);
	delete.call.request.follow = true;
	return r < 0 ? r : registry_call(registry, &delete.call, &answer, err);
}
