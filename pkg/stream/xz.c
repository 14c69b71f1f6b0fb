/* SPDX-License-Identifier: Apache-2.0 */
/* xz, by liblzma itself: libarchive would give a hostile file as much memory as it asks for. */
#include <lzma.h>

#include "pkg/stream/codec.h"
#include "pkg/text/text.h"

/* Beside the dictionary. */
#define STATE_SIZE ((uint64_t)4 << 20)

struct xz_stream {
	struct stream stream;
	struct stream_input input;
	lzma_stream state;
	bool ended;
	int gate;
	bool wide; /* through the gate */
};

static int failed(lzma_ret result, struct error *err)
{
	switch (result) {
	case LZMA_MEMLIMIT_ERROR:
		return error_set(
		    err, EFBIG,
		    "the xz data need a dictionary of more than %d MiB of memory; compress them with xz -9 at most",
		    STREAM_WINDOW_MIB);
	case LZMA_MEM_ERROR:
		return error_sys(err, ENOMEM, "decompress xz");
	case LZMA_BUF_ERROR:
		return error_set(err, EBADMSG, "the xz data end in the middle");
	case LZMA_OPTIONS_ERROR:
		return error_set(err, EBADMSG, "the xz data are of a kind that liblzma does not know");
	default:
		return error_set(err, EBADMSG, "the xz data are damaged");
	}
}

static uint64_t memory_for(int window_log)
{
	return ((uint64_t)1 << window_log) + STATE_SIZE;
}

/* It wants more than a narrow dictionary: waits for its turn; the decoder goes on where it was. */
static int widen(struct xz_stream *xz, struct error *err)
{
	if (xz->wide)
		return failed(LZMA_MEMLIMIT_ERROR, err);
	int r = stream_gate_enter(xz->gate, err);
	if (r < 0)
		return r;
	xz->wide = true;
	return lzma_memlimit_set(&xz->state, memory_for(STREAM_WINDOW_LOG_MAX)) == LZMA_OK
		   ? 0
		   : failed(LZMA_MEMLIMIT_ERROR, err);
}

static ssize_t xz_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct xz_stream *xz = (struct xz_stream *)stream;
	xz->state.next_out = data;
	xz->state.avail_out = length;
	while (!xz->ended && xz->state.avail_out == length) {
		int r = stream_input_fill(&xz->input, err);
		if (r < 0)
			return r;
		xz->state.next_in = xz->input.buffer + xz->input.position;
		xz->state.avail_in = xz->input.ended ? 0 : xz->input.length - xz->input.position;
		lzma_ret result = lzma_code(&xz->state, xz->input.ended ? LZMA_FINISH : LZMA_RUN);
		if (!xz->input.ended)
			xz->input.position = xz->input.length - xz->state.avail_in;
		xz->ended = result == LZMA_STREAM_END;
		if (result == LZMA_MEMLIMIT_ERROR)
			r = widen(xz, err);
		else if (result != LZMA_OK && !xz->ended)
			r = failed(result, err);
		if (r < 0)
			return r;
	}
	return (ssize_t)(length - xz->state.avail_out);
}

static void xz_close(struct stream *stream)
{
	struct xz_stream *xz = (struct xz_stream *)stream;
	lzma_end(&xz->state);
	if (xz->wide)
		stream_gate_leave(xz->gate);
	stream_input_free(&xz->input);
	free(xz);
}

int stream_open_xz(struct stream *below, const void *head, size_t head_length, int gate, struct stream **ret,
		   struct error *err)
{
	struct xz_stream *xz = xcalloc(1, sizeof(*xz));
	xz->stream = (struct stream){xz_read, NULL, xz_close};
	xz->state = (lzma_stream)LZMA_STREAM_INIT;
	stream_input_init(&xz->input, below, head, head_length);
	xz->gate = gate;
	lzma_ret result = lzma_stream_decoder(&xz->state, memory_for(STREAM_WINDOW_LOG_NARROW), LZMA_CONCATENATED);
	if (result != LZMA_OK) {
		xz_close(&xz->stream);
		return failed(result, err);
	}
	*ret = &xz->stream;
	return 0;
}
