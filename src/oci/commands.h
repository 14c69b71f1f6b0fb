/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands: the commands of coracle-runtime.
 */
#pragma once

#include "libpod/oci/oci.h"
#include "pkg/cli/cli.h"

/* The options before the command. */
struct runtime_options {
	const char *root, *log, *log_format;
	bool debug, version;
};

extern const struct cli_command *const oci_commands[]; /* NULL-terminated */
