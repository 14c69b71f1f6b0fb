/* SPDX-License-Identifier: Apache-2.0 */
/* session: what most commands begin with. */
#pragma once

#include "pkg/cli/cli.h"
#include "storage/store/store.h"

/* Opens the store that the program's own options name. */
int session_store(const struct cli_context *context, struct store **ret, struct error *err);
/* Copies the arguments from the one numbered `first` on. */
void session_behind(const struct cli_context *context, size_t first, struct strv *ret);
