/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes `registry` of commands.def, for the main file of one program. That file defines CORACLE(symbol) and
 * TRANSPORT(symbol) first: the address of the command for the program's own, NULL for those that it must not link.
 */
#pragma once

#include "src/commands.h"
#include "src/front/front.h"

#define GROUP(path, summary)                    {path, summary, NULL, NULL},
#define COMMAND(path, symbol, program, summary) {path, summary, #symbol, program(symbol)},
static const struct front_entry registry[] = {
#include "src/commands.def"
};
#undef COMMAND
#undef GROUP
