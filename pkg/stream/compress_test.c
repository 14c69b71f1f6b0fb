/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/stream/compress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/text/text.h"

#define SIZE ((size_t)3000000)

/* Words, some much more often than others, in no order. */
static char *sample(void)
{
	char *data = xmalloc(SIZE);
	unsigned int state = 1;
	for (size_t i = 0; i < SIZE;) {
		state = state * 1103515245 + 12345;
		unsigned int word = (state >> 16) % 2000 * ((state >> 20) % 2000) / 2000;
		for (unsigned int j = 0; j < 3 + word % 7 && i < SIZE; j++)
			data[i++] = (char)('a' + word * (j + 1) * 7919 / 13 % 26);
		if (i < SIZE)
			data[i++] = ' ';
	}
	return data;
}

static int collect(void *userdata, const void *data, size_t length, struct error *err)
{
	(void)err;
	strbuf_add(userdata, data, length);
	return 0;
}

static int refuse(void *userdata, const void *data, size_t length, struct error *err)
{
	(void)userdata;
	(void)data;
	(void)length;
	return error_set(err, EPIPE, "nobody listens");
}

static void compress(enum stream_compression kind, int level, const char *data, size_t length, size_t piece,
		     struct strbuf *out)
{
	auto_compressor struct compressor *compressor = NULL;
	assert_int_equal(compressor_new(kind, level, collect, out, &compressor, NULL), 0);
	for (size_t i = 0; i < length; i += piece)
		assert_int_equal(
		    compressor_write(compressor, data + i, length - i < piece ? length - i : piece, NULL), 0);
	assert_int_equal(compressor_finish(compressor, NULL), 0);
}

static void expect_back(const struct strbuf *compressed, enum stream_compression kind, const char *data, size_t length)
{
	struct stream *memory;
	auto_stream struct stream *stream = NULL;
	auto_free char *found = xmalloc(SIZE + 1);
	enum stream_compression found_kind;
	assert_int_equal(stream_open_memory(compressed->data, compressed->length, &memory, NULL), 0);
	assert_int_equal(stream_decompress(memory, &stream, &found_kind, NULL), 0);
	assert_int_equal(stream_read_full(stream, found, SIZE + 1, NULL), length);
	assert_memory_equal(found, data, length);
	assert_int_equal(found_kind, kind);
}

static const enum stream_compression kinds[] = {STREAM_PLAIN, STREAM_GZIP, STREAM_ZSTD};

static void test_comes_back(void **state)
{
	(void)state;
	static const size_t lengths[] = {0, 1, 1000, 256 << 10, (256 << 10) + 1, 512 << 10, SIZE};
	auto_free char *data = sample();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (size_t j = 0; j < ARRAY_SIZE(lengths); j++) {
			auto_strbuf struct strbuf out = STRBUF_INIT;
			compress(kinds[i], -1, data, lengths[j], 100000, &out);
			if (lengths[j] > 0 || kinds[i] != STREAM_PLAIN)
				expect_back(&out, kinds[i], data, lengths[j]);
		}
}

static void test_the_same_however_it_is_cut(void **state)
{
	(void)state;
	static const size_t pieces[] = {4096, 65537, 256 << 10, SIZE};
	auto_free char *data = sample();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		auto_strbuf struct strbuf first = STRBUF_INIT;
		compress(kinds[i], -1, data, SIZE, 999, &first);
		for (size_t j = 0; j < ARRAY_SIZE(pieces); j++) {
			auto_strbuf struct strbuf out = STRBUF_INIT;
			compress(kinds[i], -1, data, SIZE, pieces[j], &out);
			assert_int_equal(out.length, first.length);
			assert_memory_equal(out.data, first.data, first.length);
		}
	}
}

static void test_levels(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct compressor *none = NULL;
	auto_free char *data = sample();
	for (size_t i = 1; i < ARRAY_SIZE(kinds); i++) {
		auto_strbuf struct strbuf fast = STRBUF_INIT, small = STRBUF_INIT;
		compress(kinds[i], 1, data, SIZE, SIZE, &fast);
		compress(kinds[i], 9, data, SIZE, SIZE, &small);
		assert_true(small.length < fast.length);
		assert_true(fast.length < SIZE / 2);
		expect_back(&small, kinds[i], data, SIZE);
	}
	assert_int_equal(compressor_new(STREAM_GZIP, 10, collect, NULL, &none, &err), -EINVAL);
	assert_non_null(strstr(err.text, "1 to 9"));
	assert_int_equal(compressor_new(STREAM_ZSTD, 0, collect, NULL, &none, &err), -EINVAL);
	assert_int_equal(compressor_new(STREAM_PLAIN, 1, collect, NULL, &none, &err), -EINVAL);
	assert_int_equal(compressor_new(STREAM_XZ, -1, collect, NULL, &none, &err), -EOPNOTSUPP);
}

static void test_a_sink_that_fails(void **state)
{
	(void)state;
	auto_free char *data = sample();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		auto_compressor struct compressor *compressor = NULL;
		struct error err = ERROR_INIT;
		assert_int_equal(compressor_new(kinds[i], -1, refuse, NULL, &compressor, NULL), 0);
		assert_int_equal(compressor_write(compressor, data, SIZE, &err), -EPIPE);
		assert_string_equal(err.text, "nobody listens");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_comes_back),
	    cmocka_unit_test(test_the_same_however_it_is_cut),
	    cmocka_unit_test(test_levels),
	    cmocka_unit_test(test_a_sink_that_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
