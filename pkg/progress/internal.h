/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of an item, and its line: apart from the drawing, so that it can be looked at without a terminal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkg/text/text.h"

struct progress_item {
	char *name;
	char *state;
	uint64_t done, total;
	bool finished;
	bool told;           /* the plain line of this state has been written */
	int64_t told_at;     /* monotonic ns of the last plain line */
	int64_t measured_at; /* since when `measured_from` counts; 0: not yet */
	uint64_t measured_from;
	uint64_t rate; /* bytes a second, smoothed; 0: not known */
};

/* Takes note of how fast the bytes move. */
void progress_measure(struct progress_item *item, int64_t now);
/* Appends the item's line without its end, at most `width` columns; names are padded to `name_width`. */
void progress_line(const struct progress_item *item, size_t name_width, size_t width, struct strbuf *out);
/* Appends "12.3MB/45.6MB", or "12.3MB" where the total is not known. */
void progress_bytes(const struct progress_item *item, struct strbuf *out);
