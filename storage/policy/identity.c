/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "storage/policy/internal.h"

static const struct {
	const char *type;
	enum identity_kind kind;
	const char *members;
	const char *name, *signed_prefix; /* which members those are */
} kinds[] = {
    {"matchExact", IDENTITY_EXACT, "type", NULL, NULL},
    {"matchRepoDigestOrExact", IDENTITY_REPO_DIGEST_OR_EXACT, "type", NULL, NULL},
    {"matchRepository", IDENTITY_REPOSITORY, "type", NULL, NULL},
    {"exactReference", IDENTITY_EXACT_REFERENCE, "type dockerReference", "dockerReference", NULL},
    {"exactRepository", IDENTITY_EXACT_REPOSITORY, "type dockerRepository", "dockerRepository", NULL},
    {"remapIdentity", IDENTITY_REMAP, "type prefix signedPrefix", "prefix", "signedPrefix"},
};

void identity_free(struct identity *identity)
{
	free(identity->name);
	free(identity->signed_prefix);
}

/* A name as the field completes it, but for the tag: "busybox" is docker.io/library/busybox. */
static int parse_name(const char *text, struct reference *ret, struct error *err)
{
	int r = reference_parse(text, ret, err);
	if (r < 0)
		return r;
	bool tagged = ret->tag;
	reference_normalize_docker(ret);
	if (!tagged) {
		free(ret->tag);
		ret->tag = NULL;
	}
	return 0;
}

/* ---- reading ---- */

static int get_name(struct json_object *json, const char *key, char **ret, struct error *err)
{
	const char *text = NULL;
	int r = key ? json_get_string(json, key, &text, err) : 0;
	if (r < 0)
		return r;
	if (key && text_is_empty(text))
		return error_set(err, EINVAL, "%s: it is missing", key);
	*ret = text ? xstrdup(text) : NULL;
	return 0;
}

static int check_name(const struct identity *identity, struct error *err)
{
	auto_reference struct reference name = {0};
	bool whole = identity->kind == IDENTITY_EXACT_REFERENCE;
	if (!whole && identity->kind != IDENTITY_EXACT_REPOSITORY)
		return 0;
	int r = parse_name(identity->name, &name, err);
	if (r < 0)
		return r;
	if (whole != (name.tag || name.digest))
		return error_set(err, EINVAL, "%s: expected a name %s tag or digest", identity->name,
				 whole ? "with its" : "without");
	return 0;
}

int identity_parse(struct json_object *json, struct identity *ret, struct error *err)
{
	const char *type = "";
	int r = json_get_string(json, "type", &type, err);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].type, type) != 0)
			continue;
		ret->kind = kinds[i].kind;
		r = json_check_members(json, kinds[i].members, err);
		if (r == 0)
			r = get_name(json, kinds[i].name, &ret->name, err);
		if (r == 0)
			r = get_name(json, kinds[i].signed_prefix, &ret->signed_prefix, err);
		return r < 0 ? r : check_name(ret, err);
	}
	return r < 0 ? r : error_set(err, EINVAL, "\"%.50s\" is not a type of identity", type);
}

/* ---- matching ---- */

static bool same_text(const char *left, const char *right)
{
	return left == right || (left && right && strcmp(left, right) == 0);
}

static bool same_repository(const struct reference *left, const struct reference *right)
{
	return same_text(left->domain, right->domain) && same_text(left->path, right->path);
}

static bool is_whole(const struct reference *name)
{
	return name->tag || name->digest;
}

static bool same(const struct reference *left, const struct reference *right)
{
	return same_repository(left, right) && same_text(left->tag, right->tag) &&
	       same_text(left->digest, right->digest) && is_whole(left);
}

/* What an image is known by: of tag and digest the digest, which says more. */
static bool same_or_by_digest(const struct reference *image, const struct reference *claimed)
{
	return image->digest ? same_repository(image, claimed) && is_whole(claimed) : same(image, claimed);
}

/* "host", "host/namespace" and "host/namespace/name" are prefixes of "host/namespace/name:tag"; "host" is none of
 * "host:5000/…". */
static bool is_prefix(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);
	return strncmp(text, prefix, length) == 0 &&
	       (!text[length] || text[length] == '/' || (strchr(prefix, '/') && strchr(":@", text[length])));
}

static bool matches_remapped(const struct identity *identity, const struct reference *image,
			     const struct reference *claimed)
{
	auto_free char *text = reference_text(image);
	auto_reference struct reference mapped = {0};
	if (!is_prefix(text, identity->name))
		return same_or_by_digest(image, claimed);
	auto_free char *other = xasprintf("%s%s", identity->signed_prefix, text + strlen(identity->name));
	return parse_name(other, &mapped, NULL) == 0 && same_or_by_digest(&mapped, claimed);
}

static bool matches_named(const struct identity *identity, const struct reference *claimed)
{
	auto_reference struct reference name = {0};
	if (parse_name(identity->name, &name, NULL) < 0)
		return false;
	return identity->kind == IDENTITY_EXACT_REFERENCE ? same(&name, claimed) : same_repository(&name, claimed);
}

bool identity_matches(const struct identity *identity, const struct reference *image, const char *text)
{
	auto_reference struct reference claimed = {0};
	if (parse_name(text, &claimed, NULL) < 0)
		return false;
	if (identity->kind == IDENTITY_EXACT_REFERENCE || identity->kind == IDENTITY_EXACT_REPOSITORY)
		return matches_named(identity, &claimed);
	if (!image)
		return false;
	switch (identity->kind) {
	case IDENTITY_EXACT:
		return image->digest ? same_text(image->digest, claimed.digest) && same_repository(image, &claimed)
				     : same(image, &claimed);
	case IDENTITY_REPOSITORY:
		return same_repository(image, &claimed);
	case IDENTITY_REMAP:
		return matches_remapped(identity, image, &claimed);
	default:
		return same_or_by_digest(image, &claimed);
	}
}
