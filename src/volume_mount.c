/* SPDX-License-Identifier: Apache-2.0 */
/* volume mount, unmount, reload: podman's, for what is always there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/commands.h"
#include "src/session.h"
#include "storage/volume/volume.h"

static const struct cli_option table[] = {CLI_OPTIONS_END};

static int run_mount(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	int r = session_store(context, &store, err);
	for (size_t i = 0; r == 0 && i < context->arguments.count; i++) {
		auto_volume struct volume volume = {0};
		auto_volume_source struct volume_source source = {0};
		if ((r = volume_find(store, context->arguments.items[i], &volume, err)) < 0 ||
		    (r = volume_source(store, &volume, &source, err)) < 0)
			return r;
		if (source.kind == VOLUME_TMPFS)
			return error_set(err, EOPNOTSUPP,
					 "volume %s is in memory, and there only while a container has it; outside "
					 "only the machine's root could mount it",
					 volume.name);
		puts(source.path);
	}
	return r;
}

static int run_unmount(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	int r = session_store(context, &store, err);
	for (size_t i = 0; r == 0 && i < context->arguments.count; i++) {
		auto_volume struct volume volume = {0};
		if ((r = volume_find(store, context->arguments.items[i], &volume, err)) == 0)
			puts(volume.name);
	}
	return r;
}

/* Listing them sweeps what has gone. */
static int run_reload(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_strv struct strv names = STRV_INIT;
	int r = session_store(context, &store, err);
	return r < 0 ? r : volume_names(store, &names, err);
}

const struct cli_command cmd_volume_mount = {
    .name = "mount",
    .summary = "Print where volumes are",
    .usage = "VOLUME...",
    .description = "Prints the folder of each volume. A volume on disk is always there, and needs no mounting; one in "
		   "memory (type=tmpfs) is only where a container has "
		   "it. Files of other owners than the container's root are readable to you as their modes say.",
    .examples = "ls \"$(coracle volume mount data)\"",
    .options = table,
    .min_arguments = 1,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_VOLUME,
    .run = run_mount,
};

const struct cli_command cmd_volume_unmount = {
    .name = "unmount",
    .summary = "The other side of mount: prints the names of volumes",
    .usage = "VOLUME...",
    .description = "`volume mount` mounts nothing that would have to be unmounted; this is here for scripts that do "
		   "both. A volume that is not there is an error.",
    .options = table,
    .min_arguments = 1,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_VOLUME,
    .run = run_unmount,
};

const struct cli_command cmd_volume_reload = {
    .name = "reload",
    .summary = "Look at the volumes anew",
    .usage = "",
    .description = "Volumes are read from the disk by each command, and no plugin has any: there is nothing that could "
		   "be out of date. What a killed container has left of "
		   "its anonymous volumes is swept.",
    .options = table,
    .run = run_reload,
};
