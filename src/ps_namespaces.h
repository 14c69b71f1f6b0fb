/* SPDX-License-Identifier: Apache-2.0 */
/* ps_namespaces: the namespaces of a container's first process, for `ps --namespace`. */
#pragma once

#include <sys/types.h>

#include "pkg/json/json.h"

#define PS_NAMESPACES_FORMAT                                                                                           \
	"table "                                                                                                       \
	"{{.ID}}\t{{.Names}}\t{{.Pid}}\t{{.CGROUPNS}}\t{{.IPC}}\t{{.MNT}}\t{{.NET}}\t{{.PIDNS}}\t{{.USERNS}}\t{{.UTS}" \
	"}"

/* Adds CGROUPNS, IPC … to a row of the table; "" where there is no process, pid 0. */
void ps_add_namespaces(struct json_object *row, pid_t pid);
/* The same as podman's "Namespaces" of `--format json`. */
struct json_object *ps_namespaces_object(pid_t pid);
