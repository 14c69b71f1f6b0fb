/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "libpod/launch/launch.h"
#include "libpod/monitor/monitor.h"
#include "libpod/stdio/stdio.h"
#include "pkg/process/process.h"
#include "pkg/terminal/terminal.h"
#include "src/commands.h"
#include "src/each.h"
#include "src/session.h"

struct options {
	struct each_options each;
	bool attach, interactive, sig_proxy, sig_proxy_given;
	const char *detach_keys;
};

static const struct cli_option table[] = {
    {0, "all", CLI_FLAG, offsetof(struct options, each.all), NULL, "All containers that are not running"},
    {'a', "attach", CLI_FLAG, offsetof(struct options, attach), NULL, "Attach to its output, and end with its exit status"},
    {0, "detach-keys", CLI_STRING, offsetof(struct options, detach_keys), "KEYS", "Keys that detach from a terminal (ctrl-p,ctrl-q by default)"},
    {'f', "filter", CLI_LIST, offsetof(struct options, each.filters), "KEY=VALUE", "Containers that match (see `coracle ps --help`)"},
    {'i', "interactive", CLI_FLAG, offsetof(struct options, interactive), NULL, "Attach to its input too"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, each.latest), NULL, "The container that was created last"},
    {0, "sig-proxy", CLI_FLAG, offsetof(struct options, sig_proxy), NULL, "With --attach: pass signals on to the container's process (on by default)", .given_offset = offsetof(struct options, sig_proxy_given)},
    CLI_OPTIONS_END,
};

static bool is_alive(enum container_status status)
{
	return status != CONTAINER_CREATED && status != CONTAINER_EXITED;
}

static int start_detached(struct each *each, struct container_entry *entry, const char *name, struct error *err)
{
	(void)name;
	/* One that is running is started already. */
	if (is_alive(entry->state.status))
		return 0;
	auto_launch struct launch launch = LAUNCH_INIT;
	return launch_container(each->store, entry->container, NULL, &(struct launch_streams){0}, &launch, err);
}

/* As docker and podman do it: what is started already is attached to. */
static int attach_running(struct store *store, const struct container *container, const struct launch_streams *streams, struct launch *ret,
			  struct error *err)
{
	struct launch_streams wanted = *streams;
	wanted.terminal = container->terminal;
	int r = ret->control = monitor_connect(store, container->id, err);
	return r < 0 ? r : monitor_attach(ret->control, &wanted, ret->stdio, err);
}

static int start_attached(struct cli_context *context, const struct options *options, struct error *err)
{
	if (options->each.all || options->each.filters.count || context->arguments.count + options->each.latest != 1)
		return error_set(err, EINVAL, "only one container can be attached to; give one name, or --latest");
	auto_store struct store *store = NULL;
	auto_container_list struct container_list list = {0};
	struct container_selection selection = {.names = &context->arguments, .latest = options->each.latest};
	int r = session_store(context, &store, err);
	if (r < 0 || (r = container_select(store, &selection, &list, err)) < 0)
		return r;
	if (list.count == 0)
		return error_set(err, ENOENT, "there is no container");
	struct container *container = list.items[0].container;
	struct launch_streams streams = {
	    .attach_stdin = options->interactive && container->open_stdin, .attach_stdout = true, .attach_stderr = true};
	struct winsize size;
	if (container->terminal && terminal_get_size(STDIN_FILENO, &size) >= 0) {
		streams.rows = size.ws_row;
		streams.columns = size.ws_col;
	}
	bool alive = is_alive(list.items[0].state.status);
	auto_signals_held struct signals_held held = {0};
	if (!alive)
		signals_hold(&held);
	auto_launch struct launch launch = LAUNCH_INIT;
	r = alive ? attach_running(store, container, &streams, &launch, err)
						 : launch_container(store, container, NULL, &streams, &launch, err);
	if (r < 0)
		return r;
	struct stdio_options stdio = {
	    .terminal = container->terminal,
	    .sig_proxy = (!options->sig_proxy_given || options->sig_proxy) && !container->terminal,
	    .detach_keys = options->detach_keys ? options->detach_keys : container->detach_keys,
	    .held = &held,
	};
	enum stdio_end end;
	int exit_code;
	r = stdio_run(store, container->id, &launch, &stdio, &end, &exit_code, err);
	return r < 0 ? r : end == STDIO_DETACHED ? 0 : exit_code;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	if (options->attach || options->interactive)
		return start_attached(context, options, err);
	return each_container(context, &(struct each){.action = start_detached}, err);
}

const struct cli_command cmd_start = {
    .name = "start",
    .summary = "Start containers that are not running",
    .usage = "[OPTIONS] CONTAINER...",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
