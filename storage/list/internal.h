/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this module share. */
#pragma once

#include "storage/list/list.h"
#include "storage/pull/pull.h"
#include "storage/remote/remote.h"

/* ---- copy.c ---- */
/* Makes the manifest that is known in "docker://host/repository" by its digest, and all that it names, be in the other
 * repository too. */
int list_copy(const struct pull_request *from, const char *source, const char *digest, const struct remote *to,
	      struct error *err);
