/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/launch/launch.h"
#include "libpod/stdio/stdio.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/message/message.h"
#include "pkg/process/process.h"
#include "pkg/terminal/terminal.h"
#include "src/commands.h"
#include "src/create_image.h"
#include "src/create_options.h"
#include "src/image_users.h"
#include "src/session.h"

#define AT(member) offsetof(struct create_options, member)

static const struct cli_option run_option_table[] = {
    {'a', "attach", CLI_LIST, AT(attach), "STREAM", "Attach only to stdin, stdout or stderr"},
    {'d', "detach", CLI_FLAG, AT(detach), NULL, "Leave the container running and print its id"},
    {0, "detach-keys", CLI_STRING, AT(detach_keys), "KEYS", "Keys that detach from a terminal (ctrl-p,ctrl-q by default)"},
    {0, "preserve-fds", CLI_INT, AT(preserve_fds), "NUMBER", "Hand on so many further descriptors, from 3 on, to the container's process"},
    {0, "rmi", CLI_FLAG, AT(rmi), NULL, "Remove the container and then its image, unless another container has it, when it exits"},
    {0, "sig-proxy", CLI_FLAG, AT(sig_proxy), NULL, "Pass signals on to the container's process (on by default)"},
    CLI_OPTIONS_END,
};

/* Which streams are attached: those named by -a, or, without it, output and error, and input with -i. */
static int choose_streams(const struct create_options *options, struct launch_streams *ret, struct error *err)
{
	struct launch_streams streams = {0};
	for (size_t i = 0; i < options->attach.count; i++) {
		const char *name = options->attach.items[i];
		if (strcasecmp(name, "stdin") == 0)
			streams.attach_stdin = true;
		else if (strcasecmp(name, "stdout") == 0)
			streams.attach_stdout = true;
		else
			streams.attach_stderr = true;
	}
	if (options->detach && options->attach.count)
		return error_set(err, EINVAL, "--attach and --detach contradict each other");
	if (!options->detach && options->attach.count == 0)
		streams = (struct launch_streams){.attach_stdin = options->interactive, .attach_stdout = true, .attach_stderr = true};
	struct winsize size;
	if (options->terminal && !options->detach && terminal_get_size(STDIN_FILENO, &size) >= 0) {
		streams.rows = size.ws_row;
		streams.columns = size.ws_col;
	}
	*ret = streams;
	return 0;
}

/* By the name that it was asked for by: others that it has stay. */
static const char *image_of(const struct container *container)
{
	return text_is_empty(container->image_name) ? container->image_id : container->image_name;
}

/* What the container has ended with is what counts. */
static void remove_image(struct store *store, const char *image)
{
	struct error err = ERROR_INIT;
	if (image_remove_unused(store, image, &err) < 0)
		message_warn("--rmi: %s", err.text);
	else
		store_empty_trash_later(store);
}

static int attached(struct store *store, struct create_options *options, const char *id, const char *image, struct launch *launch, struct error *err)
{
	struct stdio_options stdio = {
	    .terminal = options->terminal,
	    .sig_proxy = options->sig_proxy && !options->terminal,
	    .detach_keys = options->detach_keys,
	    .held = options->held,
	};
	enum stdio_end end;
	int exit_code;
	int r = stdio_run(store, id, launch, &stdio, &end, &exit_code, err);
	if (r < 0)
		return r;
	if (end == STDIO_DETACHED)
		return 0;
	if (options->rmi)
		remove_image(store, image);
	return exit_code;
}

static int run(struct cli_context *context, struct error *err)
{
	struct create_options *options = context->options;
	options->command_line = context->command_line;
	if (options->rmi && options->detach)
		return error_set(err, EINVAL, "--rmi removes the image at the end of this command; it is not for --detach");
	if (options->rmi && options->rootfs)
		return error_set(err, EINVAL, "--rmi and --rootfs contradict each other: there is no image");
	options->rm |= options->rmi;
	struct launch_streams streams;
	int r = create_options_check(options, err);
	if (r < 0 || (r = choose_streams(options, &streams, err)) < 0 || (r = descriptors_check_inherited(options->preserve_fds, err)) < 0)
		return r;
	streams.preserve_fds = (unsigned int)options->preserve_fds;
	if (options->terminal && options->interactive && !options->detach && !isatty(STDIN_FILENO))
		return error_set(err, ENOTTY, "-t with -i needs a terminal, and standard input is none; leave one of them out");
	auto_store struct store *store = NULL;
	if ((r = session_store(context, &store, err)) < 0)
		return r;
	auto_signals_held struct signals_held held = {0};
	if (!options->detach)
		options->held = &held;
	auto_plan struct plan plan = {0};
	if ((r = create_of_image(context, store, true, &plan, err)) != 0)
		return r;
	auto_launch struct launch launch = LAUNCH_INIT;
	if ((r = launch_container(store, plan.container, &plan, &streams, &launch, err)) < 0)
		return r;
	/* Whoever reads the other end of one is to learn when the process lets go of it. */
	descriptors_close_inherited(streams.preserve_fds);
	if (options->detach) {
		printf("%s\n", plan.container->id);
		return 0;
	}
	return attached(store, options, plan.container->id, image_of(plan.container), &launch, err);
}

const struct cli_command cmd_run = {
    .name = "run",
    .summary = "Create and run a new container",
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .description = "Makes a container of an image and starts it. Without --detach the command stays with it, passes its streams on, and ends with "
		   "its exit status: 125 when coracle itself failed, 126 when the command could not be executed, 127 when it was not found, 128 and the "
		   "signal's number when a signal ended it.",
    .examples = "coracle run --rm -it localhost/debian bash\ncoracle run -d --name web -p 8080:80 localhost/nginx",
    .options = run_option_table,
    .shared = (const struct cli_option *const[]){create_option_table, NULL},
    .options_size = sizeof(struct create_options),
    .defaults = create_option_defaults,
    .min_arguments = 1,
    .max_arguments = -1,
    .flags = CLI_STOP_AT_POSITIONAL,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
