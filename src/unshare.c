/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "libpod/network/keeper/keeper.h"
#include "rootless/userns/userns.h"
#include "src/commands.h"
#include "src/session.h"

struct options {
	bool rootless_netns;
};

static const struct cli_option table[] = {
    {0, "rootless-netns", CLI_FLAG, offsetof(struct options, rootless_netns), NULL,
     "Join the network namespace of your networks, too: from there containers are reached by their addresses"},
    CLI_OPTIONS_END,
};

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

/* Found before, because the keeper is outside of the user namespace; joined in it, as its root. */
static int find_networks(const struct store *store, int *ret, struct error *err)
{
	int fd = keeper_visit(store->run_fd, err);
	if (fd == -ENOENT)
		return error_set(err, ENOENT, "--rootless-netns: your networks are there only while a container is on one; start one: coracle run -d --network NAME IMAGE");
	if (fd < 0)
		return fd;
	*ret = fd;
	return 0;
}

static int join_networks(int process, struct error *err)
{
	auto_close int fd = openat(process, "ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return error_sys(err, errno, "join the network namespace of your networks");
	return 0;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	auto_close int networks = -1;
	int r = session_store(context, &store, err);
	if (r < 0 || (options->rootless_netns && (r = find_networks(store, &networks, err)) < 0) || (r = enter(store, err)) < 0 ||
	    (networks >= 0 && (r = join_networks(networks, err)) < 0))
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
    .usage = "[OPTIONS] [COMMAND [ARG...]]",
    .description = "Runs a command, or your shell, in the user namespace that your containers share, as its root, and "
		   "in a mount namespace of its own: files of volumes and images that "
		   "belong to subordinate ids can be looked at, changed and removed there. With --rootless-netns also what listens in containers on your networks can be "
		   "reached, published or not.",
    .examples = "coracle unshare ls -ln ~/.local/share/coracle\ncoracle unshare chown -R 0:0 data\ncoracle unshare --rootless-netns curl http://10.89.0.2/",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .flags = CLI_STOP_AT_POSITIONAL,
    .complete = CLI_COMPLETE_FILE,
    .run = run,
};
