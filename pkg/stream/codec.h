/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decompressors behind stream_decompress(). Each takes `below`, whose first `head_length` bytes were already read,
 * closes it with itself, and closes it at once when it fails.
 */
#pragma once

#include "pkg/stream/stream.h"

#define STREAM_HEAD_MAX 16
/*
 * What zstd and xz call a window or a dictionary is how far back they refer, and so what must be kept in memory. Up to this
 * much is taken: what zstd's own tool takes unasked (--long=27), and twice what xz -9 wants; what a stream says beyond
 * that is believed to nobody. What every compressor uses unless it is told to take more (zstd -19, xz -6) is taken at
 * any time; above that, one stream at a time, of those that have the same gate.
 */
#define STREAM_WINDOW_LOG_MAX     27
#define STREAM_WINDOW_MIB         (1 << (STREAM_WINDOW_LOG_MAX - 20))
#define STREAM_WINDOW_LOG_NARROW  23
/* Waits at the gate; it is open again when stream_gate_leave() says so, or the process ends. */
int stream_gate_enter(int gate, struct error *err);
void stream_gate_leave(int gate);
/* Input is read in pieces of this size. */
#define STREAM_INPUT_SIZE 65536

/* What all have: the input buffer, which begins with the head. */
struct stream_input {
	struct stream *below;
	unsigned char *buffer;
	size_t position, length;
	bool ended;
};
void stream_input_init(struct stream_input *input, struct stream *below, const void *head, size_t head_length);
void stream_input_free(struct stream_input *input);
/* Makes position < length, unless the stream has ended. */
int stream_input_fill(struct stream_input *input, struct error *err);

int stream_open_gzip(struct stream *below, const void *head, size_t head_length, struct stream **ret,
		     struct error *err);
int stream_open_zstd(struct stream *below, const void *head, size_t head_length, int gate, struct stream **ret,
		     struct error *err);
int stream_open_xz(struct stream *below, const void *head, size_t head_length, int gate, struct stream **ret,
		   struct error *err);
/* bzip2, by libarchive. */
int stream_open_filter(struct stream *below, const void *head, size_t head_length, struct stream **ret,
		       struct error *err);
