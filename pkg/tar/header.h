/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the tar reader; see tar.h. */
#pragma once

#include "pkg/tar/tar.h"
#include "pkg/text/text.h"

/* One header block: ustar(5), "pax Interchange Format", and GNU's additions. */
struct tar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[8]; /* with version: "ustar\0" "00" or "ustar  \0" */
	char user[32];
	char group[32];
	char device_major[8];
	char device_minor[8];
	char prefix[155];
	char padding[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is a block");

/* What extended headers said about the entry that follows. */
struct tar_extended {
	char *path, *link; /* NULL: nothing */
	bool has_size, has_uid, has_gid, has_mtime;
	int64_t size, uid, gid, mtime_s;
	uint32_t mtime_ns;
	struct tar_xattr *xattrs;
	size_t xattrs_count;
	/* sparse files, GNU.sparse.* */
	int64_t sparse_major, sparse_minor; /* -1: none */
	int64_t sparse_size;                /* -1: none */
	char *sparse_name;
	struct tar_extent *extents;
	size_t extents_count;
	int64_t pending_offset; /* of sparse 0.0; -1: none */
};
void tar_extended_init(struct tar_extended *extended);
void tar_extended_clear(struct tar_extended *extended);
/* Takes the records of a pax header ("<length> <key>=<value>\n" …); `data` ends with a NUL that is not counted. */
int tar_extended_parse(struct tar_extended *extended, char *data, size_t length, struct error *err);

/* The number in a header field: octal text or base-256. */
int tar_number(const char *field, size_t length, int64_t *ret, struct error *err);
bool tar_checksum_is_right(const struct tar_header *header);
/* Fills the entry from header and extended header; takes the texts out of the latter. */
int tar_decode(const struct tar_header *header, struct tar_extended *extended, struct tar_entry *entry,
	       struct error *err);

/* ---- sparse.c ---- */
int tar_extent_add(struct tar_extent **extents, size_t *count, int64_t offset, int64_t length, struct error *err);
/* "offset,length,offset,length…" */
int tar_sparse_parse_map(struct tar_extended *extended, const char *value, struct error *err);
/* Pieces in order, within the file, as long together as what is stored. */
int tar_sparse_check(const struct tar_entry *entry, struct error *err);
/* Up to `count` pairs of a GNU header; stops at the first empty one. */
int tar_sparse_add_fields(struct tar_entry *entry, const char *fields, size_t count, struct error *err);
