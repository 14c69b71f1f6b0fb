/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source: from a name as the user wrote it to the manifest of one image in one registry: short names, mirrors, indexes.
 */
#pragma once

#include "storage/policy/policy.h"
#include "storage/pull/pull.h"
#include "storage/remote/remote.h"

struct pull_source {
	struct reference name; /* full; with a tag or a digest, not both */
	struct remote remote;
	struct strv tags;                  /* where those were asked for */
	struct registry_manifest manifest; /* of the image; pull_source_find_any(): or an index */
	bool platform_chosen;              /* there was an index */
};
void pull_source_free(struct pull_source *source);
#define auto_pull_source CLEANUP(pull_source_free)

/* Asks the registries that the name can mean, in order, until one has it. -ENOENT, -EACCES …: what the last one said.
 */
int pull_source_find(const struct pull_request *request, struct pull_source *ret, struct error *err);
/* The same without going from an index to one of its images. */
int pull_source_find_any(const struct pull_request *request, struct pull_source *ret, struct error *err);
/* Whether a policy lets the image be used: 1, as it is signed; 0, without being signed; -EPERM, or another error. */
int pull_source_check(const struct pull_source *source, const struct policy *policy, struct error *err);
/* The same by the user's own policy, before anything of the image is used: 0 or negative. */
int pull_source_verify(const struct pull_source *source, const char *signature_policy, struct error *err);
