/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/stats/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libpod/filter/filter.h"
#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/session.h"

#define FIRST_LOOK_MS 500 /* between the first two: a rate needs two */

struct options {
	bool all, latest, no_stream, no_trunc, no_reset;
	int64_t interval;
	const char *format;
};

static const struct cli_option table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "Those that are not running too"},
    {0, "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, table TEMPLATE, or a Go template"},
    {'i', "interval", CLI_INT, offsetof(struct options, interval), "SECONDS", "Seconds between two looks (5 by default)"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The container that was created last"},
    {0, "no-reset", CLI_FLAG, offsetof(struct options, no_reset), NULL, "Do not clear the screen between two looks"},
    {0, "no-stream", CLI_FLAG, offsetof(struct options, no_stream), NULL, "Look once"},
    {0, "no-trunc", CLI_FLAG, offsetof(struct options, no_trunc), NULL, "Do not shorten ids"},
    CLI_OPTIONS_END,
};

static void defaults(void *object)
{
	struct options *options = object;
	options->interval = 5;
}

/* A container as it was seen the last time. */
struct seen {
	char id[65];
	struct container_stats stats;
};

struct watch {
	struct store *store;
	const struct options *options;
	const struct strv *names;
	struct seen *seen;
	size_t count;
};

static const struct container_stats *seen_before(const struct watch *watch, const char *id)
{
	for (size_t i = 0; i < watch->count; i++)
		if (strcmp(watch->seen[i].id, id) == 0)
			return &watch->seen[i].stats;
	return NULL;
}

static void add_pair(struct json_object *row, const char *key, int64_t first, int64_t second)
{
	char a[64] = "--", b[64] = "--";
	if (first >= 0)
		format_human_size(a, (uint64_t)first);
	if (second >= 0)
		format_human_size(b, (uint64_t)second);
	auto_free char *text = xasprintf("%s / %s", a, b);
	json_add_string(row, key, text);
}

static void add_binary_pair(struct json_object *row, const char *key, int64_t first, int64_t second)
{
	char a[TEXT_STAMP_MAX] = "--", b[TEXT_STAMP_MAX] = "--";
	if (first >= 0)
		format_binary_size(a, (uint64_t)first);
	if (second >= 0)
		format_binary_size(b, (uint64_t)second);
	auto_free char *text = xasprintf("%s / %s", a, b);
	json_add_string(row, key, text);
}

static double percent_of(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0.0;
}

static void add_percent(struct json_object *row, const char *key, double percent)
{
	auto_free char *text = xasprintf("%.2f%%", percent);
	json_add_string(row, key, text);
}

/* What podman's templates can ask for besides, in bytes, nanoseconds and percent; ContainerStats has all of it again. */
static void add_numbers(struct json_object *row, const struct container *container, const struct container_stats *now, double percent, double average)
{
	const struct {
		const char *key;
		int64_t number;
	} numbers[] = {
	    {"CPUNano", now->cpu_ns},
	    {"CPUSystemNano", now->cpu_system_ns},
	    {"Duration", now->cpu_ns},
	    {"SystemNano", time_now_ns()},
	    {"MemLimit", now->memory_max},
	    {"MemUsage", now->memory},
	    {"BlockInput", now->block_read},
	    {"BlockOutput", now->block_written},
	    {"NetInput", now->network_received},
	    {"NetOutput", now->network_sent},
	    {"PIDs", now->pids},
	};
	struct json_object *stats = json_object_new_object();
	json_add_string(stats, "ContainerID", container->id);
	json_add_string(stats, "Name", container->name);
	json_object_object_add(stats, "CPU", json_object_new_double(percent));
	json_object_object_add(stats, "AvgCPU", json_object_new_double(average));
	json_object_object_add(stats, "MemPerc", json_object_new_double(percent_of((double)now->memory, (double)now->memory_max)));
	json_object_object_add(stats, "PerCPU", json_object_new_array()); /* version 2 of cgroups does not count that */
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_add_int(stats, numbers[i].key, numbers[i].number < 0 ? 0 : numbers[i].number);
	/* Those that the row has not got in words. */
	json_object_object_foreach(stats, key, value) {
		if (!json_object_object_get_ex(row, key, NULL))
			json_object_object_add(row, key, json_object_get(value));
	}
	json_object_object_add(row, "ContainerStats", stats);
}

static struct json_object *row_of(const struct container_entry *entry, const struct container_stats *now, const struct container_stats *before, bool no_trunc)
{
	struct json_object *row = json_object_new_object();
	const struct container *container = entry->container;
	auto_free char *id = xstrndup(container->id, no_trunc ? 64 : 12);
	int64_t lived = time_now_ns() - entry->state.started_ns;
	bool alive = entry->state.pid > 0;
	char duration[TEXT_STAMP_MAX];
	json_add_string(row, "ID", id);
	json_add_string(row, "Container", id);
	json_add_string(row, "Name", container->name);
	double cpu = alive ? percent_of((double)(now->cpu_ns - (before ? before->cpu_ns : 0)), before ? (double)(now->time_ns - before->time_ns) : (double)lived) : 0;
	double average = alive ? percent_of((double)now->cpu_ns, (double)lived) : 0;
	add_percent(row, "CPUPerc", cpu);
	add_percent(row, "AVGCPU", average);
	add_pair(row, "MemUsage", now->memory, now->memory_max);
	add_binary_pair(row, "MemUsageBytes", now->memory, now->memory_max);
	add_percent(row, "MemPerc", percent_of((double)now->memory, (double)now->memory_max));
	add_pair(row, "NetIO", now->network_received, now->network_sent);
	add_pair(row, "BlockIO", now->block_read, now->block_written);
	auto_free char *pids = xasprintf("%" PRId64, now->pids);
	auto_free char *used = xasprintf("%.6fs", (double)now->cpu_ns / 1e9);
	json_add_string(row, "PIDS", pids);
	json_add_string(row, "PIDs", pids);
	json_add_string(row, "Up", used);
	json_add_string(row, "UpTime", alive ? format_human_duration(duration, lived / 1000000000) : "");
	add_numbers(row, container, now, cpu, average);
	return row;
}

/* The same as podman calls it in JSON. */
static struct json_object *json_row(struct json_object *row)
{
	static const char *const names[][2] = {
	    {"ID", "id"},	       {"Name", "name"},	   {"Up", "cpu_time"}, {"CPUPerc", "cpu_percent"}, {"AVGCPU", "avg_cpu"},
	    {"MemUsage", "mem_usage"}, {"MemPerc", "mem_percent"}, {"NetIO", "net_io"}, {"BlockIO", "block_io"},    {"PIDS", "pids"},
	};
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_object_object_add(object, names[i][1], json_object_get(json_object_object_get(row, names[i][0])));
	json_object_put(row);
	return object;
}

/* Looks at all; rows NULL: only to have something to compare with. */
static int look(struct watch *watch, struct json_object *rows, struct error *err)
{
	auto_container_list struct container_list list = {0};
	struct container_selection selection = {.names = watch->names, .all = watch->options->all, .latest = watch->options->latest, .listed = true};
	int r = container_select(watch->store, &selection, &list, err);
	if (r < 0)
		return r;
	auto_free struct seen *seen = xcalloc(list.count + 1, sizeof(*seen));
	bool json = watch->options->format && strcmp(watch->options->format, "json") == 0;
	size_t count = 0;
	for (size_t i = 0; i < list.count; i++) {
		struct container_stats stats = {.block_read = -1, .block_written = -1, .network_received = -1, .network_sent = -1};
		const struct container *container = list.items[i].container;
		r = list.items[i].state.pid > 0 ? stats_read(watch->store, container, &stats, err) : 0;
		if (r == -ESRCH) {
			error_clear(err); /* it has ended meanwhile */
			continue;
		}
		if (r < 0)
			return r;
		if (rows) {
			struct json_object *row = row_of(&list.items[i], &stats, seen_before(watch, container->id), watch->options->no_trunc);
			json_object_array_add(rows, json ? json_row(row) : row);
		}
		memcpy(seen[count].id, container->id, sizeof(seen[count].id));
		seen[count++].stats = stats;
	}
	free(watch->seen);
	watch->seen = TAKE_PTR(seen);
	watch->count = count;
	return 0;
}

static struct json_object *column_titles(void)
{
	static const char *const titles[][2] = {
	    {"CPUPerc", "CPU %"}, {"MemUsage", "MEM USAGE / LIMIT"}, {"MemPerc", "MEM %"},     {"NetIO", "NET IO"},
	    {"BlockIO", "BLOCK IO"}, {"Up", "CPU TIME"},	     {"AVGCPU", "AVG CPU %"}, {"PIDs", "PIDS"},
	};
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		json_add_string(object, titles[i][0], titles[i][1]);
	return object;
}

static int show(struct watch *watch, bool clear, struct error *err)
{
	auto_json struct json_object *rows = json_object_new_array(), *titles = column_titles();
	auto_strbuf struct strbuf out = STRBUF_INIT;
	int r = look(watch, rows, err);
	if (r == 0)
		r = template_list(watch->options->format,
				  "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}\t{{.Up}}\t{{.AVGCPU}}", titles, rows,
				  false, &out, err);
	if (r < 0)
		return r;
	printf("%s%s", clear ? "\033[H\033[J" : "", strbuf_text(&out));
	return fflush(stdout) == 0 ? 0 : error_sys(err, errno, "write");
}

static void pause_ms(int64_t ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&time, NULL);
}

static int watch_all(struct watch *watch, struct error *err)
{
	const struct options *options = watch->options;
	bool clear = !options->no_reset && !options->format && !options->no_stream && isatty(STDOUT_FILENO);
	int r = look(watch, NULL, err);
	if (r == 0)
		pause_ms(FIRST_LOOK_MS);
	for (; r == 0; pause_ms(options->interval * 1000)) {
		r = show(watch, clear, err);
		/* Named ones that have all ended will not come back. */
		if (options->no_stream || (watch->names->count && watch->count == 0))
			break;
	}
	return r;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	if (options->interval < 1 || options->interval > 86400)
		return error_set(err, EINVAL, "--interval must lie between 1 and 86400 seconds");
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	struct watch watch = {.store = store, .options = options, .names = &context->arguments};
	r = watch_all(&watch, err);
	free(watch.seen);
	return r;
}

const struct cli_command cmd_stats = {
    .name = "stats",
    .summary = "Show what running containers use",
    .usage = "[OPTIONS] [CONTAINER...]",
    .description = "Shows processor time, memory, network and block input and output of the containers that are named, or of all that run, again and again until it is interrupted. "
		   "Where a container has no cgroup of its own, what its living processes use is added up.",
    .examples = "coracle stats\ncoracle stats --no-stream --format '{{.Name}} {{.MemUsage}}'",
    .options = table,
    .options_size = sizeof(struct options),
    .defaults = defaults,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_RUNNING_CONTAINER,
    .run = run,
};
