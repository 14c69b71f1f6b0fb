/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this module share. */
#pragma once

#include <stdbool.h>

#include "pkg/json/json.h"
#include "storage/policy/policy.h"

#define POLICY_SIZE_MAX ((size_t)4 * 1024 * 1024)
#define SIGNATURE_TYPE  "cosign container image signature"

/* ---- identity.c: which name a signature may be for ---- */
enum identity_kind {
	IDENTITY_REPO_DIGEST_OR_EXACT, /* where nothing is said */
	IDENTITY_EXACT,
	IDENTITY_REPOSITORY,
	IDENTITY_EXACT_REFERENCE,
	IDENTITY_EXACT_REPOSITORY,
	IDENTITY_REMAP,
};
struct identity {
	enum identity_kind kind;
	char *name;          /* dockerReference, dockerRepository, prefix */
	char *signed_prefix; /* of IDENTITY_REMAP */
};
void identity_free(struct identity *identity);
int identity_parse(struct json_object *json, struct identity *ret, struct error *err);
/* Whether a signature for `claimed` counts for the image; `image` NULL: it has no name. */
bool identity_matches(const struct identity *identity, const struct reference *image, const char *claimed);

/* ---- requirement.c ---- */
enum requirement_kind { REQUIRE_NOTHING, REQUIRE_REJECTION, REQUIRE_SIGSTORE, REQUIRE_UNKNOWN };
struct requirement {
	enum requirement_kind kind;
	const char *unknown; /* REQUIRE_UNKNOWN: what coracle cannot verify */
	struct strv key_files;
	struct strv key_texts; /* PEM */
	struct identity identity;
};
void requirement_free(struct requirement *requirement);
int requirement_parse(struct json_object *json, struct requirement *ret, struct error *err);
/* -EPERM, with words, unless one of the signatures meets it. */
int requirement_verify(const struct requirement *requirement, const struct reference *image,
		       const char *manifest_digest, const struct signature *signatures, size_t count,
		       struct error *err);

/* ---- policy.c ---- */
struct rule {
	char *transport, *scope; /* NULL: the default of all */
	struct requirement *requirements;
	size_t count;
};
struct policy {
	char *path; /* NULL: there is no file */
	struct rule *rules;
	size_t count;
};
int policy_parse(const char *text, size_t length, const char *path, struct policy **ret, struct error *err);

/* ---- scope.c ---- */
/* The most specific rule for the image; never NULL, since the default is mandatory. */
/* By the path of a file; NULL: the transport has no section. */
const struct rule *rule_find_path(const struct policy *policy, const char *transport, const char *path);
const struct rule *rule_find(const struct policy *policy, const char *transport, const struct reference *reference);

/* ---- payload.c ---- */
/* What a payload says it signs; borrowed from *ret_json, which the caller puts. */
struct claim {
	const char *digest, *name;
};
int claim_parse(const char *payload, size_t length, struct json_object **ret_json, struct claim *ret,
		struct error *err);
