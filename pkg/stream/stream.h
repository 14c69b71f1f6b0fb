/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: bytes that come one after another: from a file, a part of a file, a pipe or memory, hashed and decompressed
 * on the way.
 *
 * Streams are stacked: stream_hash and stream_decompress take the one below and close it with themselves, also when
 * they fail.
 *
 *	auto_stream struct stream *stream = NULL;
 *	r = stream_open_fd(fd, 0, -1, "x.tar.gz", &stream, err);
 *	if (r == 0)
 *		r = stream_decompress(TAKE_PTR(stream), &stream, err);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/digest/digest.h"
#include "pkg/error/error.h"

struct stream {
	/* Up to `length` (at least 1) bytes; 0 at the end, for ever; negative errno with err filled. */
	ssize_t (*read)(struct stream *stream, void *data, size_t length, struct error *err);
	/* Passes over `length` bytes; fewer are left: stops at the end. NULL: they are read. */
	int (*skip)(struct stream *stream, int64_t length, struct error *err);
	void (*close)(struct stream *stream);
	/* NULL, or lends what read() would copy: up to `length` bytes that stay as they are until the next call. */
	ssize_t (*take)(struct stream *stream, size_t length, const void **ret, struct error *err);
};

void stream_close(struct stream *stream);
DEFINE_CLEANUP(struct stream *, stream_close)
#define auto_stream CLEANUP(stream_closep)

static inline ssize_t stream_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	return stream->read(stream, data, length, err);
}
/* Reads until `length` bytes are there or the stream has ended; the count. */
ssize_t stream_read_full(struct stream *stream, void *data, size_t length, struct error *err);
int stream_skip(struct stream *stream, int64_t length, struct error *err);
/* Reads to the end. */
int stream_drain(struct stream *stream, struct error *err);

/* `length` bytes of the file behind `fd` (borrowed) from `offset` on, with pread(2); length -1: to its end. Offset -1:
 * read(2) from where it is, for pipes. `name` (copied) is for the error text. */
int stream_open_fd(int fd, int64_t offset, int64_t length, const char *name, struct stream **ret, struct error *err);
/* A file that is still being written, from its beginning to where the pipe `growth` says that it has come; its end is that
 * of the pipe. Both descriptors are the caller's and stay open. The writer calls stream_announce() with his end of the
 * pipe and the length, each time it has grown; -EPIPE: nobody reads any more. */
int stream_open_growing(int fd, int growth, const char *name, struct stream **ret, struct error *err);
int stream_announce(int growth, int64_t length);
/* Borrows the memory. */
int stream_open_memory(const void *data, size_t length, struct stream **ret, struct error *err);

/* Gives what it reads from `below` to the digest (borrowed). */
int stream_hash(struct stream *below, struct digest *digest, struct stream **ret, struct error *err);

enum stream_compression {
	STREAM_PLAIN,
	STREAM_GZIP,
	STREAM_ZSTD,
	STREAM_XZ,
	STREAM_BZIP2,
};
const char *stream_compression_name(enum stream_compression compression);
/* What the first bytes of a file say. */
enum stream_compression stream_detect(const void *data, size_t length);

/* The name of a compression or an archive that is not known here ("lz4"), by the first bytes of a file; NULL: nothing that has a
 * name. */
const char *stream_foreign_name(const void *data, size_t length);

/* Looks at the first bytes of `below` and decompresses gzip (also of several members), zstd, xz and bzip2; anything
 * else comes through as it is. A compressed stream that ends early or fails its own checksum is an error
 * (-EBADMSG), and so is one that wants more memory for what it refers back to than 128 MiB (-EFBIG).
 * `ret_compression` may be NULL. */
int stream_decompress(struct stream *below, struct stream **ret, enum stream_compression *ret_compression,
		      struct error *err);
/* The same in one of several processes that have the same `gate`, any file that is open for writing (0: none): what wants more than
 * about 8 MiB waits until no other of them does, so that together they do not take that many times 128 MiB. One such
 * stream at a time in a process: its lock is the process's (fcntl(2)). */
int stream_decompress_gated(struct stream *below, int gate, struct stream **ret,
			    enum stream_compression *ret_compression, struct error *err);
