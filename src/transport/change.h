/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change: --change of import and commit: an instruction of a Dockerfile that changes an image's configuration.
 */
#pragma once

#include "pkg/json/json.h"

/* Applies "CMD …", "ENTRYPOINT …", "ENV …", "EXPOSE …", "LABEL …", "ONBUILD …", "STOPSIGNAL …", "USER …", "VOLUME …"
 * or "WORKDIR …" (any case; "CMD=…" is taken too) to the "config" object of an image configuration. -EINVAL names what
 * is wrong. */
int change_apply(struct json_object *config, const char *instruction, struct error *err);
