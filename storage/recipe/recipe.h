/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipe: how to get a layer's tar back, bit for bit, from the tree that was unpacked from it, and what the tree cannot
 * say by itself.
 *
 * Theory of operation. The digest of a layer's tar is the layer's identity, but no program makes the same tar twice
 * from the same tree: field widths, padding, order, pax records, duplicates differ. So while a layer is being unpacked,
 * everything in the tar that is not the content of a file is written down, with a note at each place where the content
 * of a file belongs. That is the recipe. Files are stored once, in the tree.
 *
 * A recipe is a sequence of records:
 *
 *	VERSION  the first one
 *	RAW      bytes of the tar: headers, padding, maps of sparse files, the trailer, the content of entries
 *	         that are not in the tree
 *	ENTRY    the decoded facts of an entry: what `diff`, `commit` and checks want, with the true owner, mode
 *	         and xattrs, also where the file on disk cannot have them. Where its content is in the tree, the
 *	         content's bytes in the tar are right here
 *	KEPT     something earlier in the tar was replaced at this place by a later entry: it was moved to
 *	         kept/<number> in the layer's directory
 *	END      the totals, the digest of the tar and its checksum. Without it the recipe is truncated
 *
 * The checksums, of the tar and of each file in it, say whether the store still has what was put there. They are not
 * digests, which would be computed three times over then, at the cost of everything else that a pull does: the tar had
 * its digest when it was unpacked, and who gets it from us looks at that again. (Format 1 had digests in their place; it
 * is read, not written.)
 *
 * It is stored as zstd frames, each with the checksum of its content and at most RECIPE_BLOCK_MAX bytes large, of whole
 * records: a frame is checked as a whole before any record of it is believed, memory is bounded, and zstdcat(1) shows
 * it. Integers are LEB128 (negative ones as zigzag), texts have their length before them.
 *
 *	layers/<diff id>/diff/     the tree
 *	layers/<diff id>/kept/     only where a tar has the same name twice; no container sees it
 *	layers/<diff id>/recipe
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkg/digest/digest.h"
#include "pkg/tar/tar.h"

#define RECIPE_BLOCK_MAX (8 << 20)

/* What a content is known again by; equal contents have equal sums of a kind. */
enum recipe_sum_kind {
	RECIPE_SUM_NONE,
	RECIPE_SUM_CHECKSUM, /* CHECKSUM_SIZE bytes */
	RECIPE_SUM_DIGEST,   /* DIGEST_SHA256_SIZE bytes: format 1 */
};
struct recipe_sum {
	enum recipe_sum_kind kind;
	unsigned char value[DIGEST_SHA256_SIZE]; /* zeros behind */
};

struct recipe_entry {
	/* With a clean path: no slash before or behind, no `.` or `..`; "" is the root. Whiteouts are files with their
	 * `.wh.` names. */
	struct tar_entry tar;
	bool in_tree; /* the content is in the tree: at `place`, or at tar.path when that is NULL */
	char *place;  /* where a parent in tar.path is a symlink: the path without symlinks */
	/* Of files: of the content as the tar has it: of a sparse file its pieces, without the holes. */
	struct recipe_sum sum;
};
void recipe_entry_clear(struct recipe_entry *entry);

struct recipe_totals {
	unsigned char diff_id[DIGEST_SHA256_SIZE];
	struct recipe_sum sum; /* of the tar */
	int64_t tar_size; /* bytes of the tar */
	int64_t size;     /* bytes of all files */
	int64_t entries;
};

/* ---- writing ---- */
struct recipe_writer;
/* Appends to `fd` (borrowed). */
int recipe_writer_new(int fd, struct recipe_writer **ret, struct error *err);
void recipe_writer_free(struct recipe_writer *writer);
DEFINE_CLEANUP(struct recipe_writer *, recipe_writer_free)
#define auto_recipe_writer CLEANUP(recipe_writer_freep)

int recipe_write_raw(struct recipe_writer *writer, const void *data, size_t length, struct error *err);
/* Sums are written where they are checksums, which those of what is unpacked are. */
int recipe_write_entry(struct recipe_writer *writer, const struct recipe_entry *entry, struct error *err);
/* What was at `path` (a file, or a directory with all below it) is in kept/<number> from now on. Numbers rise from 0.
 */
int recipe_write_kept(struct recipe_writer *writer, uint32_t number, const char *path, struct error *err);
int recipe_write_end(struct recipe_writer *writer, const struct recipe_totals *totals, struct error *err);

/* ---- reading ---- */
enum recipe_record_type {
	RECIPE_VERSION = 'V',
	RECIPE_RAW = 'R',
	RECIPE_ENTRY = 'E',
	RECIPE_KEPT = 'K',
	RECIPE_END = 'Z',
};
/* A record; texts live until the next one is read. */
struct recipe_record {
	enum recipe_record_type type;
	const char *raw; /* RAW */
	size_t raw_length;
	struct recipe_entry entry; /* ENTRY */
	uint32_t kept_number;      /* KEPT */
	const char *kept_path;
	struct recipe_totals totals; /* END */
};

struct recipe_reader;
/* Reads from the beginning of `fd` (borrowed; its offset is not moved). */
int recipe_reader_new(int fd, struct recipe_reader **ret, struct error *err);
void recipe_reader_free(struct recipe_reader *reader);
DEFINE_CLEANUP(struct recipe_reader *, recipe_reader_free)
#define auto_recipe_reader CLEANUP(recipe_reader_freep)

/* The next record: 1 and *ret (borrowed); 0 after END. -EBADMSG: damaged or truncated. VERSION records are not shown.
 */
int recipe_next(struct recipe_reader *reader, const struct recipe_record **ret, struct error *err);
/* The next entry, passing over the rest: 1; 0 at the end. */
int recipe_next_entry(struct recipe_reader *reader, const struct recipe_entry **ret, struct error *err);
/* The END record, wherever the reader is; nothing can be read after it. */
int recipe_read_totals(struct recipe_reader *reader, struct recipe_totals *ret, struct error *err);

/* ---- the tar again ---- */
/* Receives the tar in order. 0 or negative. */
typedef int (*recipe_sink)(void *userdata, const void *data, size_t length, struct error *err);

/* Gives the tar of the layer in the directory `layer_fd` to `sink`, in bounded memory. The caller must be able to read
 * the files: root in the user namespace where they have several owners. -EBADMSG when a file is missing or has changed
 * its size, and, after all was given, when it is not the tar that it was: the sink's product is good only when this
 * returns 0. */
int recipe_regenerate(int layer_fd, recipe_sink sink, void *userdata, struct error *err);
