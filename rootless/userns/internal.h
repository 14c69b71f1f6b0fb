/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this module share. */
#pragma once

#include <stdint.h>

#include "rootless/userns/userns.h"

/* Our pid as the mounted /proc counts it, which inside a pid namespace is not what getpid(2) says. Negative errno. */
pid_t userns_pid_in_proc(void);

/* userns_explain() over another /proc/sys. */
int userns_explain_from(const char *sysctl_root, int errnum, struct error *err);
