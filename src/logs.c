/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "libpod/filter/filter.h"
#include "libpod/logs/logs.h"
#include "src/commands.h"
#include "src/session.h"

struct options {
	bool follow, timestamps, names, latest;
	const char *since, *until, *tail;
};

static const struct cli_option table[] = {
    {'f', "follow", CLI_FLAG, offsetof(struct options, follow), NULL, "Go on with what is written until the container ends"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The container that was created last"},
    {'n', "names", CLI_FLAG, offsetof(struct options, names), NULL, "Put the container's name before each line"},
    {0, "since", CLI_STRING, offsetof(struct options, since), "TIME", "Lines since a time (2024-05-01T10:00:00Z) or for a duration (10m)"},
    {0, "tail", CLI_STRING, offsetof(struct options, tail), "N", "The last N lines (all by default)"},
    {'t', "timestamps", CLI_FLAG, offsetof(struct options, timestamps), NULL, "Put the time before each line"},
    {0, "until", CLI_STRING, offsetof(struct options, until), "TIME", "Lines until a time or a duration ago"},
    CLI_OPTIONS_END,
};

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	struct logs_options logs = {.follow = options->follow, .timestamps = options->timestamps, .names = options->names, .tail = -1};
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
	return logs_show(store, list.items[0].container, &logs, err);
}

const struct cli_command cmd_logs = {
    .name = "logs",
    .summary = "Show what a container has written",
    .usage = "[OPTIONS] CONTAINER",
    .description = "Prints what the container wrote to standard output and standard error, each to the same.",
    .examples = "coracle logs -f --tail 20 web\ncoracle logs --since 10m web 2>/dev/null",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = 1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
