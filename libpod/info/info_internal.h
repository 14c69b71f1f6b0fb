/* SPDX-License-Identifier: Apache-2.0 */
/* info_internal: the parts of info_collect(), a file each. They add to the objects they are given. */
#pragma once

#include "libpod/info/info.h"

/* machine.c: kernel, memory, processors, distribution. */
void info_machine(struct json_object *host);
/* rights.c: what the user may do here: ids, user namespaces, cgroups, security modules. */
int info_rights(struct store *store, struct json_object *host, struct error *err);
/* programs.c: the helper programs that were found, and the network. */
void info_programs(const struct store *store, struct json_object *host);
/* file_system.c: what follows from the file system (`type` as mount(8) names it) that is under the store. */
void info_file_system(const struct store *store, const char *type, struct json_object *object);
/* store.c */
int info_store(struct store *store, struct json_object *object, struct error *err);

/* The first line of a small file, malloc'd; NULL when it cannot be read. */
char *info_read_line(const char *path);
