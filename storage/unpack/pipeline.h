/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline: the threads that stand before the one that unpacks. The first reads the blob, hashes and decompresses it
 * into a ring of buffers; the second hashes the ring's content; the caller reads it as a stream. A buffer is free again
 * when both have gone past it. A blob that is not compressed is its own tar: then the first thread's digest is both,
 * and there is no second.
 */
#pragma once

#include "pkg/stream/stream.h"

struct pipeline;

struct pipeline_sums {
	char blob_digest[DIGEST_TEXT_MAX];
	unsigned char tar_digest[DIGEST_SHA256_SIZE];
	int64_t blob_size, tar_size;
	enum stream_compression compression;
};

/* Takes `blob`, also on failure. `blob_digest` says with which algorithm it is hashed (NULL: sha256). */
int pipeline_start(struct stream *blob, const char *blob_digest, struct pipeline **ret, struct error *err);
/* Stops the threads, wherever they are. */
void pipeline_free(struct pipeline *pipeline);
DEFINE_CLEANUP(struct pipeline *, pipeline_free)
#define auto_pipeline CLEANUP(pipeline_freep)

/* The decompressed tar; it belongs to the pipeline. */
struct stream *pipeline_stream(struct pipeline *pipeline);
/* Once the stream has been read to its end. */
int pipeline_finish(struct pipeline *pipeline, struct pipeline_sums *ret, struct error *err);
