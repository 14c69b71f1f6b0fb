/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/control/control.h"
#include "src/commands.h"
#include "src/each.h"

#define INTERVAL_DEFAULT_NS 250000000
#define INTERVAL_MAX_NS	    INT64_C(86400000000000)

struct options {
	struct each_options each;
	struct strv conditions;
	const char *interval;
	/* what they mean */
	unsigned int wanted; /* 0: its end, or whatever it is now if it is not running */
	int64_t interval_ns;
};

static const struct cli_option table[] = {
    EACH_OPTIONS,
    {0, "condition", CLI_COMMA_LIST, offsetof(struct options, conditions), "STATE", "Wait for one of these states instead: created, initialized, running, paused, restarting, stopping, stopped, exited or removing"},
    {0, "ignore", CLI_FLAG, offsetof(struct options, each.ignore), NULL, "Say nothing of containers that are not there"},
    {'i', "interval", CLI_STRING, offsetof(struct options, interval), "TIME", "How often to look whether it is in that state, as 500ms or 2s (250ms by default; a plain number is milliseconds)"},
    CLI_OPTIONS_END,
};

static int action(struct each *each, struct container_entry *entry, const char *name, struct error *err)
{
	(void)name;
	const struct options *options = each->options;
	int exit_code;
	int r = options->wanted ? control_wait_condition(each->store, entry->container, options->wanted, options->interval_ns, &exit_code, err)
				: control_wait(each->store, entry->container, &exit_code, err);
	if (r >= 0)
		printf("%d\n", exit_code);
	return r;
}

static int read_interval(struct options *options, struct error *err)
{
	const char *text = options->interval;
	options->interval_ns = INTERVAL_DEFAULT_NS;
	if (!text)
		return 0;
	bool plain = *text && text[strspn(text, "0123456789")] == '\0';
	auto_free char *with_unit = xasprintf("%s%s", text, plain ? "ms" : "");
	int r = parse_duration(with_unit, "--interval", &options->interval_ns, err);
	if (r < 0)
		return r;
	if (options->interval_ns < 1000000 || options->interval_ns > INTERVAL_MAX_NS)
		return error_set(err, EINVAL, "--interval %s: give a millisecond or more, and a day at the most, as 500ms", text);
	return 0;
}

static int run(struct cli_context *context, struct error *err)
{
	struct options *options = context->options;
	int r = read_interval(options, err);
	for (size_t i = 0; r == 0 && i < options->conditions.count; i++)
		if ((r = control_condition(options->conditions.items[i], &options->wanted, err)) < 0)
			return error_context(err, "--condition");
	if (r < 0)
		return r;
	return each_container(context, &(struct each){.action = action, .quiet = true}, err);
}

const struct cli_command cmd_wait = {
    .name = "wait",
    .summary = "Wait until containers have ended, and print their exit codes",
    .usage = "[OPTIONS] CONTAINER...",
    .description = "Waits until containers have ended, and prints their exit codes, each on a line. With --condition it waits for another state; the code of one that has not ended is -1.",
    .examples = "coracle wait web\ncoracle wait --condition running,exited web",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
