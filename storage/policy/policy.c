/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/policy/policy.h"

#include <fcntl.h>
#include <string.h>

#include "pkg/file/file.h"
#include "storage/policy/internal.h"

static const char accept_everything[] = "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}";

void policy_free(struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++) {
		struct rule *rule = &policy->rules[i];
		for (size_t j = 0; j < rule->count; j++)
			requirement_free(&rule->requirements[j]);
		free(rule->requirements);
		free(rule->transport);
		free(rule->scope);
	}
	free(policy->rules);
	free(policy->path);
	free(policy);
}

/* ---- reading ---- */

static int add_rule(struct policy *policy, const char *transport, const char *scope, struct json_object *list,
		    struct error *err)
{
	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
		return error_set(err, EINVAL, "expected a list of requirements that is not empty");
	size_t count = json_object_array_length(list);
	policy->rules = xrealloc(policy->rules, (policy->count + 1) * sizeof(*policy->rules));
	struct rule *rule = &policy->rules[policy->count++];
	*rule = (struct rule){transport ? xstrdup(transport) : NULL, scope ? xstrdup(scope) : NULL,
			      xcalloc(count, sizeof(*rule->requirements)), 0};
	for (size_t i = 0; i < count; i++) {
		rule->count++;
		int r = requirement_parse(json_object_array_get_idx(list, i), &rule->requirements[i], err);
		if (r < 0)
			return error_context(err, "[%zu]", i);
	}
	return 0;
}

/* A scope that can never match is a mistake that leaves open what was meant to be closed. */
static int check_scope(const char *transport, const char *scope, struct error *err)
{
	bool path =
	    strcmp(transport, "dir") == 0 || strcmp(transport, "oci") == 0 || strcmp(transport, "oci-archive") == 0;
	const char *star = strchr(scope, '*');
	if (path && *scope && (*scope != '/' || !scope[1]))
		return error_set(err, EINVAL, "a scope of %s is an absolute path below /", transport);
	if (strcmp(transport, "docker") != 0)
		return 0;
	if (star && (star != scope || star[1] != '.' || strpbrk(star + 1, "*/:")))
		return error_set(err, EINVAL, "a pattern is a * for the first parts of a host name: *.example.com");
	return strstr(scope, "://") ? error_set(err, EINVAL, "a scope has no docker:// before it") : 0;
}

static int add_transport(struct policy *policy, const char *transport, struct json_object *scopes, struct error *err)
{
	if (!json_object_is_type(scopes, json_type_object))
		return error_set(err, EINVAL, "transports.%s: expected an object", transport);
	json_object_object_foreach(scopes, scope, list)
	{
		int r = check_scope(transport, scope, err);
		if (r == 0)
			r = add_rule(policy, transport, scope, list, err);
		if (r < 0)
			return error_context(err, "transports.%s: \"%s\"", transport, scope);
	}
	return 0;
}

static int read_rules(struct policy *policy, struct json_object *json, struct error *err)
{
	struct json_object *list, *transports = NULL;
	if (!json_object_is_type(json, json_type_object))
		return error_set(err, EINVAL, "expected an object");
	int r = json_check_members(json, "default transports", err);
	if (r == 0)
		r = json_object_object_get_ex(json, "default", &list)
			? add_rule(policy, NULL, NULL, list, err)
			: error_set(err, EINVAL, "it must say what to do with everything else");
	if (r < 0)
		return error_context(err, "default");
	r = json_get_object(json, "transports", &transports, err);
	if (r <= 0)
		return r;
	json_object_object_foreach(transports, transport, scopes)
	{
		r = add_transport(policy, transport, scopes, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int policy_parse(const char *text, size_t length, const char *path, struct policy **ret, struct error *err)
{
	auto_policy struct policy *policy = xcalloc(1, sizeof(*policy));
	auto_json struct json_object *json = NULL;
	const char *name = path ? path : "the policy";
	int r = json_parse(text, length, name, &json, err);
	if (r == 0)
		r = json_check_unique(text, length, json, name, err);
	if (r < 0)
		return r;
	r = read_rules(policy, json, err);
	if (r < 0)
		return error_context(err, "%s", name);
	policy->path = path ? xstrdup(path) : NULL;
	*ret = TAKE_PTR(policy);
	return 0;
}

static int read_file(const char *path, struct policy **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read_at(AT_FDCWD, path, POLICY_SIZE_MAX, &text, &length, err);
	return r < 0 ? r : policy_parse(text, length, path, ret, err);
}

char *policy_user_path(void)
{
	const char *home = getenv("HOME");
	return text_is_empty(home) ? NULL : xasprintf("%s/.config/containers/policy.json", home);
}

int policy_read(const char *path, struct policy **ret, struct error *err)
{
	auto_free char *own = policy_user_path();
	if (path)
		return read_file(path, ret, err);
	int r = own ? read_file(own, ret, err) : -ENOENT;
	if (r == -ENOENT)
		r = read_file(POLICY_SYSTEM_PATH, ret, err);
	if (r != -ENOENT)
		return r;
	error_clear(err);
	return policy_parse(accept_everything, strlen(accept_everything), NULL, ret, err);
}

int policy_of_keys(const struct strv *key_files, struct policy **ret, struct error *err)
{
	auto_json struct json_object *json = json_object_new_object();
	struct json_object *list = json_object_new_array(), *requirement = json_object_new_object(),
			   *identity = json_object_new_object();
	json_object_object_add(json, "default", list);
	json_object_array_add(list, requirement);
	json_add_string(requirement, "type", "sigstoreSigned");
	json_add_strv(requirement, "keyPaths", key_files);
	json_object_object_add(requirement, "signedIdentity", identity);
	json_add_string(identity, "type", "matchRepository");
	auto_free char *text = json_text(json, false);
	return policy_parse(text, strlen(text), NULL, ret, err);
}

/* ---- asking ---- */

static char *describe(const char *transport, const struct reference *reference)
{
	auto_free char *text = reference ? reference_text(reference) : NULL;
	return text ? xasprintf("%s:%s%s", transport, strcmp(transport, "docker") == 0 ? "//" : "", text)
		    : xasprintf("an image from %s", transport);
}

/* Says which rule of which file it was. */
static int by_rule(const struct policy *policy, const struct rule *rule, struct error *err)
{
	if (!policy->path)
		return -EPERM;
	error_advice(err, rule->transport ? "; %s says so for \"%s\" (%s)" : "; %s says so for all others",
		     policy->path, rule->transport && *rule->scope ? rule->scope : "all", rule->transport);
	return -EPERM;
}

/* What no signature could change. */
static int check_rule(const struct policy *policy, const struct rule *rule, const char *transport,
		      const struct reference *reference, struct error *err)
{
	auto_free char *image = describe(transport, reference);
	for (size_t i = 0; i < rule->count; i++) {
		const struct requirement *requirement = &rule->requirements[i];
		if (requirement->kind == REQUIRE_REJECTION)
			error_set(err, EPERM, "%s is rejected", image);
		else if (requirement->kind == REQUIRE_UNKNOWN)
			error_set(err, EPERM, "%s cannot be used: it needs %s, which coracle cannot verify", image,
				  requirement->unknown);
		else
			continue;
		return by_rule(policy, rule, err);
	}
	return 0;
}

int policy_wants(const struct policy *policy, const char *transport, const struct reference *reference,
		 struct error *err)
{
	const struct rule *rule = rule_find(policy, transport, reference);
	int r = check_rule(policy, rule, transport, reference, err);
	for (size_t i = 0; r == 0 && i < rule->count; i++)
		r = rule->requirements[i].kind == REQUIRE_SIGSTORE;
	return r;
}

int policy_verify(const struct policy *policy, const char *transport, const struct reference *reference,
		  const char *manifest_digest, const struct signature *signatures, size_t count, struct error *err)
{
	const struct rule *rule = rule_find(policy, transport, reference);
	int r = check_rule(policy, rule, transport, reference, err);
	for (size_t i = 0; r == 0 && i < rule->count; i++) {
		if (rule->requirements[i].kind != REQUIRE_SIGSTORE)
			continue;
		r = requirement_verify(&rule->requirements[i], reference, manifest_digest, signatures, count, err);
		if (r < 0) {
			auto_free char *image = describe(transport, reference);
			error_context(err, "%s is not accepted", image);
			r = r == -EPERM ? by_rule(policy, rule, err) : r;
		}
	}
	return r;
}

int policy_check_archive(const struct policy *policy, const char *transport, const char *path, struct error *err)
{
	const struct rule *rule = rule_find_path(policy, transport, path);
	int r = rule ? check_rule(policy, rule, transport, NULL, err) : 0;
	for (size_t i = 0; r == 0 && rule && i < rule->count; i++) {
		if (rule->requirements[i].kind != REQUIRE_SIGSTORE)
			continue;
		error_set(err, EPERM,
			  "an image from %s is not accepted: it must be signed, and archives have no signatures",
			  transport);
		r = by_rule(policy, rule, err);
	}
	return r < 0 ? error_context(err, "%s", path ? path : "standard input") : 0;
}
