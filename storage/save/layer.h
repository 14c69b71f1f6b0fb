/* SPDX-License-Identifier: Apache-2.0 */
/* A layer as a blob. */
#pragma once

#include "storage/manifest/manifest.h"
#include "storage/save/save.h"
#include "storage/save/target.h"

struct saving {
	struct store *store;
	const struct save_request *request;
	struct target target;
	struct strv digests; /* of the blobs of the diff ids at the same places in `layers` */
	struct strv layers;
	struct strv compressions;
	int64_t *sizes;
};
void saving_free(struct saving *saving);

/* What the layer's blob is called in the format, from its digest; malloc'd. */
typedef char *(*blob_name)(const char *digest);

/* Writes the layer, unless it was. `ret` has texts that belong to `saving`. */
int save_layer(struct saving *saving, const char *diff_id, blob_name name, struct descriptor *ret, struct error *err);
