/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checksum: whether a content still is what it was: XXH3 with 128 bits, over libxxhash, some ten times as fast as a
 * digest. It is meant against accidents (a disk, a stray hand), not against somebody who wants two contents to have
 * the same one: what comes from elsewhere is known by its digest (pkg/digest).
 *
 * Linked only by the programs that move images.
 */
#pragma once

#include <stddef.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/error/error.h"

#define CHECKSUM_SIZE 16

struct checksum;

int checksum_new(struct checksum **ret, struct error *err);
void checksum_free(struct checksum *checksum);
DEFINE_CLEANUP(struct checksum *, checksum_free)
#define auto_checksum CLEANUP(checksum_freep)

void checksum_update(struct checksum *checksum, const void *data, size_t length);
/* The checksum of what was given since the beginning, in the byte order that is the same everywhere; begins anew. `out`
 * has CHECKSUM_SIZE bytes. */
void checksum_finish(struct checksum *checksum, unsigned char *out);
