/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

/* The working directory of every test: "root" is the tree that must not be left, "outside" what is beside it. */
static char directory[] = "/tmp/coracle-open-XXXXXX";
static int root = -1;

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory) || chdir(directory) < 0 || mkdir("root", 0755) < 0 || mkdir("root/dir", 0755) < 0)
		return -1;
	if (mkdir("outside", 0755) < 0 || file_write_at(AT_FDCWD, "outside/secret", "secret", 6, 0600, 0, NULL) < 0 ||
	    file_write_at(AT_FDCWD, "root/dir/file", "inside", 6, 0600, 0, NULL) < 0)
		return -1;
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(root);
	return chdir("/") < 0 ? -1 : tree_remove_at(AT_FDCWD, directory, NULL);
}

static void link_to(const char *name, const char *target)
{
	assert_int_equal(symlinkat(target, root, name), 0);
}

static bool reads(int fd, const char *expected)
{
	char text[64];
	auto_close int file = fd;
	ssize_t n = file < 0 ? -1 : read_full(file, text, sizeof(text));
	return n == (ssize_t)strlen(expected) && memcmp(text, expected, (size_t)n) == 0;
}

static void test_beneath(void **state)
{
	(void)state;
	char absolute[PATH_MAX];
	assert_true(reads(open_beneath(root, "dir/file", O_RDONLY, 0), "inside"));
	assert_true(reads(open_beneath(root, "dir/../dir/file", O_RDONLY, 0), "inside"));
	link_to("good", "dir/../dir/file");
	assert_true(reads(open_beneath(root, "good", O_RDONLY, 0), "inside"));
	assert_int_equal(open_beneath(root, "../outside/secret", O_RDONLY, 0), -EXDEV);
	assert_int_equal(open_beneath(root, "dir/../../outside/secret", O_RDONLY, 0), -EXDEV);
	assert_int_equal(open_beneath(root, "/etc/passwd", O_RDONLY, 0), -EXDEV);
	link_to("up", "../outside/secret");
	assert_int_equal(open_beneath(root, "up", O_RDONLY, 0), -EXDEV);
	snprintf(absolute, sizeof(absolute), "%s/outside", directory);
	link_to("absolute", absolute);
	assert_int_equal(open_beneath(root, "absolute/secret", O_RDONLY, 0), -EXDEV);
	/* Nor is anything made out there. */
	assert_int_equal(open_beneath(root, "absolute/made", O_WRONLY | O_CREAT, 0600), -EXDEV);
	assert_int_equal(access("outside/made", F_OK), -1);
	assert_int_equal(open_beneath(root, "none", O_RDONLY, 0), -ENOENT);
}

static void test_in_root(void **state)
{
	(void)state;
	assert_true(reads(open_in_root(root, "/dir/file", O_RDONLY, 0), "inside"));
	assert_true(reads(open_in_root(root, "../../../dir/file", O_RDONLY, 0), "inside"));
	link_to("rooted", "/dir/file");
	assert_true(reads(open_in_root(root, "rooted", O_RDONLY, 0), "inside"));
	link_to("climbing", "../../../../dir");
	assert_true(reads(open_in_root(root, "climbing/file", O_RDONLY, 0), "inside"));
	assert_int_equal(open_in_root(root, "../outside/secret", O_RDONLY, 0), -ENOENT);
	link_to("loop", "loop");
	assert_int_equal(open_in_root(root, "loop", O_RDONLY, 0), -ELOOP);
}

/* A link of /proc leads anywhere without a path being walked. */
static void test_magic_links(void **state)
{
	(void)state;
	auto_close int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(open_beneath(proc, "root/etc/passwd", O_RDONLY, 0), -ELOOP);
	assert_int_equal(open_in_root(proc, "cwd", O_PATH, 0), -ELOOP);
}

static void test_flags_and_modes(void **state)
{
	(void)state;
	struct stat st;
	mode_t mask = umask(022);
	auto_close int made = open_beneath(root, "made", O_WRONLY | O_CREAT | O_EXCL, 0640);
	assert_true(made >= 0);
	assert_true(fcntl(made, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(made, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	umask(mask);
	/* A mode without O_CREAT is ignored, as open(2) does. */
	auto_close int opened = open_beneath(root, "made", O_RDONLY, 0640);
	assert_true(opened >= 0);
	assert_int_equal(open_beneath(root, "made", O_WRONLY | O_CREAT | O_EXCL, 0640), -EEXIST);
}

static void test_reopen(void **state)
{
	(void)state;
	char c;
	auto_close int path = open_beneath(root, "dir/file", O_PATH, 0);
	assert_int_equal(read(path, &c, 1), -1);
	assert_true(reads(reopen_fd(path, O_RDONLY), "inside"));
	auto_close int again = reopen_fd(path, O_RDONLY);
	assert_true(fcntl(again, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(reopen_fd(path, O_RDONLY | O_DIRECTORY), -ENOTDIR);
	assert_int_equal(reopen_fd(99999, O_RDONLY), -ENOENT);
}

static bool is_directory(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void test_mkdirs_in_root(void **state)
{
	(void)state;
	auto_close int made = mkdirs_in_root(root, "/a//b/../c/", 0700);
	assert_true(made >= 0);
	assert_true(is_directory("root/a/b") && is_directory("root/a/c"));
	struct stat by_fd, by_path;
	assert_int_equal(fstat(made, &by_fd), 0);
	assert_int_equal(stat("root/a/c", &by_path), 0);
	assert_int_equal(by_fd.st_ino, by_path.st_ino);
	assert_int_equal(by_fd.st_mode & 0777, 0700);
	assert_true(fcntl(made, F_GETFD) & FD_CLOEXEC);

	auto_close int top = mkdirs_in_root(root, "/", 0700);
	assert_int_equal(fstat(top, &by_fd), 0);
	assert_int_equal(stat("root", &by_path), 0);
	assert_int_equal(by_fd.st_ino, by_path.st_ino);

	assert_int_equal(mkdirs_in_root(root, "dir/file/x", 0700), -ENOTDIR);
	assert_int_equal(mkdirs_in_root(root, "dir/file", 0700), -ENOTDIR);
	assert_int_equal(mkdirs_in_root(root, "", 0700), -ENOENT);
}

/* However the links of an image lie, directories are made within it. */
static void test_mkdirs_in_root_follows_links_inside(void **state)
{
	(void)state;
	link_to("out", "../outside");
	link_to("over", "/../../outside/deep");
	link_to("run", "/var/run");
	link_to("round", "round/x");
	auto_close int one = mkdirs_in_root(root, "out/x", 0755);
	auto_close int two = mkdirs_in_root(root, "over/y", 0755);
	auto_close int three = mkdirs_in_root(root, "/run/lock/z", 0755);
	auto_close int four = mkdirs_in_root(root, "../../above/x", 0755);
	assert_true(one >= 0 && two >= 0 && three >= 0 && four >= 0);
	assert_true(is_directory("root/outside/x") && is_directory("root/outside/deep/y"));
	assert_true(is_directory("root/var/run/lock/z") && is_directory("root/above/x"));
	assert_int_equal(access("outside/x", F_OK), -1);
	assert_int_equal(access("outside/deep", F_OK), -1);
	assert_int_equal(access("above", F_OK), -1);
	assert_int_equal(mkdirs_in_root(root, "round/y", 0755), -ELOOP);
}

static void test_mkdirs(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	char absolute[PATH_MAX];
	snprintf(absolute, sizeof(absolute), "%s/m/n//o/", directory);
	assert_int_equal(mkdirs(absolute, 0700, &err), 0);
	assert_true(is_directory("m/n/o"));
	assert_int_equal(mkdirs(absolute, 0700, &err), 0);
	assert_int_equal(mkdirs("p/q", 0700, &err), 0);
	assert_true(is_directory("p/q"));
	assert_int_equal(symlink("p", "to-p"), 0);
	assert_int_equal(mkdirs("to-p/r", 0700, &err), 0);
	assert_true(is_directory("p/r"));
	assert_int_equal(mkdirs("outside/secret/x", 0700, &err), -ENOTDIR);
	assert_int_equal(mkdirs("outside/secret", 0700, &err), -ENOTDIR);
	assert_string_equal(err.text, "make the directory outside/secret: Not a directory");
	assert_int_equal(mkdirs("", 0700, &err), -ENOENT);
	assert_int_equal(mkdirs("/", 0700, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_beneath),
	    cmocka_unit_test(test_in_root),
	    cmocka_unit_test(test_magic_links),
	    cmocka_unit_test(test_flags_and_modes),
	    cmocka_unit_test(test_reopen),
	    cmocka_unit_test(test_mkdirs_in_root),
	    cmocka_unit_test(test_mkdirs_in_root_follows_links_inside),
	    cmocka_unit_test(test_mkdirs),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
