/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that another process is writing. Who writes it says through a pipe how long it has become; here nothing is read
 * beyond that, and the end of the pipe is the end of the file. The bytes go through the page cache once and not through
 * the pipe as well; and the writer is never held up by the reader, unless he is thousands of pieces ahead.
 */
#include <string.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/stream/stream.h"
#include "pkg/text/text.h"

struct growing_stream {
	struct stream stream;
	int fd, growth;
	int64_t position, length;
	char *name;
};

int stream_announce(int growth, int64_t length)
{
	/* Shorter than PIPE_BUF: never a part of it. */
	return write_all(growth, &length, sizeof(length));
}

/* Waits until there is more: 1, or 0 at the end. */
static int wait_for_more(struct growing_stream *growing, struct error *err)
{
	int64_t lengths[512];
	while (growing->position >= growing->length) {
		ssize_t n = read(growing->growth, lengths, sizeof(lengths));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || n % (ssize_t)sizeof(*lengths) != 0)
			return error_sys(err, n < 0 ? errno : EPROTO, "learn how long %s has become", growing->name);
		if (n == 0)
			return 0;
		growing->length = lengths[n / (ssize_t)sizeof(*lengths) - 1];
	}
	return 1;
}

static ssize_t growing_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct growing_stream *growing = (struct growing_stream *)stream;
	int r = wait_for_more(growing, err);
	if (r <= 0)
		return r;
	int64_t there = growing->length - growing->position;
	if ((uint64_t)there < length)
		length = (size_t)there;
	ssize_t n;
	do
		n = pread(growing->fd, data, length, growing->position);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_sys(err, errno, "read %s", growing->name);
	if (n == 0)
		return error_set(err, EIO, "%s has become shorter while it was being read", growing->name);
	growing->position += n;
	return n;
}

static void growing_close(struct stream *stream)
{
	struct growing_stream *growing = (struct growing_stream *)stream;
	free(growing->name);
	free(growing);
}

int stream_open_growing(int fd, int growth, const char *name, struct stream **ret, struct error *err)
{
	(void)err;
	struct growing_stream *growing = xcalloc(1, sizeof(*growing));
	*growing = (struct growing_stream){
	    .stream = {growing_read, NULL, growing_close}, .fd = fd, .growth = growth, .name = xstrdup(name)};
	*ret = &growing->stream;
	return 0;
}
