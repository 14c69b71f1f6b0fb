/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed: the thread that brings a blob: what is in the partial file, then what the registry still has, into a pipe for
 * the unpacker, and into the partial file what was not there yet.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "pkg/progress/progress.h"
#include "storage/manifest/manifest.h"
#include "storage/pull/partial.h"
#include "storage/remote/remote.h"

struct feed {
	const struct remote *remote;
	const struct descriptor *blob;
	struct partial *partial;
	struct progress *progress; /* NULL: none */
	size_t item;
	const atomic_bool *stop; /* somebody else has failed */

	pthread_t thread;
	int pipe; /* its writing end */
	int result;
	struct error error;
};

/* Starts the thread and returns the pipe's reading end, which is the caller's; negative: nothing was started. */
int feed_start(struct feed *feed, struct error *err);
/* Waits for it, the reading end being closed or read to its end: 0: all bytes were given. -EPIPE: the other end did not
 * want them. -ECANCELED: `stop`. Anything else is what was wrong with the registry, or the disk. */
int feed_join(struct feed *feed, struct error *err);
