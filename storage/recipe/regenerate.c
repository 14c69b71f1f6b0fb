/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two passes over the recipe: the first collects what was moved to kept/ (rarely anything) and learns what the tar must
 * come to, the second gives the tar.
 * The content of an entry is where the first KEPT record behind the entry that names it, or a directory above it, says;
 * otherwise it is in the tree.
 */
#include <fcntl.h>
#include <string.h>

#include "pkg/file/file.h"
#include "pkg/text/text.h"
#include "storage/recipe/sum.h"

#define CHUNK (256 << 10)

struct kept {
	char *path;
	uint64_t order; /* number of the record */
	uint32_t number;
};

struct regeneration {
	int layer_fd;
	recipe_sink sink;
	void *userdata;
	struct recipe_totals totals;
	struct sum *sum;
	int64_t given;
	struct kept *kept; /* by path, then order */
	size_t kept_count;
	char *buffer;
};

static int compare_kept(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	int r = strcmp(x->path, y->path);
	return r != 0 ? r : (x->order > y->order) - (x->order < y->order);
}

static int survey(struct regeneration *work, int recipe_fd, struct error *err)
{
	auto_recipe_reader struct recipe_reader *reader = NULL;
	const struct recipe_record *record;
	int r = recipe_reader_new(recipe_fd, &reader, err);
	if (r < 0)
		return r;
	size_t capacity = 0;
	for (uint64_t order = 0; (r = recipe_next(reader, &record, err)) > 0; order++) {
		if (record->type == RECIPE_END)
			work->totals = record->totals;
		if (record->type != RECIPE_KEPT)
			continue;
		if (work->kept_count == capacity) {
			capacity = capacity ? capacity * 2 : 16;
			work->kept = xrealloc(work->kept, capacity * sizeof(*work->kept));
		}
		work->kept[work->kept_count++] = (struct kept){xstrdup(record->kept_path), order, record->kept_number};
	}
	if (r == 0 && work->kept_count > 0)
		qsort(work->kept, work->kept_count, sizeof(*work->kept), compare_kept);
	return r;
}

/* The first of the kept ones with this path that came after record `order`. */
static const struct kept *find_kept(const struct regeneration *work, const char *path, uint64_t order)
{
	size_t low = 0, high = work->kept_count;
	struct kept wanted = {(char *)path, order, 0};
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare_kept(&work->kept[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < work->kept_count && strcmp(work->kept[low].path, path) == 0 ? &work->kept[low] : NULL;
}

/* Where the content of the file at `path` is now, relative to the layer's directory; malloc'd. */
static char *content_path(const struct regeneration *work, const char *path, uint64_t order)
{
	const struct kept *first = NULL;
	size_t first_length = 0;
	auto_free char *above = xstrdup(path);
	for (size_t length = strlen(path); work->kept_count > 0 && length > 0; length--) {
		if (above[length] != '\0' && above[length] != '/')
			continue;
		above[length] = '\0';
		const struct kept *kept = find_kept(work, above, order);
		if (kept && (!first || kept->order < first->order)) {
			first = kept;
			first_length = length;
		}
	}
	return first ? xasprintf("kept/%u%s", first->number, path + first_length) : xasprintf("diff/%s", path);
}

static int give(struct regeneration *work, const void *data, size_t length, struct error *err)
{
	int r = sum_update(work->sum, data, length, err);
	if (r < 0)
		return r;
	work->given += (int64_t)length;
	return work->sink(work->userdata, data, length, err);
}

static int give_extent(struct regeneration *work, int fd, const char *path, struct tar_extent extent, struct error *err)
{
	while (extent.length > 0) {
		ssize_t n =
		    pread(fd, work->buffer, extent.length < CHUNK ? (size_t)extent.length : CHUNK, extent.offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "read %s", path);
		if (n == 0)
			return error_set(err, EBADMSG, "the layer is damaged: %s is shorter than it was", path);
		int r = give(work, work->buffer, (size_t)n, err);
		if (r < 0)
			return r;
		extent.offset += n;
		extent.length -= n;
	}
	return 0;
}

static int open_content(const struct regeneration *work, const char *path, struct error *err)
{
	int fd = open_beneath(work->layer_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR)
		return error_set(err, EBADMSG, "the layer is damaged: %s is missing", path);
	if (fd < 0)
		return error_sys(err, fd, "open %s of the layer", path);
	return fd;
}

static int give_content(struct regeneration *work, const struct recipe_entry *entry, uint64_t order, struct error *err)
{
	const struct tar_entry *tar = &entry->tar;
	if (!entry->in_tree || tar->stored == 0)
		return 0;
	auto_free char *path = content_path(work, entry->place ? entry->place : tar->path, order);
	auto_close int fd = open_content(work, path, err);
	if (fd < 0)
		return fd;
	struct stat status;
	if (fstat(fd, &status) < 0)
		return error_sys(err, errno, "stat %s", path);
	if (!S_ISREG(status.st_mode) || status.st_size != tar->size)
		return error_set(err, EBADMSG, "the layer is damaged: %s is not what it was", path);
	if (!tar->extents)
		return give_extent(work, fd, path, (struct tar_extent){0, tar->size}, err);
	for (size_t i = 0; i < tar->extents_count; i++) {
		int r = give_extent(work, fd, path, tar->extents[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_totals(struct regeneration *work, struct error *err)
{
	struct recipe_sum found;
	int r = sum_finish(work->sum, &found, err);
	if (r < 0)
		return r;
	if (work->given != work->totals.tar_size || !sums_equal(&found, &work->totals.sum))
		return error_set(err, EBADMSG, "the layer is damaged: its tar does not have its digest any more");
	return 0;
}

static int give_all(struct regeneration *work, int recipe_fd, struct error *err)
{
	auto_recipe_reader struct recipe_reader *reader = NULL;
	const struct recipe_record *record;
	int r = recipe_reader_new(recipe_fd, &reader, err);
	for (uint64_t order = 0; r >= 0 && (r = recipe_next(reader, &record, err)) > 0; order++) {
		if (record->type == RECIPE_RAW)
			r = give(work, record->raw, record->raw_length, err);
		else if (record->type == RECIPE_ENTRY)
			r = give_content(work, &record->entry, order, err);
	}
	return r < 0 ? r : check_totals(work, err);
}

int recipe_regenerate(int layer_fd, recipe_sink sink, void *userdata, struct error *err)
{
	auto_close int recipe_fd = openat(layer_fd, "recipe", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (recipe_fd < 0)
		return error_sys(err, errno, "open the layer's recipe");
	auto_free char *buffer = xmalloc(CHUNK);
	struct regeneration work = {.layer_fd = layer_fd, .sink = sink, .userdata = userdata, .buffer = buffer};
	int r = survey(&work, recipe_fd, err);
	if (r == 0)
		r = sum_new(work.totals.sum.kind, &work.sum, err);
	if (r == 0)
		r = give_all(&work, recipe_fd, err);
	if (work.sum)
		sum_free(work.sum);
	for (size_t i = 0; i < work.kept_count; i++)
		free(work.kept[i].path);
	free(work.kept);
	return r;
}
