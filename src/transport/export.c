/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "libpod/filesystem/filesystem.h"
#include "src/commands.h"
#include "src/session.h"
#include "src/transport/output.h"
#include "storage/pack/pack.h"

struct options {
	const char *output;
};

static const struct cli_option table[] = {
    {'o', "output", CLI_STRING, offsetof(struct options, output), "FILE",
     "Write the archive to FILE instead of standard output", .complete = CLI_COMPLETE_FILE},
    CLI_OPTIONS_END,
};

struct work {
	struct store *store;
	const struct container *container;
	int fd;
};

static int write_archive(void *data, struct error *err)
{
	const struct work *work = data;
	auto_filesystem struct filesystem filesystem = FILESYSTEM_INIT;
	signal(SIGPIPE, SIG_DFL); /* who reads no more wants no more */
	int r = filesystem_open(work->store, work->container, &filesystem, err);
	if (r < 0)
		return r;
	contents_apply(filesystem.image, &filesystem.changes);
	return pack_contents(work->store, filesystem.image, filesystem.tree_fd, work->fd, err);
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	auto_container struct container *container = NULL;
	auto_output struct output output = OUTPUT_INIT;
	int r = session_store(context, &store, err);
	if (r == 0)
		r = container_find(store, context->arguments.items[0], &container, err);
	if (r == 0)
		r = output_open(options->output, "export", &output, err);
	if (r < 0)
		return r;
	struct work work = {store, container, output.fd};
	r = store_run_mapped(store, write_archive, &work, err);
	return r < 0 ? r : output_finish(&output, err);
}

const struct cli_command cmd_export = {
    .name = "export",
    .summary = "Write a container's file system as a tar",
    .usage = "[OPTIONS] CONTAINER",
    .description =
	"Writes all that the file system of a container has, running or not, as one tar archive: its image's layers "
	"and what "
	"it has changed. What is mounted into it (volumes) is not part of it. \"import\" makes an image of it again.",
    .examples = "coracle export -o web.tar web\ncoracle export web | tar -t",
    .options = table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
