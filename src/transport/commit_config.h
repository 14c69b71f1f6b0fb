/* SPDX-License-Identifier: Apache-2.0 */
/* commit_config: the configuration of an image that is made of a container. */
#pragma once

#include "libpod/container/container.h"

struct commit_config {
	const struct container *container;
	const struct strv *environment; /* of its process */
	struct json_object *base;       /* the configuration of its image; NULL when that is gone */
	const struct strv *changes;     /* instructions of a Dockerfile */
	const char *author, *message;   /* NULL: none */
	bool volumes;                   /* what was mounted becomes volumes of the image */
};

/* Makes all but the layers; the caller puts *ret. -EINVAL: a change is wrong. */
int commit_config_make(const struct commit_config *request, struct json_object **ret, struct error *err);
/* Adds the new layer and its entry in the history: the only ones with `squash`. */
void commit_config_add_layer(struct json_object *config, const struct commit_config *request,
			     const struct strv *diff_ids, bool squash);
