/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/stream/compress.h"

#include <string.h>

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include "pkg/text/text.h"

#define BLOCK_SIZE  (256 << 10)
#define OUTPUT_SIZE (256 << 10)

enum {
	GZIP_LEVEL_DEFAULT = 6,
	GZIP_LEVEL_MAX = 9,
	ZSTD_LEVEL_MAX = 20,
};

struct compressor {
	int (*encode)(struct compressor *compressor, bool last, struct error *err);
	compressor_sink sink;
	void *userdata;
	unsigned char *block, *output;
	size_t filled; /* of the block */

	struct isal_zstream gzip;
	unsigned char *gzip_buffer;
	ZSTD_CCtx *zstd;
};

/* ---- the coders: each gives the sink what comes of the block ---- */
static int encode_plain(struct compressor *compressor, bool last, struct error *err)
{
	(void)last;
	return compressor->sink(compressor->userdata, compressor->block, compressor->filled, err);
}

static int encode_gzip(struct compressor *compressor, bool last, struct error *err)
{
	struct isal_zstream *gzip = &compressor->gzip;
	gzip->next_in = compressor->block;
	gzip->avail_in = (uint32_t)compressor->filled;
	gzip->end_of_stream = last;
	do {
		gzip->next_out = compressor->output;
		gzip->avail_out = OUTPUT_SIZE;
		if (isal_deflate(gzip) != COMP_OK)
			return error_set(err, EIO, "gzip cannot compress the data");
		int r = compressor->sink(compressor->userdata, compressor->output, OUTPUT_SIZE - gzip->avail_out, err);
		if (r < 0)
			return r;
	} while (gzip->avail_out == 0 || gzip->avail_in > 0 || (last && gzip->internal_state.state != ZSTATE_END));
	return 0;
}

static int encode_zstd(struct compressor *compressor, bool last, struct error *err)
{
	ZSTD_inBuffer in = {compressor->block, compressor->filled, 0};
	size_t left;
	do {
		ZSTD_outBuffer out = {compressor->output, OUTPUT_SIZE, 0};
		left = ZSTD_compressStream2(compressor->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return error_set(err, EIO, "zstd cannot compress the data: %s", ZSTD_getErrorName(left));
		int r = compressor->sink(compressor->userdata, compressor->output, out.pos, err);
		if (r < 0)
			return r;
	} while (last ? left > 0 : in.pos < in.size);
	return 0;
}

/* ---- beginning ---- */
/* gzip's nine levels are ISA-L's three. */
static int begin_gzip(struct compressor *compressor, int level, struct error *err)
{
	static const struct {
		int up_to;
		uint32_t level, buffer;
	} levels[] = {
	    {3, 1, ISAL_DEF_LVL1_DEFAULT}, {6, 2, ISAL_DEF_LVL2_DEFAULT}, {GZIP_LEVEL_MAX, 3, ISAL_DEF_LVL3_DEFAULT}};
	size_t i = 0;
	(void)err;
	while (level > levels[i].up_to)
		i++;
	compressor->gzip_buffer = xmalloc(levels[i].buffer);
	isal_deflate_init(&compressor->gzip);
	compressor->gzip.gzip_flag = IGZIP_GZIP;
	compressor->gzip.flush = NO_FLUSH;
	compressor->gzip.level = levels[i].level;
	compressor->gzip.level_buf = compressor->gzip_buffer;
	compressor->gzip.level_buf_size = levels[i].buffer;
	compressor->encode = encode_gzip;
	return 0;
}

static int begin_zstd(struct compressor *compressor, int level, struct error *err)
{
	compressor->zstd = ZSTD_createCCtx();
	if (!compressor->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_compressionLevel, level)))
		return error_set(err, ENOMEM, "zstd cannot be set up");
	compressor->encode = encode_zstd;
	return 0;
}

int compressor_check_level(enum stream_compression compression, int level, struct error *err)
{
	int max = compression == STREAM_GZIP ? GZIP_LEVEL_MAX : compression == STREAM_ZSTD ? ZSTD_LEVEL_MAX : 0;
	if (level == -1 || (level >= 1 && level <= max))
		return 0;
	return max == 0 ? error_set(err, EINVAL, "what is not compressed has no compression level")
			: error_set(err, EINVAL, "%s has the compression levels 1 to %d, not %d",
				    stream_compression_name(compression), max, level);
}

int compressor_new(enum stream_compression compression, int level, compressor_sink sink, void *userdata,
		   struct compressor **ret, struct error *err)
{
	auto_compressor struct compressor *compressor = xcalloc(1, sizeof(*compressor));
	int r = compressor_check_level(compression, level, err);
	if (r < 0)
		return r;
	compressor->sink = sink;
	compressor->userdata = userdata;
	compressor->block = xmalloc(BLOCK_SIZE);
	compressor->output = xmalloc(OUTPUT_SIZE);
	if (compression == STREAM_GZIP)
		r = begin_gzip(compressor, level < 0 ? GZIP_LEVEL_DEFAULT : level, err);
	else if (compression == STREAM_ZSTD)
		r = begin_zstd(compressor, level < 0 ? ZSTD_CLEVEL_DEFAULT : level, err);
	else if (compression == STREAM_PLAIN)
		compressor->encode = encode_plain;
	else
		r = error_set(err, EOPNOTSUPP, "%s can be read, not written", stream_compression_name(compression));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(compressor);
	return 0;
}

void compressor_free(struct compressor *compressor)
{
	ZSTD_freeCCtx(compressor->zstd);
	free(compressor->gzip_buffer);
	free(compressor->block);
	free(compressor->output);
	free(compressor);
}

int compressor_write(struct compressor *compressor, const void *data, size_t length, struct error *err)
{
	const char *from = data;
	while (length > 0) {
		size_t n = BLOCK_SIZE - compressor->filled;
		if (n > length)
			n = length;
		memcpy(compressor->block + compressor->filled, from, n);
		compressor->filled += n;
		from += n;
		length -= n;
		if (compressor->filled < BLOCK_SIZE)
			break;
		int r = compressor->encode(compressor, false, err);
		if (r < 0)
			return r;
		compressor->filled = 0;
	}
	return 0;
}

int compressor_finish(struct compressor *compressor, struct error *err)
{
	return compressor->encode(compressor, true, err);
}
