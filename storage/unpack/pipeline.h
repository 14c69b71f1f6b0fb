/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline: what stands before the thread that unpacks. A thread reads the blob, hashes and decompresses it into a ring
 * of buffers; the caller reads these as a stream, without their being copied (stream.h, take), and what he reads is
 * hashed under his hands, while it is in the processor's cache: as the tar that it is, and as the file in it that he
 * says. A blob that is not compressed is its own tar: then the tar's digest is both.
 */
#pragma once

#include "pkg/checksum/checksum.h"
#include "pkg/stream/stream.h"

struct pipeline;

struct pipeline_sums {
	char blob_digest[DIGEST_TEXT_MAX];
	unsigned char tar_digest[DIGEST_SHA256_SIZE], tar_checksum[CHECKSUM_SIZE];
	int64_t blob_size, tar_size;
	enum stream_compression compression;
};

/* Takes `blob`, also on failure. `blob_digest` says with which algorithm it is hashed (NULL: sha256). `gate`: of
 * stream_decompress_gated(). */
int pipeline_start(struct stream *blob, const char *blob_digest, int gate, struct pipeline **ret, struct error *err);
/* Stops the threads, wherever they are. */
void pipeline_free(struct pipeline *pipeline);
DEFINE_CLEANUP(struct pipeline *, pipeline_free)
#define auto_pipeline CLEANUP(pipeline_freep)

/* The decompressed tar; it belongs to the pipeline. */
struct stream *pipeline_stream(struct pipeline *pipeline);
/* Whether what is read from now on belongs to a part that has a checksum of its own. */
void pipeline_part(struct pipeline *pipeline, bool part);
/* That checksum; the next part begins. `out` has CHECKSUM_SIZE bytes. */
void pipeline_end_part(struct pipeline *pipeline, unsigned char *out);
/* When what came could not be used: reads the blob to its end, without decompressing it, and says what it is. Nothing else
 * can be done with the pipeline then. `out` has DIGEST_TEXT_MAX bytes. */
int pipeline_blob_digest(struct pipeline *pipeline, char *out, struct error *err);
/* With what the blob is compressed that layers of OCI images are not ("bzip2", "lz4"), whether it can be read or not; NULL: with
 * none of that. */
const char *pipeline_odd_compression(const struct pipeline *pipeline);
/* Once the stream has been read to its end. */
int pipeline_finish(struct pipeline *pipeline, struct pipeline_sums *ret, struct error *err);
