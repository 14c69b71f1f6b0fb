/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a layer's directory of the test's own, into which tars are unpacked and from which they are made again. */
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "pkg/file/file.h"
#include "pkg/tar/compose.h"
#include "storage/recipe/recipe.h"
#include "storage/unpack/layer.h"

static const struct id_mapping all_ids = {
    .uids = {.ranges = {{0, 0, 65536}}, .count = 1},
    .gids = {.ranges = {{0, 0, 65536}}, .count = 1},
};

/* A layer's directory as a stage has it. */
struct layer {
	char path[64];
	int fd, diff, kept, recipe;
	struct unpack_result result;
	bool xattrs;
};

static inline void layer_make(struct layer *layer)
{
	strcpy(layer->path, "/tmp/unpack-test-XXXXXX");
	assert_non_null(mkdtemp(layer->path));
	layer->fd = open(layer->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(layer->fd, "diff", 0755), 0);
	assert_int_equal(mkdirat(layer->fd, "kept", 0755), 0);
	layer->diff = openat(layer->fd, "diff", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	layer->kept = openat(layer->fd, "kept", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	layer->recipe = openat(layer->fd, "recipe", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
}

static inline void layer_remove(struct layer *layer)
{
	close(layer->diff);
	close(layer->kept);
	close(layer->recipe);
	close(layer->fd);
	assert_int_equal(tree_remove_at(AT_FDCWD, layer->path, NULL), 0);
}
#define auto_layer CLEANUP(layer_remove)

static inline int unpack_as(struct layer *layer, const struct id_mapping *mapping, const struct strbuf *tar,
			    const char *blob_digest, const char *diff_id, struct error *err)
{
	struct stream *blob;
	layer_make(layer);
	assert_int_equal(stream_open_memory(tar->data, tar->length, &blob, err), 0);
	struct unpack_target target = {layer->diff, layer->kept, layer->recipe, mapping};
	return unpack_layer(&target, blob, blob_digest, diff_id, &layer->result, &layer->xattrs, err);
}

static inline int unpack(struct layer *layer, const struct strbuf *tar, struct error *err)
{
	return unpack_as(layer, geteuid() == 0 ? &all_ids : NULL, tar, NULL, NULL, err);
}

static inline int collect(void *userdata, const void *data, size_t length, struct error *err)
{
	(void)err;
	strbuf_add(userdata, data, length);
	return 0;
}

static inline void assert_same_tar(const struct layer *layer, const struct strbuf *tar)
{
	auto_strbuf struct strbuf again = STRBUF_INIT;
	struct error err = ERROR_INIT;
	int r = recipe_regenerate(layer->fd, collect, &again, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	assert_int_equal(again.length, tar->length);
	assert_true(tar->length == 0 || memcmp(again.data, tar->data, tar->length) == 0);
}

static inline void unpack_well(struct layer *layer, const struct strbuf *tar)
{
	struct error err = ERROR_INIT;
	int r = unpack(layer, tar, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	assert_same_tar(layer, tar);
}
