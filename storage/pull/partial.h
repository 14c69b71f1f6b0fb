/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partial: blobs that are on their way: blobs/partial/<digest>, and the lock of who fetches it, <digest>.lock.
 *
 * The file is what has come so far, whoever fetched it and however that ended: a kill, a power cut. It is believed only
 * as far as its bytes, hashed again, turn out to be the beginning of the blob. The lock file goes with the partial one,
 * by the hand of who holds it; who waited for it sees then that it has no name any more, and begins anew.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "storage/store/store.h"

struct partial {
	int directory;
	int locks; /* the directory of the lock; borrowed, or `directory` */
	int lock;
	int fd; /* -1: not claimed */
	int64_t length;
	char name[160];
};
#define PARTIAL_INIT ((struct partial){.directory = -1, .lock = -1, .fd = -1})

/* Takes a blob: 1; 0 when another process (or another partial of this one) has it and it is not to be waited for. A
 * file that is longer than the `size` of its blob is emptied. */
int partial_claim(struct store *store, const char *digest, int64_t size, bool wait, struct partial *ret,
		  struct error *err);
/* The file, for a process that is to read it while it grows: a descriptor, which is the caller's. */
int partial_open_for_reading(const struct partial *partial, struct error *err);
/* What is there is of no use. */
int partial_empty(struct partial *partial, struct error *err);
/* Lets others have it; `done`: nobody will want it, and it goes, as one does in which nothing is. */
void partial_release(struct partial *partial, bool done);

/* Removes what nobody has touched for `age_s` seconds and nobody is fetching. */
int partial_sweep(struct store *store, int64_t age_s, struct error *err);
