/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/tar/header.h"

struct tar_reader {
	struct stream *stream;
	tar_raw_function raw;
	void *userdata;
	int64_t position;
	int64_t left;         /* content of the current entry not read yet */
	size_t padding;       /* behind the content */
	size_t extended_size; /* of all extended headers of the next entry */
	bool begun, ended;
	struct tar_entry entry;
	struct tar_extended extended;
};

struct tar_reader *tar_reader_new(struct stream *stream, tar_raw_function raw, void *userdata)
{
	struct tar_reader *reader = xcalloc(1, sizeof(*reader));
	*reader = (struct tar_reader){.stream = stream, .raw = raw, .userdata = userdata};
	tar_extended_init(&reader->extended);
	return reader;
}

void tar_reader_free(struct tar_reader *reader)
{
	tar_entry_clear(&reader->entry);
	tar_extended_clear(&reader->extended);
	free(reader);
}

int64_t tar_position(const struct tar_reader *reader)
{
	return reader->position;
}

static int ended_early(struct error *err)
{
	return error_set(err, EBADMSG, "the archive ends in the middle: it is truncated");
}

static int give_raw(struct tar_reader *reader, const void *data, size_t length, struct error *err)
{
	return reader->raw && length > 0 ? reader->raw(reader->userdata, data, length, err) : 0;
}

/* Reads exactly `length` bytes that are not content. */
static int read_raw(struct tar_reader *reader, void *data, size_t length, struct error *err)
{
	ssize_t n = stream_read_full(reader->stream, data, length, err);
	if (n < 0)
		return (int)n;
	reader->position += n;
	int r = give_raw(reader, data, (size_t)n, err);
	if (r < 0)
		return r;
	return (size_t)n < length ? ended_early(err) : 0;
}

static size_t within_content(const struct tar_reader *reader, size_t length)
{
	return (uint64_t)reader->left < length ? (size_t)reader->left : length;
}

static ssize_t count_content(struct tar_reader *reader, ssize_t n, struct error *err)
{
	if (n == 0)
		return ended_early(err);
	if (n > 0) {
		reader->left -= n;
		reader->position += n;
	}
	return n;
}

ssize_t tar_read_content(struct tar_reader *reader, void *data, size_t length, struct error *err)
{
	length = within_content(reader, length);
	return length == 0 ? 0 : count_content(reader, stream_read(reader->stream, data, length, err), err);
}

ssize_t tar_take_content(struct tar_reader *reader, size_t length, const void **ret, struct error *err)
{
	length = within_content(reader, length);
	return length == 0 ? 0 : count_content(reader, reader->stream->take(reader->stream, length, ret, err), err);
}

static int skip_content(struct tar_reader *reader, struct error *err)
{
	if (reader->left > 0) {
		int r = stream_skip(reader->stream, reader->left, err);
		if (r < 0)
			return r;
		reader->position += reader->left;
		reader->left = 0;
	}
	char padding[TAR_BLOCK];
	size_t length = reader->padding;
	reader->padding = 0;
	return length > 0 ? read_raw(reader, padding, length, err) : 0;
}

static bool is_zero(const struct tar_header *header)
{
	static const char zeros[TAR_BLOCK];
	return memcmp(header, zeros, TAR_BLOCK) == 0;
}

/* The next header block: 1; 0 at the end of the archive. */
static int read_header(struct tar_reader *reader, struct tar_header *header, struct error *err)
{
	for (int zeros = 0;; zeros++) {
		ssize_t n = stream_read_full(reader->stream, header, TAR_BLOCK, err);
		if (n < 0)
			return (int)n;
		reader->position += n;
		int r = give_raw(reader, header, (size_t)n, err);
		if (r < 0)
			return r;
		if (n == 0)
			return 0;
		if (n < TAR_BLOCK)
			return reader->begun ? ended_early(err) : error_set(err, EBADMSG, "this is not a tar archive");
		if (is_zero(header)) {
			reader->begun = true;
			if (zeros == 1)
				return 0;
			continue;
		}
		if (zeros > 0 || !tar_checksum_is_right(header))
			return error_set(
			    err, EBADMSG,
			    reader->begun ? "the archive is damaged: there is no header where one must be, at byte %lld"
					  : "this is not a tar archive (byte %lld)",
			    (long long)(reader->position - TAR_BLOCK));
		reader->begun = true;
		return 1;
	}
}

/* The data of an extended header, with a NUL behind. */
static int read_extended(struct tar_reader *reader, const struct tar_header *header, char **ret, size_t *ret_length,
			 struct error *err)
{
	int64_t size;
	int r = tar_number(header->size, sizeof(header->size), &size, err);
	if (r < 0)
		return r;
	if (size < 0 || size > TAR_EXTENDED_MAX - (int64_t)reader->extended_size)
		return error_set(err, EBADMSG, "the archive has extended headers of more than %d bytes for one entry",
				 TAR_EXTENDED_MAX);
	reader->extended_size += (size_t)size + 1; /* empty ones count too */
	size_t padded = ((size_t)size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	auto_free char *data = xmalloc(padded + 1);
	r = read_raw(reader, data, padded, err);
	if (r < 0)
		return r;
	data[size] = '\0';
	*ret = TAKE_PTR(data);
	*ret_length = (size_t)size;
	return 0;
}

/* Takes an extended header for the entry that follows: 1; 0 when it is none. */
static int take_extended(struct tar_reader *reader, const struct tar_header *header, struct error *err)
{
	if (header->type == '\0' || !strchr("xgLKV", header->type))
		return 0;
	auto_free char *data = NULL;
	size_t length = 0;
	int r = read_extended(reader, header, &data, &length, err);
	if (r < 0)
		return r;
	char **text = header->type == 'L' ? &reader->extended.path : &reader->extended.link;
	switch (header->type) {
	case 'x':
		r = tar_extended_parse(&reader->extended, data, length, err);
		break;
	case 'L':
	case 'K':
		free(*text);
		*text = TAKE_PTR(data);
		break;
	default: /* a global header, a volume's label */
		break;
	}
	return r < 0 ? r : 1;
}

/* The blocks of the old GNU form that follow the header with more of the map. */
static int read_old_sparse(struct tar_reader *reader, const struct tar_header *header, struct error *err)
{
	bool more = ((const char *)header)[482] != '\0';
	while (more) {
		char block[TAR_BLOCK];
		int r = read_raw(reader, block, sizeof(block), err);
		if (r == 0)
			r = tar_sparse_add_fields(&reader->entry, block, 21, err);
		if (r < 0)
			return r;
		more = block[504] != '\0';
	}
	return 0;
}

/* A line of the map of pax sparse 1.0: a decimal number. `block` and `used` say where it is read. */
static int read_map_number(struct tar_reader *reader, char *block, size_t *used, int64_t *ret, struct error *err)
{
	int64_t number = 0;
	for (int digits = 0;; digits++) {
		if (*used == TAR_BLOCK) {
			if (reader->entry.stored < TAR_BLOCK)
				return error_set(err, EBADMSG, "the archive has a sparse file whose map is damaged");
			int r = read_raw(reader, block, TAR_BLOCK, err);
			if (r < 0)
				return r;
			reader->entry.stored -= TAR_BLOCK;
			*used = 0;
		}
		char c = block[(*used)++];
		if (c == '\n' && digits > 0)
			break;
		if (c < '0' || c > '9' || digits > 18)
			return error_set(err, EBADMSG, "the archive has a sparse file whose map is damaged");
		number = number * 10 + (c - '0');
	}
	*ret = number;
	return 0;
}

/* pax sparse 1.0: the map lies before the content, padded to a block. */
static int read_sparse_map(struct tar_reader *reader, struct error *err)
{
	char block[TAR_BLOCK];
	size_t used = TAR_BLOCK;
	int64_t count = 0, offset = 0, length = 0;
	int r = read_map_number(reader, block, &used, &count, err);
	if (r < 0)
		return r;
	for (int64_t i = 0; i < count; i++) {
		r = read_map_number(reader, block, &used, &offset, err);
		if (r == 0)
			r = read_map_number(reader, block, &used, &length, err);
		if (r == 0)
			r = tar_extent_add(&reader->entry.extents, &reader->entry.extents_count, offset, length, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int begin_entry(struct tar_reader *reader, const struct tar_header *header, struct error *err)
{
	struct tar_entry *entry = &reader->entry;
	bool sparse_1 = reader->extended.sparse_major == 1,
	     sparse = header->type == 'S' || reader->extended.sparse_size >= 0;
	int r = tar_decode(header, &reader->extended, entry, err);
	tar_extended_clear(&reader->extended);
	reader->extended_size = 0;
	size_t padding = (size_t)(-entry->stored & (TAR_BLOCK - 1));
	if (r == 0 && entry->type == TAR_FILE && header->type == 'S')
		r = read_old_sparse(reader, header, err);
	else if (r == 0 && entry->type == TAR_FILE && sparse_1)
		r = read_sparse_map(reader, err);
	if (r == 0 && entry->type == TAR_FILE && sparse) {
		if (!entry->extents)
			entry->extents = xcalloc(1, sizeof(*entry->extents)); /* nothing but a hole */
		r = tar_sparse_check(entry, err);
	}
	if (r < 0)
		return error_context(err, "%.250s", entry->path ? entry->path : "tar");
	reader->left = entry->stored;
	reader->padding = padding;
	return 1;
}

int tar_next(struct tar_reader *reader, const struct tar_entry **ret, struct error *err)
{
	if (reader->ended)
		return 0;
	int r = skip_content(reader, err);
	tar_entry_clear(&reader->entry);
	while (r >= 0) {
		struct tar_header header;
		r = read_header(reader, &header, err);
		if (r == 0)
			reader->ended = true;
		if (r <= 0)
			return r;
		r = take_extended(reader, &header, err);
		if (r != 0)
			continue;
		r = begin_entry(reader, &header, err);
		if (r > 0)
			*ret = &reader->entry;
		return r;
	}
	return r;
}

int tar_finish(struct tar_reader *reader, struct error *err)
{
	auto_free char *buffer = xmalloc(65536);
	for (;;) {
		ssize_t n = stream_read(reader->stream, buffer, 65536, err);
		if (n <= 0)
			return (int)n;
		reader->position += n;
		int r = give_raw(reader, buffer, (size_t)n, err);
		if (r < 0)
			return r;
	}
}
