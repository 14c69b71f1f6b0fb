/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed: the thread that brings a blob into its partial file: what the registry has and the file has not. The unpacker
 * reads the file, from its beginning, and learns through a pipe how far it may (stream_open_growing).
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
	int growth; /* the pipe's writing end */
	int result;
	struct error error;
};

/* Starts the thread and returns the pipe's reading end, which is the caller's; negative: nothing was started. */
int feed_start(struct feed *feed, struct error *err);
/* Waits for it, the reading end being closed or read to its end: 0: all bytes are there. -EPIPE: the other end did not
 * want more. -ECANCELED: `stop`. Anything else is what was wrong with the registry, or the disk. */
int feed_join(struct feed *feed, struct error *err);
