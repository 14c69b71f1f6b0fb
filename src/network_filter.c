/* SPDX-License-Identifier: Apache-2.0 */
#include "src/network_filter.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "libpod/container/container.h"

int network_check_filters(const struct strv *filters, const char *known, struct error *err)
{
	auto_strv struct strv keys = STRV_INIT;
	strv_split(&keys, known, ' ');
	for (size_t i = 0; i < filters->count; i++) {
		size_t length = strcspn(filters->items[i], "=");
		auto_free char *key = xstrndup(filters->items[i], length);
		if (!filters->items[i][length] || !strv_contains(&keys, key))
			return error_set(err, EINVAL, "invalid filter \"%s\": give KEY=VALUE with one of: %s",
					 filters->items[i], known);
	}
	return 0;
}

int network_users(struct store *store, const char *name, struct strv *ret, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(store, &ids, err);
	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		if (container_read_listed(store, ids.items[i], &container, NULL) == 0 &&
		    container_network_find(container, name))
			strv_add(ret, container->id);
	}
	return r < 0 ? r : 0;
}

static bool label_matches(const struct strv *labels, const char *wanted)
{
	const char *equals = strchr(wanted, '=');
	auto_free char *key = equals ? xstrndup(wanted, (size_t)(equals - wanted)) : xstrdup(wanted);
	const char *value = strv_env_get(labels, key);
	return value && (!equals || strcmp(value, equals + 1) == 0);
}

static int name_matches(const char *name, const char *pattern, struct error *err)
{
	regex_t regex;
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return error_set(err, EINVAL, "--filter name=%s: not a regular expression (regex(7))", pattern);
	bool matches = regexec(&regex, name, 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}

static int one_of(const char *pair, const char *value, const char *words, struct error *err)
{
	auto_strv struct strv list = STRV_INIT;
	strv_split(&list, words, ' ');
	return strv_contains(&list, value) ? 0 : error_set(err, EINVAL, "invalid filter \"%s\": give one of: %s", pair, words);
}

static int pair_matches(struct store *store, const struct network_record *record, const char *pair, struct error *err)
{
	const char *value = strchr(pair, '=') + 1;
	if (text_starts_with(pair, "name="))
		return name_matches(record->name, value, err);
	if (text_starts_with(pair, "id="))
		return text_starts_with(record->id, value);
	if (text_starts_with(pair, "driver="))
		return strcmp(record->driver, value) == 0;
	if (text_starts_with(pair, "label="))
		return label_matches(&record->labels, value);
	if (text_starts_with(pair, "label!="))
		return !label_matches(&record->labels, value);
	if (text_starts_with(pair, "until=")) {
		int64_t until = 0;
		int r = parse_time(value, "--filter until", &until, err);
		return r < 0 ? r : record->created_ns <= until;
	}
	/* docker's: one is there from the beginning, and all are of this machine. */
	if (text_starts_with(pair, "scope="))
		return one_of(pair, value, "local global swarm", err) ?: strcmp(value, "local") == 0;
	if (text_starts_with(pair, "type="))
		return one_of(pair, value, "builtin custom", err)
			   ?: (strcmp(record->name, NETWORKS_DEFAULT) == 0) == (strcmp(value, "builtin") == 0);
	bool dangling = false;
	auto_strv struct strv users = STRV_INIT;
	int r = parse_bool(value, "--filter dangling", &dangling, err);
	if (r == 0)
		r = network_users(store, record->name, &users, err);
	return r < 0 ? r : (users.count == 0) == dangling;
}

int network_matches(struct store *store, const struct network_record *record, const struct strv *filters,
		    struct error *err)
{
	for (size_t i = 0; i < filters->count; i++) {
		const char *pair = filters->items[i];
		size_t key = strcspn(pair, "=") + 1;
		int r = pair_matches(store, record, pair, err);
		bool label = text_starts_with(pair, "label");
		for (size_t j = 0; r == 0 && !label && j < filters->count; j++)
			if (strncmp(filters->items[j], pair, key) == 0)
				r = pair_matches(store, record, filters->items[j], err);
		if (r <= 0)
			return r;
	}
	return 1;
}
