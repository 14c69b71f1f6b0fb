/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "pkg/stream/codec.h"
#include "pkg/text/text.h"

#define HEADER_MAX 18 /* of a frame, ZSTD_FRAMEHEADERSIZE_MAX */

struct zstd_stream {
	struct stream stream;
	struct stream_input input;
	ZSTD_DStream *state;
	size_t wanted; /* what ZSTD_decompressStream said last: 0 between frames */
	int gate;
	bool wide; /* through the gate */
	/* What has been read of a frame's header, to read it again. */
	unsigned char header[HEADER_MAX];
	size_t header_length;
};

static int too_wide(struct error *err)
{
	return error_set(err, EFBIG,
			 "the zstd data need a window of more than %d MiB of memory; compress them with zstd --long=%d "
			 "at most",
			 STREAM_WINDOW_MIB, STREAM_WINDOW_LOG_MAX);
}

static int set_window(struct zstd_stream *zstd, int log, struct error *err)
{
	return ZSTD_isError(ZSTD_DCtx_setParameter(zstd->state, ZSTD_d_windowLogMax, log))
		   ? error_sys(err, ENOMEM, "begin decompressing zstd")
		   : 0;
}

/* The frame's header asks for more than a narrow window: waits for its turn, and takes the header again. */
static int widen(struct zstd_stream *zstd, struct error *err)
{
	if (zstd->wide)
		return too_wide(err);
	int r = stream_gate_enter(zstd->gate, err);
	if (r < 0)
		return r;
	zstd->wide = true;
	ZSTD_DCtx_reset(zstd->state, ZSTD_reset_session_only);
	if ((r = set_window(zstd, STREAM_WINDOW_LOG_MAX, err)) < 0)
		return r;
	ZSTD_inBuffer in = {zstd->header, zstd->header_length, 0};
	ZSTD_outBuffer none = {NULL, 0, 0};
	while (in.pos < in.size)
		if (ZSTD_isError(ZSTD_decompressStream(zstd->state, &none, &in)))
			return error_set(err, EBADMSG, "the zstd data are damaged: the header of a frame");
	return 0;
}

static void keep_header(struct zstd_stream *zstd, size_t used)
{
	size_t room = HEADER_MAX - zstd->header_length, length = used < room ? used : room;
	memcpy(zstd->header + zstd->header_length, zstd->input.buffer + zstd->input.position, length);
	zstd->header_length += length;
}

/* One step of the decoder, at most to the end of its input. */
static int step(struct zstd_stream *zstd, ZSTD_outBuffer *out, struct error *err)
{
	ZSTD_inBuffer in = {zstd->input.buffer, zstd->input.length, zstd->input.position};
	if (zstd->wanted == 0)
		zstd->header_length = 0;
	size_t wanted = ZSTD_decompressStream(zstd->state, out, &in);
	if (ZSTD_isError(wanted) && ZSTD_getErrorCode(wanted) == ZSTD_error_frameParameter_windowTooLarge)
		return widen(zstd, err);
	if (ZSTD_isError(wanted))
		return error_set(err, EBADMSG, "the zstd data are damaged: %s", ZSTD_getErrorName(wanted));
	zstd->wanted = wanted;
	keep_header(zstd, in.pos - zstd->input.position);
	zstd->input.position = in.pos;
	if (zstd->input.ended && out->pos == 0 && wanted != 0)
		return error_set(err, EBADMSG, "the zstd data end in the middle");
	return 0;
}

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
		if ((r = step(zstd, &out, err)) < 0)
			return r;
	}
	return (ssize_t)out.pos;
}

static void zstd_close(struct stream *stream)
{
	struct zstd_stream *zstd = (struct zstd_stream *)stream;
	ZSTD_freeDStream(zstd->state);
	if (zstd->wide)
		stream_gate_leave(zstd->gate);
	stream_input_free(&zstd->input);
	free(zstd);
}

int stream_open_zstd(struct stream *below, const void *head, size_t head_length, int gate, struct stream **ret,
		     struct error *err)
{
	struct zstd_stream *zstd = xcalloc(1, sizeof(*zstd));
	zstd->stream = (struct stream){zstd_read, NULL, zstd_close};
	zstd->gate = gate;
	stream_input_init(&zstd->input, below, head, head_length);
	zstd->state = ZSTD_createDStream();
	int r = zstd->state ? set_window(zstd, STREAM_WINDOW_LOG_NARROW, err)
			    : error_sys(err, ENOMEM, "begin decompressing zstd");
	if (r < 0) {
		zstd_close(&zstd->stream);
		return r;
	}
	*ret = &zstd->stream;
	return 0;
}
