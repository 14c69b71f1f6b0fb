/* SPDX-License-Identifier: Apache-2.0 */
#include "src/volume_view.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "pkg/message/message.h"
#include "pkg/template/template.h"

static const char *const keys[] = {"name",     "label",     "label!", "driver", "scope", "opt",
				   "dangling", "anonymous", "until",  "since",  "after"};

void volume_filter_free(struct volume_filter *filter)
{
	strv_free(&filter->pairs);
	strv_free(&filter->used);
}

static bool is_key(const char *pair, const char *key)
{
	size_t length = strlen(key);
	return strncmp(pair, key, length) == 0 && pair[length] == '=';
}

static int check_pair(struct store *store, const char *pair, struct volume_filter *filter, struct error *err)
{
	const char *value = strchr(pair, '=') + 1;
	bool ignored;
	if (is_key(pair, "until"))
		return parse_time(value, "--filter until", &filter->until_ns, err);
	if (is_key(pair, "dangling") || is_key(pair, "anonymous"))
		return parse_bool(value, "--filter", &ignored, err);
	if (is_key(pair, "since") || is_key(pair, "after")) {
		auto_volume struct volume volume = {0};
		int r = volume_find(store, value, &volume, err);
		filter->since_ns = volume.created_ns;
		return r;
	}
	if (is_key(pair, "name")) {
		regex_t regex;
		if (regcomp(&regex, value, REG_EXTENDED | REG_NOSUB) != 0)
			return error_set(err, EINVAL, "--filter %s: not a regular expression (regex(7))", pair);
		regfree(&regex);
	}
	return 0;
}

int volume_filter_parse(struct store *store, const struct strv *texts, struct volume_filter *ret, struct error *err)
{
	auto_volume_filter struct volume_filter filter = {0};
	int r = 0;
	for (size_t i = 0; i < texts->count; i++) {
		const char *pair = texts->items[i];
		bool known = false;
		for (size_t j = 0; j < ARRAY_SIZE(keys); j++)
			known |= is_key(pair, keys[j]);
		if (!known)
			return error_set(err, EINVAL,
					 "--filter %s: give KEY=VALUE with name, label, label!, driver, scope, opt, "
					 "dangling, anonymous, until or since",
					 pair);
		if ((r = check_pair(store, pair, &filter, err)) < 0)
			return r;
		strv_add(&filter.pairs, pair);
	}
	if ((r = volumes_used(store, &filter.used, err)) < 0)
		return r;
	*ret = filter;
	filter = (struct volume_filter){0};
	return 0;
}

static bool has_pair(const struct strv *pairs, const char *wanted)
{
	const char *equals = strchr(wanted, '=');
	auto_free char *key = equals ? xstrndup(wanted, (size_t)(equals - wanted)) : xstrdup(wanted);
	const char *value = strv_env_get(pairs, key);
	return value && (!equals || strcmp(value, equals + 1) == 0);
}

static bool name_matches(const char *name, const char *pattern)
{
	regex_t regex;
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	bool matches = regexec(&regex, name, 0, NULL, 0) == 0;
	regfree(&regex);
	return matches;
}

static bool is_true(const char *value)
{
	bool yes = false;
	parse_bool(value, "", &yes, NULL);
	return yes;
}

static bool pair_matches(const struct volume_filter *filter, const struct volume *volume, const char *pair)
{
	const char *value = strchr(pair, '=') + 1;
	if (is_key(pair, "name"))
		return name_matches(volume->name, value);
	if (is_key(pair, "label"))
		return has_pair(&volume->labels, value);
	if (is_key(pair, "label!"))
		return !has_pair(&volume->labels, value);
	if (is_key(pair, "driver"))
		return strcmp(volume->driver, value) == 0;
	if (is_key(pair, "scope"))
		return strcmp(value, "local") == 0;
	if (is_key(pair, "opt"))
		return has_pair(&volume->options, value);
	if (is_key(pair, "dangling"))
		return (volume_count_uses(&filter->used, volume->name) == 0) == is_true(value);
	if (is_key(pair, "anonymous"))
		return volume->anonymous == is_true(value);
	return is_key(pair, "until") ? volume->created_ns <= filter->until_ns : volume->created_ns > filter->since_ns;
}

bool volume_filter_match(const struct volume_filter *filter, const struct volume *volume)
{
	for (size_t i = 0; i < filter->pairs.count; i++) {
		const char *pair = filter->pairs.items[i];
		size_t key = strcspn(pair, "=") + 1;
		bool any = pair_matches(filter, volume, pair);
		for (size_t j = 0; j < filter->pairs.count && !any && !text_starts_with(pair, "label"); j++)
			any = strncmp(filter->pairs.items[j], pair, key) == 0 &&
			      pair_matches(filter, volume, filter->pairs.items[j]);
		if (!any)
			return false;
	}
	return true;
}

/* ---- all that match ---- */
void volume_list_free(struct volume_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		volume_clear(&list->items[i]);
	free(list->items);
	*list = (struct volume_list){0};
}

int volume_select(struct store *store, const struct volume_filter *filter, struct volume_list *ret, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	auto_volume_list struct volume_list list = {0};
	int r = volume_names(store, &names, err);
	if (r < 0)
		return r;
	list.items = xcalloc(names.count + 1, sizeof(*list.items));
	for (size_t i = 0; i < names.count; i++) {
		auto_volume struct volume volume = {0};
		r = volume_read(store, names.items[i], &volume, err);
		/* One that cannot be read must not hide the others. */
		if (r < 0 && r != -ENOENT)
			message_warn("%s", err->text);
		error_clear(err);
		if (r < 0 || (filter && !volume_filter_match(filter, &volume)))
			continue;
		list.items[list.count++] = volume;
		volume = (struct volume){0};
	}
	*ret = list;
	list = (struct volume_list){0};
	return 0;
}

/* ---- showing ---- */
int64_t volume_count_uses(const struct strv *used, const char *name)
{
	int64_t count = 0;
	for (size_t i = 0; i < used->count; i++)
		count += strcmp(used->items[i], name) == 0;
	return count;
}

struct json_object *volume_json(const struct store *store, const struct volume *volume, int64_t containers)
{
	struct json_object *object = json_object_new_object();
	auto_free char *path = volume_data_path(store, volume->name);
	char created[TEXT_STAMP_MAX];
	json_add_string(object, "Name", volume->name);
	json_add_string(object, "Driver", volume->driver);
	json_add_string(object, "Mountpoint", path);
	json_add_string(object, "CreatedAt", format_rfc3339_local(created, volume->created_ns));
	json_add_map(object, "Labels", &volume->labels);
	template_mark_map(json_object_object_get(object, "Labels"));
	json_add_string(object, "Scope", "local");
	json_add_map(object, "Options", &volume->options);
	template_mark_map(json_object_object_get(object, "Options"));
	if (volume->anonymous)
		json_add_bool(object, "Anonymous", true);
	json_add_int(object, "MountCount", containers);
	json_add_bool(object, "NeedsCopyUp", volume_is_fresh(path));
	return object;
}
