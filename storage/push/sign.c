/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/push/sign.h"

#include <string.h>

#include "pkg/digest/digest.h"
#include "storage/policy/policy.h"
#include "storage/push/upload.h"

#define PAYLOAD_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define ANNOTATION   "dev.cosignproject.cosign/signature"

static struct json_object *descriptor_json(const char *media_type, const char *digest, size_t size)
{
	struct json_object *json = json_object_new_object();
	json_add_string(json, "mediaType", media_type);
	json_add_string(json, "digest", digest);
	json_add_int(json, "size", (int64_t)size);
	return json;
}

/* The layers of the signatures that are there already, or an empty list. */
static int read_layers(const struct remote *remote, const char *tag, struct json_object **ret, struct error *err)
{
	auto_registry_manifest struct registry_manifest manifest = {0};
	auto_json struct json_object *json = NULL;
	struct json_object *layers = NULL;
	int r = registry_manifest_get(remote->registry, remote->repository, tag, MANIFEST_SIZE_MAX, &manifest, err);
	if (r == 0)
		r = json_parse(manifest.text, manifest.length, tag, &json, err);
	if (r == 0)
		r = json_get_array(json, "layers", &layers, err);
	if (r < 0 && r != -ENOENT)
		return r;
	error_clear(err);
	*ret = r > 0 ? json_object_get(layers) : json_object_new_array();
	return 0;
}

/* What cosign gives such a manifest for a configuration: one that names the payloads as if they were layers. */
static char *make_config(struct json_object *layers)
{
	auto_json struct json_object *json = json_object_new_object();
	struct json_object *rootfs = json_object_new_object(), *diff_ids = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(layers); i++) {
		struct json_object *digest = NULL;
		if (json_object_object_get_ex(json_object_array_get_idx(layers, i), "digest", &digest))
			json_object_array_add(diff_ids, json_object_get(digest));
	}
	json_add_string(json, "architecture", "");
	json_add_string(json, "created", "0001-01-01T00:00:00Z");
	json_add_string(json, "os", "");
	json_add_string(rootfs, "type", "layers");
	json_object_object_add(rootfs, "diff_ids", diff_ids);
	json_object_object_add(json, "rootfs", rootfs);
	json_object_object_add(json, "config", json_object_new_object());
	return json_text(json, false);
}

static int put_manifest(const struct remote *remote, const char *tag, struct json_object *layers, struct error *err)
{
	auto_json struct json_object *json = json_object_new_object();
	auto_free char *config = make_config(layers);
	char digest[DIGEST_TEXT_MAX];
	int r = digest_of(config, strlen(config), digest, err);
	if (r == 0)
		r = push_memory(remote, digest, config, strlen(config), err);
	if (r < 0)
		return r;
	json_add_int(json, "schemaVersion", 2);
	json_add_string(json, "mediaType", MEDIA_TYPE_OCI_MANIFEST);
	json_object_object_add(json, "config", descriptor_json(MEDIA_TYPE_OCI_CONFIG, digest, strlen(config)));
	json_object_object_add(json, "layers", json_object_get(layers));
	auto_free char *text = json_text(json, false);
	return registry_manifest_put(remote->registry, remote->repository, tag, MEDIA_TYPE_OCI_MANIFEST, text,
				     strlen(text), err);
}

int push_signature(const struct remote *remote, const struct reference *name, const char *manifest_digest,
		   const char *key_file, const char *passphrase_file, struct error *err)
{
	auto_free char *payload = NULL, *signature = NULL, *tag = xasprintf("%s.sig", manifest_digest);
	auto_json struct json_object *layers = NULL;
	char digest[DIGEST_TEXT_MAX];
	*strchr(tag, ':') = '-';
	int r = signature_make(key_file, passphrase_file, name, manifest_digest, &payload, &signature, err);
	if (r == 0)
		r = digest_of(payload, strlen(payload), digest, err);
	if (r == 0)
		r = push_memory(remote, digest, payload, strlen(payload), err);
	if (r == 0)
		r = read_layers(remote, tag, &layers, err);
	if (r < 0)
		return error_context(err, "sign the image");
	struct json_object *layer = descriptor_json(PAYLOAD_TYPE, digest, strlen(payload)),
			   *annotations = json_object_new_object();
	json_add_string(annotations, ANNOTATION, signature);
	json_object_object_add(layer, "annotations", annotations);
	json_object_array_add(layers, layer);
	r = put_manifest(remote, tag, layers, err);
	return r < 0 ? error_context(err, "sign the image") : 0;
}
