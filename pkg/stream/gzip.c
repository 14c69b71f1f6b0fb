/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip by ISA-L's igzip, which is two to three times as fast as zlib. A gzip file is one or more members (RFC
 * 1952, 2.2; eStargz and pigz write many); zero bytes after the last one are padding, anything else there is an error,
 * as in Go's reader.
 *
 * The header of a member is read by a call of its own: isal_inflate() forgets what it has read of one when the input ends in the middle, as it does when it comes
 * through a pipe in small pieces.
 */
#include <isa-l/igzip_lib.h>
#include <string.h>

#include "pkg/stream/codec.h"
#include "pkg/text/text.h"

struct gzip_stream {
	struct stream stream;
	struct stream_input input;
	struct inflate_state state;
	struct isal_gzip_header header;
	bool in_header;
	bool between; /* members: nothing of the next one has been given to igzip */
};

static void begin_member(struct gzip_stream *gzip)
{
	isal_inflate_reset(&gzip->state);
	/* The header is not for isal_inflate(), the checksum behind the data is. */
	gzip->state.crc_flag = ISAL_GZIP_NO_HDR_VER;
	isal_gzip_header_init(&gzip->header);
	gzip->in_header = true;
	gzip->between = true;
}

/* Whether another member follows: 1, or 0 at the end of the file. */
static int next_member(struct gzip_stream *gzip, struct error *err)
{
	struct stream_input *input = &gzip->input;
	for (;;) {
		int r = stream_input_fill(input, err);
		if (r < 0)
			return r;
		if (input->ended)
			return 0;
		if (input->buffer[input->position] != 0)
			break;
		input->position++;
	}
	if (input->buffer[input->position] != 0x1f)
		return error_set(err, EBADMSG, "the gzip data are followed by something else");
	return 1;
}

static int inflate_some(struct gzip_stream *gzip, struct error *err)
{
	struct stream_input *input = &gzip->input;
	gzip->state.next_in = input->buffer + input->position;
	gzip->state.avail_in = (uint32_t)(input->length - input->position);
	int r = gzip->in_header ? isal_read_gzip_header(&gzip->state, &gzip->header) : isal_inflate(&gzip->state);
	input->position = input->length - gzip->state.avail_in;
	if (gzip->in_header && r == ISAL_DECOMP_OK)
		gzip->in_header = false;
	if (r == ISAL_INCORRECT_CHECKSUM)
		return error_set(err, EBADMSG, "the gzip data are damaged: wrong checksum");
	if (r < 0 || r == ISAL_NEED_DICT)
		return error_set(err, EBADMSG, "the gzip data are damaged");
	return 0;
}

static ssize_t gzip_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct gzip_stream *gzip = (struct gzip_stream *)stream;
	uint32_t room = length > INT32_MAX ? INT32_MAX : (uint32_t)length;
	gzip->state.next_out = data;
	gzip->state.avail_out = room;
	while (gzip->state.avail_out == room) {
		if (gzip->between) {
			int r = next_member(gzip, err);
			if (r <= 0)
				return r;
			gzip->between = false;
		}
		int r = stream_input_fill(&gzip->input, err);
		if (r == 0)
			r = inflate_some(gzip, err);
		if (r < 0)
			return r;
		if (gzip->state.block_state == ISAL_BLOCK_FINISH) {
			uint32_t left = gzip->state.avail_out;
			begin_member(gzip);
			gzip->state.avail_out = left;
			gzip->state.next_out = (uint8_t *)data + (room - left);
		} else if (gzip->input.ended && gzip->state.avail_out == room) {
			return error_set(err, EBADMSG, "the gzip data end in the middle");
		}
	}
	return (ssize_t)(room - gzip->state.avail_out);
}

static void gzip_close(struct stream *stream)
{
	struct gzip_stream *gzip = (struct gzip_stream *)stream;
	stream_input_free(&gzip->input);
	free(gzip);
}

int stream_open_gzip(struct stream *below, const void *head, size_t head_length, struct stream **ret, struct error *err)
{
	(void)err;
	struct gzip_stream *gzip = xcalloc(1, sizeof(*gzip));
	gzip->stream = (struct stream){gzip_read, NULL, gzip_close};
	stream_input_init(&gzip->input, below, head, head_length);
	isal_inflate_init(&gzip->state);
	begin_member(gzip);
	*ret = &gzip->stream;
	return 0;
}
