/* SPDX-License-Identifier: Apache-2.0 */
/* create_image: the container of run and create, made once its image is here: --pull. */
#pragma once

#include "libpod/plan/plan.h"
#include "pkg/cli/cli.h"

/* Makes a container of the image and the arguments on the command line. An image that has to be fetched is brought by coracle-transport, which says itself what goes
 * wrong: then its exit status is returned, a positive number. */
int create_of_image(const struct cli_context *context, struct store *store, bool listen, struct plan *ret, struct error *err);
