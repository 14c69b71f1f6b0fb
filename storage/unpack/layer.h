/* SPDX-License-Identifier: Apache-2.0 */
/* One layer, in the process that may make its files: see unpack.h. */
#pragma once

#include "storage/unpack/unpack.h"

struct unpack_target {
	int diff_fd, kept_fd;             /* empty directories */
	int recipe_fd;                    /* an empty file, O_RDWR */
	const struct id_mapping *mapping; /* NULL: single-id mode */
	int gate;                         /* of stream_decompress_gated(); 0: none */
};

/* Takes `blob`. `ret_xattrs`: whether whiteouts are in overlay's form. On failure the directories are emptied. */
int unpack_layer(const struct unpack_target *target, struct stream *blob, const char *blob_digest, const char *diff_id,
		 struct unpack_result *ret, bool *ret_xattrs, struct error *err);

/* Removes all in a directory of a layer: it may belong to ids that only this process has. */
void unpack_discard(int dirfd);
