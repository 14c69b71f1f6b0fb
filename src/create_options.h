/* SPDX-License-Identifier: Apache-2.0 */
/* create_options: the option table that create and run share. */
#pragma once

#include "libpod/plan/plan.h"
#include "pkg/cli/cli.h"

extern const struct cli_option create_option_table[];
void create_option_defaults(void *options);
/* What contradicts itself whatever the image: before the store is opened. */
int create_options_check(const struct create_options *options, struct error *err);
