/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a recipe, and as the records of one (in a frame with the right checksum, which no change would hit).
 */
/*
 * Any bytes as a recipe, and as the records of one (in a frame with the right checksum, which no change would hit).
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=gnu17 -D_GNU_SOURCE -I. -o build/recipe_fuzz
 * storage/recipe/recipe_fuzz.c \
 *		$(ls storage/recipe/[a-z]*.c pkg/{tar,stream,digest,file,text,error}/[a-z]*.c | grep -vE '_(test|fuzz).c')
 * -larchive -lcrypto -lzstd -lisal mkdir -p build/corpus/recipe build/recipe_fuzz -max_len=4096 -timeout=20
 * build/corpus/recipe storage/recipe/corpus
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "pkg/file/file.h"
#include "pkg/text/text.h"
#include "storage/recipe/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore(void *userdata, const void *data, size_t length, struct error *err)
{
	(void)userdata, (void)data, (void)length, (void)err;
	return 0;
}

static void read_recipe(int layer_fd, const void *data, size_t size)
{
	struct recipe_totals totals;
	auto_recipe_reader struct recipe_reader *reader = NULL;
	auto_close int fd = openat(layer_fd, "recipe", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (write_all(fd, data, size) < 0)
		abort();
	if (recipe_reader_new(fd, &reader, NULL) == 0)
		recipe_read_totals(reader, &totals, NULL);
	recipe_regenerate(layer_fd, ignore, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/recipe-fuzz-XXXXXX";
	if (!mkdtemp(path))
		abort();
	auto_close int layer = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *frame = xmalloc(ZSTD_compressBound(size));
	size_t length = ZSTD_compress(frame, ZSTD_compressBound(size), data, size, 1);
	if (mkdirat(layer, "diff", 0755) < 0 || file_write_at(layer, "diff/a", "content", 7, 0600, 0, NULL) < 0)
		abort();
	read_recipe(layer, data, size);
	read_recipe(layer, frame, length);
	return tree_remove_at(AT_FDCWD, path, NULL) < 0 ? abort(), 0 : 0;
}
