/* SPDX-License-Identifier: Apache-2.0 */
#include <zstd.h>
#include <zstd_errors.h>

#include "pkg/stream/codec.h"
#include "pkg/text/text.h"

struct zstd_stream {
	struct stream stream;
	struct stream_input input;
	ZSTD_DStream *state;
	size_t wanted; /* what ZSTD_decompressStream said last: 0 between frames */
};

static ssize_t zstd_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct zstd_stream *zstd = (struct zstd_stream *)stream;
	ZSTD_outBuffer out = {data, length, 0};
	while (out.pos == 0) {
		int r = stream_input_fill(&zstd->input, err);
		if (r < 0)
			return r;
		if (zstd->input.ended && zstd->wanted == 0)
			return 0;
		ZSTD_inBuffer in = {zstd->input.buffer, zstd->input.length, zstd->input.position};
		zstd->wanted = ZSTD_decompressStream(zstd->state, &out, &in);
		if (ZSTD_isError(zstd->wanted) &&
		    ZSTD_getErrorCode(zstd->wanted) == ZSTD_error_frameParameter_windowTooLarge)
			return error_set(err, EFBIG,
					 "the zstd data need a window of more than %d MiB of memory; compress them with "
					 "zstd --long=%d at most",
					 STREAM_WINDOW_MIB, STREAM_WINDOW_LOG_MAX);
		if (ZSTD_isError(zstd->wanted))
			return error_set(err, EBADMSG, "the zstd data are damaged: %s",
					 ZSTD_getErrorName(zstd->wanted));
		zstd->input.position = in.pos;
		if (zstd->input.ended && out.pos == 0 && zstd->wanted != 0)
			return error_set(err, EBADMSG, "the zstd data end in the middle");
	}
	return (ssize_t)out.pos;
}

static void zstd_close(struct stream *stream)
{
	struct zstd_stream *zstd = (struct zstd_stream *)stream;
	ZSTD_freeDStream(zstd->state);
	stream_input_free(&zstd->input);
	free(zstd);
}

int stream_open_zstd(struct stream *below, const void *head, size_t head_length, struct stream **ret, struct error *err)
{
	struct zstd_stream *zstd = xcalloc(1, sizeof(*zstd));
	zstd->stream = (struct stream){zstd_read, NULL, zstd_close};
	stream_input_init(&zstd->input, below, head, head_length);
	zstd->state = ZSTD_createDStream();
	if (!zstd->state ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(zstd->state, ZSTD_d_windowLogMax, STREAM_WINDOW_LOG_MAX))) {
		zstd_close(&zstd->stream);
		return error_sys(err, ENOMEM, "begin decompressing zstd");
	}
	*ret = &zstd->stream;
	return 0;
}
