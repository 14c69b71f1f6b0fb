/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/base64/base64.h"
#include "pkg/key/key.h"
#include "storage/policy/internal.h"

#define GPG_MEMBERS "type keyType keyPath keyPaths keyData signedIdentity"
#define SIGSTORE_MEMBERS                                                                                               \
	"type keyPath keyPaths keyData keyDatas signedIdentity fulcio pki rekorPublicKeyPath rekorPublicKeyPaths "     \
	"rekorPublicKeyData rekorPublicKeyDatas"

void requirement_free(struct requirement *requirement)
{
	strv_free(&requirement->key_files);
	strv_free(&requirement->key_texts);
	identity_free(&requirement->identity);
}

/* ---- reading ---- */

static int get_one(struct json_object *json, const char *key, struct strv *ret, struct error *err)
{
	const char *text;
	int r = json_get_string(json, key, &text, err);
	if (r > 0)
		strv_add(ret, text);
	return r;
}

static int decode_keys(const struct strv *encoded, struct requirement *requirement, struct error *err)
{
	for (size_t i = 0; i < encoded->count; i++) {
		char *text;
		size_t length;
		int r = base64_decode(encoded->items[i], &text, &length, err);
		if (r < 0)
			return error_context(err, "keyData");
		strv_take(&requirement->key_texts, text);
	}
	return 0;
}

static int get_keys(struct json_object *json, struct requirement *requirement, struct error *err)
{
	auto_strv struct strv encoded = STRV_INIT;
	int path = get_one(json, "keyPath", &requirement->key_files, err),
	    paths = path < 0 ? path : json_get_strv(json, "keyPaths", &requirement->key_files, err),
	    data = paths < 0 ? paths : get_one(json, "keyData", &encoded, err),
	    datas = data < 0 ? data : json_get_strv(json, "keyDatas", &encoded, err);
	if (datas < 0)
		return datas;
	if (path + paths + data + datas != 1 || requirement->key_files.count + encoded.count == 0)
		return error_set(
		    err, EINVAL,
		    "exactly one of keyPath, keyPaths, keyData and keyDatas must be there, and name a key");
	return decode_keys(&encoded, requirement, err);
}

static int get_identity(struct json_object *json, struct requirement *requirement, struct error *err)
{
	struct json_object *identity = NULL;
	int r = json_get_object(json, "signedIdentity", &identity, err);
	if (r <= 0)
		return r;
	r = identity_parse(identity, &requirement->identity, err);
	return r < 0 ? error_context(err, "signedIdentity") : 0;
}

/* A certificate authority or a transparency log, besides a key or instead of it. */
static bool wants_services(struct json_object *json)
{
	json_object_object_foreach(json, key, value)
	{
		(void)value;
		if (text_starts_with(key, "rekor") || strcmp(key, "fulcio") == 0 || strcmp(key, "pki") == 0)
			return true;
	}
	return false;
}

static int parse_sigstore(struct json_object *json, struct requirement *requirement, struct error *err)
{
	int r = json_check_members(json, SIGSTORE_MEMBERS, err);
	if (r == 0)
		r = get_identity(json, requirement, err);
	if (r < 0)
		return r;
	if (wants_services(json)) {
		requirement->kind = REQUIRE_UNKNOWN;
		requirement->unknown = "certificates of Fulcio or entries of Rekor";
		return 0;
	}
	requirement->kind = REQUIRE_SIGSTORE;
	return get_keys(json, requirement, err);
}

int requirement_parse(struct json_object *json, struct requirement *ret, struct error *err)
{
	const char *type = "";
	if (!json_object_is_type(json, json_type_object))
		return error_set(err, EINVAL, "expected an object");
	int r = json_get_string(json, "type", &type, err);
	if (r < 0)
		return r;
	if (strcmp(type, "sigstoreSigned") == 0)
		return parse_sigstore(json, ret, err);
	if (strcmp(type, "signedBy") == 0) {
		ret->kind = REQUIRE_UNKNOWN;
		ret->unknown = "GPG signatures (signedBy)";
		return json_check_members(json, GPG_MEMBERS, err);
	}
	if (strcmp(type, "reject") != 0 && strcmp(type, "insecureAcceptAnything") != 0)
		return error_set(err, EINVAL, "\"%.50s\" is not a type of requirement", type);
	ret->kind = *type == 'r' ? REQUIRE_REJECTION : REQUIRE_NOTHING;
	return json_check_members(json, "type", err);
}

/* ---- verifying ---- */

struct trusted {
	struct key **keys;
	size_t count;
	struct strv names;
};

static void trusted_free(struct trusted *trusted)
{
	for (size_t i = 0; i < trusted->count; i++)
		key_free(trusted->keys[i]);
	free(trusted->keys);
	strv_free(&trusted->names);
}

static int read_keys(const struct requirement *requirement, struct trusted *ret, struct error *err)
{
	const struct strv *files = &requirement->key_files, *texts = &requirement->key_texts;
	ret->keys = xcalloc(files->count + texts->count, sizeof(struct key *));
	for (size_t i = 0; i < files->count + texts->count; i++) {
		bool in_file = i < files->count;
		const char *text = in_file ? NULL : texts->items[i - files->count];
		int r = in_file ? key_read_public(files->items[i], &ret->keys[i], err)
				: key_parse_public(text, strlen(text), "keyData", &ret->keys[i], err);
		if (r < 0)
			return r;
		ret->count++;
		strv_add(&ret->names, in_file ? files->items[i] : "keyData");
	}
	return 0;
}

static bool is_by(const struct signature *signature, const struct trusted *trusted)
{
	for (size_t i = 0; i < trusted->count; i++)
		if (key_verify(trusted->keys[i], signature->payload, signature->payload_length, signature->signature))
			return true;
	return false;
}

/* Of one that is by a trusted key: whether it is for this image. */
static int check_claim(const struct signature *signature, const struct requirement *requirement,
		       const struct reference *image, const char *manifest_digest, struct error *err)
{
	auto_json struct json_object *json = NULL;
	struct claim claim;
	int r = claim_parse(signature->payload, signature->payload_length, &json, &claim, err);
	if (r < 0)
		return r;
	if (strcmp(claim.digest, manifest_digest) != 0)
		return error_set(err, EPERM, "a signature is for another image: %.100s", claim.digest);
	if (!identity_matches(&requirement->identity, image, claim.name))
		return error_set(err, EPERM, "a signature is for another name: %.200s", claim.name);
	return 0;
}

int requirement_verify(const struct requirement *requirement, const struct reference *image,
		       const char *manifest_digest, const struct signature *signatures, size_t count, struct error *err)
{
	CLEANUP(trusted_free) struct trusted trusted = {0};
	struct error reason = ERROR_INIT;
	int r = read_keys(requirement, &trusted, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		if (is_by(&signatures[i], &trusted) &&
		    check_claim(&signatures[i], requirement, image, manifest_digest, &reason) == 0)
			return 0;
	if (count == 0)
		return error_set(err, EPERM, "it is not signed");
	if (reason.errnum)
		return error_set(err, EPERM, "%s", reason.text);
	auto_free char *names = strv_join(&trusted.names, ", ");
	return error_set(err, EPERM, "%s by the key%s %s",
			 count == 1 ? "its signature is not" : "none of its signatures is",
			 trusted.count == 1 ? "" : "s", names);
}
