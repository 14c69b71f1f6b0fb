/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/message/message.h"
#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/transport/connect.h"

enum {
	LIMIT_DEFAULT = 25,
	LIMIT_MAX = 10000,
	DESCRIPTION_SHOWN = 44,
};

struct options {
	struct connection_options connection;
	struct strv filters;
	const char *format;
	int64_t limit;
	bool compatible, list_tags, no_trunc;
};

static const struct cli_option table[] = {
    {0, "authfile", CLI_STRING, offsetof(struct options, connection.authfile), "FILE", "Take credentials from FILE",
     .complete = CLI_COMPLETE_FILE},
    {0, "cert-dir", CLI_STRING, offsetof(struct options, connection.certificate_directory), "DIRECTORY",
     "Take certificates (*.crt, *.cert and *.key) from DIRECTORY", .complete = CLI_COMPLETE_DIRECTORY},
    {0, "compatible", CLI_FLAG, offsetof(struct options, compatible), NULL,
     "Show stars, and what is official or automated, too"},
    {'f', "filter", CLI_LIST, offsetof(struct options, filters), "KEY=VALUE",
     "Only those that match: is-official, is-automated, stars"},
    {0, "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, table TEMPLATE, or a Go template"},
    {0, "limit", CLI_INT, offsetof(struct options, limit), "NUMBER", "At most so many of each registry (25)"},
    {0, "list-tags", CLI_FLAG, offsetof(struct options, list_tags), NULL, "List the tags of the repository TERM"},
    {0, "no-trunc", CLI_FLAG, offsetof(struct options, no_trunc), NULL, "Do not shorten descriptions"},
    {0, "tls-verify", CLI_FLAG, offsetof(struct options, connection.tls_verify), NULL,
     "Want TLS and certificates that can be verified",
     .given_offset = offsetof(struct options, connection.tls_verify_given)},
    CLI_OPTIONS_END,
};

static void set_defaults(void *options)
{
	((struct options *)options)->connection.tls_verify = true;
	((struct options *)options)->limit = LIMIT_DEFAULT;
}

/* ---- filters ---- */

enum wanted {
	ANY,
	NO,
	YES,
};
struct filter {
	enum wanted official, automated;
	int64_t stars;
};

static int parse_wanted(const char *value, const char *what, enum wanted *ret, struct error *err)
{
	bool yes;
	int r = parse_bool(value, what, &yes, err);
	if (r == 0)
		*ret = yes ? YES : NO;
	return r;
}

static int parse_filters(const struct strv *texts, struct filter *ret, struct error *err)
{
	for (size_t i = 0; i < texts->count; i++) {
		const char *text = texts->items[i], *equals = strchr(text, '=');
		const char *value = equals ? equals + 1 : "true";
		int r;
		if (text_starts_with(text, "is-official") && (!equals || equals - text == 11))
			r = parse_wanted(value, "is-official", &ret->official, err);
		else if (text_starts_with(text, "is-automated") && (!equals || equals - text == 12))
			r = parse_wanted(value, "is-automated", &ret->automated, err);
		else if (text_starts_with(text, "stars="))
			r = parse_int64(value, "stars", 0, INT64_MAX, &ret->stars, err);
		else
			r = error_set(err, EINVAL,
				      "invalid filter \"%s\": expected is-official=, is-automated= or stars=", text);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_wanted(const struct filter *filter, const struct registry_found *found)
{
	return (filter->official == ANY || (filter->official == YES) == found->official) &&
	       (filter->automated == ANY || (filter->automated == YES) == found->automated) &&
	       found->stars >= filter->stars;
}

/* ---- searching ---- */

static struct json_object *make_row(const struct options *options, const char *host, const struct registry_found *found)
{
	struct json_object *row = json_object_new_object();
	bool library = strcmp(host, "docker.io") == 0 && !strchr(found->name, '/');
	auto_free char *name = xasprintf("%s/%s%s", host, library ? "library/" : "", found->name);
	bool whole = options->no_trunc || (options->format && strcmp(options->format, "json") == 0);
	auto_free char *description =
	    text_for_table(found->description, whole ? SIZE_MAX : DESCRIPTION_SHOWN, DESCRIPTION_SHOWN);
	json_add_string(row, "Index", host);
	json_add_string(row, "Name", name);
	json_add_string(row, "Description", description);
	json_add_int(row, "Stars", found->stars);
	json_add_string(row, "Official", found->official ? "[OK]" : "");
	json_add_string(row, "Automated", found->automated ? "[OK]" : "");
	return row;
}

static int search_one(const struct options *options, const struct registries *registries, const struct filter *filter,
		      const char *host, const char *term, struct json_object *rows, struct error *err)
{
	auto_registry struct registry *registry = NULL;
	struct registry_found *found = NULL;
	size_t count = 0;
	int r = connect_registry(&options->connection, registries, host, host, NULL, &registry, err);
	if (r == 0)
		r = registry_search(registry, term, (size_t)options->limit, &found, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (is_wanted(filter, &found[i]))
			json_object_array_add(rows, make_row(options, host, &found[i]));
	registry_found_free(found, count);
	return r;
}

/* "quay.io/fedora" is searched for at quay.io; the length of the host, or 0. */
static size_t host_length(const char *term)
{
	size_t length = strcspn(term, "/");
	bool host = memchr(term, '.', length) || memchr(term, ':', length) || text_starts_with(term, "localhost/");
	return term[length] == '/' && host ? length : 0;
}

static int search_all(const struct options *options, const struct registries *registries, const char *term,
		      struct json_object *rows, struct error *err)
{
	struct filter filter = {0};
	const struct strv *usual = registries_unqualified(registries);
	size_t length = host_length(term), failed = 0;
	int r = parse_filters(&options->filters, &filter, err);
	if (r < 0)
		return r;
	if (length > 0) {
		auto_free char *host = xstrndup(term, length);
		return search_one(options, registries, &filter, host, term + length + 1, rows, err);
	}
	if (usual->count == 0)
		return error_set(
		    err, EINVAL,
		    "registries.conf names no registry to search (unqualified-search-registries); write HOST/%s", term);
	for (size_t i = 0; i < usual->count; i++) {
		auto_free char *host = xstrndup(usual->items[i], strcspn(usual->items[i], "/"));
		if ((r = search_one(options, registries, &filter, host, term, rows, err)) == 0)
			continue;
		/* One that cannot be searched hides nothing of the others. */
		if (++failed == usual->count)
			return r;
		message_warn("%s", err->text);
		error_clear(err);
	}
	return 0;
}

/* ---- tags ---- */

static int read_tags(const struct options *options, const struct registries *registries, const char *term,
		     char **ret_name, struct strv *ret, struct error *err)
{
	auto_reference_list struct reference_list list = {0};
	auto_endpoint_list struct endpoint_list endpoints = {0};
	auto_registry struct registry *registry = NULL;
	int r = registries_resolve(registries, term, &list, err);
	if (r < 0 || (r = registries_endpoints(registries, &list.items[0], false, &endpoints, err)) < 0)
		return r;
	const struct registry_endpoint *endpoint = &endpoints.items[0];
	auto_free char *name = reference_repository(&list.items[0]),
		       *there = xasprintf("%s/%s", endpoint->host, endpoint->repository);
	r = connect_registry(&options->connection, registries, endpoint->host, there, NULL, &registry, err);
	if (r == 0)
		r = registry_tags(registry, endpoint->repository, ret, err);
	if (r == 0)
		*ret_name = TAKE_PTR(name);
	return r;
}

static int list_tags(const struct options *options, const struct registries *registries, const char *term,
		     struct json_object *rows, struct error *err)
{
	auto_strv struct strv tags = STRV_INIT;
	auto_free char *name = NULL;
	bool json = options->format && strcmp(options->format, "json") == 0;
	if (options->filters.count)
		return error_set(err, EINVAL, "--list-tags and --filter contradict each other");
	int r = read_tags(options, registries, term, &name, &tags, err);
	if (r < 0)
		return r;
	while (tags.count > (size_t)options->limit)
		strv_remove(&tags, tags.count - 1);
	for (size_t i = 0; i < (json ? 1 : tags.count); i++) {
		struct json_object *row = json_object_new_object();
		json_add_string(row, "Name", name);
		if (json)
			json_add_strv(row, "Tags", &tags);
		else
			json_add_string(row, "Tag", tags.items[i]);
		json_object_array_add(rows, row);
	}
	return 0;
}

/* ---- all ---- */

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_registries struct registries *registries = NULL;
	auto_json struct json_object *rows = json_object_new_array(), *titles = json_object_new_object();
	auto_strbuf struct strbuf out = STRBUF_INIT;
	const char *term = context->arguments.items[0];
	if (options->limit < 1 || options->limit > LIMIT_MAX)
		return error_set(err, EINVAL, "--limit: expected a number from 1 to %d", LIMIT_MAX);
	int r = registries_read(NULL, &registries, err);
	if (r == 0)
		r = (options->list_tags ? list_tags : search_all)(options, registries, term, rows, err);
	if (r == 0)
		r = template_list(options->format,
				  options->list_tags ? "table {{.Name}}\t{{.Tag}}"
				  : options->compatible
				      ? "table {{.Name}}\t{{.Description}}\t{{.Stars}}\t{{.Official}}\t{{.Automated}}"
				      : "table {{.Name}}\t{{.Description}}",
				  titles, rows, false, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r < 0 ? r : 0;
}

const struct cli_command cmd_search = {
    .name = "search",
    .summary = "Search registries for images",
    .usage = "[OPTIONS] TERM",
    .description = "Lists the images that a registry finds for TERM: each of unqualified-search-registries in "
		   "registries.conf, or that whose name stands in front "
		   "(quay.io/fedora). Docker Hub, and registries that have such a search, do it themselves; of others "
		   "all names with TERM in them are "
		   "listed, where they let us list them.",
    .examples = "coracle search --limit 5 nginx\ncoracle search --filter is-official=true redis\ncoracle search "
		"--list-tags docker.io/library/debian",
    .options = table,
    .options_size = sizeof(struct options),
    .defaults = set_defaults,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
