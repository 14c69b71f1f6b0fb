/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "rootless/userns/userns.h"
#include "src/commands.h"
#include "src/session.h"

static int enter(struct store *store, struct error *err)
{
	struct id_mapping mapping;
	int r = store_mapping(store, &mapping, err);
	if (r == 0)
		r = userns_enter(store->run_fd, &mapping, err);
	if (store_mapping_refused(store, r, &mapping)) {
		error_clear(err);
		r = userns_enter(store->run_fd, &mapping, err);
	}
	if (r < 0)
		return r;
	/* What is mounted here goes with the last process; what the host mounts later is seen. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return error_sys(err, errno, "make a mount namespace");
	return 0;
}

static int run(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	int r = session_store(context, &store, err);
	if (r < 0 || (r = enter(store, err)) < 0)
		return r;
	const char *shell = getenv("SHELL");
	char *const shell_only[] = {(char *)(text_is_empty(shell) ? "/bin/sh" : shell), NULL};
	char *const *arguments = context->arguments.count ? context->arguments.items : shell_only;
	/* podman's names for where its files are, and ours, by which coracle finds the same store there. */
	setenv("CONTAINERS_GRAPHROOT", store->root, 1);
	setenv("CONTAINERS_RUNROOT", store->run, 1);
	setenv("CORACLE_ROOT", store->root, 1);
	setenv("CORACLE_RUNROOT", store->run, 1);
	execvp(arguments[0], arguments);
	return error_set_status(err, errno, errno == ENOENT ? 127 : 126, "%s: %s", arguments[0],
				errno == ENOENT ? "there is no such program" : "it cannot be executed");
}

const struct cli_command cmd_unshare = {
    .name = "unshare",
    .summary = "Run a command as root of the containers' user namespace",
    .usage = "[COMMAND [ARG...]]",
    .description = "Runs a command, or your shell, in the user namespace that your containers share, as its root, and "
		   "in a mount namespace of its own: files of volumes and images that "
		   "belong to subordinate ids can be looked at, changed and removed there.",
    .examples = "coracle unshare ls -ln ~/.local/share/coracle\ncoracle unshare chown -R 0:0 data",
    .max_arguments = -1,
    .flags = CLI_STOP_AT_POSITIONAL,
    .complete = CLI_COMPLETE_FILE,
    .run = run,
};
