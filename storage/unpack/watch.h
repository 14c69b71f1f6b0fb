/* SPDX-License-Identifier: Apache-2.0 */
/* watch: how much of a blob the unpacker has read, as its parent sees it: a number in memory that both have. */
#pragma once

#include "pkg/stream/stream.h"

struct watch;
/* Made before the unpacker is; NULL when there is no memory for it: then nothing is seen. */
struct watch *watch_new(void);
void watch_free(struct watch *watch);

/* Counts from 0 what is read of `below`, which it takes. */
struct stream *watch_stream(struct watch *watch, struct stream *below);
int64_t watch_count(const struct watch *watch);
