/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program: where coracle's other executables are.
 *
 * They are looked for beside the executable that is running (/proc/self/exe), which is where a build tree has them, and
 * then in the folder they are installed to, $(libexecdir)/coracle. Neither PATH nor any other variable of the
 * environment has a say: what is started here must be of one piece with what starts it.
 */
#pragma once

#include "pkg/error/error.h"

/* The path of the executable `name` ("coracle-transport"), malloc'd; -ENOENT when there is none. */
int program_find(const char *name, char **ret_path, struct error *err);
