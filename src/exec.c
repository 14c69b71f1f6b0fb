/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "libpod/exec/exec.h"
#include "libpod/filter/filter.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/terminal/terminal.h"
#include "src/commands.h"
#include "src/session.h"

struct options {
	struct exec_options exec;
	bool latest;
};

#define AT(member) offsetof(struct options, exec.member)

static const struct cli_option table[] = {
    {'d', "detach", CLI_FLAG, AT(detach), NULL, "Leave the process running in the background"},
    {0, "detach-keys", CLI_STRING, AT(detach_keys), "KEYS", "Keys that detach from a terminal (ctrl-p,ctrl-q by default)"},
    {'e', "env", CLI_LIST, AT(env), "KEY[=VALUE]", "Set an environment variable, or pass on your own"},
    {0, "env-file", CLI_LIST, AT(env_files), "FILE", "Set the environment variables of a file", .complete = CLI_COMPLETE_FILE},
    {'i', "interactive", CLI_FLAG, AT(interactive), NULL, "Pass standard input on"},
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The container that was created last, instead of a name"},
    {0, "preserve-fds", CLI_INT, AT(preserve_fds), "NUMBER", "Hand on so many further descriptors, from 3 on, to the process"},
    {0, "privileged", CLI_FLAG, AT(privileged), NULL, "Give all capabilities (in the user namespace)"},
    {'t', "tty", CLI_FLAG, AT(terminal), NULL, "Give the process a terminal"},
    {'u', "user", CLI_STRING, AT(user), "USER[:GROUP]", "Run as this user: a name that the container has, or an id"},
    {'w', "workdir", CLI_STRING, AT(workdir), "PATH", "Working directory of the process"},
    CLI_OPTIONS_END,
};

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	const struct exec_options *exec = &options->exec;
	size_t command = options->latest ? 0 : 1;
	if (context->arguments.count <= command)
		return error_set(err, EINVAL, "%s needs %sa command to run", context->command_path,
				 options->latest ? "" : "the name of a container and ");
	struct detach_keys keys;
	int r = exec->detach_keys ? detach_keys_parse(exec->detach_keys, &keys, err) : 0;
	if (r < 0 || (r = descriptors_check_inherited(exec->preserve_fds, err)) < 0)
		return r;
	if (exec->terminal && exec->interactive && !exec->detach && !isatty(STDIN_FILENO))
		return error_set(err, ENOTTY, "-t with -i needs a terminal, and standard input is none; leave one of them out");
	auto_store struct store *store = NULL;
	auto_container_list struct container_list list = {0};
	auto_container struct container *named = NULL;
	struct container *container;
	if ((r = session_store(context, &store, err)) < 0)
		return r;
	if (options->latest) {
		if ((r = container_select(store, &(struct container_selection){.latest = true}, &list, err)) < 0)
			return r;
		if (list.count == 0)
			return error_set(err, ENOENT, "there is no container");
		container = list.items[0].container;
	} else {
		if ((r = container_find(store, context->arguments.items[0], &named, err)) < 0)
			return r;
		container = named;
	}
	auto_strv struct strv arguments = STRV_INIT;
	session_behind(context, command, &arguments);
	int exit_code;
	r = exec_run(store, container, exec, &arguments, &exit_code, err);
	return r < 0 ? r : exit_code;
}

const struct cli_command cmd_exec = {
    .name = "exec",
    .summary = "Run a command in a running container",
    .usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
    .description = "Runs a further process in a running container. The command ends with the process's exit status: 125 when coracle itself failed, 126 when the "
		   "command could not be executed, 127 when it was not found, 128 and the signal's number when a signal ended it.",
    .examples = "coracle exec -it web sh\ncoracle exec -u postgres -e PGDATABASE=shop db psql -c 'select 1'",
    .options = table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = -1,
    .flags = CLI_STOP_AT_POSITIONAL,
    .complete = CLI_COMPLETE_RUNNING_CONTAINER,
    .run = run,
};
