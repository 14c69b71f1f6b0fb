/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "pkg/stream/codec.h"
#include "pkg/text/text.h"

static const struct {
	const char *name;
	const char *magic;
	size_t length;
} compressions[] = {
    [STREAM_PLAIN] = {"none", "", 0},
    [STREAM_GZIP] = {"gzip", "\x1f\x8b\x08", 3},
    [STREAM_ZSTD] = {"zstd", "\x28\xb5\x2f\xfd", 4},
    [STREAM_XZ] = {"xz",
		   "\xfd"
		   "7zXZ",
		   6}, /* with its NUL */
    [STREAM_BZIP2] = {"bzip2", "BZh", 3},
};

const char *stream_compression_name(enum stream_compression compression)
{
	return compressions[compression].name;
}

/* A zstd stream may begin with a skippable frame: 0x184D2A50 to …5F. */
static bool is_zstd_skippable(const unsigned char *data, size_t length)
{
	return length >= 4 && (data[0] & 0xf0) == 0x50 && memcmp(data + 1, "\x2a\x4d\x18", 3) == 0;
}

enum stream_compression stream_detect(const void *data, size_t length)
{
	for (size_t i = 1; i < ARRAY_SIZE(compressions); i++)
		if (length >= compressions[i].length &&
		    memcmp(data, compressions[i].magic, compressions[i].length) == 0)
			return (enum stream_compression)i;
	return is_zstd_skippable(data, length) ? STREAM_ZSTD : STREAM_PLAIN;
}

const char *stream_foreign_name(const void *data, size_t length)
{
	static const struct {
		const char *name, *magic;
		size_t length;
	} foreign[] = {
	    {"lz4", "\x04\x22\x4d\x18", 4},
	    {"lz4", "\x02\x21\x4c\x18", 4},
	    {"lzip", "LZIP", 4},
	    {"lzma", "\x5d\x00\x00", 3},
	    {"lzop", "\x89LZO", 4},
	    {"snappy", "\xff\x06\x00\x00sNaPpY", 10},
	    {"compress", "\x1f\x9d", 2},
	    {"zip", "PK\x03\x04", 4},
	    {"7z", "7z\xbc\xaf\x27\x1c", 6},
	};
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (length >= foreign[i].length && memcmp(data, foreign[i].magic, foreign[i].length) == 0)
			return foreign[i].name;
	return NULL;
}

void stream_input_init(struct stream_input *input, struct stream *below, const void *head, size_t head_length)
{
	*input = (struct stream_input){.below = below, .buffer = xmalloc(STREAM_INPUT_SIZE), .length = head_length};
	memcpy(input->buffer, head, head_length);
}

void stream_input_free(struct stream_input *input)
{
	stream_close(input->below);
	free(input->buffer);
}

int stream_input_fill(struct stream_input *input, struct error *err)
{
	if (input->position < input->length || input->ended)
		return 0;
	ssize_t n = stream_read(input->below, input->buffer, STREAM_INPUT_SIZE, err);
	if (n < 0)
		return (int)n;
	input->position = 0;
	input->length = (size_t)n;
	input->ended = n == 0;
	return 0;
}

/* ---- what is not compressed: the head, then the rest ---- */
struct plain_stream {
	struct stream stream;
	struct stream *below;
	size_t position, length;
	unsigned char head[STREAM_HEAD_MAX];
};

static ssize_t plain_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct plain_stream *plain = (struct plain_stream *)stream;
	size_t left = plain->length - plain->position;
	if (left == 0)
		return stream_read(plain->below, data, length, err);
	if (length > left)
		length = left;
	memcpy(data, plain->head + plain->position, length);
	plain->position += length;
	return (ssize_t)length;
}

static int plain_skip(struct stream *stream, int64_t length, struct error *err)
{
	struct plain_stream *plain = (struct plain_stream *)stream;
	size_t left = plain->length - plain->position;
	if ((uint64_t)length < left) {
		plain->position += (size_t)length;
		return 0;
	}
	plain->position = plain->length;
	return stream_skip(plain->below, length - (int64_t)left, err);
}

static void plain_close(struct stream *stream)
{
	struct plain_stream *plain = (struct plain_stream *)stream;
	stream_close(plain->below);
	free(plain);
}

static int open_plain(struct stream *below, const void *head, size_t head_length, struct stream **ret)
{
	struct plain_stream *plain = xcalloc(1, sizeof(*plain));
	plain->stream = (struct stream){plain_read, plain_skip, plain_close};
	plain->below = below;
	plain->length = head_length;
	memcpy(plain->head, head, head_length);
	*ret = &plain->stream;
	return 0;
}

int stream_gate_enter(int gate, struct error *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	while (gate > 0 && fcntl(gate, F_SETLKW, &lock) < 0)
		if (errno != EINTR)
			return error_sys(err, errno, "wait for memory to decompress in");
	return 0;
}

void stream_gate_leave(int gate)
{
	struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
	if (gate > 0)
		fcntl(gate, F_SETLK, &lock);
}

int stream_decompress(struct stream *below, struct stream **ret, enum stream_compression *ret_compression,
		      struct error *err)
{
	return stream_decompress_gated(below, 0, ret, ret_compression, err);
}

int stream_decompress_gated(struct stream *below, int gate, struct stream **ret,
			    enum stream_compression *ret_compression, struct error *err)
{
	unsigned char head[STREAM_HEAD_MAX];
	ssize_t n = stream_read_full(below, head, sizeof(head), err);
	if (n < 0) {
		stream_close(below);
		return (int)n;
	}
	enum stream_compression compression = stream_detect(head, (size_t)n);
	int r;
	switch (compression) {
	case STREAM_GZIP:
		r = stream_open_gzip(below, head, (size_t)n, ret, err);
		break;
	case STREAM_ZSTD:
		r = stream_open_zstd(below, head, (size_t)n, gate, ret, err);
		break;
	case STREAM_XZ:
		r = stream_open_xz(below, head, (size_t)n, gate, ret, err);
		break;
	case STREAM_BZIP2:
		r = stream_open_filter(below, head, (size_t)n, ret, err);
		break;
	case STREAM_PLAIN:
	default:
		r = open_plain(below, head, (size_t)n, ret);
	}
	if (r == 0 && ret_compression)
		*ret_compression = compression;
	return r;
}
