/* SPDX-License-Identifier: Apache-2.0 */
/* utf8: code points, as Go's unicode/utf8 sees them: a byte that belongs to none counts as one, U+FFFD. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkg/text/text.h"

#define UTF8_INVALID 0xFFFDu

/* Lays the first code point of `text` into *ret and returns its length in bytes (1 for an invalid one); length > 0. */
size_t utf8_decode(const char *text, size_t length, uint32_t *ret);
void utf8_append(struct strbuf *out, uint32_t code_point);
size_t utf8_count(const char *text, size_t length);
/* How many bytes the first `count` code points take. */
size_t utf8_prefix(const char *text, size_t length, size_t count);
/* Whether Go prints it as it is in a quoted string: not so controls, and spaces other than ASCII's. */
bool utf8_is_printable(uint32_t code_point);
