/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info: what coracle finds on this machine, what it makes of it, and how more can be had.
 *
 * One tree has it all, in the shape and by the names that podman's `info --format json` has, so that scripts written for that find what they look for: host, store,
 * registries, plugins, version. Beside these are members that answer the questions people without root have, in plain words: idMode, userNamespaces,
 * cgroupAdvice, networkProgram, graphDriverReason …
 */
#pragma once

#include "pkg/json/json.h"
#include "storage/store/store.h"

/* Collects it. What cannot be found out is left out; the error is one of the store. The caller puts *ret. */
int info_collect(struct store *store, struct json_object **ret, struct error *err);

/* The same for templates: the members have the names of podman's Go fields ({{.Host.Security.Rootless}}), and at the top are docker's too ({{.Driver}},
 * {{.ContainersRunning}}). A new tree; the caller puts it. */
struct json_object *info_template_view(struct json_object *info);

/* The machine's architecture by the name that images have for it: "amd64". malloc'd. */
char *info_architecture(void);

/* As text to read: a line each, indented, as YAML. */
void info_text(struct json_object *info, struct strbuf *out);
