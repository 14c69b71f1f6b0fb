/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rule is the most specific one. For host.example.com:5000/a/b:1 these are looked for, in this order:
 *
 *	host.example.com:5000/a/b:1	(or …@sha256:…)
 *	host.example.com:5000/a/b	host.example.com:5000/a		host.example.com:5000
 *	*.example.com			*.com
 *	""				the default
 */
#include <string.h>

#include "storage/policy/internal.h"

static const struct rule *rule_at(const struct policy *policy, const char *transport, const char *scope)
{
	for (size_t i = 0; i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];
		if (transport
			? rule->transport && strcmp(rule->transport, transport) == 0 && strcmp(rule->scope, scope) == 0
			: !rule->transport)
			return rule;
	}
	return NULL;
}

static const struct rule *rule_of_names(const struct policy *policy, const char *transport,
					const struct reference *reference)
{
	const struct rule *rule;
	auto_free char *scope = reference_repository(reference);
	auto_free char *whole = reference->digest
				    ? xasprintf("%s@%s", scope, reference->digest)
				    : xasprintf("%s:%s", scope, reference->tag ? reference->tag : "latest");
	if ((rule = rule_at(policy, transport, whole)))
		return rule;
	for (;;) {
		if ((rule = rule_at(policy, transport, scope)))
			return rule;
		char *slash = strrchr(scope, '/');
		if (!slash)
			return NULL;
		*slash = '\0';
	}
}

static const struct rule *rule_of_domains(const struct policy *policy, const char *transport, const char *domain)
{
	const struct rule *rule = NULL;
	auto_free char *host = xstrndup(domain, strcspn(domain, ":"));
	for (const char *dot = host; !rule && (dot = strchr(dot, '.')); dot++) {
		auto_free char *scope = xasprintf("*%s", dot);
		rule = rule_at(policy, transport, scope);
	}
	return rule;
}

const struct rule *rule_find(const struct policy *policy, const char *transport, const struct reference *reference)
{
	const struct rule *rule = NULL;
	if (reference && reference->domain && strcmp(transport, "docker") == 0) {
		rule = rule_of_names(policy, transport, reference);
		if (!rule)
			rule = rule_of_domains(policy, transport, reference->domain);
	}
	if (!rule)
		rule = rule_at(policy, transport, "");
	return rule ? rule : rule_at(policy, NULL, NULL);
}

static bool has_section(const struct policy *policy, const char *transport)
{
	for (size_t i = 0; i < policy->count; i++)
		if (policy->rules[i].transport && strcmp(policy->rules[i].transport, transport) == 0)
			return true;
	return false;
}

const struct rule *rule_find_path(const struct policy *policy, const char *transport, const char *path)
{
	const struct rule *rule;
	if (!has_section(policy, transport))
		return NULL;
	if (path && strcmp(transport, "docker-archive") != 0) {
		auto_free char *scope = xstrdup(path);
		for (;;) {
			if (*scope && (rule = rule_at(policy, transport, scope)))
				return rule;
			char *slash = strrchr(scope, '/');
			if (!slash)
				break;
			*slash = '\0';
		}
	}
	rule = rule_at(policy, transport, "");
	return rule ? rule : rule_at(policy, NULL, NULL);
}
