/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

#define DEEP 5000

/* Not /tmp: a file system in memory may know neither holes nor user xattrs. */
static char directory[] = "/var/tmp/coracle-tree-XXXXXX";

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

static void put(const char *path, const char *text)
{
	assert_int_equal(file_write_at(AT_FDCWD, path, text, strlen(text), 0644, 0, NULL), 0);
}

static bool holds(const char *path, const char *expected)
{
	auto_free char *text = NULL;
	return file_read_at(AT_FDCWD, path, 1 << 20, &text, NULL, NULL) == 0 && strcmp(text, expected) == 0;
}

static bool exists(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A directory in a directory, and so on, with a file and an empty directory on each level. */
static void make_deep(const char *name, int depth)
{
	assert_int_equal(mkdir(name, 0755), 0);
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < depth; i++) {
		int file = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		assert_int_equal(dprintf(file, "%d", i) > 0, 1);
		close(file);
		assert_int_equal(mkdirat(fd, "empty", 0755), 0);
		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
}

/* How deep a tree is, and that the file of each level is the one of that level. */
static int measure(const char *name)
{
	int depth = 0;
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (;; depth++) {
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			break;
		auto_free char *text = NULL;
		assert_int_equal(file_read_at(fd, "file", 10, &text, NULL, NULL), 0);
		assert_int_equal(atoi(text), depth);
		assert_int_equal(faccessat(fd, "empty", F_OK, 0), 0);
		close(fd);
		fd = next;
	}
	close(fd);
	return depth;
}

static int with_few_descriptors(int (*function)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		const struct rlimit files = {64, 64};
		const struct rlimit stack = {1 << 18, 1 << 18};
		setrlimit(RLIMIT_NOFILE, &files);
		setrlimit(RLIMIT_STACK, &stack);
		_exit(function() == 0 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int copy_tree(const char *from, const char *to, struct error *err)
{
	auto_close int source = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int target = mkdir(to, 0700) < 0 ? -1 : open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return tree_copy(source, target, err);
}

static int copy_deep(void)
{
	return copy_tree("deep", "copy", NULL);
}

static int sync_deep(void)
{
	auto_close int fd = open("deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return tree_sync(fd, NULL);
}

static int remove_deep(void)
{
	int r = tree_remove_at(AT_FDCWD, "deep", NULL);
	return r < 0 ? r : tree_remove_at(AT_FDCWD, "copy", NULL);
}

static void test_deep(void **state)
{
	(void)state;
	make_deep("deep", DEEP);
	assert_int_equal(with_few_descriptors(copy_deep), 0);
	assert_int_equal(measure("copy"), DEEP);
	assert_int_equal(measure("deep"), DEEP);
	assert_int_equal(with_few_descriptors(sync_deep), 0);
	assert_int_equal(with_few_descriptors(remove_deep), 0);
	assert_false(exists("deep") || exists("copy"));
}

static void test_wide(void **state)
{
	(void)state;
	char path[64];
	assert_int_equal(mkdir("wide", 0755), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "wide/directory-with-a-longer-name-%d", i);
		assert_int_equal(mkdir(path, 0755), 0);
		for (int j = 0; j < 3; j++) {
			snprintf(path, sizeof(path), "wide/directory-with-a-longer-name-%d/%d", i, j);
			assert_int_equal(mkdir(path, 0755), 0);
		}
		snprintf(path, sizeof(path), "wide/file-%d", i);
		put(path, "");
	}
	assert_int_equal(tree_remove_at(AT_FDCWD, "wide", NULL), 0);
	assert_false(exists("wide"));
}

static void test_remove_follows_nothing(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	assert_int_equal(mkdir("kept", 0755), 0);
	put("kept/file", "kept");
	assert_int_equal(mkdir("r", 0755), 0);
	assert_int_equal(symlink("../kept", "r/link"), 0);
	assert_int_equal(symlink("kept", "link"), 0);
	assert_int_equal(mkfifo("r/fifo", 0600), 0);
	assert_int_equal(tree_remove_at(AT_FDCWD, "r", &err), 0);
	assert_int_equal(tree_remove_at(AT_FDCWD, "link", &err), 0);
	assert_false(exists("r") || exists("link"));
	assert_true(holds("kept/file", "kept"));
	assert_int_equal(tree_remove_at(AT_FDCWD, "kept/file", &err), 0);
	assert_false(exists("kept/file"));
	assert_int_equal(tree_remove_at(AT_FDCWD, "never there", &err), 0);
	assert_int_equal(tree_remove_at(AT_FDCWD, "kept", &err), 0);
}

/* As somebody without privilege over permissions, which root would have. */
static int remove_closed(void)
{
	if (geteuid() == 0 && (setresgid(12345, 12345, 12345) < 0 || setresuid(12345, 12345, 12345) < 0))
		return -1;
	umask(0);
	if (mkdir("open/t", 0755) < 0 || mkdir("open/t/a", 0755) < 0 || mkdir("open/t/a/b", 0755) < 0 ||
	    mkdir("open/t/c", 0755) < 0 || mkdir("open/t/e", 0755) < 0 ||
	    file_write_at(AT_FDCWD, "open/t/a/b/f", "", 0, 0, 0, NULL) < 0 ||
	    file_write_at(AT_FDCWD, "open/t/e/f", "", 0, 0, 0, NULL) < 0)
		return -1;
	if (chmod("open/t/a/b", 0400) < 0 || chmod("open/t/c", 0) < 0 || chmod("open/t/e", 0500) < 0 ||
	    chmod("open/t/a", 0) < 0 || chmod("open/t", 0) < 0)
		return -1;
	struct error err = ERROR_INIT;
	return tree_remove_at(AT_FDCWD, "open/t", &err);
}

static void test_remove_opens_up(void **state)
{
	(void)state;
	struct stat st;
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(mkdir("open", 0755), 0);
	assert_int_equal(chmod("open", 0777), 0);
	assert_int_equal(with_few_descriptors(remove_closed), 0);
	assert_false(exists("open/t"));
	assert_int_equal(stat("open", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0777);
}

/* What cannot be removed is an error that says what, and the caller's own directory keeps its mode. */
static int remove_forbidden(void)
{
	struct stat st;
	struct error err = ERROR_INIT;
	if (geteuid() == 0 && (setresgid(12345, 12345, 12345) < 0 || setresuid(12345, 12345, 12345) < 0))
		return -1;
	if (mkdir("open/own", 0755) < 0 || mkdir("open/own/t", 0755) < 0 || chmod("open/own", 0555) < 0)
		return -1;
	auto_close int fd = open("open/own", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = tree_remove_at(fd, "t", &err);
	if (fstat(fd, &st) < 0 || chmod("open/own", 0755) < 0)
		return -1;
	return r == -EACCES && (st.st_mode & 0777) == 0555 && strstr(err.text, "remove the tree t") ? 0 : -1;
}

static void test_remove_forbidden(void **state)
{
	(void)state;
	assert_int_equal(with_few_descriptors(remove_forbidden), 0);
	assert_true(exists("open/own/t"));
}

/* Somebody fills the tree while it is removed: it goes once they stop. */
static void test_remove_while_written(void **state)
{
	(void)state;
	assert_int_equal(mkdir("busy", 0755), 0);
	assert_int_equal(mkdir("busy/in", 0755), 0);
	pid_t pid = fork();
	if (pid == 0) {
		auto_close int fd = open("busy/in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		char name[16];
		for (int i = 0; i < 20000; i++) {
			snprintf(name, sizeof(name), "%d", i);
			/* Fails from the moment on that the directory is gone. */
			if (mkdirat(fd, name, 0755) < 0 && errno == ENOENT)
				break;
		}
		_exit(0);
	}
	usleep(1000);
	int r = tree_remove_at(AT_FDCWD, "busy", NULL);
	assert_true(r == 0 || r == -ENOTEMPTY);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(tree_remove_at(AT_FDCWD, "busy", NULL), 0);
	assert_false(exists("busy"));
}

/* Several remove the same: each finds gone what the others took, and all of it is. */
static void test_remove_at_once(void **state)
{
	(void)state;
	enum { REMOVERS = 4, ROUNDS = 20 };
	for (int round = 0; round < ROUNDS; round++) {
		make_deep("shared", 60);
		int gate[2];
		assert_int_equal(pipe(gate), 0);
		for (int i = 0; i < REMOVERS; i++) {
			if (fork() != 0)
				continue;
			char byte;
			struct error err = ERROR_INIT;
			close(gate[1]);
			(void)!read(gate[0], &byte, 1);
			int r = tree_remove_at(AT_FDCWD, "shared", &err);
			if (r < 0)
				fprintf(stderr, "%s\n", err.text);
			_exit(r < 0);
		}
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < REMOVERS; i++) {
			int status;
			assert_true(wait(&status) > 0);
			assert_int_equal(status, 0);
		}
		assert_false(exists("shared"));
	}
}

static void test_copy(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct stat from, to, other;
	char text[64];
	assert_int_equal(mkdir("c", 0755), 0);
	assert_int_equal(mkdir("c/sub", 0755), 0);
	put("c/file", "content");
	put("c/empty", "");
	assert_int_equal(setxattr("c/file", "user.test", "value\0x", 7, 0), 0);
	assert_int_equal(setxattr("c/sub", "user.dir", "d", 1, 0), 0);
	assert_int_equal(setxattr("c", "user.top", "t", 1, 0), 0);
	assert_int_equal(symlink("/etc/passwd", "c/absolute"), 0);
	assert_int_equal(symlink("nowhere", "c/sub/dangling"), 0);
	assert_int_equal(link("c/file", "c/sub/hard"), 0);
	assert_int_equal(linkat(AT_FDCWD, "c/absolute", AT_FDCWD, "c/sub/hard-link", 0), 0);
	assert_int_equal(mkfifo("c/fifo", 0600), 0);
	assert_int_equal(chmod("c/file", 04751), 0);
	const struct timespec times[] = {{1000000001, 123456789}, {1000000002, 987654321}};
	assert_int_equal(utimensat(AT_FDCWD, "c/file", times, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, "c/absolute", times, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(chmod("c/sub", 0500), 0);
	assert_int_equal(utimensat(AT_FDCWD, "c/sub", times, 0), 0);
	assert_int_equal(chmod("c", 02711), 0);
	if (geteuid() == 0) {
		assert_int_equal(lchown("c/sub/dangling", 11, 12), 0);
		assert_int_equal(mknod("c/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	}
	if (copy_tree("c", "d", &err) < 0)
		fail_msg("%s", err.text);

	assert_true(holds("d/file", "content") && holds("d/empty", ""));
	assert_int_equal(stat("c/file", &from), 0);
	assert_int_equal(stat("d/file", &to), 0);
	assert_int_equal(to.st_mode, from.st_mode);
	assert_int_equal(to.st_mtim.tv_nsec, 987654321);
	assert_int_equal(to.st_mtim.tv_sec, 1000000002);
	assert_int_not_equal(to.st_ino, from.st_ino);
	assert_int_equal(to.st_nlink, 2);
	assert_int_equal(stat("d/sub/hard", &other), 0);
	assert_int_equal(other.st_ino, to.st_ino);
	assert_int_equal(lstat("d/absolute", &to), 0);
	assert_int_equal(lstat("d/sub/hard-link", &other), 0);
	assert_int_equal(other.st_ino, to.st_ino);
	assert_true(S_ISLNK(to.st_mode));
	assert_int_equal(to.st_mtim.tv_nsec, 987654321);
	assert_int_equal(getxattr("d/file", "user.test", text, sizeof(text)), 7);
	assert_memory_equal(text, "value\0x", 7);
	assert_int_equal(getxattr("d/sub", "user.dir", text, sizeof(text)), 1);
	assert_int_equal(getxattr("d", "user.top", text, sizeof(text)), 1);
	assert_int_equal(readlink("d/absolute", text, sizeof(text)), strlen("/etc/passwd"));
	assert_int_equal(readlink("d/sub/dangling", text, sizeof(text)), strlen("nowhere"));
	assert_int_equal(stat("d/sub", &to), 0);
	assert_int_equal(to.st_mode & 07777, 0500);
	assert_int_equal(to.st_mtim.tv_nsec, 987654321);
	assert_int_equal(stat("d", &to), 0);
	assert_int_equal(to.st_mode & 07777, 02711);
	assert_int_equal(lstat("d/fifo", &to), 0);
	assert_true(S_ISFIFO(to.st_mode));
	if (geteuid() == 0) {
		assert_int_equal(lstat("d/sub/dangling", &to), 0);
		assert_int_equal(to.st_uid, 11);
		assert_int_equal(to.st_gid, 12);
		assert_int_equal(stat("d/null", &to), 0);
		assert_true(S_ISCHR(to.st_mode) && to.st_rdev == makedev(1, 3));
	}
	assert_int_equal(tree_remove_at(AT_FDCWD, "d", &err), 0);
}

/* Holes stay holes, and what is between them is right. */
static void test_copy_sparse(void **state)
{
	(void)state;
	static const off_t hole = 64 << 20;
	struct stat st;
	char text[4];
	assert_int_equal(mkdir("s", 0755), 0);
	int fd = open("s/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(pwrite(fd, "one", 3, 0), 3);
	assert_int_equal(pwrite(fd, "two", 3, hole), 3);
	assert_int_equal(ftruncate(fd, 2 * hole), 0);
	close(fd);
	fd = open("s/all-hole", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, hole), 0);
	close(fd);
	assert_int_equal(copy_tree("s", "s2", NULL), 0);
	assert_int_equal(stat("s2/f", &st), 0);
	assert_int_equal(st.st_size, 2 * hole);
	assert_true(st.st_blocks * 512 < 1 << 20);
	auto_close int copy = open("s2/f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(copy, text, 4, 0), 4);
	assert_memory_equal(text, "one", 4);
	assert_int_equal(pread(copy, text, 4, hole), 4);
	assert_memory_equal(text, "two", 4);
	assert_int_equal(stat("s2/all-hole", &st), 0);
	assert_int_equal(st.st_size, hole);
	assert_true(st.st_blocks * 512 < 1 << 20);
}

/* Content larger than any buffer, to the same and (where /dev/shm is one) to another file system. */
static void test_copy_content(void **state)
{
	(void)state;
	enum { SIZE = 3000001 };
	struct error err = ERROR_INIT;
	auto_free char *content = malloc(SIZE), *same = NULL, *other = NULL;
	char shm[] = "/dev/shm/coracle-tree-XXXXXX";
	for (int i = 0; i < SIZE; i++)
		content[i] = (char)(i * 7 + i / 251);
	assert_int_equal(mkdir("l", 0755), 0);
	assert_int_equal(file_write_at(AT_FDCWD, "l/f", content, SIZE, 0644, 0, &err), 0);
	assert_int_equal(copy_tree("l", "l2", &err), 0);
	assert_int_equal(file_read_at(AT_FDCWD, "l2/f", SIZE, &same, NULL, &err), 0);
	assert_memory_equal(same, content, SIZE);

	assert_non_null(mkdtemp(shm));
	auto_close int from = open("l", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		       to = open(shm, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(tree_copy(from, to, &err), 0);
	assert_int_equal(file_read_at(to, "f", SIZE, &other, NULL, &err), 0);
	assert_memory_equal(other, content, SIZE);
	assert_int_equal(tree_remove_at(AT_FDCWD, shm, &err), 0);
}

static void test_copy_layer(void **state)
{
	(void)state;
	for (const char *const *name = (const char *const[]){"base", "base/kept", "base/hidden", "base/gone", "top", "top/kept", "top/hidden", NULL};
	     *name; name++)
		assert_int_equal(mkdir(*name, 0755), 0);
	put("base/kept/old", "old");
	put("base/kept/both", "below");
	put("base/hidden/old", "old");
	put("base/gone/file", "x");
	put("base/removed", "x");
	put("base/becomes-directory", "x");
	assert_int_equal(symlink("/etc", "base/link"), 0);
	put("top/kept/both", "above");
	put("top/hidden/new", "new");
	put("top/.wh.removed", "");
	assert_int_equal(mkdir("top/becomes-directory", 0700), 0);
	assert_int_equal(mkdir("top/link", 0755), 0);
	put("top/link/inside", "x");
	assert_int_equal(mknod("top/gone", S_IFCHR, makedev(0, 0)), 0);
	assert_int_equal(setxattr("top/hidden", "user.overlay.opaque", "y", 1, 0), 0);

	auto_close int base = open("base", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int top = open("top", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(tree_copy_layer(top, base, NULL), 0);
	assert_true(holds("base/kept/old", "old"));
	assert_true(holds("base/kept/both", "above"));
	assert_false(exists("base/hidden/old"));
	assert_true(holds("base/hidden/new", "new"));
	assert_false(exists("base/gone"));
	assert_false(exists("base/removed"));
	assert_false(exists("base/.wh.removed"));
	assert_true(exists("base/becomes-directory/."));
	assert_true(holds("base/link/inside", "x"));
	char value;
	assert_int_equal(getxattr("base/hidden", "user.overlay.opaque", &value, 1), -1);
}

static void test_copy_does_not_replace(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	assert_int_equal(mkdir("n", 0755), 0);
	assert_int_equal(mkdir("n2", 0755), 0);
	put("n/f", "new");
	put("victim", "old");
	assert_int_equal(symlink("../victim", "n2/f"), 0);
	auto_close int from = open("n", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		       to = open("n2", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(tree_copy(from, to, &err), -EEXIST);
	assert_string_equal(err.text, "copy f: File exists");
	assert_true(holds("victim", "old"));
}

static void test_sync(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	assert_int_equal(mkdir("y", 0755), 0);
	put("y/f", "x");
	assert_int_equal(chmod("y/f", 0), 0);
	assert_int_equal(mkfifo("y/fifo", 0600), 0);
	assert_int_equal(symlink("nowhere", "y/link"), 0);
	auto_close int fd = open("y", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(tree_sync(fd, &err), 0);
	assert_int_equal(tree_sync(-1, &err), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_deep),
	    cmocka_unit_test(test_wide),
	    cmocka_unit_test(test_remove_follows_nothing),
	    cmocka_unit_test(test_remove_opens_up),
	    cmocka_unit_test(test_remove_forbidden),
	    cmocka_unit_test(test_remove_while_written),
	    cmocka_unit_test(test_remove_at_once),
	    cmocka_unit_test(test_copy),
	    cmocka_unit_test(test_copy_layer),
	    cmocka_unit_test(test_copy_sparse),
	    cmocka_unit_test(test_copy_content),
	    cmocka_unit_test(test_copy_does_not_replace),
	    cmocka_unit_test(test_sync),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
