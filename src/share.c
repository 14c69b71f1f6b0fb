/* SPDX-License-Identifier: Apache-2.0 */
/* system share: lets others use the images of a store. */
#include "storage/share/share.h"

#include <stdio.h>

#include "src/commands.h"
#include "src/session.h"

static const struct cli_option table[] = {CLI_OPTIONS_END};

static int run(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	struct shared shared;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	auto_close int lock = store_lock(store, LOCK_MODE_SHARED, err);
	if (lock < 0 || (r = store_share(store, &shared, err)) < 0)
		return lock < 0 ? lock : r;
	printf("%s: %zu images can be used by others, %zu layers more than before\n", store->root, shared.images,
	       shared.layers);
	return 0;
}

const struct cli_command cmd_system_share = {
    .name = "share",
    .summary = "Let others use the images of this store",
    .usage = "",
    .description = "Gives everybody the permission to read the images and layers of a store, so that others can name "
		   "it in additional_image_stores of their coracle.conf and use "
		   "its images in place, with nothing written to it. An administrator, or any user, fills such a store "
		   "with --root, and calls this whenever an image has been added.\n\n"
		   "What the modes of files truly are stays known: save and push give the exact layers, and the check "
		   "does not complain. Files of unpacked layers belong to whoever "
		   "filled the store; to others they are shown as nobody's, and can be changed all the same. Images "
		   "that `image convert --squash` has made show the owners that they "
		   "mean to everyone.",
    .examples = "coracle --root /srv/images pull debian:12\n"
		"coracle --root /srv/images image convert --squash debian:12\n"
		"coracle --root /srv/images system share",
    .options = table,
    .max_arguments = 0,
    .run = run,
};
