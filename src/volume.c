/* SPDX-License-Identifier: Apache-2.0 */
/* volume create, ls, inspect, exists. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pkg/message/message.h"
#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/session.h"
#include "src/volume_view.h"

/* ---- create ---- */
struct create_volume_options {
	const char *driver, *name;
	struct strv labels, options;
	bool ignore;
};

static const struct cli_option create_table[] = {
    {'d', "driver", CLI_STRING, offsetof(struct create_volume_options, driver), "DRIVER",
     "The driver: local, the only one"},
    {0, "ignore", CLI_FLAG, offsetof(struct create_volume_options, ignore), NULL,
     "A volume that is there already is no error"},
    {'l', "label", CLI_LIST, offsetof(struct create_volume_options, labels), "KEY=VALUE", "Set a label"},
    {0, "name", CLI_STRING, offsetof(struct create_volume_options, name), "NAME", "The same as the argument",
     .hidden = true},
    {'o', "opt", CLI_LIST, offsetof(struct create_volume_options, options), "KEY=VALUE",
     "type, device, o or size: what the volume is made of"},
    CLI_OPTIONS_END,
};

static int check_driver(const char *driver, struct error *err)
{
	if (text_is_empty(driver) || strcmp(driver, "local") == 0)
		return 0;
	return error_set(err, EOPNOTSUPP,
			 "there is no volume driver %s, only local; mount the file system outside, and bind it: --opt "
			 "type=none --opt o=bind --opt device=/the/folder",
			 driver);
}

static void add_pairs(const struct strv *texts, struct strv *ret)
{
	for (size_t i = 0; i < texts->count; i++) {
		auto_free char *pair = xasprintf("%s%s", texts->items[i], strchr(texts->items[i], '=') ? "" : "=");
		strv_env_set(ret, pair);
	}
}

static int run_create(struct cli_context *context, struct error *err)
{
	const struct create_volume_options *options = context->options;
	const char *given = context->arguments.count ? context->arguments.items[0] : options->name;
	auto_store struct store *store = NULL;
	auto_volume struct volume volume = {.name = given ? xstrdup(given) : volume_random_name(), .anonymous = false};
	auto_volume_source struct volume_source source = {0};
	add_pairs(&options->labels, &volume.labels);
	add_pairs(&options->options, &volume.options);
	int r = check_driver(options->driver, err);
	if (r < 0 || (r = volume_name_check(volume.name, err)) < 0 || (r = session_store(context, &store, err)) < 0 ||
	    (r = volume_source(store, &volume, &source, err)) < 0)
		return r;
	r = volume_create(store, &volume, err);
	if (r == -EEXIST && options->ignore) {
		error_clear(err);
		r = 0;
	}
	if (r == 0)
		puts(volume.name);
	return r;
}

const struct cli_command cmd_volume_create = {
    .name = "create",
    .summary = "Make a volume",
    .usage = "[OPTIONS] [NAME]",
    .description = "Makes a volume and prints its name. The first container that has it fills it with what its image "
		   "has where it is mounted.\n\n"
		   "A volume is a folder in the store. With --opt type=tmpfs it is one in memory (--opt size=..., --opt "
		   "o=...), which all containers that have it share and which is empty again after the last of them; with --opt type=none "
		   "--opt o=bind --opt device=PATH it is a folder of yours. What needs the machine's root, as NFS "
		   "does, is mounted outside and bound.",
    .examples = "coracle volume create data\ncoracle volume create --opt type=tmpfs --opt size=100m scratch\n"
		"coracle volume create --opt type=none --opt o=bind --opt device=/mnt/nfs/data data",
    .options = create_table,
    .options_size = sizeof(struct create_volume_options),
    .max_arguments = 1,
    .run = run_create,
};

/* ---- ls ---- */
struct list_options {
	struct strv filters;
	const char *format;
	bool no_heading, quiet;
};

static const struct cli_option list_table[] = {
    {'f', "filter", CLI_LIST, offsetof(struct list_options, filters), "KEY=VALUE",
     "Only those that match: name, label, driver, dangling, anonymous, scope, opt, until, since"},
    {0, "format", CLI_STRING, offsetof(struct list_options, format), "FORMAT",
     "json, table TEMPLATE, or a Go template"},
    {'n', "noheading", CLI_FLAG, offsetof(struct list_options, no_heading), NULL, "Print no column titles"},
    {'q', "quiet", CLI_FLAG, offsetof(struct list_options, quiet), NULL, "Print only names"},
    CLI_OPTIONS_END,
};

static int run_list(struct cli_context *context, struct error *err)
{
	const struct list_options *options = context->options;
	static const char *const titles[][2] = {
	    {"Name", "VOLUME NAME"}, {"CreatedAt", "CREATED AT"}, {"MountCount", "MOUNT COUNT"}};
	auto_store struct store *store = NULL;
	auto_volume_filter struct volume_filter filter = {0};
	auto_volume_list struct volume_list list = {0};
	auto_json struct json_object *rows = json_object_new_array(), *headers = json_object_new_object();
	auto_strbuf struct strbuf out = STRBUF_INIT;
	if (options->quiet && options->format)
		return error_set(err, EINVAL, "--quiet and --format contradict each other");
	int r = session_store(context, &store, err);
	if (r < 0 || (r = volume_filter_parse(store, &options->filters, &filter, err)) < 0 ||
	    (r = volume_select(store, &filter, &list, err)) < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		json_add_string(headers, titles[i][0], titles[i][1]);
	for (size_t i = 0; i < list.count; i++)
		json_object_array_add(
		    rows, volume_json(store, &list.items[i], volume_count_uses(&filter.used, list.items[i].name)));
	r = template_list(options->quiet ? "{{.Name}}" : options->format, "table {{.Driver}}\t{{.Name}}", headers, rows,
			  options->no_heading, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r;
}

const struct cli_command cmd_volume_ls = {
    .name = "ls",
    .summary = "List volumes",
    .usage = "[OPTIONS]",
    .examples = "coracle volume ls\ncoracle volume ls --filter dangling=true -q",
    .options = list_table,
    .options_size = sizeof(struct list_options),
    .run = run_list,
};

/* ---- inspect ---- */
struct inspect_options {
	bool all;
	const char *format;
};

static const struct cli_option inspect_table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct inspect_options, all), NULL, "All volumes"},
    {'f', "format", CLI_STRING, offsetof(struct inspect_options, format), "FORMAT", "json, or a Go template"},
    CLI_OPTIONS_END,
};

static int print_all(struct json_object *objects, const char *format, struct error *err)
{
	if (!format || strcmp(format, "json") == 0) {
		auto_free char *text = json_text(objects, true);
		puts(text);
		return 0;
	}
	auto_template struct template *template = NULL;
	int r = template_parse(format, &template, err);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(objects); i++) {
		auto_strbuf struct strbuf out = STRBUF_INIT;
		r = template_execute(template, json_object_array_get_idx(objects, i), &out, err);
		if (r >= 0)
			puts(strbuf_text(&out));
	}
	return r;
}

static int run_inspect(struct cli_context *context, struct error *err)
{
	const struct inspect_options *options = context->options;
	auto_store struct store *store = NULL;
	auto_strv struct strv names = STRV_INIT, used = STRV_INIT;
	auto_json struct json_object *objects = json_object_new_array();
	if (options->all == (context->arguments.count > 0))
		return error_set(err, EINVAL, "give either names or --all");
	int r = session_store(context, &store, err);
	if (r < 0 || (r = volumes_used(store, &used, err)) < 0 ||
	    (options->all && (r = volume_names(store, &names, err)) < 0))
		return r;
	session_behind(context, 0, &names);
	bool good = true;
	for (size_t i = 0; i < names.count; i++) {
		auto_volume struct volume volume = {0};
		if (volume_find(store, names.items[i], &volume, err) == 0) {
			json_object_array_add(objects,
					      volume_json(store, &volume, volume_count_uses(&used, volume.name)));
			continue;
		}
		message_error("%s", err->text);
		error_clear(err);
		good = false;
	}
	if ((good || json_object_array_length(objects) || !options->format) &&
	    (r = print_all(objects, options->format, err)) < 0)
		return r;
	return good ? 0 : 125;
}

const struct cli_command cmd_volume_inspect = {
    .name = "inspect",
    .summary = "Show all about volumes",
    .usage = "[OPTIONS] VOLUME...",
    .description = "Prints what is known of volumes as JSON, or through a template.",
    .examples = "ls \"$(coracle volume inspect -f '{{.Mountpoint}}' data)\"",
    .options = inspect_table,
    .options_size = sizeof(struct inspect_options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_VOLUME,
    .run = run_inspect,
};

/* ---- exists ---- */
static const struct cli_option exists_table[] = {CLI_OPTIONS_END};

static int run_exists(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_volume struct volume volume = {0};
	int r = session_store(context, &store, err);
	if (r == 0)
		r = volume_read(store, context->arguments.items[0], &volume, err);
	return r == -ENOENT ? 1 : r;
}

const struct cli_command cmd_volume_exists = {
    .name = "exists",
    .summary = "Tell whether a volume is there",
    .usage = "VOLUME",
    .description = "Prints nothing. The exit status is 0 when there is the volume, 1 when there is not, and 125 when "
		   "that cannot be told.",
    .examples = "coracle volume exists data || coracle volume create data",
    .options = exists_table,
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_VOLUME,
    .run = run_exists,
};
