/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that stand before the command: `coracle --root DIR run …`. What a command finds in cli_context.global.
 */
#pragma once

#include <stdbool.h>

struct global_options {
	const char *root;           /* --root; NULL: $XDG_DATA_HOME/coracle */
	const char *runroot;        /* --runroot; NULL: $XDG_RUNTIME_DIR/coracle */
	const char *log_level;      /* --log-level; has taken effect already (pkg/message) */
	const char *storage_driver; /* --storage-driver; NULL: the one that a probe chooses */
	bool version;               /* --version; has been answered already */
};
