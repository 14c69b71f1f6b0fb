/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

static char directory[] = "/tmp/coracle-content-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return chdir("/") < 0 ? -1 : tree_remove_at(AT_FDCWD, directory, NULL);
}

static size_t count_entries(const char *path)
{
	auto_closedir DIR *dir = opendir(path);
	size_t count = 0;
	while (readdir(dir))
		count++;
	return count - 2;
}

static void test_read(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	char *untouched = (char *)"untouched";
	auto_free char *text = NULL, *whole = NULL, *empty = NULL, *proc = NULL;
	size_t length = 99;
	assert_int_equal(file_write_at(AT_FDCWD, "f", "a\0bcd", 5, 0600, 0, &err), 0);
	assert_int_equal(file_read_at(AT_FDCWD, "f", 5, &text, &length, &err), 0);
	assert_int_equal(length, 5);
	assert_memory_equal(text, "a\0bcd", 6);
	assert_int_equal(file_read_at(AT_FDCWD, "f", SIZE_MAX - 1, &whole, NULL, &err), 0);
	assert_memory_equal(whole, "a\0bcd", 6);
	assert_int_equal(file_read_at(AT_FDCWD, "f", 4, &untouched, &length, &err), -EFBIG);
	assert_string_equal(err.text, "read f: it is larger than 4 bytes");
	assert_int_equal(file_read_at(AT_FDCWD, "none", 4, &untouched, &length, &err), -ENOENT);
	assert_string_equal(err.text, "open none: No such file or directory");
	assert_int_equal(file_read_at(AT_FDCWD, ".", 4, &untouched, &length, &err), -EISDIR);
	assert_string_equal(untouched, "untouched");

	assert_int_equal(file_write_at(AT_FDCWD, "e", "", 0, 0600, 0, &err), 0);
	assert_int_equal(file_read_at(AT_FDCWD, "e", 0, &empty, &length, &err), 0);
	assert_int_equal(length, 0);
	assert_string_equal(empty, "");

	/* The kernel tells 0 as the size of these. */
	assert_int_equal(file_read_at(AT_FDCWD, "/proc/self/status", 1 << 20, &proc, &length, &err), 0);
	assert_true(length > 100 && length == strlen(proc));
	assert_int_equal(file_read_at(AT_FDCWD, "/proc/self/status", 10, &untouched, &length, &err), -EFBIG);
}

static void test_read_from_offset_and_pipe(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	auto_free char *text = NULL, *piped = NULL;
	size_t length;
	assert_int_equal(file_write_at(AT_FDCWD, "f", "0123456789", 10, 0600, 0, &err), 0);
	auto_close int fd = open("f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(lseek(fd, 4, SEEK_SET), 4);
	assert_int_equal(file_read_fd(fd, "f", 6, &text, &length, &err), 0);
	assert_string_equal(text, "456789");
	assert_int_equal(length, 6);

	/* More than a pipe holds, in pieces. */
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		static char block[1000];
		memset(block, 'x', sizeof(block));
		int r = 0;
		for (int i = 0; i < 300 && r == 0; i++)
			r = write_all(ends[1], block, sizeof(block));
		_exit(r == 0 ? 0 : 1);
	}
	close(ends[1]);
	assert_int_equal(file_read_fd(ends[0], "pipe", 300000, &piped, &length, &err), 0);
	assert_int_equal(length, 300000);
	assert_int_equal(piped[299999], 'x');
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_write_replaces(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct stat before, after;
	auto_free char *text = NULL, *old = NULL;
	assert_int_equal(mkdir("w", 0700), 0);
	assert_int_equal(file_write_at(AT_FDCWD, "w/f", "old", 3, 0600, FILE_SYNC, &err), 0);
	auto_close int reader = open("w/f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(reader, &before), 0);
	/* Not over a link's target, and not through the umask. */
	mode_t mask = umask(077);
	assert_int_equal(file_write_at(AT_FDCWD, "w/f", "newer", 5, 0644, 0, &err), 0);
	umask(mask);
	assert_int_equal(stat("w/f", &after), 0);
	assert_int_equal(after.st_mode & 07777, 0644);
	assert_int_equal(before.st_mode & 07777, 0600);
	assert_int_not_equal(before.st_ino, after.st_ino);
	/* Who reads the old one goes on to do so. */
	assert_int_equal(file_read_fd(reader, "w/f", 10, &old, NULL, &err), 0);
	assert_string_equal(old, "old");
	assert_int_equal(symlink("f", "w/link"), 0);
	assert_int_equal(file_write_at(AT_FDCWD, "w/link", "file", 4, 0600, 0, &err), 0);
	assert_int_equal(file_read_at(AT_FDCWD, "w/f", 10, &text, NULL, &err), 0);
	assert_string_equal(text, "newer");
	assert_int_equal(count_entries("w"), 2);

	auto_close int path = open("w", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(file_write_at(path, "g", "g", 1, 0600, FILE_SYNC, &err), 0);
	assert_int_equal(file_write_at(path, "h", "h", 1, 0600, 0, &err), 0);
	assert_int_equal(count_entries("w"), 4);
	assert_int_equal(file_write_at(path, "none/f", "x", 1, 0600, 0, &err), -ENOENT);
	assert_string_equal(err.text, "write none/f: No such file or directory");
}

static void test_write_exclusive(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	auto_free char *text = NULL;
	assert_int_equal(mkdir("x", 0700), 0);
	assert_int_equal(file_write_at(AT_FDCWD, "x/f", "first", 5, 0600, FILE_EXCLUSIVE, &err), 0);
	assert_int_equal(file_write_at(AT_FDCWD, "x/f", "second", 6, 0600, FILE_EXCLUSIVE | FILE_SYNC, &err), -EEXIST);
	assert_int_equal(symlink("nowhere", "x/link"), 0);
	assert_int_equal(file_write_at(AT_FDCWD, "x/link", "second", 6, 0600, FILE_EXCLUSIVE, &err), -EEXIST);
	assert_int_equal(file_read_at(AT_FDCWD, "x/f", 10, &text, NULL, &err), 0);
	assert_string_equal(text, "first");
	assert_int_equal(count_entries("x"), 2);
}

/* A full disk, as a limit on the size: the old content stays, and no temporary file does. */
static void test_write_fails_whole(void **state)
{
	(void)state;
	static char large[1 << 16];
	assert_int_equal(mkdir("full", 0700), 0);
	assert_int_equal(file_write_at(AT_FDCWD, "full/f", "old", 3, 0600, 0, NULL), 0);
	pid_t pid = fork();
	if (pid == 0) {
		const struct rlimit limit = {4096, 4096};
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		_exit(file_write_at(AT_FDCWD, "full/f", large, sizeof(large), 0600, 0, NULL) == -EFBIG ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	auto_free char *text = NULL;
	assert_int_equal(file_read_at(AT_FDCWD, "full/f", 10, &text, NULL, NULL), 0);
	assert_string_equal(text, "old");
	assert_int_equal(count_entries("full"), 1);
}

/* Readers never see a part, while a writer replaces the file and is killed in the middle. */
static void test_readers_see_whole_files(void **state)
{
	(void)state;
	enum { SIZE = 20000 };
	assert_int_equal(mkdir("race", 0700), 0);
	static char block[SIZE];
	memset(block, 'a', SIZE);
	assert_int_equal(file_write_at(AT_FDCWD, "race/f", block, SIZE, 0600, 0, NULL), 0);
	for (int round = 0; round < 5; round++) {
		pid_t pid = fork();
		if (pid == 0) {
			for (int i = 0;; i++) {
				memset(block, 'a' + i % 26, SIZE);
				if (file_write_at(AT_FDCWD, "race/f", block, SIZE, 0600, 0, NULL) < 0)
					_exit(1);
			}
		}
		for (int i = 0; i < 300; i++) {
			auto_free char *text = NULL;
			size_t length;
			assert_int_equal(file_read_at(AT_FDCWD, "race/f", SIZE, &text, &length, NULL), 0);
			assert_int_equal(length, SIZE);
			assert_int_equal(strspn(text, (char[]){text[0], '\0'}), SIZE);
		}
		kill(pid, SIGKILL);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
	}
}

/* Many at once into one directory: no two share a temporary file. */
static void test_concurrent_writers(void **state)
{
	(void)state;
	enum { WRITERS = 8 };
	assert_int_equal(mkdir("many", 0700), 0);
	for (int i = 0; i < WRITERS; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			char name[16], text[16];
			snprintf(name, sizeof(name), "many/%d", i);
			int n = snprintf(text, sizeof(text), "content %d", i);
			int r = 0;
			for (int j = 0; j < 200 && r == 0; j++)
				r = file_write_at(AT_FDCWD, name, text, (size_t)n, 0600, 0, NULL);
			_exit(r == 0 ? 0 : 1);
		}
	}
	int status;
	while (wait(&status) > 0)
		assert_int_equal(status, 0);
	for (int i = 0; i < WRITERS; i++) {
		char name[16], expected[16];
		auto_free char *text = NULL;
		snprintf(name, sizeof(name), "many/%d", i);
		snprintf(expected, sizeof(expected), "content %d", i);
		assert_int_equal(file_read_at(AT_FDCWD, name, 100, &text, NULL, NULL), 0);
		assert_string_equal(text, expected);
	}
	assert_int_equal(count_entries("many"), WRITERS);
}

static void test_read_full(void **state)
{
	(void)state;
	char text[8] = "";
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write_all(ends[1], "abcde", 5), 0);
	assert_int_equal(read_full(ends[0], text, 3), 3);
	close(ends[1]);
	assert_int_equal(read_full(ends[0], text, 8), 2);
	assert_memory_equal(text, "de", 2);
	assert_int_equal(read_full(ends[0], text, 8), 0);
	close(ends[0]);
	assert_int_equal(read_full(-1, text, 1), -EBADF);
	assert_int_equal(write_all(-1, "x", 1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_read_from_offset_and_pipe),
	    cmocka_unit_test(test_write_replaces),
	    cmocka_unit_test(test_write_exclusive),
	    cmocka_unit_test(test_write_fails_whole),
	    cmocka_unit_test(test_readers_see_whole_files),
	    cmocka_unit_test(test_concurrent_writers),
	    cmocka_unit_test(test_read_full),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
