/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "libpod/filter/filter.h"
#include "libpod/monitor/monitor.h"
#include "libpod/stdio/stdio.h"
#include "pkg/terminal/terminal.h"
#include "src/commands.h"
#include "src/session.h"

struct options {
	bool no_stdin, sig_proxy, latest;
	const char *detach_keys;
};

static const struct cli_option table[] = {
    {0, "detach-keys", CLI_STRING, offsetof(struct options, detach_keys), "KEYS", "Keys that detach from a terminal (ctrl-p,ctrl-q by default)"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The container that was created last"},
    {0, "no-stdin", CLI_FLAG, offsetof(struct options, no_stdin), NULL, "Do not attach standard input"},
    {0, "sig-proxy", CLI_FLAG, offsetof(struct options, sig_proxy), NULL, "Pass signals on to the container's process (on by default)"},
    CLI_OPTIONS_END,
};

static void defaults(void *object)
{
	((struct options *)object)->sig_proxy = true;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	if (options->latest == (context->arguments.count > 0))
		return error_set(err, EINVAL, "give either the name of a container or --latest");
	auto_store struct store *store = NULL;
	auto_container_list struct container_list list = {0};
	struct container_selection selection = {.names = &context->arguments, .latest = options->latest};
	int r = session_store(context, &store, err);
	if (r < 0 || (r = container_select(store, &selection, &list, err)) < 0)
		return r;
	if (list.count == 0)
		return error_set(err, ENOENT, "there is no container");
	struct container *container = list.items[0].container;
	if (list.items[0].state.status == CONTAINER_PAUSED)
		return error_set(err, EBUSY, "container %s is paused; `coracle unpause %s` first", container->name, container->name);
	auto_launch struct launch launch = LAUNCH_INIT;
	if ((launch.control = monitor_connect(store, container->id, err)) < 0) {
		if (launch.control == -ESRCH)
			return error_set(err, ESRCH, "container %s is not running, so there is nothing to attach to", container->name);
		return launch.control;
	}
	struct launch_streams streams = {
	    .attach_stdin = !options->no_stdin && container->open_stdin, .attach_stdout = true, .attach_stderr = true,
	    .terminal = container->terminal};
	struct winsize size;
	if (container->terminal && terminal_get_size(STDIN_FILENO, &size) >= 0) {
		streams.rows = size.ws_row;
		streams.columns = size.ws_col;
	}
	if ((r = monitor_attach(launch.control, &streams, launch.stdio, err)) < 0)
		return r;
	struct stdio_options stdio = {
	    .terminal = container->terminal,
	    .sig_proxy = options->sig_proxy && !container->terminal,
	    .detach_keys = options->detach_keys ? options->detach_keys : container->detach_keys,
	};
	enum stdio_end end;
	int exit_code;
	r = stdio_run(store, container->id, &launch, &stdio, &end, &exit_code, err);
	return r < 0 ? r : end == STDIO_DETACHED ? 0 : exit_code;
}

const struct cli_command cmd_attach = {
    .name = "attach",
    .summary = "Attach to a running container",
    .usage = "[OPTIONS] CONTAINER",
    .description = "Connects the terminal to the streams of a running container, as `run` without --detach does, and ends with its exit status.",
    .options = table,
    .options_size = sizeof(struct options),
    .defaults = defaults,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_RUNNING_CONTAINER,
    .run = run,
};
