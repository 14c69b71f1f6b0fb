/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A point in time in its parts, for parse_rfc3339() and parse_time(). Not for use outside of pkg/text.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SECOND INT64_C(1000000000)

struct stamp {
	int year, month, day; /* month and day from 1 */
	int hour, minute, second, nanosecond;
	int offset;       /* seconds east of UTC; with has_zone only */
	bool has_seconds; /* the clock was there down to the seconds */
	bool has_zone;
};

/* Reads "2024-05-01", "2024-05-01T10", "2024-05-01T10:00", "2024-05-01T10:00:00", "2024-05-01T10:00:00.123", each with
 * or without a zone ("Z", "+02:00"). The whole text must be one. */
bool stamp_parse(const char *text, struct stamp *ret);
/* Nanoseconds since 1970; -ERANGE outside the years 1678 to 2261. A stamp without a zone is taken as UTC. */
int stamp_to_ns(const struct stamp *stamp, int64_t *ret_ns);
