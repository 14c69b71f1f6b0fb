/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a layer: nothing may come to be outside of the layer's directory, and what is unpacked must give the
 * same tar again. Checksums of what looks like a header are put right first, so that a change is not stopped by them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/file/file.h"
#include "pkg/tar/header.h"
#include "storage/recipe/recipe.h"
#include "storage/unpack/layer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void repair_checksums(char *data, size_t size)
{
	for (size_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK) {
		unsigned char *block = (unsigned char *)data + at;
		unsigned int sum = 8 * ' ';
		if (memcmp(block + 257, "ustar", 5) != 0)
			continue;
		for (int i = 0; i < TAR_BLOCK; i++)
			sum += i >= 148 && i < 156 ? 0 : block[i];
		char text[8];
		snprintf(text, sizeof(text), "%06o", sum);
		memcpy(block + 148, text, 7);
		block[155] = ' ';
	}
}

static int collect(void *userdata, const void *data, size_t length, struct error *err)
{
	(void)err;
	strbuf_add(userdata, data, length);
	return 0;
}

static int count_entries(const char *path)
{
	DIR *directory = opendir(path);
	int count = 0;
	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

static int make_directory(int dirfd, const char *name)
{
	if (mkdirat(dirfd, name, 0755) < 0)
		abort();
	return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void check_regenerated(int layer_fd, const char *tar, size_t size, const struct unpack_result *result)
{
	auto_strbuf struct strbuf again = STRBUF_INIT;
	struct error err = ERROR_INIT;
	if (recipe_regenerate(layer_fd, collect, &again, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	bool same = again.length == size && (size == 0 || memcmp(again.data, tar, size) == 0);
	if (result->compression == STREAM_PLAIN && !same)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/unpack-fuzz-XXXXXX";
	auto_free char *tar = xmalloc(size + 1);
	memcpy(tar, data, size);
	repair_checksums(tar, size);
	if (!mkdtemp(path))
		abort();
	auto_close int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), layer = make_directory(top, "layer");
	auto_close int diff = make_directory(layer, "diff"), kept = make_directory(layer, "kept");
	auto_close int recipe = openat(layer, "recipe", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stream *blob;
	struct unpack_result result;
	bool xattrs;
	stream_open_memory(tar, size, &blob, NULL);
	if (unpack_layer(&(struct unpack_target){diff, kept, recipe, NULL}, blob, NULL, NULL, &result, &xattrs, NULL) ==
	    0)
		check_regenerated(layer, tar, size, &result);
	auto_free char *inner = xasprintf("%s/layer", path);
	if (count_entries(path) != 3 || count_entries(inner) != 5)
		abort();
	if (tree_remove_at(AT_FDCWD, path, NULL) < 0)
		abort();
	return 0;
}
