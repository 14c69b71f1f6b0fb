/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest: content digests as the OCI image specification writes them ("sha256:<hex>"), over OpenSSL's EVP.
 *
 * Linked only by the programs that move images.
 */
#pragma once

#include <stddef.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/error/error.h"

/* "sha512:", 128 digits and a NUL. */
#define DIGEST_TEXT_MAX    136
#define DIGEST_SHA256_SIZE 32

struct digest;

/* `algorithm` is "sha256" or "sha512", or any text that begins so ("sha256:…"); NULL: sha256. */
int digest_new(const char *algorithm, struct digest **ret, struct error *err);
void digest_free(struct digest *digest);
DEFINE_CLEANUP(struct digest *, digest_free)
#define auto_digest CLEANUP(digest_freep)

int digest_update(struct digest *digest, const void *data, size_t length, struct error *err);
/* The digest of what was given since the beginning, as text; begins anew. `out` has DIGEST_TEXT_MAX bytes. */
int digest_finish(struct digest *digest, char *out, struct error *err);
/* The same as bytes; sha256 only. `out` has DIGEST_SHA256_SIZE bytes. */
int digest_finish_raw(struct digest *digest, unsigned char *out, struct error *err);

/* "sha256:<hex>" of a piece of memory. `out` has DIGEST_TEXT_MAX bytes. */
int digest_of(const void *data, size_t length, char *out, struct error *err);
/* Bytes as text: "sha256:<hex>". */
void digest_text(const unsigned char *raw, char *out);
/* -EBADMSG unless `data` has the digest `expected`; `what` names it in the error. */
int digest_check(const void *data, size_t length, const char *expected, const char *what, struct error *err);
