/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/filter/filter.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "libpod/container/status.h"
#include "pkg/message/message.h"
#include "storage/image/image.h"

void container_list_free(struct container_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		container_free(list->items[i].container);
	free(list->items);
	*list = (struct container_list){0};
}

struct filter {
	struct strv pairs;          /* "key=value", checked */
	struct strv ancestors;      /* image ids of the ancestor filters */
	int64_t before_ns, since_ns, until_ns;
};

static void filter_free(struct filter *filter)
{
	strv_free(&filter->pairs);
	strv_free(&filter->ancestors);
}

static const char *const keys[] = {"id",       "name",    "label", "label!", "status", "exited", "ancestor", "before",   "since",   "network", "until",  "volume", "health"};

static int container_time(struct store *store, const char *name, int64_t *ret, struct error *err)
{
	auto_container struct container *container = NULL;
	int r = container_find(store, name, &container, err);
	if (r >= 0)
		*ret = container->created_ns;
	return r;
}

/* What container_status_from_name() does not know is podman's and docker's: of two other names for ours, and of what no container of ours is. */
static int check_status(const char *value, struct error *err)
{
	static const char *const others[] = {"stopped", "configured", "removing", "dead", "unknown"};
	enum container_status status;
	bool known = container_status_from_name(value, &status);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		known |= strcmp(others[i], value) == 0;
	return known ? 0 : error_set(err, EINVAL, "--filter status=%s: there are created, initialized, running, paused, restarting, stopping and exited", value);
}

static int check_pair(struct store *store, const char *pair, struct filter *filter, struct error *err)
{
	const char *value = strchr(pair, '=');
	size_t length = value ? (size_t)(value - pair) : 0;
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		known |= strlen(keys[i]) == length && strncmp(keys[i], pair, length) == 0;
	if (!known)
		return error_set(err, EINVAL, "--filter %s: give KEY=VALUE with id, name, label, label!, status, exited, ancestor, before, since, network, until, volume or health", pair);
	value++;
	int r = 0;
	if (text_starts_with(pair, "before="))
		r = container_time(store, value, &filter->before_ns, err);
	else if (text_starts_with(pair, "since="))
		r = container_time(store, value, &filter->since_ns, err);
	else if (text_starts_with(pair, "until="))
		r = parse_time(value, "--filter until", &filter->until_ns, err);
	else if (text_starts_with(pair, "status="))
		r = check_status(value, err);
	else if (text_starts_with(pair, "exited=")) {
		int64_t code;
		r = parse_int64(value, "--filter exited", INT32_MIN, INT32_MAX, &code, err);
	} else if (text_starts_with(pair, "name=")) {
		regex_t regex;
		if (regcomp(&regex, value, REG_EXTENDED | REG_NOSUB) != 0)
			return error_set(err, EINVAL, "--filter %s: not a regular expression (regex(7))", pair);
		regfree(&regex);
	} else if (text_starts_with(pair, "ancestor=")) {
		auto_image struct image *image = NULL;
		/* An image that is not there is nobody's ancestor. */
		if (image_find_instance(store, value, &image, NULL) >= 0)
			strv_add(&filter->ancestors, image->id);
	}
	if (r >= 0)
		strv_add(&filter->pairs, pair);
	return r;
}

static bool name_matches(const char *name, const char *pattern)
{
	regex_t regex;
	if (strstr(name, pattern))
		return true;
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	bool matches = regexec(&regex, name, 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}

static bool status_matches(enum container_status status, const char *wanted)
{
	const char *name = container_status_name(status);
	return strcmp(name, wanted) == 0 || (strcmp(wanted, "stopped") == 0 && status == CONTAINER_EXITED) ||
	       (strcmp(wanted, "configured") == 0 && status == CONTAINER_CREATED);
}

static bool label_matches(const struct strv *labels, const char *wanted)
{
	const char *equals = strchr(wanted, '=');
	auto_free char *key = equals ? xstrndup(wanted, (size_t)(equals - wanted)) : xstrdup(wanted);
	const char *value = strv_env_get(labels, key);
	return value && (!equals || strcmp(value, equals + 1) == 0);
}

/* By the name of a volume, by a folder as it was given or is called, or by where it is mounted. */
static bool volume_matches(const struct container *container, const char *wanted)
{
	const struct strv *const lists[] = {&container->binds, &container->mounts, &container->volumes};
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		for (size_t i = 0; i < lists[l]->count; i++) {
			auto_strv struct strv parts = STRV_INIT;
			bool mounts = lists[l] == &container->mounts; /* whose first part is the type; the third of a -v are options */
			strv_split(&parts, lists[l]->items[i], mounts ? '\t' : ':');
			for (size_t j = mounts; j < parts.count && j < (mounts ? 3 : 2); j++)
				if (strcmp(parts.items[j], wanted) == 0)
					return true;
		}
	}
	return false;
}

static bool pair_matches(const struct filter *filter, const struct container_entry *entry, const char *pair)
{
	const struct container *container = entry->container;
	const char *value = strchr(pair, '=') + 1;
	switch (*pair) {
	case 'i':
		return text_starts_with(container->id, value);
	case 'l':
		return label_matches(&container->labels, value) != text_starts_with(pair, "label!=");
	case 'e':
		return entry->state.status == CONTAINER_EXITED && entry->state.exit_code == atoi(value);
	case 'a':
		return strv_contains(&filter->ancestors, container->image_id);
	case 'b':
		return container->created_ns < filter->before_ns;
	case 'u':
		return container->created_ns <= filter->until_ns;
	case 'v':
		return volume_matches(container, value);
	case 'h':
		return strcmp(value, "none") == 0;
	case 'n':
		return pair[1] == 'a' ? name_matches(container->name, value)
				      : strcmp(container->network, value) == 0 || container_network_find(container, value);
	default:
		return pair[1] == 't' ? status_matches(entry->state.status, value) : container->created_ns > filter->since_ns;
	}
}

static bool matches(const struct filter *filter, const struct container_entry *entry)
{
	for (size_t i = 0; i < filter->pairs.count; i++) {
		const char *pair = filter->pairs.items[i];
		size_t key = strcspn(pair, "=") + 1;
		/* Of several labels each must be there, as docker and podman have it. */
		if (text_starts_with(pair, "label")) {
			if (!pair_matches(filter, entry, pair))
				return false;
			continue;
		}
		bool any = false;
		for (size_t j = 0; j < filter->pairs.count && !any; j++)
			any = strncmp(filter->pairs.items[j], pair, key) == 0 && pair_matches(filter, entry, filter->pairs.items[j]);
		if (!any)
			return false;
	}
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct container_entry *left = a, *right = b;
	int64_t difference = right->container->created_ns - left->container->created_ns;
	return difference < 0 ? -1 : difference > 0;
}

static void add_entry(struct container_list *list, struct container_entry entry)
{
	if ((list->count & (list->count - 1)) == 0)
		list->items = xrealloc(list->items, (list->count ? 2 * list->count : 1) * sizeof(*list->items));
	list->items[list->count++] = entry;
}

/* Reads one; 0 when it is not to be seen (any more). */
static int read_entry(struct store *store, struct container *container, struct container_entry *ret, struct error *err)
{
	int r = container_state(store, container->id, &ret->state, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	bool removed = container->remove && ret->state.status == CONTAINER_EXITED;
	if (removed || ret->state.died_unseen)
		container_reap(store, container, &ret->state, NULL);
	if (removed)
		return 0;
	ret->container = container;
	return 1;
}

static int select_named(struct store *store, const struct strv *names, struct container_list *list, struct error *err)
{
	for (size_t i = 0; i < names->count; i++) {
		auto_container struct container *container = NULL;
		struct container_entry entry;
		int r = container_find(store, names->items[i], &container, err);
		if (r < 0 || (r = read_entry(store, container, &entry, err)) < 0)
			return r;
		if (r == 0)
			return error_set(err, ENOENT, "no such container: %s", names->items[i]);
		container = NULL;
		add_entry(list, entry);
	}
	return 0;
}

static int select_all(struct store *store, const struct container_selection *selection, const struct filter *filter,
		      struct container_list *list, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT, names = STRV_INIT;
	/* Names first: what is made meanwhile has none too many. */
	int r = container_names(store, &names, err);
	if (r == 0)
		r = container_ids(store, &ids, err);
	if (names.count > ids.count)
		container_sweep_names(store, &names);
	/* A filter on the state, as docker has it, and the last N look at all of them. */
	bool all = selection->all || selection->latest || selection->last > 0;
	for (size_t i = 0; i < filter->pairs.count; i++)
		all |= text_starts_with(filter->pairs.items[i], "status=") || text_starts_with(filter->pairs.items[i], "exited=");
	for (size_t i = 0; r >= 0 && i < ids.count; i++) {
		auto_container struct container *container = NULL;
		struct container_entry entry;
		r = (selection->listed ? container_read_listed : container_read)(store, ids.items[i], &container, err);
		if (r >= 0 && (r = read_entry(store, container, &entry, err)) == 0)
			continue;
		/* One that cannot be read must not hide the others. */
		if (r < 0) {
			if (r != -ENOENT)
				message_warn("%s", err ? err->text : ids.items[i]);
			error_clear(err);
			r = 0;
			continue;
		}
		bool alive = entry.state.status != CONTAINER_CREATED && entry.state.status != CONTAINER_EXITED;
		if ((!all && !alive) || !matches(filter, &entry))
			continue;
		container = NULL;
		add_entry(list, entry);
	}
	return r;
}

int container_select(struct store *store, const struct container_selection *selection, struct container_list *ret, struct error *err)
{
	CLEANUP(filter_free) struct filter filter = {0};
	for (size_t i = 0; selection->filters && i < selection->filters->count; i++) {
		int r = check_pair(store, selection->filters->items[i], &filter, err);
		if (r < 0)
			return r;
	}
	auto_container_list struct container_list list = {0};
	if (selection->names && selection->names->count) {
		int r = select_named(store, selection->names, &list, err);
		if (r < 0)
			return r;
	} else {
		int r = select_all(store, selection, &filter, &list, err);
		if (r < 0)
			return r;
		if (list.count)
			qsort(list.items, list.count, sizeof(*list.items), newest_first);
		int64_t keep = selection->latest ? 1 : selection->last;
		while (keep > 0 && list.count > (size_t)keep)
			container_free(list.items[--list.count].container);
	}
	*ret = list;
	list = (struct container_list){0};
	return 0;
}
