/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/commands.h"
#include "src/session.h"
#include "storage/image/image.h"

static const struct cli_option table[] = {CLI_OPTIONS_END};

static int run(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_image struct image *image = NULL;
	auto_free char *name = NULL;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	r = image_find_to_run(store, context->arguments.items[0], &image, &name, err);
	return r == -ENOENT ? 1 : r;
}

const struct cli_command cmd_image_exists = {
    .name = "exists",
    .summary = "Tell whether an image is there",
    .usage = "IMAGE",
    .description = "Prints nothing. The exit status is 0 when the image is in the store, 1 when it is not, and 125 "
		   "when that cannot be told.",
    .examples = "coracle image exists busybox || coracle pull busybox",
    .options = table,
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
