/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpod/control/control.h"
#include "pkg/message/message.h"
#include "src/commands.h"
#include "src/session.h"
#include "src/volume_view.h"

enum {
	STATUS_NOT_FOUND = 1,
	STATUS_IN_USE = 2,
	STATUS_FAILED = 125,
	LOOKS_MAX = 10,
};

struct options {
	bool all, force;
	int64_t time;
	bool time_given;
};

static const struct cli_option table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "All volumes"},
    {'f', "force", CLI_FLAG, offsetof(struct options, force), NULL,
     "Remove the containers that have them first; those that are not there are no error"},
    {'t', "time", CLI_INT, offsetof(struct options, time), "SECONDS", "With --force: seconds to wait before SIGKILL",
     .given_offset = offsetof(struct options, time_given)},
    CLI_OPTIONS_END,
};

static int remove_users(struct store *store, const char *name, int64_t timeout_s, struct error *err)
{
	auto_strv struct strv users = STRV_INIT;
	int r = volumes_users(store, name, &users, err);
	for (size_t i = 0; r == 0 && i < users.count; i++) {
		auto_container struct container *container = NULL;
		if (container_read(store, users.items[i], &container, NULL) < 0)
			continue;
		r = control_remove(store, container, true, timeout_s, err);
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

static int remove_one(struct store *store, const struct options *options, const char *given, struct error *err)
{
	auto_volume struct volume volume = {0};
	int r = volume_find(store, given, &volume, err);
	if (r < 0)
		return r;
	for (int i = 0; i < LOOKS_MAX; i++) {
		r = volumes_remove(store, volume.name, err);
		if (r != -EBUSY || !options->force)
			break;
		error_clear(err);
		if ((r = remove_users(store, volume.name, options->time_given ? options->time : CONTROL_OWN_TIMEOUT, err)) < 0)
			return r;
	}
	if (r == 0)
		puts(volume.name);
	return r;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	auto_strv struct strv names = STRV_INIT;
	int status = 0;
	if (options->all == (context->arguments.count > 0))
		return error_set(err, EINVAL, "give either names or --all");
	int r = session_store(context, &store, err);
	if (r < 0 || (options->all && (r = volume_names(store, &names, err)) < 0))
		return r;
	session_behind(context, 0, &names);
	/* What fails for one is said and does not keep the others from it. */
	for (size_t i = 0; i < names.count; i++) {
		struct error one = ERROR_INIT;
		r = remove_one(store, options, names.items[i], &one);
		if (r >= 0 || (r == -ENOENT && options->force))
			continue;
		message_error("%s", one.text);
		int worse = r == -ENOENT ? STATUS_NOT_FOUND : r == -EBUSY ? STATUS_IN_USE : STATUS_FAILED;
		status = worse > status ? worse : status;
	}
	fflush(stdout);
	store_empty_trash_later(store);
	return status;
}

const struct cli_command cmd_volume_rm = {
    .name = "rm",
    .summary = "Remove volumes",
    .usage = "[OPTIONS] VOLUME...",
    .description = "Removes volumes with all that is in them.\n\nThe exit status is 1 when a volume is not there, 2 "
		   "when a container has one, and 125 for anything else.",
    .examples = "coracle volume rm data\ncoracle volume rm --all",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .complete = CLI_COMPLETE_VOLUME,
    .run = run,
};
