/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer writes the reader reads: every kind of entry, names that are no UTF-8, attributes, holes. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "pkg/tar/tar.h"
#include "pkg/text/text.h"

static int new_file(void)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void write_entries(int fd, const struct tar_entry *entries, size_t count, const char *content)
{
	auto_tar_writer struct tar_writer *writer = NULL;
	struct error err = ERROR_INIT;
	assert_int_equal(tar_writer_new(fd, &writer, &err), 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(tar_write_entry(writer, &entries[i], &err), 0);
		if (entries[i].type == TAR_FILE && !entries[i].extents)
			assert_int_equal(tar_write_content(writer, content, (size_t)entries[i].size, &err), 0);
	}
	assert_int_equal(tar_writer_finish(writer, &err), 0);
	assert_string_equal(err.text, "");
}

static struct tar_reader *read_file(int fd, struct stream **stream)
{
	struct error err = ERROR_INIT;
	assert_int_equal(stream_open_fd(fd, 0, -1, "archive", stream, &err), 0);
	return tar_reader_new(*stream, NULL, NULL);
}

static void assert_entry(struct tar_reader *reader, const struct tar_entry *wanted)
{
	const struct tar_entry *is;
	struct error err = ERROR_INIT;
	assert_int_equal(tar_next(reader, &is, &err), 1);
	assert_int_equal(is->type, wanted->type);
	assert_memory_equal(is->path, wanted->path, strlen(wanted->path));
	assert_string_equal(is->link ? is->link : "", wanted->link ? wanted->link : "");
	assert_int_equal(is->mode, wanted->mode);
	assert_int_equal(is->uid, wanted->uid);
	assert_int_equal(is->gid, wanted->gid);
	assert_int_equal(is->mtime_s, wanted->mtime_s);
	assert_int_equal(is->mtime_ns, 0);
	assert_int_equal(is->size, wanted->size);
	assert_int_equal(is->device_major, wanted->device_major);
	assert_int_equal(is->device_minor, wanted->device_minor);
	assert_int_equal(is->xattrs_count, wanted->xattrs_count);
	for (size_t i = 0; i < is->xattrs_count; i++) {
		assert_string_equal(is->xattrs[i].name, wanted->xattrs[i].name);
		assert_int_equal(is->xattrs[i].length, wanted->xattrs[i].length);
		assert_memory_equal(is->xattrs[i].value, wanted->xattrs[i].value, wanted->xattrs[i].length);
	}
}

static void test_round_trip(void **state)
{
	(void)state;
	auto_free char *name = xmalloc(301);
	memset(name, 'n', 300);
	name[300] = '\0';
	struct tar_xattr xattrs[] = {{(char *)"security.capability", (char *)"\1\0\0\2", 4},
				     {(char *)"user.k", (char *)"a=b\n", 4}};
	const struct tar_entry entries[] = {
	    {.type = TAR_DIRECTORY, .path = (char *)"dir", .mode = 01777, .mtime_s = 1700000000},
	    {.type = TAR_FILE,
	     .path = (char *)"dir/file",
	     .mode = 04755,
	     .size = 5,
	     .xattrs = xattrs,
	     .xattrs_count = 2},
	    {.type = TAR_HARD_LINK, .path = (char *)"dir/linked", .link = (char *)"dir/file", .mode = 04755},
	    {.type = TAR_SYMLINK, .path = (char *)"symlink", .link = name, .mode = 0777},
	    {.type = TAR_FIFO, .path = (char *)"fifo", .mode = 0600, .mtime_s = 1700000000, .mtime_ns = 5},
	    {.type = TAR_CHARACTER_DEVICE, .path = (char *)"null", .mode = 0666, .device_major = 1, .device_minor = 3},
	    {.type = TAR_FILE, .path = (char *)"sch\xc3\xb6n", .mode = 0644, .uid = 5000000, .gid = 4000000000},
	    {.type = TAR_FILE, .path = (char *)"not\xffutf8", .mode = 0644},
	    {.type = TAR_FILE, .path = name, .mode = 0644, .mtime_s = 0},
	};
	auto_close int fd = new_file();
	auto_stream struct stream *stream = NULL;
	write_entries(fd, entries, ARRAY_SIZE(entries), "hello");
	auto_tar_reader struct tar_reader *reader = read_file(fd, &stream);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		assert_entry(reader, &entries[i]);
	const struct tar_entry *none;
	assert_int_equal(tar_next(reader, &none, NULL), 0);
}

static void test_same_bytes_through_a_pipe(void **state)
{
	(void)state;
	const struct tar_entry entry = {.type = TAR_FILE, .path = (char *)"file", .mode = 0644, .size = 3};
	auto_close int fd = new_file();
	int ends[2];
	char file[4096], piped[4096];
	write_entries(fd, &entry, 1, "abc");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	write_entries(ends[1], &entry, 1, "abc");
	close(ends[1]);
	ssize_t length = pread(fd, file, sizeof(file), 0);
	assert_int_equal(length, 2048); /* header, content, two blocks of zeros: no padding to more */
	assert_int_equal(read(ends[0], piped, sizeof(piped)), length);
	assert_memory_equal(file, piped, (size_t)length);
	close(ends[0]);
}

static void test_holes(void **state)
{
	(void)state;
	struct tar_extent extents[] = {{1 << 20, 4}};
	const struct tar_entry entry = {.type = TAR_FILE,
					.path = (char *)"hole",
					.mode = 0644,
					.size = 3 << 20,
					.extents = extents,
					.extents_count = 1};
	auto_close int fd = new_file();
	struct error err = ERROR_INIT;
	auto_tar_writer struct tar_writer *writer = NULL;
	assert_int_equal(tar_writer_new(fd, &writer, &err), 0);
	assert_int_equal(tar_write_entry(writer, &entry, &err), 0);
	assert_int_equal(tar_write_hole(writer, 1 << 20, &err), 0);
	assert_int_equal(tar_write_content(writer, "data", 4, &err), 0);
	assert_int_equal(tar_write_hole(writer, (2 << 20) - 4, &err), 0);
	assert_int_equal(tar_writer_finish(writer, &err), 0);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size < 1 << 16);
	auto_stream struct stream *stream = NULL;
	auto_tar_reader struct tar_reader *reader = read_file(fd, &stream);
	const struct tar_entry *is;
	char data[8];
	assert_int_equal(tar_next(reader, &is, &err), 1);
	assert_string_equal(is->path, "hole");
	assert_int_equal(is->size, 3 << 20);
	assert_int_equal(is->stored, 4);
	assert_int_equal(is->extents[0].offset, 1 << 20);
	assert_int_equal(tar_read_content(reader, data, sizeof(data), &err), 4);
	assert_memory_equal(data, "data", 4);
}

static void test_what_is_wrong_is_found(void **state)
{
	(void)state;
	const struct tar_entry entry = {.type = TAR_FILE, .path = (char *)"file", .mode = 0644, .size = 3};
	struct error err = ERROR_INIT;
	auto_close int full = open("/dev/full", O_WRONLY | O_CLOEXEC), fd = new_file();
	{
		auto_tar_writer struct tar_writer *writer = NULL;
		assert_int_equal(tar_writer_new(full, &writer, &err), 0);
		tar_write_entry(writer, &entry, NULL);
		assert_int_equal(tar_writer_finish(writer, &err), -ENOSPC);
		assert_non_null(strstr(err.text, "No space left"));
	}
	{
		auto_tar_writer struct tar_writer *writer = NULL;
		assert_int_equal(tar_writer_new(fd, &writer, &err), 0);
		assert_int_equal(tar_write_entry(writer, &entry, &err), 0);
		assert_int_equal(tar_write_content(writer, "four", 4, &err), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_same_bytes_through_a_pipe),
	    cmocka_unit_test(test_holes),
	    cmocka_unit_test(test_what_is_wrong_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
