/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar: a strict, streaming reader of tar archives that accounts for every byte.
 *
 * Theory of operation. Whoever must give an archive back bit for bit has to know of each byte whether it was the
 * content of a file or something else: a header, padding, a sparse map, the trailer. libarchive does not say (it looks
 * ahead, merges extended headers and skips padding by itself), hence this reader. It is handed a function that
 * receives, in order, everything that is not content; contents are what tar_read_content() returns. The one after the
 * other, they are the archive.
 *
 * Formats: V7, ustar (POSIX.1-1988), pax (POSIX.1-2001) and GNU, as Go's archive/tar reads them, because container
 * images are what it writes: GNU long names and links; base-256 numbers; pax path, linkpath, size, uid, gid, mtime and
 * SCHILY.xattr.*; sparse files in GNU's old form and in pax 0.0, 0.1 and 1.0. Global pax headers change nothing. Links,
 * directories, devices and FIFOs have no content, whatever their size field says. The old unsigned and the historic
 * signed checksum are taken.
 *
 * Everything is bounded: the extended headers of an entry to 1 MiB, a sparse map to TAR_EXTENTS_MAX pieces.
 * Names are bytes, not UTF-8; a NUL within one is an error. Nothing here looks at what a name means.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkg/error/error.h"
#include "pkg/stream/stream.h"

#define TAR_BLOCK        512
#define TAR_EXTENDED_MAX (1 << 20)
#define TAR_EXTENTS_MAX  131072

enum tar_type {
	TAR_FILE = '0',
	TAR_HARD_LINK = '1',
	TAR_SYMLINK = '2',
	TAR_CHARACTER_DEVICE = '3',
	TAR_BLOCK_DEVICE = '4',
	TAR_DIRECTORY = '5',
	TAR_FIFO = '6',
};

/* A piece of a file that has data in the archive; what lies between pieces is a hole. */
struct tar_extent {
	int64_t offset, length;
};

struct tar_xattr {
	char *name;
	char *value;
	size_t length;
};

/* An entry; valid until the next tar_next(). */
struct tar_entry {
	enum tar_type type;
	char *path;    /* as written, perhaps absolute or with a slash behind */
	char *link;    /* of hard links and symlinks; otherwise NULL */
	uint32_t mode; /* permission bits: 07777 */
	int64_t uid, gid;
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint32_t device_major, device_minor;
	int64_t size;               /* of the file; 0 for what has no content */
	int64_t stored;             /* bytes of content in the archive; less than size for sparse files */
	struct tar_extent *extents; /* in order; NULL: one from 0 to size */
	size_t extents_count;
	struct tar_xattr *xattrs;
	size_t xattrs_count;
};

/* Frees what an entry holds; for copies that are their owner's. */
void tar_entry_clear(struct tar_entry *entry);

/* Receives bytes that are not content. 0 or negative. */
typedef int (*tar_raw_function)(void *userdata, const void *data, size_t length, struct error *err);

struct tar_reader;

/* `stream` is borrowed; `raw` may be NULL. */
struct tar_reader *tar_reader_new(struct stream *stream, tar_raw_function raw, void *userdata);
void tar_reader_free(struct tar_reader *reader);
DEFINE_CLEANUP(struct tar_reader *, tar_reader_free)
#define auto_tar_reader CLEANUP(tar_reader_freep)

/* The next entry: 1; 0 at the end of the archive (two blocks of zeros, or simply the end). What was not read of the
 * content before is skipped. -EBADMSG: damaged, or no tar archive. */
int tar_next(struct tar_reader *reader, const struct tar_entry **ret, struct error *err);
/* The content of the current entry, all extents in order; 0 at its end. An archive that ends before is -EBADMSG. */
ssize_t tar_read_content(struct tar_reader *reader, void *data, size_t length, struct error *err);
/* The same without copying; the stream must be one that lends (stream.h, take). The bytes stay until the next call. */
ssize_t tar_take_content(struct tar_reader *reader, size_t length, const void **ret, struct error *err);
/* After the end: gives what follows the trailer to `raw`. */
int tar_finish(struct tar_reader *reader, struct error *err);
/* Bytes of the archive consumed so far: right after tar_next, where the content begins. */
int64_t tar_position(const struct tar_reader *reader);

/* ---- writing ---- */
/*
 * The other way round, by libarchive: a pax archive with extended headers only where an entry needs them. The same entries
 * always give the same bytes. Times are whole seconds, as in the layers and exports of other tools; owners have no names.
 */
struct tar_writer;

/* Writes to `fd` (borrowed), which may be a pipe. */
int tar_writer_new(int fd, struct tar_writer **ret, struct error *err);
/* Without tar_writer_finish() before it the archive is not complete. */
void tar_writer_free(struct tar_writer *writer);
DEFINE_CLEANUP(struct tar_writer *, tar_writer_free)
#define auto_tar_writer CLEANUP(tar_writer_freep)

/* Begins an entry (`stored` is not looked at). A file's `size` bytes follow by tar_write_content() and, for what lies
 * between its extents, tar_write_hole(); what is missing of them is zeros. */
int tar_write_entry(struct tar_writer *writer, const struct tar_entry *entry, struct error *err);
int tar_write_content(struct tar_writer *writer, const void *data, size_t length, struct error *err);
int tar_write_hole(struct tar_writer *writer, int64_t length, struct error *err);
/* Writes the trailer. */
int tar_writer_finish(struct tar_writer *writer, struct error *err);
