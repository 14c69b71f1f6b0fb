/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/filter/filter.h"
#include "libpod/inspect/inspect.h"
#include "libpod/network/heal.h"
#include "libpod/size/size.h"
#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/ps_namespaces.h"
#include "src/session.h"

struct options {
	bool all, latest, no_trunc, quiet, no_heading, size, namespaces;
	bool external, sync; /* nothing: the store has no other containers, and a state that could be out of step does not exist */
	int64_t last, watch;
	bool watch_given;
	struct strv filters;
	const char *format, *sort;
};

static const struct cli_option table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "Those that are not running too"},
    {0, "external", CLI_FLAG, offsetof(struct options, external), NULL, "Those of other programs in the same store too, of which there are none"},
    {'f', "filter", CLI_LIST, offsetof(struct options, filters), "KEY=VALUE", "Only those that match: id, name, label, label!, status, exited, ancestor, before, since, network, until, volume, health"},
    {0, "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, table TEMPLATE, or a Go template"},
    {'n', "last", CLI_INT, offsetof(struct options, last), "N", "The N created last, running or not"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The one created last"},
    {0, "namespace", CLI_FLAG, offsetof(struct options, namespaces), NULL, "The namespaces that each is in"},
    {0, "ns", CLI_FLAG, offsetof(struct options, namespaces), NULL, "The same as --namespace", .hidden = true},
    {0, "no-trunc", CLI_FLAG, offsetof(struct options, no_trunc), NULL, "Do not shorten ids and commands"},
    {0, "noheading", CLI_FLAG, offsetof(struct options, no_heading), NULL, "Print no column titles"},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print only ids"},
    {'s', "size", CLI_FLAG, offsetof(struct options, size), NULL, "What each has written, and its size with its image"},
    {0, "sort", CLI_STRING, offsetof(struct options, sort), "COLUMN", "Sort by a column", .values = "command|created|id|image|names|runningfor|size|status"},
    {0, "sync", CLI_FLAG, offsetof(struct options, sync), NULL, "See how the containers really are, as every list does"},
    {'w', "watch", CLI_INT, offsetof(struct options, watch), "SECONDS", "List them again and again, until you interrupt it", .given_offset = offsetof(struct options, watch_given)},
    CLI_OPTIONS_END,
};

/* The process's words as one, as the table shows them. */
static char *command_text(const struct container *container)
{
	auto_strv struct strv words = STRV_INIT;
	strv_add_all(&words, &container->entrypoint);
	strv_add_all(&words, &container->command);
	return strv_join(&words, " ");
}

static void add_ago(struct json_object *row, const char *key, int64_t then_ns)
{
	char duration[TEXT_STAMP_MAX];
	auto_free char *text = xasprintf("%s ago", format_human_duration(duration, (time_now_ns() - then_ns) / 1000000000));
	json_add_string(row, key, text);
}

/* The columns of the table. */
static void add_columns(struct json_object *row, const struct container_entry *entry, bool no_trunc)
{
	const struct container *container = entry->container;
	auto_free char *id = xstrndup(container->id, no_trunc ? 64 : 12);
	auto_free char *command = command_text(container);
	auto_free char *status = inspect_status_text(&entry->state);
	auto_free char *ports = inspect_ports_text(container);
	if (!no_trunc && strlen(command) > 20)
		memcpy(command + 17, "...", sizeof("..."));
	json_add_string(row, "ID", id);
	json_add_string(row, "Image", container->image_name);
	json_add_string(row, "Command", command);
	add_ago(row, "CreatedHuman", container->created_ns);
	json_add_string(row, "Status", status);
	json_add_string(row, "Ports", ports);
	json_add_string(row, "Names", container->name);
}

static void mount_targets(const struct container *container, struct strv *ret)
{
	for (size_t i = 0; i < container->mounts.count; i++) {
		auto_strv struct strv parts = STRV_INIT;
		strv_split(&parts, container->mounts.items[i], '\t');
		if (parts.count > 1)
			strv_add(ret, parts.items[1]);
	}
}

/* As docker shows them: volumes by name, folders by path. */
static void mounted_things(const struct container *container, struct strv *ret)
{
	for (size_t i = 0; i < container->volumes.count; i++)
		strv_take(ret, xstrndup(container->volumes.items[i], strcspn(container->volumes.items[i], ":")));
	for (size_t i = 0; i < container->mounts.count; i++) {
		auto_strv struct strv parts = STRV_INIT;
		strv_split(&parts, container->mounts.items[i], '\t');
		if (parts.count > 2 && strcmp(parts.items[0], "volume") != 0)
			strv_add(ret, parts.items[2]);
	}
}

/* What else templates can ask for. */
static void add_fields(struct json_object *row, const struct container_entry *entry, bool no_trunc)
{
	const struct container *container = entry->container;
	auto_free char *image_id = xstrndup(container->image_id, no_trunc ? 64 : 12);
	auto_strv struct strv mounted = STRV_INIT;
	mounted_things(container, &mounted);
	auto_free char *mounts = strv_join(&mounted, ",");
	char created[TEXT_STAMP_MAX];
	json_add_string(row, "ImageID", image_id);
	json_add_string(row, "CreatedAt", format_listed_time(created, container->created_ns));
	json_add_string(row, "Pod", ""); /* documented by podman; there are none here */
	json_add_string(row, "PodName", "");
	add_ago(row, "RunningFor", container->created_ns);
	json_add_int(row, "Created", container->created_ns / 1000000000);
	json_add_string(row, "State", container_status_name(entry->state.status));
	json_add_map(row, "Labels", &container->labels);
	template_mark_map(json_object_object_get(row, "Labels"));
	json_add_string(row, "Mounts", mounts);
	auto_strv struct strv networks = STRV_INIT;
	container_network_names(container, &networks);
	auto_free char *network_text = strv_join(&networks, ",");
	json_add_string(row, "Networks", network_text);
	json_add_int(row, "Pid", entry->state.pid);
	json_add_int(row, "ExitCode", entry->state.exit_code);
	json_add_bool(row, "Exited", entry->state.status == CONTAINER_EXITED);
	json_add_int(row, "ExitedAt", entry->state.finished_ns / 1000000000);
	json_add_int(row, "StartedAt", entry->state.started_ns / 1000000000);
	json_add_int(row, "Restarts", entry->state.restart_count);
	json_add_bool(row, "AutoRemove", container->remove);
	json_add_string(row, "CIDFile", container->cid_file ? container->cid_file : "");
}

static bool is_alive(const struct container_entry *entry)
{
	return entry->state.status != CONTAINER_CREATED && entry->state.status != CONTAINER_EXITED;
}

/* What templates see: texts, as docker and podman name them. `size` may be NULL. */
static struct json_object *template_row(const struct container_entry *entry, const struct container_size *size, const struct options *options)
{
	struct json_object *row = json_object_new_object();
	auto_free char *text = size ? container_size_text(size) : xstrdup("");
	add_columns(row, entry, options->no_trunc);
	json_add_string(row, "Size", text);
	if (options->namespaces)
		ps_add_namespaces(row, is_alive(entry) ? entry->state.pid : 0);
	if (options->namespaces && !options->format)
		json_add_int(row, "Pid", is_alive(entry) ? entry->state.pid : 0);
	if (options->format)
		add_fields(row, entry, options->no_trunc);
	return row;
}

static struct json_object *json_ports(const struct container *container)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < container->ports_count; i++) {
		struct json_object *port = json_object_new_object();
		json_add_string(port, "host_ip", container->ports[i].host_ip);
		json_add_int(port, "container_port", container->ports[i].container_port);
		json_add_int(port, "host_port", container->ports[i].host_port);
		json_add_int(port, "range", container->ports[i].range);
		json_add_string(port, "protocol", container->ports[i].protocol);
		json_object_array_add(array, port);
	}
	return array;
}

/* What `--format json` prints: podman's shape, in which lists are lists. */
static struct json_object *json_row(const struct container_entry *entry, const struct container_size *size, bool namespaces)
{
	const struct container *container = entry->container;
	struct json_object *row = json_object_new_object();
	auto_strv struct strv command = STRV_INIT, names = STRV_INIT, networks = STRV_INIT, targets = STRV_INIT;
	auto_free char *status = inspect_status_text(&entry->state);
	strv_add_all(&command, &container->entrypoint);
	strv_add_all(&command, &container->command);
	strv_add(&names, container->name);
	container_network_names(container, &networks);
	char created[TEXT_STAMP_MAX];
	json_add_bool(row, "AutoRemove", container->remove);
	json_add_strv(row, "Command", &command);
	json_add_string(row, "CreatedAt", format_rfc3339_local(created, container->created_ns));
	json_add_string(row, "CIDFile", container->cid_file ? container->cid_file : "");
	json_add_bool(row, "Exited", entry->state.status == CONTAINER_EXITED);
	json_add_int(row, "ExitedAt", entry->state.finished_ns / 1000000000);
	json_add_int(row, "ExitCode", entry->state.exit_code);
	json_add_string(row, "Id", container->id);
	json_add_string(row, "Image", container->image_name);
	json_add_string(row, "ImageID", container->image_id);
	json_add_map(row, "Labels", &container->labels);
	mount_targets(container, &targets);
	json_add_strv(row, "Mounts", &targets);
	json_add_strv(row, "Names", &names);
	if (namespaces)
		json_object_object_add(row, "Namespaces", ps_namespaces_object(is_alive(entry) ? entry->state.pid : 0));
	json_add_strv(row, "Networks", &networks);
	json_add_int(row, "Pid", entry->state.pid);
	json_object_object_add(row, "Ports", json_ports(container));
	json_add_int(row, "Restarts", entry->state.restart_count);
	if (size) {
		struct json_object *sizes = json_object_new_object();
		json_add_int(sizes, "rootFsSize", size->total);
		json_add_int(sizes, "rwSize", size->written);
		json_object_object_add(row, "Size", sizes);
	}
	json_add_int(row, "StartedAt", entry->state.started_ns / 1000000000);
	json_add_string(row, "State", container_status_name(entry->state.status));
	json_add_string(row, "Status", status);
	json_add_int(row, "Created", container->created_ns / 1000000000);
	return row;
}

/* A line of the list. */
struct row {
	const struct container_entry *entry;
	const struct container_size *size; /* NULL: not asked for */
};

static int compare(const void *a, const void *b, void *column)
{
	const struct row *left_row = a, *right_row = b;
	const struct container_entry *left = left_row->entry, *right = right_row->entry;
	const struct container *l = left->container, *r = right->container;
	const char *by = column;
	if (strcmp(by, "id") == 0)
		return strcmp(l->id, r->id);
	if (strcmp(by, "image") == 0)
		return strcmp(l->image_name, r->image_name);
	if (strcmp(by, "names") == 0)
		return strcmp(l->name, r->name);
	if (strcmp(by, "status") == 0)
		return strcmp(container_status_name(left->state.status), container_status_name(right->state.status));
	if (strcmp(by, "command") == 0) {
		auto_free char *left_text = command_text(l), *right_text = command_text(r);
		return strcmp(left_text, right_text);
	}
	if (strcmp(by, "size") == 0)
		return left_row->size->written < right_row->size->written ? -1 : left_row->size->written > right_row->size->written;
	if (strcmp(by, "runningfor") == 0)
		return left->state.started_ns < right->state.started_ns ? 1 : -1;
	return l->created_ns < r->created_ns ? -1 : l->created_ns > r->created_ns;
}

static struct json_object *column_titles(void)
{
	static const char *const titles[][2] = {
	    {"ID", "CONTAINER ID"}, {"ImageID", "IMAGE ID"},	   {"CreatedHuman", "CREATED"}, {"RunningFor", "CREATED"},
	    {"CreatedAt", "CREATED AT"}, {"ExitCode", "EXIT CODE"}, {"ExitedAt", "EXITED AT"},   {"StartedAt", "STARTED AT"},
	};
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		json_add_string(object, titles[i][0], titles[i][1]);
	return object;
}

/* Sizes are measured only where something shows them. */
static bool shows_sizes(const struct options *options)
{
	return options->size || (options->format && strstr(options->format, ".Size")) || (options->sort && strcmp(options->sort, "size") == 0);
}

static int print(const struct row *rows, size_t count, const struct options *options, struct error *err)
{
	static const char table_format[] = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
	static const char size_format[] = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}\t{{.Size}}";
	bool json = options->format && strcmp(options->format, "json") == 0;
	auto_json struct json_object *array = json_object_new_array(), *titles = column_titles();
	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, json ? json_row(rows[i].entry, rows[i].size, options->namespaces) : template_row(rows[i].entry, rows[i].size, options));
	auto_strbuf struct strbuf out = STRBUF_INIT;
	int r = template_list(options->quiet ? "{{.ID}}" : options->format, options->namespaces ? PS_NAMESPACES_FORMAT : options->size ? size_format : table_format, titles, array,
			      options->no_heading, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r;
}

/* Whoever looks gives the networks back whose keeper was killed. */
static int heal_networks(struct store *store, const struct container_list *list, struct error *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].container->networks_count && list->items[i].state.status == CONTAINER_RUNNING)
			return network_heal(store, err);
	return 0;
}

static int list(struct store *store, const struct options *options, struct error *err)
{
	bool sized = shows_sizes(options);
	auto_container_list struct container_list list = {0};
	struct container_selection selection = {
	    .all = options->all, .latest = options->latest, .last = options->last, .filters = &options->filters, .listed = !sized};
	int r = container_select(store, &selection, &list, err);
	if (r < 0 || (r = heal_networks(store, &list, err)) < 0)
		return r;
	auto_free struct container_size *sizes = xcalloc(list.count + 1, sizeof(*sizes));
	if (sized && (r = container_sizes(store, list.items, list.count, sizes, err)) < 0)
		return r;
	auto_free struct row *rows = xcalloc(list.count + 1, sizeof(*rows));
	for (size_t i = 0; i < list.count; i++)
		rows[i] = (struct row){&list.items[i], sized ? &sizes[i] : NULL};
	if (options->sort && list.count)
		qsort_r(rows, list.count, sizeof(*rows), compare, (void *)options->sort);
	return print(rows, list.count, options, err);
}

/* Until a signal ends it, or nobody reads any more. */
static int watch(struct store *store, const struct options *options, struct error *err)
{
	static const char clear[] = "\033[2J\033[H";
	for (;;) {
		if (isatty(STDOUT_FILENO))
			fputs(clear, stdout);
		int r = list(store, options, err);
		if (r < 0)
			return r;
		if (fflush(stdout) != 0)
			return error_sys(err, errno, "print the list");
		sleep((unsigned int)options->watch);
	}
}

static int check(const struct options *options, struct error *err)
{
	if (options->quiet && options->format)
		return error_set(err, EINVAL, "--quiet and --format contradict each other");
	if (options->namespaces && (options->size || options->quiet))
		return error_set(err, EINVAL, "--namespace and %s contradict each other", options->size ? "--size" : "--quiet");
	if (options->watch_given && (options->watch < 1 || options->watch > INT32_MAX))
		return error_set(err, EINVAL, "--watch: give a number of seconds, 1 or more");
	if (options->watch_given && options->latest)
		return error_set(err, EINVAL, "--watch and --latest contradict each other");
	return 0;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	int r = check(options, err);
	if (r < 0 || (r = session_store(context, &store, err)) < 0)
		return r;
	return options->watch_given ? watch(store, options, err) : list(store, options, err);
}

const struct cli_command cmd_ps = {
    .name = "ps",
    .summary = "List containers",
    .usage = "[OPTIONS]",
    .description = "Lists the containers that are running; with --all every container.",
    .examples = "coracle ps -a\ncoracle ps --filter status=exited --format '{{.Names}}: {{.Status}}'",
    .options = table,
    .options_size = sizeof(struct options),
    .run = run,
};
