/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <zstd.h>

#include "pkg/file/file.h"
#include "pkg/text/text.h"
#include "storage/recipe/format.h"

/* A block is written once it has grown to this. */
#define BLOCK_TARGET (256 << 10)
#define LEVEL        3

struct recipe_writer {
	int fd;
	ZSTD_CCtx *compressor;
	struct strbuf block;
	struct strbuf record;
	void *output;
	size_t output_size;
};

static int flush(struct recipe_writer *writer, struct error *err)
{
	size_t bound = ZSTD_compressBound(writer->block.length);
	if (bound > writer->output_size) {
		writer->output = xrealloc(writer->output, bound);
		writer->output_size = bound;
	}
	size_t length = ZSTD_compress2(writer->compressor, writer->output, writer->output_size, writer->block.data,
				       writer->block.length);
	if (ZSTD_isError(length))
		return error_set(err, EIO, "compressing the recipe failed: %s", ZSTD_getErrorName(length));
	int r = write_all(writer->fd, writer->output, length);
	if (r < 0)
		return error_sys(err, r, "write the layer's recipe");
	strbuf_truncate(&writer->block, 0);
	return 0;
}

/* ---- building a record ---- */
static void put_number(struct strbuf *record, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		strbuf_putc(record, (char)(number | 0x80));
	strbuf_putc(record, (char)number);
}

static void put_signed(struct strbuf *record, int64_t number)
{
	put_number(record, (uint64_t)number << 1 ^ (uint64_t)(number >> 63));
}

static void put_bytes(struct strbuf *record, const void *data, size_t length)
{
	put_number(record, length);
	strbuf_add(record, data, length);
}

static void put_text(struct strbuf *record, const char *text)
{
	put_bytes(record, text, strlen(text));
}

/* Adds the record that was built (or `data`) to the block. */
static int add_record(struct recipe_writer *writer, enum recipe_record_type type, const void *data, size_t length,
		      struct error *err)
{
	if (length > RECIPE_RECORD_MAX)
		return error_set(err, EFBIG, "an entry of the layer needs a record of %zu bytes", length);
	strbuf_putc(&writer->block, (char)type);
	put_bytes(&writer->block, data, length);
	return writer->block.length >= BLOCK_TARGET ? flush(writer, err) : 0;
}

static int add_built(struct recipe_writer *writer, enum recipe_record_type type, struct error *err)
{
	return add_record(writer, type, writer->record.data, writer->record.length, err);
}

static struct strbuf *begin_record(struct recipe_writer *writer)
{
	strbuf_truncate(&writer->record, 0);
	return &writer->record;
}

/* ---- the records ---- */
int recipe_writer_new(int fd, struct recipe_writer **ret, struct error *err)
{
	auto_recipe_writer struct recipe_writer *writer = xcalloc(1, sizeof(*writer));
	writer->fd = fd;
	writer->compressor = ZSTD_createCCtx();
	if (!writer->compressor || ZSTD_isError(ZSTD_CCtx_setParameter(writer->compressor, ZSTD_c_checksumFlag, 1)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(writer->compressor, ZSTD_c_compressionLevel, LEVEL)))
		return error_sys(err, ENOMEM, "begin the layer's recipe");
	put_number(begin_record(writer), RECIPE_FORMAT);
	int r = add_built(writer, RECIPE_VERSION, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(writer);
	return 0;
}

void recipe_writer_free(struct recipe_writer *writer)
{
	ZSTD_freeCCtx(writer->compressor);
	strbuf_free(&writer->block);
	strbuf_free(&writer->record);
	free(writer->output);
	free(writer);
}

int recipe_write_raw(struct recipe_writer *writer, const void *data, size_t length, struct error *err)
{
	const char *position = data;
	while (length > 0) {
		size_t piece = length < BLOCK_TARGET ? length : BLOCK_TARGET;
		int r = add_record(writer, RECIPE_RAW, position, piece, err);
		if (r < 0)
			return r;
		position += piece;
		length -= piece;
	}
	return 0;
}

static unsigned int entry_flags(const struct recipe_entry *entry)
{
	return (entry->in_tree ? RECIPE_FLAG_IN_TREE : 0) | (entry->place ? RECIPE_FLAG_PLACE : 0) |
	       (entry->sum.kind == RECIPE_SUM_CHECKSUM ? RECIPE_FLAG_CHECKSUM : 0) | (entry->tar.link ? RECIPE_FLAG_LINK : 0) |
	       (entry->tar.extents ? RECIPE_FLAG_SPARSE : 0);
}

static void put_lists(struct strbuf *record, const struct tar_entry *tar)
{
	put_number(record, tar->xattrs_count);
	for (size_t i = 0; i < tar->xattrs_count; i++) {
		put_text(record, tar->xattrs[i].name);
		put_bytes(record, tar->xattrs[i].value, tar->xattrs[i].length);
	}
	if (!tar->extents)
		return;
	put_number(record, tar->extents_count);
	for (size_t i = 0; i < tar->extents_count; i++) {
		put_signed(record, tar->extents[i].offset);
		put_signed(record, tar->extents[i].length);
	}
}

int recipe_write_entry(struct recipe_writer *writer, const struct recipe_entry *entry, struct error *err)
{
	const struct tar_entry *tar = &entry->tar;
	struct strbuf *record = begin_record(writer);
	strbuf_putc(record, (char)tar->type);
	put_number(record, entry_flags(entry));
	put_text(record, tar->path);
	put_number(record, tar->mode);
	put_signed(record, tar->uid);
	put_signed(record, tar->gid);
	put_signed(record, tar->mtime_s);
	put_number(record, tar->mtime_ns);
	put_number(record, tar->device_major);
	put_number(record, tar->device_minor);
	put_signed(record, tar->size);
	put_signed(record, tar->stored);
	if (entry->place)
		put_text(record, entry->place);
	if (tar->link)
		put_text(record, tar->link);
	if (entry->sum.kind == RECIPE_SUM_CHECKSUM)
		strbuf_add(record, entry->sum.value, CHECKSUM_SIZE);
	put_lists(record, tar);
	return add_built(writer, RECIPE_ENTRY, err);
}

int recipe_write_kept(struct recipe_writer *writer, uint32_t number, const char *path, struct error *err)
{
	struct strbuf *record = begin_record(writer);
	put_number(record, number);
	put_text(record, path);
	return add_built(writer, RECIPE_KEPT, err);
}

int recipe_write_end(struct recipe_writer *writer, const struct recipe_totals *totals, struct error *err)
{
	struct strbuf *record = begin_record(writer);
	strbuf_add(record, totals->diff_id, sizeof(totals->diff_id));
	put_signed(record, totals->tar_size);
	put_signed(record, totals->size);
	put_signed(record, totals->entries);
	strbuf_add(record, totals->sum.value, CHECKSUM_SIZE);
	int r = add_built(writer, RECIPE_END, err);
	return r < 0 || writer->block.length == 0 ? r : flush(writer, err);
}
