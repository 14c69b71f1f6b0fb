/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/stream/stream.h"

#include <string.h>
#include <unistd.h>

#include "pkg/text/text.h"

#define SKIP_CHUNK 65536

void stream_close(struct stream *stream)
{
	stream->close(stream);
}

ssize_t stream_read_full(struct stream *stream, void *data, size_t length, struct error *err)
{
	size_t done = 0;
	while (done < length) {
		ssize_t n = stream_read(stream, (char *)data + done, length - done, err);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int stream_skip(struct stream *stream, int64_t length, struct error *err)
{
	if (stream->skip)
		return stream->skip(stream, length, err);
	auto_free char *buffer = xmalloc(SKIP_CHUNK);
	while (length > 0) {
		ssize_t n = stream_read(stream, buffer, length < SKIP_CHUNK ? (size_t)length : SKIP_CHUNK, err);
		if (n <= 0)
			return (int)n;
		length -= n;
	}
	return 0;
}

int stream_drain(struct stream *stream, struct error *err)
{
	return stream_skip(stream, INT64_MAX, err);
}

/* ---- files ---- */
struct file_stream {
	struct stream stream;
	int fd;
	int64_t offset; /* -1: read(2) */
	int64_t left;   /* -1: to the end */
	char *name;
};

static ssize_t file_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct file_stream *file = (struct file_stream *)stream;
	if (file->left >= 0 && (uint64_t)file->left < length)
		length = (size_t)file->left;
	if (length == 0)
		return 0;
	ssize_t n;
	do {
		n = file->offset >= 0 ? pread(file->fd, data, length, file->offset) : read(file->fd, data, length);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_sys(err, errno, "read %s", file->name);
	if (file->offset >= 0)
		file->offset += n;
	if (file->left >= 0)
		file->left -= n;
	return n;
}

static int file_skip(struct stream *stream, int64_t length, struct error *err)
{
	struct file_stream *file = (struct file_stream *)stream;
	(void)err;
	if (file->left >= 0 && file->left < length)
		length = file->left;
	if (__builtin_add_overflow(file->offset, length, &file->offset))
		file->offset = INT64_MAX;
	if (file->left >= 0)
		file->left -= length;
	return 0;
}

static void file_close(struct stream *stream)
{
	struct file_stream *file = (struct file_stream *)stream;
	free(file->name);
	free(file);
}

int stream_open_fd(int fd, int64_t offset, int64_t length, const char *name, struct stream **ret, struct error *err)
{
	(void)err;
	struct file_stream *file = xcalloc(1, sizeof(*file));
	*file = (struct file_stream){
	    {file_read, offset >= 0 ? file_skip : NULL, file_close}, fd, offset, length, xstrdup(name)};
	*ret = &file->stream;
	return 0;
}

/* ---- memory ---- */
struct memory_stream {
	struct stream stream;
	const char *data;
	size_t left;
};

static ssize_t memory_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct memory_stream *memory = (struct memory_stream *)stream;
	(void)err;
	if (length > memory->left)
		length = memory->left;
	if (length == 0)
		return 0;
	memcpy(data, memory->data, length);
	memory->data += length;
	memory->left -= length;
	return (ssize_t)length;
}

static void memory_close(struct stream *stream)
{
	free(stream);
}

int stream_open_memory(const void *data, size_t length, struct stream **ret, struct error *err)
{
	(void)err;
	struct memory_stream *memory = xcalloc(1, sizeof(*memory));
	*memory = (struct memory_stream){{memory_read, NULL, memory_close}, data, length};
	*ret = &memory->stream;
	return 0;
}

/* ---- hashing ---- */
struct hash_stream {
	struct stream stream;
	struct stream *below;
	struct digest *digest;
};

static ssize_t hash_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct hash_stream *hash = (struct hash_stream *)stream;
	ssize_t n = stream_read(hash->below, data, length, err);
	if (n <= 0)
		return n;
	int r = digest_update(hash->digest, data, (size_t)n, err);
	return r < 0 ? r : n;
}

static void hash_close(struct stream *stream)
{
	struct hash_stream *hash = (struct hash_stream *)stream;
	stream_close(hash->below);
	free(hash);
}

int stream_hash(struct stream *below, struct digest *digest, struct stream **ret, struct error *err)
{
	(void)err;
	struct hash_stream *hash = xcalloc(1, sizeof(*hash));
	*hash = (struct hash_stream){{hash_read, NULL, hash_close}, below, digest};
	*ret = &hash->stream;
	return 0;
}
