/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pair: two sha256 digests of the same bytes: of a whole, and of one part of it after another, as of a tar and the
 * files in it.
 *
 * Where the processor has instructions for it (x86-64's SHA), both together cost what one does, since the one waits
 * where the other works and most of what is computed is the same. Otherwise each is made by OpenSSL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/digest/digest.h"

struct digest_pair;

int digest_pair_new(struct digest_pair **ret, struct error *err);
void digest_pair_free(struct digest_pair *pair);
DEFINE_CLEANUP(struct digest_pair *, digest_pair_free)
#define auto_digest_pair CLEANUP(digest_pair_freep)

/* The next bytes of the whole; `part`: they belong to the part, too. */
int digest_pair_update(struct digest_pair *pair, bool part, const void *data, size_t length, struct error *err);
/* The digest of the part; the next one begins. `out` has DIGEST_SHA256_SIZE bytes. */
int digest_pair_end_part(struct digest_pair *pair, unsigned char *out, struct error *err);
/* The digest of the whole; the next one begins. */
int digest_pair_end(struct digest_pair *pair, unsigned char *out, struct error *err);

/* For tests and measurements: by OpenSSL in any case. */
void digest_pair_forgo_native(struct digest_pair *pair);
