/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress: how far several things are that go on at the same time (the layers of an image on their way).
 *
 * On a terminal each item has a line that is drawn again in place, at most ten times a second:
 *
 *	a3ed95caeb02: Downloading  [=========>          ]  12.3MB/45.6MB  5.1MB/s
 *
 * Elsewhere (a log file) a plain line is written when an item's state changes, and one every ten seconds while its
 * bytes move:
 *
 *	a3ed95caeb02: Downloading
 *	a3ed95caeb02: Downloading 12.3MB/45.6MB
 *
 * What is done within a second shows nothing at all. Drawing happens inside the calls below, so that nothing has to be
 * kept running; they may come from several threads. Nothing here can fail: who looks on is no reason for the work to
 * end.
 *
 * All functions take NULL for a progress that nobody is to see.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pkg/cleanup/cleanup.h"

struct progress;

/* Begins on `fd` (standard error), which is borrowed. */
struct progress *progress_begin(int fd);
/* Draws the last state, when anything was shown, and frees. The cursor is left below the lines. */
void progress_end(struct progress *progress);
DEFINE_CLEANUP(struct progress *, progress_end)
#define auto_progress CLEANUP(progress_endp)

/* Adds an item, whose number is returned. Name and state are copied and must be free of control characters. `total` in
 * bytes; 0 when it is not known. */
size_t progress_add(struct progress *progress, const char *name, const char *state, uint64_t total);
/* The item has come to `done` of its bytes. */
void progress_update(struct progress *progress, size_t item, uint64_t done);
/* The item goes over to another state ("Extracting"), with its bytes counted anew. */
void progress_state(struct progress *progress, size_t item, const char *state, uint64_t total);
/* The item is through: "Pull complete", "Already exists"; its line has no bar any more. */
void progress_done(struct progress *progress, size_t item, const char *state);
