/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/unpack/watch.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "pkg/text/text.h"

struct watch {
	_Atomic int64_t count;
};

struct watched {
	struct stream stream;
	struct stream *below;
	struct watch *watch;
};

struct watch *watch_new(void)
{
	struct watch *watch = mmap(NULL, sizeof(*watch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return watch == MAP_FAILED ? NULL : watch;
}

void watch_free(struct watch *watch)
{
	if (watch)
		munmap(watch, sizeof(*watch));
}

static ssize_t watched_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct watched *watched = (struct watched *)stream;
	ssize_t n = stream_read(watched->below, data, length, err);
	if (n > 0)
		atomic_fetch_add_explicit(&watched->watch->count, n, memory_order_relaxed);
	return n;
}

static void watched_close(struct stream *stream)
{
	stream_close(((struct watched *)stream)->below);
	free(stream);
}

struct stream *watch_stream(struct watch *watch, struct stream *below)
{
	if (!watch)
		return below;
	struct watched *watched = xcalloc(1, sizeof(*watched));
	*watched = (struct watched){{watched_read, NULL, watched_close}, below, watch};
	atomic_store_explicit(&watch->count, 0, memory_order_relaxed);
	return &watched->stream;
}

int64_t watch_count(const struct watch *watch)
{
	return watch ? atomic_load_explicit(&watch->count, memory_order_relaxed) : 0;
}
