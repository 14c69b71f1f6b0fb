/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: which images may be used: containers-policy.json(5) with `reject`, `insecureAcceptAnything` and
 * `sigstoreSigned` (keyPath, keyPaths, keyData, keyDatas; signedIdentity), from --signature-policy,
 * ~/.config/containers/policy.json or /etc/containers/policy.json; without any file everything is accepted. `signedBy`
 * (GPG) is refused with words.
 *
 * Signatures are sigstore's, stored in the registry as cosign does: the manifest tagged sha256-<hex>.sig, whose layers
 * are "simple signing" payloads with the signature in an annotation.
 */
#pragma once

#include "pkg/cleanup/cleanup.h"
#include "pkg/error/error.h"
#include "storage/reference/reference.h"

#define POLICY_SYSTEM_PATH "/etc/containers/policy.json"

struct policy;
/* `path` NULL: the usual places. An error names the file and what in it is wrong; anything unknown is. */
int policy_read(const char *path, struct policy **ret, struct error *err);
void policy_free(struct policy *policy);
DEFINE_CLEANUP(struct policy *, policy_free)
#define auto_policy CLEANUP(policy_freep)
/* One by which an image must be signed by one of these keys, under its repository's name. */
int policy_of_keys(const struct strv *key_files, struct policy **ret, struct error *err);
/* The user's own file, whether it is there or not; malloc'd, NULL without a home directory. */
char *policy_user_path(void);

struct signature {
	const char *payload; /* the bytes that were signed */
	size_t payload_length;
	const char *signature; /* base64 */
};
/* 1: signatures are wanted for it; 0: it is accepted as it is; -EPERM: rejected, with the file and the scope that say
 * so. `transport` is "docker", "docker-archive", "oci-archive", "dir" …. `reference` is the full name that was asked
 * for, not that of a mirror; NULL: the image has none. */
int policy_wants(const struct policy *policy, const char *transport, const struct reference *reference,
		 struct error *err);
/* 0: accepted. -EPERM: none of the signatures is by a key that the policy names, for this digest and this name.
 * `manifest_digest` is of the image's own manifest, as others sign and look for it; what an index says of it is no part
 * of this. */
int policy_verify(const struct policy *policy, const char *transport, const struct reference *reference,
		  const char *manifest_digest, const struct signature *signatures, size_t count, struct error *err);

/* An image of an archive or a directory: asked where the policy has a section for the transport ("docker-archive",
 * "oci-archive", "oci", "dir"); elsewhere it is what the user has, and accepted. Scopes are, but for docker-archive,
 * which has but one, the file's absolute path and the directories above it. Archives have no signatures, so that one
 * that is wanted is not there. `path` NULL: standard input. */
int policy_check_archive(const struct policy *policy, const char *transport, const char *path, struct error *err);

/* ---- changing a policy ---- */
/* Which file policy_read() takes, or would take if it were there; malloc'd. */
char *policy_path_in_force(void);
/* Makes `type` the rule for a scope of docker, or for "default"; all else in the file stays. `path` NULL: the user's
 * own file, which begins as a copy of the system's where there is none. `key_files` are the keys that must all have
 * signed. */
int policy_set(const char *path, const char *scope, const char *type, const struct strv *key_files, struct error *err);

/* ---- making signatures ---- */
/* Makes a payload for the digest under the name, and its signature with the private key in `key_file` (PEM, EC or RSA
 * or Ed25519; also cosign's encrypted form). malloc'd. -EACCES: the key needs a passphrase, or another one. */
int signature_make(const char *key_file, const char *passphrase_file, const struct reference *reference,
		   const char *manifest_digest, char **ret_payload, char **ret_signature, struct error *err);
