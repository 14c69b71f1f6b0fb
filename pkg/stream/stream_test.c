/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/stream/stream.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/text/text.h"

#define SIZE ((size_t)1000000)

/* Text that compresses, but not to nothing. */
static char *sample(void)
{
	char *data = xmalloc(SIZE);
	unsigned int state = 1;
	for (size_t i = 0; i < SIZE; i++) {
		state = state * 1103515245 + 12345;
		data[i] = (char)('a' + (state >> 16) % 7);
	}
	return data;
}

/* What a program makes of the sample, by way of files in a directory of our own. */
static char *run_tool(const char *command, const char *data, size_t length, size_t *ret_length)
{
	char directory[] = "/tmp/stream-test-XXXXXX";
	assert_non_null(mkdtemp(directory));
	auto_free char *in = xasprintf("%s/in", directory), *out = xasprintf("%s/out", directory);
	auto_free char *line = xasprintf("cd %s && %s", directory, command);
	FILE *file = fopen(in, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, length, file), length);
	fclose(file);
	assert_int_equal(system(line), 0);
	file = fopen(out, "re");
	assert_non_null(file);
	char *result = xmalloc(4 * SIZE);
	*ret_length = fread(result, 1, 4 * SIZE, file);
	fclose(file);
	auto_free char *remove_line = xasprintf("rm -r %s", directory);
	assert_int_equal(system(remove_line), 0);
	return result;
}

static int read_all(struct stream *stream, size_t step, char **ret, size_t *ret_length, struct error *err)
{
	char *data = xmalloc(4 * SIZE);
	size_t length = 0;
	for (;;) {
		ssize_t n = stream_read(stream, data + length, step, err);
		if (n <= 0) {
			*ret = data;
			*ret_length = length;
			return (int)n;
		}
		length += (size_t)n;
	}
}

static int decompress(const char *data, size_t length, size_t step, char **ret, size_t *ret_length,
		      enum stream_compression *ret_kind, struct error *err)
{
	struct stream *memory;
	auto_stream struct stream *stream = NULL;
	*ret = NULL;
	assert_int_equal(stream_open_memory(data, length, &memory, err), 0);
	int r = stream_decompress(memory, &stream, ret_kind, err);
	return r < 0 ? r : read_all(stream, step, ret, ret_length, err);
}

static const struct {
	const char *command;
	enum stream_compression kind;
	int copies; /* of the sample in the output */
} tools[] = {
    {"cp in out", STREAM_PLAIN, 1},
    {"gzip -9 <in >out", STREAM_GZIP, 1},
    {"(gzip <in; gzip -1 <in; head -c 512 /dev/zero) >out", STREAM_GZIP, 2},
    {"(for i in $(seq 9); do printf '' | gzip; done; gzip -n <in) >out", STREAM_GZIP, 1},
    {"zstd -q -o out in", STREAM_ZSTD, 1},
    {"(zstd -q <in; zstd -q -9 <in) >out", STREAM_ZSTD, 2},
    {"xz -1 <in >out", STREAM_XZ, 1},
    {"(xz -0 <in; head -c 512 /dev/zero; xz -9 --check=sha256 <in) >out", STREAM_XZ, 2},
    {"bzip2 <in >out", STREAM_BZIP2, 1},
};

static void test_decompresses_what_tools_make(void **state)
{
	(void)state;
	auto_free char *data = sample();
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		size_t length, found_length = 0;
		auto_free char *compressed = run_tool(tools[i].command, data, SIZE, &length);
		for (size_t step = 61; step < 2 * SIZE; step = step * 97 + 1) {
			auto_free char *found = NULL;
			enum stream_compression kind = STREAM_PLAIN;
			struct error err = ERROR_INIT;
			assert_int_equal(decompress(compressed, length, step, &found, &found_length, &kind, &err), 0);
			assert_int_equal(kind, tools[i].kind);
			assert_int_equal(found_length, SIZE * (size_t)tools[i].copies);
			assert_memory_equal(found, data, SIZE);
			assert_memory_equal(found + found_length - SIZE, data, SIZE);
		}
	}
}

/* What comes through a pipe, a few bytes at a time. */
struct trickle {
	struct stream stream;
	const char *data;
	size_t length, piece;
};

static ssize_t trickle_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct trickle *trickle = (struct trickle *)stream;
	(void)err;
	size_t n = trickle->piece < length ? trickle->piece : length;
	if (n > trickle->length)
		n = trickle->length;
	memcpy(data, trickle->data, n);
	trickle->data += n;
	trickle->length -= n;
	return (ssize_t)n;
}

static void trickle_close(struct stream *stream)
{
	free(stream);
}

static void test_small_pieces(void **state)
{
	(void)state;
	auto_free char *data = sample();
	static const char *const commands[] = {"gzip in && mv in.gz out", "(gzip -k in; cat in.gz in.gz) >out", "zstd -q <in >out", "xz <in >out"};
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		size_t length;
		auto_free char *compressed = run_tool(commands[i], data, SIZE, &length);
		for (size_t piece = 1; piece < 40; piece += 3) {
			struct trickle *trickle = xmalloc(sizeof(*trickle));
			*trickle = (struct trickle){{trickle_read, NULL, trickle_close}, compressed, length, piece};
			auto_stream struct stream *stream = NULL;
			enum stream_compression kind;
			size_t found_length = 0;
			auto_free char *found = NULL;
			assert_int_equal(stream_decompress(&trickle->stream, &stream, &kind, NULL), 0);
			assert_int_equal(read_all(stream, 4096, &found, &found_length, NULL), 0);
			assert_int_equal(found_length, i == 1 ? 2 * SIZE : SIZE);
			assert_memory_equal(found, data, SIZE);
		}
	}
}

static void test_truncation_and_damage_are_found(void **state)
{
	(void)state;
	auto_free char *data = sample();
	for (size_t i = 1; i < ARRAY_SIZE(tools); i++) {
		size_t length, found_length = 0;
		auto_free char *compressed = run_tool(tools[i].command, data, SIZE, &length);
		struct error err = ERROR_INIT;
		auto_free char *cut = NULL;
		/* Padding behind the last member is not missed. */
		size_t shorter = length - (i == 2 ? 520 : 5);
		assert_true(decompress(compressed, shorter, 4096, &cut, &found_length, NULL, &err) < 0);
		assert_int_equal(err.errnum, EBADMSG);
		auto_free char *wrong = NULL;
		compressed[length / 3] ^= 0x10;
		compressed[length / 3 + 1] ^= 0x01;
		if (decompress(compressed, length, 4096, &wrong, &found_length, NULL, &err) == 0)
			assert_true(found_length != SIZE * (size_t)tools[i].copies || memcmp(wrong, data, SIZE) != 0);
	}
}

static void test_garbage_behind_gzip_is_an_error(void **state)
{
	(void)state;
	size_t length, found_length = 0;
	auto_free char *compressed = run_tool("(gzip <in; echo garbage) >out", "x", 1, &length);
	auto_free char *found = NULL;
	assert_int_equal(decompress(compressed, length, 100, &found, &found_length, NULL, NULL), -EBADMSG);
}

/* What wants to be remembered is bounded: as much as zstd's own tool takes is enough. */
/* A byte at a time, so that every header comes in parts. */
struct drip {
	struct stream stream;
	const char *data;
	size_t left;
};

static ssize_t drip_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct drip *drip = (struct drip *)stream;
	(void)err;
	if (drip->left == 0 || length == 0)
		return 0;
	*(char *)data = *drip->data++;
	drip->left--;
	return 1;
}

static void drip_close(struct stream *stream)
{
	free(stream);
}

static void test_wide_frames_behind_others_and_in_parts(void **state)
{
	static const char *const commands[] = {
	    "zstd -q <in >out && zstd -q --long=27 <in >>out && zstd -q <in >>out",
	    "xz -0 <in >out && xz -0 --lzma2=dict=64MiB <in >>out && xz -0 <in >>out",
	};
	auto_free char *data = sample();
	struct error err = ERROR_INIT;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		auto_stream struct stream *stream = NULL;
		auto_free char *all = NULL;
		size_t length, all_length;
		auto_free char *packed = run_tool(commands[i], data, SIZE, &length);
		struct drip *drip = xcalloc(1, sizeof(*drip));
		*drip = (struct drip){{drip_read, NULL, drip_close}, packed, length};
		assert_int_equal(stream_decompress(&drip->stream, &stream, NULL, &err), 0);
		assert_int_equal(read_all(stream, 65536, &all, &all_length, &err), 0);
		assert_int_equal(all_length, 3 * SIZE);
		for (size_t part = 0; part < 3; part++)
			assert_memory_equal(all + part * SIZE, data, SIZE);
	}
}

static void test_wide_windows_take_turns(void **state)
{
	auto_free char *data = sample();
	auto_free char *all = NULL;
	auto_stream struct stream *stream = NULL, *packed = NULL;
	struct error err = ERROR_INIT;
	size_t length, all_length;
	int ready[2], status;
	char byte;
	(void)state;
	auto_free char *wide = run_tool("zstd -q --long=27 <in >out", data, SIZE, &length);
	auto_close int gate = memfd_create("gate", MFD_CLOEXEC);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	struct timespec before, after;
	pid_t other = fork();
	if (other == 0) {
		/* It never says that it is done: its end does. */
		fcntl(gate, F_SETLK, &(struct flock){.l_type = F_WRLCK});
		if (write(ready[1], "x", 1) == 1)
			usleep(300000);
		_exit(0);
	}
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(stream_open_memory(wide, length, &packed, &err), 0);
	assert_int_equal(stream_decompress_gated(TAKE_PTR(packed), gate, &stream, NULL, &err), 0);
	assert_int_equal(read_all(stream, 65536, &all, &all_length, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(all_length, SIZE);
	assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 290);
	assert_int_equal(waitpid(other, &status, 0), other);
	close(ready[0]);
	close(ready[1]);
}

static void test_windows_are_bounded(void **state)
{
	static const struct {
		const char *command;
		int r;
	} cases[] = {
	    {"zstd -q --long=27 <in >out", 0},
	    {"zstd -q --ultra -22 <in >out", 0},
	    {"xz --lzma2=preset=0,dict=128MiB <in >out", 0},
	    {"zstd -q --long=28 <in >out", -EFBIG},
	    {"zstd -q --long=31 <in >out", -EFBIG},
	    {"xz --lzma2=preset=0,dict=256MiB <in >out", -EFBIG},
	    {"(xz -0 <in; xz --lzma2=preset=0,dict=1536MiB <in) >out", -EFBIG},
	};
	(void)state;
	auto_free char *data = sample();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t length, found_length = 0;
		struct error err = ERROR_INIT;
		auto_free char *found = NULL, *compressed = run_tool(cases[i].command, data, SIZE, &length);
		assert_int_equal(decompress(compressed, length, 4096, &found, &found_length, NULL, &err), cases[i].r);
		assert_true(cases[i].r == 0 || strstr(err.text, "more than 128 MiB"));
	}
}

static void test_part_of_a_file(void **state)
{
	(void)state;
	char name[] = "/tmp/stream-part-XXXXXX", data[16] = {0};
	auto_close int fd = mkstemp(name);
	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	auto_stream struct stream *stream = NULL;
	assert_int_equal(stream_open_fd(fd, 2, 6, name, &stream, NULL), 0);
	assert_int_equal(stream_read_full(stream, data, 2, NULL), 2);
	assert_int_equal(stream_skip(stream, 1, NULL), 0);
	assert_int_equal(stream_read_full(stream, data + 2, 10, NULL), 3);
	assert_string_equal(data, "23567");
}

/* No further than the writer says, however much the file has already; to the end when he is gone. */
static void test_growing_file(void **state)
{
	auto_stream struct stream *stream = NULL;
	struct error err = ERROR_INIT;
	char data[100];
	int ends[2];
	(void)state;
	int fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	assert_int_equal(stream_open_growing(fd, ends[0], "x", &stream, &err), 0);
	assert_int_equal(stream_read(stream, data, sizeof(data), &err), -EAGAIN);
	assert_int_equal(stream_announce(ends[1], 3), 0);
	assert_int_equal(stream_announce(ends[1], 5), 0);
	assert_int_equal(stream_read(stream, data, 2, &err), 2);
	assert_int_equal(stream_read(stream, data + 2, sizeof(data) - 2, &err), 3);
	assert_memory_equal(data, "01234", 5);
	assert_int_equal(stream_announce(ends[1], 20), 0);
	close(ends[1]);
	assert_int_equal(stream_read(stream, data, sizeof(data), &err), 5);
	assert_memory_equal(data, "56789", 5);
	/* What was promised is not there. */
	assert_int_equal(stream_read(stream, data, sizeof(data), &err), -EIO);
	assert_int_equal(write(fd, "abcdefghij", 10), 10);
	assert_int_equal(stream_read(stream, data, sizeof(data), &err), 10);
	assert_int_equal(stream_read(stream, data, sizeof(data), &err), 0);
	assert_int_equal(stream_read(stream, data, sizeof(data), &err), 0);
	close(ends[0]);
	close(fd);
}

static void test_hash_sees_all(void **state)
{
	(void)state;
	auto_digest struct digest *digest = NULL;
	auto_stream struct stream *stream = NULL;
	struct stream *memory;
	char text[DIGEST_TEXT_MAX];
	assert_int_equal(digest_new("sha256:abc", &digest, NULL), 0);
	assert_int_equal(stream_open_memory("abc", 3, &memory, NULL), 0);
	assert_int_equal(stream_hash(memory, digest, &stream, NULL), 0);
	assert_int_equal(stream_drain(stream, NULL), 0);
	assert_int_equal(digest_finish(digest, text, NULL), 0);
	assert_string_equal(text, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(digest_check("abc", 3, text, "x", NULL), 0);
	assert_int_equal(digest_check("abd", 3, text, "x", NULL), -EBADMSG);
	assert_int_equal(digest_new("md5:", &digest, NULL), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_decompresses_what_tools_make),
	    cmocka_unit_test(test_small_pieces),
	    cmocka_unit_test(test_truncation_and_damage_are_found),
	    cmocka_unit_test(test_garbage_behind_gzip_is_an_error),
	    cmocka_unit_test(test_windows_are_bounded),
	    cmocka_unit_test(test_wide_frames_behind_others_and_in_parts),
	    cmocka_unit_test(test_wide_windows_take_turns),
	    cmocka_unit_test(test_part_of_a_file),
	    cmocka_unit_test(test_growing_file),
	    cmocka_unit_test(test_hash_sees_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
