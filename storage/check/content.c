/* SPDX-License-Identifier: Apache-2.0 */
/* The content of files beside its sum in the recipe, each file once whatever names it has, on all processors. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "pkg/file/file.h"
#include "storage/check/layer.h"
#include "storage/recipe/sum.h"

#define CHUNK (128 << 10)

struct reading {
	int fd;
	struct sum *sum;
	char *buffer;
};

static int read_extent(struct reading *reading, struct tar_extent extent, struct error *err)
{
	while (extent.length > 0) {
		ssize_t n =
		    pread(reading->fd, reading->buffer, extent.length < CHUNK ? (size_t)extent.length : CHUNK, extent.offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? error_sys(err, errno, "it cannot be read") : error_set(err, EBADMSG, "it is too short");
		int r = sum_update(reading->sum, reading->buffer, (size_t)n, err);
		if (r < 0)
			return r;
		extent.offset += n;
		extent.length -= n;
	}
	return 0;
}

/* Between its pieces a sparse file has zeros, whether they are on the disk or not. */
static int read_hole(struct reading *reading, off_t offset, off_t end, struct error *err)
{
	while (offset < end) {
		off_t data = lseek(reading->fd, offset, SEEK_DATA);
		if (data < 0 || data >= end)
			return 0;
		size_t wanted = end - data < CHUNK ? (size_t)(end - data) : CHUNK;
		ssize_t n = pread(reading->fd, reading->buffer, wanted, data);
		if (n <= 0)
			return error_sys(err, n < 0 ? errno : EIO, "it cannot be read");
		if (reading->buffer[0] != 0 || memcmp(reading->buffer, reading->buffer + 1, (size_t)n - 1) != 0)
			return error_set(err, EBADMSG, "its content is not what it was");
		offset = data + n;
	}
	return 0;
}

static int read_content(struct reading *reading, const struct inode *inode, struct error *err)
{
	if (!inode->extents)
		return read_extent(reading, (struct tar_extent){0, inode->size}, err);
	off_t offset = 0;
	for (size_t i = 0; i < inode->extents_count; i++) {
		int r = read_hole(reading, offset, inode->extents[i].offset, err);
		if (r == 0)
			r = read_extent(reading, inode->extents[i], err);
		if (r < 0)
			return r;
		offset = inode->extents[i].offset + inode->extents[i].length;
	}
	return read_hole(reading, offset, inode->size, err);
}

/* 0, -EBADMSG when it is not the content, or another error. */
static int compare_content(int fd, const struct inode *inode, bool quick, struct error *err)
{
	struct recipe_sum found;
	auto_sum struct sum *sum = NULL;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "look at a file of the layer");
	if (st.st_size != inode->size)
		return error_set(err, EBADMSG, "it has %lld bytes, not %lld", (long long)st.st_size, (long long)inode->size);
	if (quick)
		return 0;
	auto_free char *buffer = xmalloc(CHUNK);
	struct reading reading = {.fd = fd, .buffer = buffer};
	int r = sum_new(inode->sum.kind, &sum, err);
	reading.sum = sum;
	if (r == 0)
		r = read_content(&reading, inode, err);
	if (r == 0)
		r = sum_finish(sum, &found, err);
	if (r == 0 && !sums_equal(&found, &inode->sum))
		r = error_set(err, EBADMSG, "its content is not what it was");
	return r;
}

static void compare_file(struct layer_check *layer, size_t index)
{
	struct node *node = layer->nodes[index];
	struct inode *inode = node->inode;
	struct error err = ERROR_INIT;
	if (inode->type != INODE_FILE || inode->found != node)
		return;
	auto_free char *path = node_path(node);
	auto_close int fd = open_beneath(layer->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	/* Its mode is wrong, or that of a directory above it, and that is a finding of its own. */
	if (fd == -EACCES && layer->single)
		return;
	int r = fd < 0 ? error_sys(&err, fd, "it cannot be opened")
		       : compare_content(fd, inode, layer->check->quick, &err);
	if (r == 0)
		return;
	inode->content_lost = true;
	layer_problem(layer, PROBLEM_CONTENT, node, NULL, "%s", err.text);
}

void layer_compare_content(struct layer_check *layer)
{
	layer_parallel(layer, layer->nodes_count, compare_file);
}
