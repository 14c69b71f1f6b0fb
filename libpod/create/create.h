/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create: a new container on disk.
 *
 * Everything is planned and checked first; then the directory is staged whole and renamed into place. A kill leaves either nothing (the stage is swept by the
 * next command) or a complete container in state created.
 */
#pragma once

#include "libpod/plan/plan.h"

/* Makes a container of the image `image_name`. `listen`: it will be started at once, so take its published ports now. The plan that is returned can be given to
 * launch_container(). -ENOENT when there is no such image. */
int create_container(struct store *store, const struct create_options *options, const char *image_name, const struct strv *arguments,
		     bool listen, struct plan *ret, struct error *err);
