/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compress: the other way round: bytes that are pushed in come out compressed, piece by piece.
 *
 * The same bytes with the same level give the same result, however they are cut into pieces: gzip's header has neither
 * name nor time, and the coder is given blocks of one size. (ISA-L and zstd may give another result in another version,
 * or on a processor with other instructions.)
 */
#pragma once

#include "pkg/stream/stream.h"

/* Receives what comes out. 0 or negative. */
typedef int (*compressor_sink)(void *userdata, const void *data, size_t length, struct error *err);

struct compressor;
/* STREAM_PLAIN, STREAM_GZIP (levels 1 … 9) or STREAM_ZSTD (1 … 20); others are -EOPNOTSUPP. `level` -1: the default. */
int compressor_new(enum stream_compression compression, int level, compressor_sink sink, void *userdata,
		   struct compressor **ret, struct error *err);
void compressor_free(struct compressor *compressor);
DEFINE_CLEANUP(struct compressor *, compressor_free)
#define auto_compressor CLEANUP(compressor_freep)

int compressor_write(struct compressor *compressor, const void *data, size_t length, struct error *err);
/* Gives the sink the end; nothing can be written after it. */
int compressor_finish(struct compressor *compressor, struct error *err);

/* -EINVAL, in words, for a level that the compression does not have. */
int compressor_check_level(enum stream_compression compression, int level, struct error *err);
