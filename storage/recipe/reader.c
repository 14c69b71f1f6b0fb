/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing that is read is believed: a frame is limited in size before memory is given to it, checked by its checksum,
 * and every length in it is held against what is left.
 */
#include <string.h>
#include <zstd.h>

#include "pkg/text/text.h"
#include "storage/recipe/format.h"

#define INPUT_STEP (64 << 10)

/* A part of a block that is still to be parsed. */
struct cursor {
	const unsigned char *position, *end;
	bool bad;
};

struct recipe_reader {
	struct stream *stream;
	ZSTD_DCtx *decompressor;
	struct strbuf input; /* compressed, not used yet */
	size_t input_used;
	unsigned char *block;
	size_t block_size;
	struct cursor cursor;
	bool begun, ended, input_ended;
	uint64_t format;
	struct recipe_record record;
	char *kept_path;
};

static int damaged(struct error *err)
{
	return error_set(err, EBADMSG, "the layer's recipe is damaged");
}

static int truncated(struct error *err)
{
	return error_set(err, EBADMSG, "the layer's recipe is truncated");
}

/* ---- blocks ---- */
static int more_input(struct recipe_reader *reader, struct error *err)
{
	if (reader->input_used > 0) {
		memmove(reader->input.data, reader->input.data + reader->input_used,
			reader->input.length - reader->input_used);
		strbuf_truncate(&reader->input, reader->input.length - reader->input_used);
		reader->input_used = 0;
	}
	auto_free char *piece = xmalloc(INPUT_STEP);
	ssize_t n = stream_read(reader->stream, piece, INPUT_STEP, err);
	if (n < 0)
		return (int)n;
	strbuf_add(&reader->input, piece, (size_t)n);
	reader->input_ended = n == 0;
	return 0;
}

/* The size of the compressed frame at the beginning of the input; 0 when there is none any more. */
static ssize_t frame_size(struct recipe_reader *reader, struct error *err)
{
	size_t limit = ZSTD_compressBound(RECIPE_BLOCK_MAX);
	for (;;) {
		size_t have = reader->input.length - reader->input_used;
		if (have > 0) {
			size_t size = ZSTD_findFrameCompressedSize(reader->input.data + reader->input_used, have);
			if (!ZSTD_isError(size))
				return (ssize_t)size;
		}
		if (reader->input_ended)
			return have == 0 ? 0 : truncated(err);
		if (have > limit)
			return damaged(err);
		int r = more_input(reader, err);
		if (r < 0)
			return r;
	}
}

/* Makes the cursor point to a new block: 1; 0 at the end of the file. */
static int next_block(struct recipe_reader *reader, struct error *err)
{
	ssize_t size = frame_size(reader, err);
	if (size <= 0)
		return (int)size;
	const char *frame = reader->input.data + reader->input_used;
	unsigned long long content = ZSTD_getFrameContentSize(frame, (size_t)size);
	if (content == 0 || content > RECIPE_BLOCK_MAX) /* also "unknown" and "error" */
		return damaged(err);
	if (content > reader->block_size) {
		reader->block = xrealloc(reader->block, (size_t)content);
		reader->block_size = (size_t)content;
	}
	size_t length =
	    ZSTD_decompressDCtx(reader->decompressor, reader->block, reader->block_size, frame, (size_t)size);
	if (ZSTD_isError(length) || length != content)
		return damaged(err);
	reader->input_used += (size_t)size;
	reader->cursor = (struct cursor){reader->block, reader->block + length, false};
	return 1;
}

/* ---- parsing; what goes wrong is remembered in the cursor ---- */
static uint64_t get_number(struct cursor *cursor)
{
	uint64_t number = 0;
	for (unsigned int shift = 0; shift < 64; shift += 7) {
		if (cursor->position == cursor->end)
			break;
		unsigned char byte = *cursor->position++;
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return number;
	}
	cursor->bad = true;
	return 0;
}

static int64_t get_signed(struct cursor *cursor)
{
	uint64_t number = get_number(cursor);
	return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

static int64_t get_size(struct cursor *cursor)
{
	int64_t size = get_signed(cursor);
	if (size < 0)
		cursor->bad = true;
	return size;
}

static uint32_t get_u32(struct cursor *cursor)
{
	uint64_t number = get_number(cursor);
	if (number > UINT32_MAX)
		cursor->bad = true;
	return (uint32_t)number;
}

static const unsigned char *get_fixed(struct cursor *cursor, size_t length)
{
	static const unsigned char nothing[DIGEST_SHA256_SIZE];
	if (cursor->bad || length > (size_t)(cursor->end - cursor->position)) {
		cursor->bad = true;
		return nothing;
	}
	const unsigned char *data = cursor->position;
	cursor->position += length;
	return data;
}

/* malloc'd bytes with a NUL behind. */
static char *get_bytes(struct cursor *cursor, size_t *ret_length)
{
	uint64_t length = get_number(cursor);
	const unsigned char *data = length <= RECIPE_BLOCK_MAX ? get_fixed(cursor, (size_t)length) : NULL;
	if (!data || cursor->bad) {
		cursor->bad = true;
		length = 0;
	}
	*ret_length = (size_t)length;
	char *bytes = xmalloc((size_t)length + 1);
	if (length > 0)
		memcpy(bytes, data, (size_t)length);
	bytes[length] = '\0';
	return bytes;
}

static char *get_text(struct cursor *cursor)
{
	size_t length;
	char *text = get_bytes(cursor, &length);
	if (strlen(text) != length)
		cursor->bad = true;
	return text;
}

/* How many elements follow; each has at least two bytes. */
static size_t get_count(struct cursor *cursor)
{
	uint64_t count = get_number(cursor);
	if (count > (size_t)(cursor->end - cursor->position) / 2) {
		cursor->bad = true;
		return 0;
	}
	return (size_t)count;
}

static void get_xattrs(struct cursor *cursor, struct tar_entry *tar)
{
	size_t count = get_count(cursor);
	if (count == 0)
		return;
	tar->xattrs = xcalloc(count, sizeof(*tar->xattrs));
	for (size_t i = 0; i < count; i++) {
		tar->xattrs[i].name = get_text(cursor);
		tar->xattrs[i].value = get_bytes(cursor, &tar->xattrs[i].length);
	}
	tar->xattrs_count = count;
}

static void get_extents(struct cursor *cursor, struct tar_entry *tar)
{
	size_t count = get_count(cursor);
	int64_t end = 0, sum = 0;
	tar->extents = xcalloc(count + 1, sizeof(*tar->extents));
	for (size_t i = 0; i < count; i++) {
		struct tar_extent extent = {get_size(cursor), get_size(cursor)};
		if (extent.offset < end || __builtin_add_overflow(extent.offset, extent.length, &end) ||
		    end > tar->size)
			cursor->bad = true;
		tar->extents[i] = extent;
		sum += extent.length;
		if (cursor->bad)
			return;
	}
	tar->extents_count = count;
	if (sum != tar->stored)
		cursor->bad = true;
}

void recipe_entry_clear(struct recipe_entry *entry)
{
	tar_entry_clear(&entry->tar);
	free(entry->place);
	*entry = (struct recipe_entry){0};
}

static void get_sum(struct cursor *cursor, enum recipe_sum_kind kind, struct recipe_sum *ret)
{
	size_t size = kind == RECIPE_SUM_DIGEST ? DIGEST_SHA256_SIZE : CHECKSUM_SIZE;
	ret->kind = kind;
	memcpy(ret->value, get_fixed(cursor, size), size);
}

static void get_entry(struct cursor *cursor, struct recipe_entry *entry)
{
	struct tar_entry *tar = &entry->tar;
	unsigned char type = *get_fixed(cursor, 1);
	if (type < '0' || type > '6')
		cursor->bad = true;
	tar->type = (enum tar_type)type;
	uint64_t flags = get_number(cursor);
	tar->path = get_text(cursor);
	tar->mode = get_u32(cursor);
	tar->uid = get_signed(cursor);
	tar->gid = get_signed(cursor);
	tar->mtime_s = get_signed(cursor);
	tar->mtime_ns = get_u32(cursor);
	tar->device_major = get_u32(cursor);
	tar->device_minor = get_u32(cursor);
	tar->size = get_size(cursor);
	tar->stored = get_size(cursor);
	entry->in_tree = flags & RECIPE_FLAG_IN_TREE;
	if (flags & RECIPE_FLAG_PLACE)
		entry->place = get_text(cursor);
	if (flags & RECIPE_FLAG_LINK)
		tar->link = get_text(cursor);
	if (flags & RECIPE_FLAG_DIGEST)
		get_sum(cursor, RECIPE_SUM_DIGEST, &entry->sum);
	else if (flags & RECIPE_FLAG_CHECKSUM)
		get_sum(cursor, RECIPE_SUM_CHECKSUM, &entry->sum);
	get_xattrs(cursor, tar);
	if (flags & RECIPE_FLAG_SPARSE)
		get_extents(cursor, tar);
	else if (tar->stored != tar->size)
		cursor->bad = true;
}

static void get_totals(struct cursor *cursor, uint64_t format, struct recipe_totals *totals)
{
	memcpy(totals->diff_id, get_fixed(cursor, DIGEST_SHA256_SIZE), DIGEST_SHA256_SIZE);
	totals->tar_size = get_size(cursor);
	totals->size = get_size(cursor);
	totals->entries = get_size(cursor);
	if (format >= RECIPE_FORMAT_SUMS) {
		get_sum(cursor, RECIPE_SUM_CHECKSUM, &totals->sum);
	} else {
		totals->sum.kind = RECIPE_SUM_DIGEST;
		memcpy(totals->sum.value, totals->diff_id, sizeof(totals->diff_id));
	}
}

/* ---- records ---- */
int recipe_reader_new(int fd, struct recipe_reader **ret, struct error *err)
{
	auto_recipe_reader struct recipe_reader *reader = xcalloc(1, sizeof(*reader));
	reader->decompressor = ZSTD_createDCtx();
	if (!reader->decompressor)
		return error_sys(err, ENOMEM, "begin reading a recipe");
	int r = stream_open_fd(fd, 0, -1, "the layer's recipe", &reader->stream, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reader);
	return 0;
}

static void clear_record(struct recipe_reader *reader)
{
	recipe_entry_clear(&reader->record.entry);
	free(reader->kept_path);
	reader->kept_path = NULL;
	reader->record = (struct recipe_record){0};
}

void recipe_reader_free(struct recipe_reader *reader)
{
	if (reader->stream)
		stream_close(reader->stream);
	ZSTD_freeDCtx(reader->decompressor);
	strbuf_free(&reader->input);
	free(reader->block);
	clear_record(reader);
	free(reader);
}

static int parse_record(struct recipe_reader *reader, struct cursor *body, struct error *err)
{
	struct recipe_record *record = &reader->record;
	switch (record->type) {
	case RECIPE_VERSION:
		reader->format = get_number(body);
		if (reader->begun || reader->format == 0)
			body->bad = true;
		else if (!body->bad && reader->format > RECIPE_FORMAT)
			return error_set(
			    err, EPROTONOSUPPORT,
			    "the layer's recipe has format %llu, made by a newer coracle; this one knows %d",
			    (unsigned long long)reader->format, RECIPE_FORMAT);
		break;
	case RECIPE_RAW:
		record->raw = (const char *)body->position;
		record->raw_length = (size_t)(body->end - body->position);
		body->position = body->end;
		break;
	case RECIPE_ENTRY:
		get_entry(body, &record->entry);
		break;
	case RECIPE_KEPT:
		record->kept_number = get_u32(body);
		record->kept_path = reader->kept_path = get_text(body);
		break;
	case RECIPE_END:
		get_totals(body, reader->format, &record->totals);
		reader->ended = true;
		break;
	default:
		body->bad = true;
	}
	if (body->bad || body->position != body->end || (!reader->begun && record->type != RECIPE_VERSION))
		return damaged(err);
	reader->begun = true;
	return 0;
}

int recipe_next(struct recipe_reader *reader, const struct recipe_record **ret, struct error *err)
{
	do {
		clear_record(reader);
		bool block_ends = reader->cursor.position == reader->cursor.end;
		if (reader->ended)
			return block_ends ? 0 : damaged(err);
		if (block_ends) {
			int r = next_block(reader, err);
			if (r <= 0)
				return r < 0 ? r : truncated(err);
		}
		struct cursor *cursor = &reader->cursor;
		reader->record.type = (enum recipe_record_type) * get_fixed(cursor, 1);
		uint64_t length = get_number(cursor);
		if (length > RECIPE_RECORD_MAX)
			return damaged(err);
		const unsigned char *data = get_fixed(cursor, (size_t)length);
		if (cursor->bad)
			return damaged(err);
		struct cursor body = {data, data + length, false};
		int r = parse_record(reader, &body, err);
		if (r < 0)
			return r;
	} while (reader->record.type == RECIPE_VERSION);
	*ret = &reader->record;
	return 1;
}

int recipe_next_entry(struct recipe_reader *reader, const struct recipe_entry **ret, struct error *err)
{
	const struct recipe_record *record = NULL;
	int r;
	do {
		r = recipe_next(reader, &record, err);
	} while (r > 0 && record && record->type != RECIPE_ENTRY);
	if (r > 0 && record)
		*ret = &record->entry;
	return r;
}

int recipe_read_totals(struct recipe_reader *reader, struct recipe_totals *ret, struct error *err)
{
	const struct recipe_record *record = NULL;
	int r;
	do {
		r = recipe_next(reader, &record, err);
	} while (r > 0 && record && record->type != RECIPE_END);
	if (r <= 0 || !record)
		return r < 0 ? r : truncated(err);
	*ret = record->totals;
	return 0;
}
