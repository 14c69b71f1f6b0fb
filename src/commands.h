/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Declares every command of commands.def.
 */
#pragma once

#include "pkg/cli/cli.h"

#define GROUP(path, summary)
#define COMMAND(path, symbol, program, summary) extern const struct cli_command symbol;
#include "src/commands.def"
#undef COMMAND
#undef GROUP
