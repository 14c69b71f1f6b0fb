/* SPDX-License-Identifier: Apache-2.0 */
/* secret ls, inspect. Neither shows what is in a secret. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/secret/secret.h"
#include "pkg/json/json.h"
#include "pkg/message/message.h"
#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/session.h"

/* ---- ls ---- */

struct ls_options {
	struct strv filters;
	const char *format;
	bool quiet, no_heading;
};

static const struct cli_option ls_table[] = {
    {'f', "filter", CLI_LIST, offsetof(struct ls_options, filters), "KEY=VALUE",
     "Only those that match: name, id, label"},
    {0, "format", CLI_STRING, offsetof(struct ls_options, format), "FORMAT", "json, table TEMPLATE, or a Go template"},
    {'n', "noheading", CLI_FLAG, offsetof(struct ls_options, no_heading), NULL, "Print no column titles"},
    {'q', "quiet", CLI_FLAG, offsetof(struct ls_options, quiet), NULL, "Print only ids"},
    CLI_OPTIONS_END,
};

static bool has_label(const struct secret *secret, const char *wanted)
{
	auto_free char *key = xstrndup(wanted, strcspn(wanted, "="));
	const char *value = strv_env_get(&secret->labels, key);
	return value && (!strchr(wanted, '=') || strcmp(value, strchr(wanted, '=') + 1) == 0);
}

/* Filters of one key are alternatives; of several keys all must hold. Labels must all be there. 1, 0, or negative. */
static int matches(const struct secret *secret, const struct strv *filters, struct error *err)
{
	bool by_name = false, by_id = false, name = false, id = false, labels = true;
	for (size_t i = 0; i < filters->count; i++) {
		const char *filter = filters->items[i];
		if (text_starts_with(filter, "name=")) {
			by_name = true;
			name |= strstr(secret->name, filter + strlen("name=")) != NULL;
		} else if (text_starts_with(filter, "id=")) {
			by_id = true;
			id |= text_starts_with(secret->id, filter + strlen("id="));
		} else if (text_starts_with(filter, "label=")) {
			labels &= has_label(secret, filter + strlen("label="));
		} else {
			return error_set(err, EINVAL, "--filter %s: there are name=, id= and label=", filter);
		}
	}
	return (!by_name || name) && (!by_id || id) && labels;
}

static struct json_object *row(const struct secret *secret)
{
	char duration[TEXT_STAMP_MAX];
	struct json_object *object = json_object_new_object();
	auto_free char *ago =
	    xasprintf("%s ago", format_human_duration(duration, (time_now_ns() - secret->created_ns) / 1000000000));
	json_add_string(object, "ID", secret->id);
	json_add_string(object, "Name", secret->name);
	json_add_string(object, "Driver", "file");
	json_add_string(object, "CreatedAt", ago);
	json_add_string(object, "UpdatedAt", ago);
	json_add_map(object, "Labels", &secret->labels);
	template_mark_map(json_object_object_get(object, "Labels"));
	return object;
}

static int collect(struct store *store, const struct strv *filters, struct json_object *rows, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	int r = secret_names(store, &names, err);
	for (size_t i = 0; r >= 0 && i < names.count; i++) {
		auto_secret struct secret *secret = NULL;
		r = secret_find(store, names.items[i], &secret, NULL, NULL, err);
		if (r == -ENOENT) { /* removed meanwhile */
			error_clear(err);
			r = 0;
		} else if (r >= 0 && (r = matches(secret, filters, err)) > 0) {
			json_object_array_add(rows, row(secret));
		}
	}
	return r < 0 ? r : 0;
}

static int run_ls(struct cli_context *context, struct error *err)
{
	static const char table_format[] = "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}";
	const struct ls_options *options = context->options;
	auto_store struct store *store = NULL;
	auto_json struct json_object *rows = json_object_new_array(), *titles = json_object_new_object();
	auto_strbuf struct strbuf out = STRBUF_INIT;
	if (options->quiet && options->format)
		return error_set(err, EINVAL, "--quiet and --format contradict each other");
	int r = session_store(context, &store, err);
	if (r < 0 || (r = collect(store, &options->filters, rows, err)) < 0)
		return r;
	json_add_string(titles, "CreatedAt", "CREATED");
	json_add_string(titles, "UpdatedAt", "UPDATED");
	r = template_list(options->quiet ? "{{.ID}}" : options->format, table_format, titles, rows, options->no_heading,
			  &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r;
}

const struct cli_command cmd_secret_ls = {
    .name = "ls",
    .summary = "List secrets",
    .usage = "[OPTIONS]",
    .options = ls_table,
    .options_size = sizeof(struct ls_options),
    .run = run_ls,
};

/* ---- inspect ---- */

struct inspect_options {
	const char *format;
	bool pretty;
};

static const struct cli_option inspect_table[] = {
    {'f', "format", CLI_STRING, offsetof(struct inspect_options, format), "FORMAT", "json, or a Go template"},
    {0, "pretty", CLI_FLAG, offsetof(struct inspect_options, pretty), NULL, "Print it for people"},
    CLI_OPTIONS_END,
};

static struct json_object *describe(struct store *store, const struct secret *secret)
{
	char created[TEXT_STAMP_MAX];
	auto_free char *path = xasprintf("%s/secrets", store->root);
	struct json_object *object = json_object_new_object(), *spec = json_object_new_object(),
			   *driver = json_object_new_object(), *options = json_object_new_object();
	format_rfc3339_nano(created, secret->created_ns);
	json_add_string(object, "ID", secret->id);
	json_add_string(object, "CreatedAt", created);
	json_add_string(object, "UpdatedAt", created);
	json_object_object_add(object, "Spec", spec);
	json_add_string(spec, "Name", secret->name);
	json_object_object_add(spec, "Driver", driver);
	json_add_string(driver, "Name", "file");
	json_object_object_add(driver, "Options", template_mark_map(options));
	json_add_string(options, "path", path);
	json_add_map(spec, "Labels", &secret->labels);
	template_mark_map(json_object_object_get(spec, "Labels"));
	return object;
}

static const char pretty_format[] =
    "ID:              {{.ID}}\n"
    "Name:              {{.Spec.Name}}\n"
    "{{if .Spec.Labels}}Labels:\n{{range $key, $value := .Spec.Labels}} - {{$key}}={{$value}}\n{{end}}{{end}}"
    "Driver:            {{.Spec.Driver.Name}}\n"
    "Created at:        {{.CreatedAt}}\n"
    "Updated at:        {{.UpdatedAt}}";

static int print(struct json_object *objects, const struct inspect_options *options, struct error *err)
{
	if (!options->pretty && (!options->format || strcmp(options->format, "json") == 0)) {
		auto_free char *text = json_text(objects, true);
		printf("%s\n", text);
		return 0;
	}
	auto_template struct template *template = NULL;
	int r = template_parse(options->pretty ? pretty_format : options->format, &template, err);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(objects); i++) {
		auto_strbuf struct strbuf out = STRBUF_INIT;
		r = template_execute(template, json_object_array_get_idx(objects, i), &out, err);
		if (r >= 0)
			printf("%s\n", strbuf_text(&out));
	}
	return r;
}

static int run_inspect(struct cli_context *context, struct error *err)
{
	const struct inspect_options *options = context->options;
	auto_store struct store *store = NULL;
	auto_json struct json_object *objects = json_object_new_array();
	bool good = true;
	if (options->pretty && options->format)
		return error_set(err, EINVAL, "--pretty and --format contradict each other");
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < context->arguments.count; i++) {
		auto_secret struct secret *secret = NULL;
		if (secret_find(store, context->arguments.items[i], &secret, NULL, NULL, err) < 0) {
			message_error("%s", err->text);
			error_clear(err);
			good = false;
			continue;
		}
		json_object_array_add(objects, describe(store, secret));
	}
	if ((good || json_object_array_length(objects)) && (r = print(objects, options, err)) < 0)
		return r;
	return good ? 0 : 125;
}

const struct cli_command cmd_secret_inspect = {
    .name = "inspect",
    .summary = "Show all about secrets but what is in them",
    .usage = "[OPTIONS] SECRET...",
    .options = inspect_table,
    .options_size = sizeof(struct inspect_options),
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_inspect,
};
