/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal numbers with a fraction, exactly: what sizes, durations and Unix times have in common. Not for use outside of
 * pkg/text.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct decimal {
	int64_t whole;
	int64_t fraction; /* of `scale`, a power of ten */
	int64_t scale;
	bool overflow;
};

/* Reads "12", "1.5", ".5" or "1." at *text and moves *text behind it. False, and nothing moved, when there is no digit.
 */
bool decimal_parse(const char **text, struct decimal *ret);
/* number * unit, cut to a whole; false when it does not fit. */
bool decimal_multiply(const struct decimal *number, int64_t unit, int64_t *ret);
