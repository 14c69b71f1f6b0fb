/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures as cosign stores them: beside the image, in a manifest with the tag sha256-<hex>.sig, whose layers are
 * what was signed and have the signatures as annotations. What counts are those of the image's own manifest, not of an
 * index that led to it.
 */
#include <string.h>

#include "storage/pull/source.h"

#define SIGNATURES_MAX 64
#define PAYLOAD_MAX    (256 << 10)
#define ANNOTATION     "dev.cosignproject.cosign/signature"

struct signatures {
	struct signature items[SIGNATURES_MAX];
	size_t count;
};

static void signatures_clear(struct signatures *signatures)
{
	for (size_t i = 0; i < signatures->count; i++) {
		free((char *)signatures->items[i].payload);
		free((char *)signatures->items[i].signature);
	}
	signatures->count = 0;
}

static int add(const struct remote *remote, struct json_object *layer, struct signatures *ret, struct error *err)
{
	auto_descriptor struct descriptor descriptor = {0};
	struct json_object *annotations = NULL;
	const char *signature;
	auto_free char *payload = NULL;
	size_t length = 0;
	int r = descriptor_parse(layer, "the signature", &descriptor, err);
	if (r == 0)
		r = json_get_object(layer, "annotations", &annotations, err);
	if (r >= 0)
		r = json_get_string(annotations, ANNOTATION, &signature, err);
	if (r <= 0 || ret->count == SIGNATURES_MAX)
		return r;
	r = remote_read_blob(remote, &descriptor, PAYLOAD_MAX, "the signature", &payload, &length, err);
	if (r < 0)
		return r;
	ret->items[ret->count++] = (struct signature){TAKE_PTR(payload), length, xstrdup(signature)};
	return 0;
}

/* Those of a manifest; none is no error. */
static int get_signatures(const struct remote *remote, const char *digest, struct signatures *ret, struct error *err)
{
	auto_registry_manifest struct registry_manifest manifest = {0};
	auto_json struct json_object *json = NULL;
	struct json_object *layers = NULL;
	auto_free char *tag = xasprintf("%s.sig", digest);
	*strchr(tag, ':') = '-';
	int r = registry_manifest_get(remote->registry, remote->repository, tag, MANIFEST_SIZE_MAX, &manifest, err);
	if (r == -ENOENT) {
		error_clear(err);
		return 0;
	}
	if (r == 0)
		r = json_parse(manifest.text, manifest.length, tag, &json, err);
	if (r == 0)
		r = json_get_array(json, "layers", &layers, err);
	for (size_t i = 0; r >= 0 && layers && i < json_object_array_length(layers); i++)
		r = add(remote, json_object_array_get_idx(layers, i), ret, err);
	return r < 0 ? r : 0;
}

int pull_source_check(const struct pull_source *source, const struct policy *policy, struct error *err)
{
	CLEANUP(signatures_clear) struct signatures signatures = {.count = 0};
	const char *digest = source->manifest.digest;
	int r = policy_wants(policy, "docker", &source->name, err);
	if (r <= 0)
		return r;
	r = get_signatures(&source->remote, digest, &signatures, err);
	if (r == 0)
		r = policy_verify(policy, "docker", &source->name, digest, signatures.items, signatures.count, err);
	return r < 0 ? r : 1;
}

int pull_source_verify(const struct pull_source *source, const char *signature_policy, struct error *err)
{
	auto_policy struct policy *policy = NULL;
	int r = policy_read(signature_policy, &policy, err);
	if (r == 0)
		r = pull_source_check(source, policy, err);
	return r < 0 ? r : 0;
}
