/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64: RFC 4648, section 4 (with padding, on one line), over OpenSSL's EVP.
 */
#pragma once

#include <stddef.h>

#include "pkg/error/error.h"

/* malloc'd. */
char *base64_encode(const void *data, size_t length);
/* *ret is malloc'd, with a NUL behind it. -EINVAL: not base64. */
int base64_decode(const char *text, char **ret, size_t *ret_length, struct error *err);
