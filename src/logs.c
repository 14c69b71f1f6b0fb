/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "libpod/filter/filter.h"
#include "libpod/logs/logs.h"
#include "pkg/message/message.h"
#include "pkg/process/process.h"
#include "src/commands.h"
#include "src/session.h"

struct options {
	bool color, follow, timestamps, names, latest;
	const char *since, *until, *tail;
};

static const struct cli_option table[] = {
    {0, "color", CLI_FLAG, offsetof(struct options, color), NULL, "With several containers, or --names: a colour for each name"},
    {'f', "follow", CLI_FLAG, offsetof(struct options, follow), NULL, "Go on with what is written until the container ends"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The container that was created last"},
    {'n', "names", CLI_FLAG, offsetof(struct options, names), NULL, "Put the container's name before each line"},
    {0, "since", CLI_STRING, offsetof(struct options, since), "TIME", "Lines since a time (2024-05-01T10:00:00Z) or for a duration (10m)"},
    {0, "tail", CLI_STRING, offsetof(struct options, tail), "N", "The last N lines (all by default)"},
    {'t', "timestamps", CLI_FLAG, offsetof(struct options, timestamps), NULL, "Put the time before each line"},
    {0, "until", CLI_STRING, offsetof(struct options, until), "TIME", "Lines until a time or a duration ago"},
    CLI_OPTIONS_END,
};

/* Nobody's lines are torn by another's, unless one is longer. */
#define LINE_BUFFER (1 << 16)

/* What stands before each line: the name, or, as docker's and podman's lists have it, the short id; NULL: nothing. */
static char *prefix_of(const struct container_list *list, size_t i, const struct options *options)
{
	/* Those that are easy to tell apart, and to read on black and on white. */
	static const int colors[] = {32, 33, 34, 35, 36, 31};
	const struct container *container = list->items[i].container;
	if (list->count == 1 && !options->names)
		return NULL;
	auto_free char *name = options->names ? xstrdup(container->name) : xstrndup(container->id, 12);
	return options->color ? xasprintf("\033[%dm%s\033[0m", colors[i % ARRAY_SIZE(colors)], name) : TAKE_PTR(name);
}

static int show(struct store *store, const struct container_list *list, size_t i, struct logs_options logs,
		const struct options *options, struct error *err)
{
	auto_free char *prefix = prefix_of(list, i, options);
	logs.prefix = prefix;
	return logs_show(store, list->items[i].container, &logs, err);
}

_Noreturn static void follow_one(struct store *store, const struct container_list *list, size_t i,
				 const struct logs_options *logs, const struct options *options)
{
	struct error err = ERROR_INIT;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setvbuf(stdout, NULL, _IOLBF, LINE_BUFFER);
	setvbuf(stderr, NULL, _IOLBF, LINE_BUFFER);
	int r = show(store, list, i, *logs, options, &err);
	if (r < 0)
		message_error("%s", err.text);
	fflush(NULL);
	_exit(r < 0 ? 125 : 0);
}

/* Several at once: a process for each. The exit status. */
static int follow_all(struct store *store, const struct container_list *list, const struct logs_options *logs,
		      const struct options *options, struct error *err)
{
	auto_free pid_t *pids = xcalloc(list->count, sizeof(*pids));
	int status, worst = 0;
	for (size_t i = 0; i < list->count; i++) {
		pids[i] = process_clone(0, NULL);
		if (pids[i] == 0)
			follow_one(store, list, i, logs, options);
		if (pids[i] < 0)
			return error_sys(err, pids[i], "make a process that follows %s",
					 list->items[i].container->name);
	}
	for (size_t i = 0; i < list->count; i++)
		if (process_wait(pids[i], &status) < 0 || process_exit_code(status) != 0)
			worst = 125;
	return worst;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	struct logs_options logs = {.follow = options->follow, .timestamps = options->timestamps, .tail = -1};
	int r = 0;
	if ((options->since && (r = parse_time(options->since, "--since", &logs.since_ns, err)) < 0) ||
	    (options->until && (r = parse_time(options->until, "--until", &logs.until_ns, err)) < 0))
		return r;
	/* docker: "all" and negative numbers mean all. */
	if (options->tail && strcmp(options->tail, "all") != 0 &&
	    (r = parse_int64(options->tail, "--tail", INT64_MIN, INT64_MAX, &logs.tail, err)) < 0)
		return r;
	if (logs.tail < 0)
		logs.tail = -1;
	if (options->latest == (context->arguments.count > 0))
		return error_set(err, EINVAL, "give either the name of a container or --latest");
	auto_store struct store *store = NULL;
	auto_container_list struct container_list list = {0};
	struct container_selection selection = {.names = &context->arguments, .latest = options->latest};
	if ((r = session_store(context, &store, err)) < 0 || (r = container_select(store, &selection, &list, err)) < 0)
		return r;
	if (list.count == 0)
		return error_set(err, ENOENT, "there is no container");
	if (list.count > 1 && options->follow)
		return follow_all(store, &list, &logs, options, err);
	for (size_t i = 0; r >= 0 && i < list.count; i++)
		r = show(store, &list, i, logs, options, err);
	return r;
}

const struct cli_command cmd_logs = {
    .name = "logs",
    .summary = "Show what containers have written",
    .usage = "[OPTIONS] CONTAINER...",
    .description = "Prints what the container wrote to standard output and standard error, each to the same. Of several containers, one after the other or, with --follow, at once, each line has the container's id before it, or its name with --names.",
    .examples = "coracle logs -f --tail 20 web\ncoracle logs --since 10m web 2>/dev/null\ncoracle logs -f --names --color web db",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
