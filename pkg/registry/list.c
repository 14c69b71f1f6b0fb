/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/json/json.h"
#include "pkg/registry/internal.h"

enum {
	PAGES_MAX = 10000,
	HUB_PAGE = 100,
};

/* ---- pages ---- */

char *link_next(const char *header)
{
	const char *end = *header == '<' ? strchr(header, '>') : NULL;
	bool next = end && (strstr(end, "rel=\"next\"") || strstr(end, "rel=next"));
	return next ? xstrndup(header + 1, (size_t)(end - header - 1)) : NULL;
}

/* The address of the page behind this one; malloc'd, NULL for none. */
static char *next_page(const struct http_exchange *exchange)
{
	const char *link;
	char *url = NULL;
	size_t position = 0;
	while ((link = http_next_header(exchange, "Link", &position))) {
		auto_free char *target = link_next(link);
		if (!target)
			continue;
		return http_resolve(http_url(exchange), target, &url, NULL) == 0 ? url : NULL;
	}
	return NULL;
}

/* Goes through the pages of a list and gives the texts of the member `key` to `take`, until it returns false. */
static int each_text(struct registry *registry, const struct call *first, const char *key,
		     bool (*take)(void *userdata, const char *text), void *userdata, struct error *err)
{
	auto_free char *url = xstrdup(first->request.url);
	for (int page = 0; url && page < PAGES_MAX; page++) {
		auto_answer struct answer answer = {0};
		auto_json struct json_object *json = NULL;
		auto_strv struct strv texts = STRV_INIT;
		struct call call = *first;
		call.request.url = url;
		int r = registry_call(registry, &call, &answer, err);
		if (r < 0)
			return r;
		r = json_parse(strbuf_text(&answer.body), answer.body.length, "the answer", &json, err);
		if (r == 0)
			r = json_get_strv(json, key, &texts, err);
		if (r < 0)
			return error_context(err, "%s: %s", registry->name, first->what);
		for (size_t i = 0; i < texts.count; i++)
			if (!take(userdata, texts.items[i]))
				return 0;
		free(url);
		url = next_page(answer.exchange);
	}
	return 0;
}

/* What is no tag could not be asked for, and would be printed. So with names below. */
static bool take_tag(void *userdata, const char *text)
{
	if (registry_check_name("any", text, NULL) == 0)
		strv_add(userdata, text);
	return true;
}

int registry_tags(struct registry *registry, const char *repository, struct strv *ret, struct error *err)
{
	int r = registry_check_name(repository, NULL, err);
	if (r < 0)
		return r;
	auto_free char *url = xasprintf("/v2/%s/tags/list", repository),
		       *scope = xasprintf("repository:%s:pull", repository),
		       *what = xasprintf("list the tags of %s", repository);
	struct call call = {.what = what, .scope = scope, .request = {.method = "GET", .url = url, .follow = true}};
	return each_text(registry, &call, "tags", take_tag, ret, err);
}

/* ---- search ---- */

struct findings {
	const char *term;
	size_t limit;
	struct registry_found *items;
	size_t count;
};

void registry_found_free(struct registry_found *found, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(found[i].name);
		free(found[i].description);
	}
	free(found);
}

static void findings_free(struct findings *findings)
{
	registry_found_free(findings->items, findings->count);
}

static struct registry_found *add_finding(struct findings *findings, const char *name, const char *description)
{
	if ((findings->count & (findings->count - 1)) == 0)
		findings->items =
		    xrealloc(findings->items, (findings->count ? 2 * findings->count : 1) * sizeof(*findings->items));
	struct registry_found *found = &findings->items[findings->count++];
	*found = (struct registry_found){.name = xstrdup(name), .description = xstrdup(description)};
	return found;
}

static bool take_name(void *userdata, const char *text)
{
	struct findings *findings = userdata;
	if (strstr(text, findings->term) && registry_check_name(text, NULL, NULL) == 0)
		add_finding(findings, text, "");
	return findings->count < findings->limit;
}

static int search_catalog(struct registry *registry, struct findings *findings, struct error *err)
{
	struct call call = {.what = "list its repositories",
			    .scope = "registry:catalog:*",
			    .request = {.method = "GET", .url = "/v2/_catalog", .follow = true}};
	return each_text(registry, &call, "repositories", take_name, findings, err);
}

static int take_result(struct findings *findings, struct json_object *result, struct error *err)
{
	const char *name = NULL, *description = "";
	int r = json_get_string(result, "name", &name, err);
	if (r < 0)
		return r;
	json_get_string(result, "description", &description, NULL);
	if (text_is_empty(name))
		return error_set(err, EPROTO, "a result without a name");
	if (registry_check_name(name, NULL, NULL) < 0)
		return 0;
	struct registry_found *found = add_finding(findings, name, description);
	json_get_int(result, "star_count", 0, INT64_MAX, &found->stars, NULL);
	json_get_bool(result, "is_official", &found->official, NULL);
	json_get_bool(result, "is_automated", &found->automated, NULL);
	return 0;
}

/* One page of version 1's answer; *ret_more: there may be another. */
static int take_results(struct findings *findings, const struct answer *answer, bool *ret_more, struct error *err)
{
	auto_json struct json_object *json = NULL;
	struct json_object *results = NULL;
	int64_t pages = 0, page = 0;
	int r = json_parse(strbuf_text(&answer->body), answer->body.length, "the answer", &json, err);
	if (r == 0)
		r = json_get_array(json, "results", &results, err);
	for (size_t i = 0; r > 0 && i < json_object_array_length(results) && findings->count < findings->limit; i++)
		r = take_result(findings, json_object_array_get_idx(results, i), err) < 0 ? -EPROTO : 1;
	json_get_int(json, "num_pages", 0, INT64_MAX, &pages, NULL);
	json_get_int(json, "page", 0, INT64_MAX, &page, NULL);
	*ret_more = r > 0 && findings->count < findings->limit && page < pages && json_object_array_length(results) > 0;
	return r < 0 ? r : 0;
}

/* Docker Hub's search is at another host than its registry. */
static const char *search_address(const struct registry *registry)
{
	return strcmp(registry->address, "registry-1.docker.io") == 0 ? "https://index.docker.io/v1/search"
								      : "/v1/search";
}

static int search_index(struct registry *registry, struct findings *findings, struct error *err)
{
	bool more = true;
	auto_free char *number = xasprintf("%zu", findings->limit < HUB_PAGE ? findings->limit : HUB_PAGE);
	for (int page = 1; more && page < PAGES_MAX; page++) {
		auto_answer struct answer answer = {0};
		auto_free char *term = http_add_query(search_address(registry), "q", findings->term),
			       *url = http_add_query(term, "n", number), *paged = xasprintf("%s&page=%d", url, page);
		struct call call = {
		    .what = "search", .scope = "", .request = {.method = "GET", .url = paged, .follow = true}};
		int r = registry_call(registry, &call, &answer, err);
		if (r < 0)
			return r;
		if ((r = take_results(findings, &answer, &more, err)) < 0)
			return error_context(err, "%s: search", registry->name);
	}
	return 0;
}

int registry_search(struct registry *registry, const char *term, size_t limit, struct registry_found **ret,
		    size_t *ret_count, struct error *err)
{
	CLEANUP(findings_free) struct findings findings = {.term = term, .limit = limit};
	int r = limit > 0 ? search_index(registry, &findings, err) : 0;
	/* A registry of version 2 knows no search; it says so in one way or another. */
	if (findings.count == 0 && (r == -ENOENT || r == -EPROTO || r == -EINVAL)) {
		if (err)
			error_clear(err);
		r = search_catalog(registry, &findings, err);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(findings.items);
	*ret_count = findings.count;
	findings.count = 0;
	return 0;
}
