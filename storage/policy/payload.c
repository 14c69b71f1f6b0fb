/* SPDX-License-Identifier: Apache-2.0 */
/* What is signed: the "simple signing" payload in the form that cosign and containers/image have for it. */
#include <string.h>

#include "pkg/key/key.h"
#include "storage/policy/internal.h"

/* ---- reading; what signed text says beside this could be a condition that is not known here, so that it is refused
 * ---- */

static int get_object(struct json_object *json, const char *key, const char *known, struct json_object **ret,
		      struct error *err)
{
	int r = json_get_object(json, key, ret, err);
	if (r == 0)
		return error_set(err, EINVAL, "%s is missing", key);
	return r < 0 ? r : json_check_members(*ret, known, err);
}

static int get_text(struct json_object *json, const char *key, const char **ret, struct error *err)
{
	int r = json_get_string(json, key, ret, err);
	return r < 0 ? r : r == 0 ? error_set(err, EINVAL, "%s is missing", key) : 0;
}

static int read_claim(struct json_object *json, struct claim *ret, struct error *err)
{
	struct json_object *critical = NULL, *image = NULL, *identity = NULL;
	const char *type;
	int r = json_check_members(json, "critical optional", err);
	if (r == 0)
		r = get_object(json, "critical", "type image identity", &critical, err);
	if (r == 0)
		r = get_text(critical, "type", &type, err);
	if (r == 0 && strcmp(type, SIGNATURE_TYPE) != 0)
		r = error_set(err, EINVAL, "it is of type \"%.50s\"", type);
	if (r == 0)
		r = get_object(critical, "image", "docker-manifest-digest", &image, err);
	if (r == 0)
		r = get_text(image, "docker-manifest-digest", &ret->digest, err);
	if (r == 0)
		r = get_object(critical, "identity", "docker-reference", &identity, err);
	return r < 0 ? r : get_text(identity, "docker-reference", &ret->name, err);
}

int claim_parse(const char *payload, size_t length, struct json_object **ret_json, struct claim *ret, struct error *err)
{
	static const char name[] = "a signature";
	auto_json struct json_object *json = NULL;
	int r = json_parse(payload, length, name, &json, err);
	if (r == 0)
		r = json_check_unique(payload, length, json, name, err);
	if (r < 0)
		return r;
	if (!json_object_is_type(json, json_type_object))
		return error_set(err, EINVAL, "%s: expected an object", name);
	r = read_claim(json, ret, err);
	if (r < 0)
		return error_context(err, "%s", name);
	*ret_json = TAKE_PTR(json);
	return 0;
}

/* ---- making ---- */

static void add_critical(struct json_object *json, const char *name, const char *digest)
{
	struct json_object *critical = json_object_new_object(), *identity = json_object_new_object(),
			   *image = json_object_new_object();
	json_object_object_add(json, "critical", critical);
	json_object_object_add(critical, "identity", identity);
	json_add_string(identity, "docker-reference", name);
	json_object_object_add(critical, "image", image);
	json_add_string(image, "docker-manifest-digest", digest);
	json_add_string(critical, "type", SIGNATURE_TYPE);
}

int signature_make(const char *key_file, const char *passphrase_file, const struct reference *reference,
		   const char *manifest_digest, char **ret_payload, char **ret_signature, struct error *err)
{
	auto_key struct key *key = NULL;
	auto_json struct json_object *json = json_object_new_object();
	auto_free char *name = reference_text(reference);
	int r = key_read_private(key_file, passphrase_file, &key, err);
	if (r < 0)
		return r;
	struct json_object *optional = json_object_new_object();
	add_critical(json, name, manifest_digest);
	json_object_object_add(json, "optional", optional);
	json_add_string(optional, "creator", "coracle " CORACLE_VERSION);
	json_add_int(optional, "timestamp", time_now_ns() / 1000000000);
	auto_free char *payload = json_text(json, false);
	r = key_sign(key, payload, strlen(payload), ret_signature, err);
	if (r == 0)
		*ret_payload = TAKE_PTR(payload);
	return r;
}
