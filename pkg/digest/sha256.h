/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of one digest or of two at once, by the processor's own instructions (FIPS 180-4; for pair.c alone). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_BLOCK 64

/* A digest that is being made: its chaining value, and what does not fill a block yet. */
struct sha256 {
	uint32_t state[8];
	uint64_t length; /* of all bytes so far; what lies in `rest` is that modulo a block */
	unsigned char rest[SHA256_BLOCK];
};

/* Whether the processor has them; nothing else here may be called otherwise. */
bool sha256_is_native(void);
void sha256_begin(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *data, size_t length);
/* The same bytes to both. Where both stand at the same place of a block, it takes hardly longer than one. */
void sha256_add_both(struct sha256 *one, struct sha256 *other, const void *data, size_t length);
/* `out` has 32 bytes. */
void sha256_end(struct sha256 *sha, unsigned char *out);
