/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/pull/feed.h"

#include <fcntl.h>
#include <signal.h>

#include "pkg/file/file.h"

#define CHUNK (128 << 10)
/* So much of the file is sent on its way to the disk at a time, where it is safe from a power cut; and the layer, when it
 * is whole, does not have to wait for it. */
#define WRITE_EARLY (4 << 20)

/* Says how far the file has come. */
static int announce(const struct feed *feed, struct error *err)
{
	if (atomic_load_explicit(feed->stop, memory_order_relaxed))
		return error_set(err, ECANCELED, "it was given up");
	int r = stream_announce(feed->growth, feed->partial->length);
	return r < 0 ? error_sys(err, r, "pass it on") : 0;
}

static int save(struct partial *partial, const char *data, size_t length, struct error *err)
{
	int64_t before = partial->length / WRITE_EARLY;
	while (length > 0) {
		ssize_t n = pwrite(partial->fd, data, length, partial->length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "write blobs/partial/%s", partial->name);
		partial->length += n;
		data += n;
		length -= (size_t)n;
	}
	int64_t after = partial->length / WRITE_EARLY;
	if (after > before)
		sync_file_range(partial->fd, before * WRITE_EARLY, (after - before) * WRITE_EARLY,
				SYNC_FILE_RANGE_WRITE);
	return 0;
}

static int bring(struct feed *feed, char *buffer, struct error *err)
{
	auto_stream struct stream *stream = NULL;
	struct partial *partial = feed->partial;
	if (partial->length == feed->blob->size)
		return 0;
	int r = registry_blob_open(feed->remote->registry, feed->remote->repository, feed->blob->digest,
				   feed->blob->size, partial->length, &stream, err);
	while (r == 0) {
		ssize_t n = stream_read(stream, buffer, CHUNK, err);
		if (n <= 0)
			return (int)n;
		r = save(partial, buffer, (size_t)n, err);
		if (r == 0)
			r = announce(feed, err);
		if (r == 0 && feed->progress)
			progress_update(feed->progress, feed->item, (uint64_t)partial->length);
	}
	return r;
}

static void *run(void *argument)
{
	struct feed *feed = argument;
	auto_free char *buffer = xmalloc(CHUNK);
	sigset_t set;
	/* Nobody reading is an error that write(2) returns. */
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (feed->progress)
		progress_state(feed->progress, feed->item, "Downloading", (uint64_t)feed->blob->size);
	feed->result = feed->partial->length > 0 ? announce(feed, &feed->error) : 0;
	if (feed->result == 0)
		feed->result = bring(feed, buffer, &feed->error);
	if (feed->progress && feed->result == 0)
		progress_state(feed->progress, feed->item, "Extracting", 0);
	close(feed->growth);
	return NULL;
}

int feed_start(struct feed *feed, struct error *err)
{
	int ends[2];
	feed->result = 0;
	error_clear(&feed->error);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	feed->growth = ends[1];
	int r = pthread_create(&feed->thread, NULL, run, feed);
	if (r == 0)
		return ends[0];
	close(ends[0]);
	close(ends[1]);
	return error_sys(err, r, "start a thread");
}

int feed_join(struct feed *feed, struct error *err)
{
	pthread_join(feed->thread, NULL);
	if (feed->result < 0 && err)
		*err = feed->error;
	return feed->result;
}
