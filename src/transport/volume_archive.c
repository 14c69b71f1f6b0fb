/* SPDX-License-Identifier: Apache-2.0 */
/* volume export, volume import. Files of a volume can be of any owner: the work is done as root of the user namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/copy/copy.h"
#include "src/commands.h"
#include "src/session.h"
#include "src/transport/output.h"
#include "storage/volume/volume.h"

struct work {
	const char *path; /* of the volume's data */
	int fd;           /* the archive */
	bool in;
};

static int do_work(void *data, struct error *err)
{
	const struct work *work = data;
	signal(SIGPIPE, SIG_DFL); /* who reads no more wants no more */
	auto_close int directory = open(work->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return error_sys(err, errno, "open %s", work->path);
	umask(0); /* modes are the archive's */
	return work->in ? copy_directory_in(directory, work->fd, err) : copy_directory_out(directory, work->fd, err);
}

/* Where its data is. */
static int find(struct store *store, const char *name, struct volume_source *ret, struct error *err)
{
	auto_volume struct volume volume = {0};
	int r = volume_find(store, name, &volume, err);
	if (r < 0 || (r = volume_source(store, &volume, ret, err)) < 0)
		return r;
	if (ret->kind != VOLUME_TMPFS)
		return 0;
	return error_set(err, EOPNOTSUPP,
			 "volume %s is in memory, and there only while a container has it: coracle cp CONTAINER:PATH "
			 "reads and writes it",
			 volume.name);
}

/* ---- export ---- */
struct export_options {
	const char *output;
};

static const struct cli_option export_table[] = {
    {'o', "output", CLI_STRING, offsetof(struct export_options, output), "FILE",
     "Write the archive to FILE instead of standard output", .complete = CLI_COMPLETE_FILE},
    CLI_OPTIONS_END,
};

static int run_export(struct cli_context *context, struct error *err)
{
	const struct export_options *options = context->options;
	auto_store struct store *store = NULL;
	auto_volume_source struct volume_source source = {0};
	auto_output struct output output = OUTPUT_INIT;
	int r = session_store(context, &store, err);
	if (r < 0 || (r = find(store, context->arguments.items[0], &source, err)) < 0 ||
	    (r = output_open(options->output, "volume export", &output, err)) < 0)
		return r;
	struct work work = {source.path, output.fd, false};
	r = store_run_mapped(store, do_work, &work, err);
	return r < 0 ? r : output_finish(&output, err);
}

const struct cli_command cmd_volume_export = {
    .name = "export",
    .summary = "Write what is in a volume as a tar",
    .usage = "[OPTIONS] VOLUME",
    .description = "Writes all that is in a volume as one tar archive, with owners, modes, times and links. `volume "
		   "import` puts it into a volume again.",
    .examples = "coracle volume export -o data.tar data\ncoracle volume export data | gzip >data.tar.gz",
    .options = export_table,
    .options_size = sizeof(struct export_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_VOLUME,
    .run = run_export,
};

/* ---- import ---- */
static const struct cli_option import_table[] = {CLI_OPTIONS_END};

static int run_import(struct cli_context *context, struct error *err)
{
	const char *from = context->arguments.count > 1 ? context->arguments.items[1] : "-";
	auto_store struct store *store = NULL;
	auto_volume_source struct volume_source source = {0};
	auto_close int opened = -1;
	int r = session_store(context, &store, err);
	if (r < 0 || (r = find(store, context->arguments.items[0], &source, err)) < 0)
		return r;
	bool stream = strcmp(from, "-") == 0;
	if (stream && isatty(STDIN_FILENO))
		return error_set(err, EINVAL, "standard input is a terminal, not an archive");
	if (!stream && (opened = open(from, O_RDONLY | O_CLOEXEC)) < 0)
		return error_sys(err, errno, "open %s", from);
	struct work work = {source.path, stream ? STDIN_FILENO : opened, true};
	r = store_run_mapped(store, do_work, &work, err);
	return r < 0 ? error_context(err, "import into volume %s", context->arguments.items[0]) : 0;
}

const struct cli_command cmd_volume_import = {
    .name = "import",
    .summary = "Put what is in a tar into a volume",
    .usage = "VOLUME [FILE]",
    .description = "Unpacks a tar archive, compressed or not, of FILE or standard input into a volume that is there. "
		   "What the volume has of the same name "
		   "is replaced, everything else stays.",
    .examples = "coracle volume create data\ncoracle volume import data data.tar",
    .options = import_table,
    .min_arguments = 1,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_VOLUME,
    .run = run_import,
};
