/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/size/size.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "pkg/file/file.h"
#include "storage/driver/driver.h"
#include "storage/layer/layer.h"

#define SIZE_FILE    "size"
#define SIZE_MAX_LEN 128
#define NOT_KNOWN    (-1)

struct measuring {
	struct store *store;
	const struct container_entry *entries;
	size_t count;
	int64_t *written; /* shared with the child that measures */
};

static bool is_alive(const struct container_state *state)
{
	return state->status != CONTAINER_CREATED && state->status != CONTAINER_EXITED;
}

static bool is_copy(const struct container *container)
{
	return container->driver && strcmp(container->driver, driver_name(DRIVER_VFS)) == 0;
}

/* ---- the kept number ---- */
static int64_t read_kept(struct store *store, const struct container_entry *entry)
{
	auto_close int fd = container_open(store, entry->container->id, NULL);
	auto_free char *text = NULL;
	int64_t bytes, started, finished;
	if (fd < 0 || is_alive(&entry->state) || file_read_at(fd, SIZE_FILE, SIZE_MAX_LEN, &text, NULL, NULL) < 0)
		return NOT_KNOWN;
	if (sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &bytes, &started, &finished) != 3)
		return NOT_KNOWN;
	return started == entry->state.started_ns && finished == entry->state.finished_ns ? bytes : NOT_KNOWN;
}

/* Only when it has not run meanwhile. What fails here costs another walk, nothing else. */
static void keep(struct store *store, const struct container_entry *entry, int64_t bytes)
{
	struct container_state now;
	char text[SIZE_MAX_LEN];
	const char *id = entry->container->id;
	auto_close int fd = container_open(store, id, NULL);
	if (fd < 0 || is_alive(&entry->state) || container_state(store, id, &now, NULL) < 0 || is_alive(&now) ||
	    now.started_ns != entry->state.started_ns || now.finished_ns != entry->state.finished_ns)
		return;
	int length = snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 " %" PRId64 "\n", bytes, now.started_ns, now.finished_ns);
	file_write_at(fd, SIZE_FILE, text, (size_t)length, 0600, 0, NULL);
}

void container_size_forget(struct store *store, const char *id)
{
	auto_close int fd = container_open(store, id, NULL);
	if (fd >= 0)
		unlinkat(fd, SIZE_FILE, 0);
}

/* ---- measuring ---- */
static int measure(struct store *store, const struct container *container, int64_t *ret, struct error *err)
{
	auto_close int fd = container_open(store, container->id, NULL);
	const char *name = is_copy(container) ? "rootfs" : "upper";
	*ret = 0;
	auto_close int tree = fd < 0 ? -1 : openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree < 0)
		return fd < 0 || errno == ENOENT ? 0 : error_sys(err, errno, "open %s/ of container %.12s", name, container->id);
	int r = tree_size(tree, ret, err);
	return r < 0 ? error_context(err, "container %.12s", container->id) : 0;
}

/* As far as it can be done from here; -EACCES when it cannot. */
static int measure_unknown(void *data, struct error *err)
{
	struct measuring *work = data;
	for (size_t i = 0; i < work->count; i++) {
		int64_t bytes;
		if (work->written[i] != NOT_KNOWN)
			continue;
		int r = measure(work->store, work->entries[i].container, &bytes, err);
		if (r < 0)
			return r;
		work->written[i] = bytes;
	}
	return 0;
}

static int measure_all(struct measuring *work, bool kept, struct error *err)
{
	auto_free bool *measured = xcalloc(work->count, sizeof(bool));
	for (size_t i = 0; i < work->count; i++) {
		work->written[i] = read_kept(work->store, &work->entries[i]);
		measured[i] = work->written[i] == NOT_KNOWN;
	}
	int r = measure_unknown(work, err);
	if (r == -EACCES || r == -EPERM) {
		error_clear(err);
		r = store_run_mapped(work->store, measure_unknown, work, err);
	}
	for (size_t i = 0; r == 0 && kept && i < work->count; i++)
		if (measured[i])
			keep(work->store, &work->entries[i], work->written[i]);
	return r;
}

static int64_t layers_size(struct store *store, const struct container *container)
{
	int64_t size = 0;
	for (size_t i = 0; i < container->layers.count; i++) {
		struct layer_facts facts = {0};
		if (layer_read_facts(store, container->layers.items[i], &facts, NULL) > 0)
			size += facts.size;
	}
	return size;
}

static int sizes(struct store *store, const struct container_entry *entries, size_t count, bool whole, struct container_size *ret, struct error *err)
{
	if (count == 0)
		return 0;
	size_t size = count * sizeof(int64_t);
	struct measuring work = {store, entries, count, mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)};
	if (work.written == MAP_FAILED)
		return error_sys(err, errno, "get memory for the sizes of containers");
	int r = measure_all(&work, whole, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct container *container = entries[i].container;
		ret[i].written = ret[i].total = work.written[i];
		if (whole && !is_copy(container))
			ret[i].total += layers_size(store, container);
	}
	munmap(work.written, size);
	return r;
}

int container_sizes(struct store *store, const struct container_entry *entries, size_t count, struct container_size *ret, struct error *err)
{
	return sizes(store, entries, count, true, ret, err);
}

int container_sizes_written(struct store *store, const struct container_entry *entries, size_t count, struct container_size *ret, struct error *err)
{
	return sizes(store, entries, count, false, ret, err);
}

char *container_size_text(const struct container_size *size)
{
	char written[TEXT_STAMP_MAX], total[TEXT_STAMP_MAX];
	return xasprintf("%s (virtual %s)", format_human_size(written, (uint64_t)size->written), format_human_size(total, (uint64_t)size->total));
}
