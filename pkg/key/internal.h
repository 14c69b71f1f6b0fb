/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this module share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pkg/error/error.h"

/* Whether the text is a private key in cosign's form. */
bool sealed_key_is(const char *text, size_t length);
/* The key in DER, for OPENSSL_clear_free(). -EACCES, without words: not this passphrase. */
int sealed_key_open(const char *text, size_t length, const char *passphrase, unsigned char **ret_der,
		    size_t *ret_length, struct error *err);
