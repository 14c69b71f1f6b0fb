/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/pull/partial.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "pkg/file/file.h"

#define DIGEST          "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER           "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define FILE_OF(digest) "blobs/partial/" digest

struct fixture {
	char path[64];
	struct store *store;
};

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	strcpy(fixture->path, "/tmp/coracle-partial-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	auto_free char *root = xasprintf("%s/root", fixture->path), *run = xasprintf("%s/run", fixture->path);
	assert_int_equal(store_open(root, run, NULL, &fixture->store, NULL), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	store_free(fixture->store);
	assert_int_equal(tree_remove_at(AT_FDCWD, fixture->path, NULL), 0);
	free(fixture);
	return 0;
}

static bool is_there(const struct fixture *fixture, const char *name)
{
	return faccessat(fixture->store->root_fd, name, F_OK, 0) == 0;
}

static void test_claimed_once(void **state)
{
	struct fixture *fixture = *state;
	struct partial first = PARTIAL_INIT, second = PARTIAL_INIT;
	assert_int_equal(partial_claim(fixture->store, DIGEST, 100, false, &first, NULL), 1);
	assert_int_equal(first.length, 0);
	assert_int_equal(partial_claim(fixture->store, DIGEST, 100, false, &second, NULL), 0);
	assert_int_equal(second.fd, -1);
	/* Another blob is another's. */
	assert_int_equal(partial_claim(fixture->store, OTHER, 100, false, &second, NULL), 1);
	partial_release(&second, true);
	assert_int_equal(write(first.fd, "begun", 5), 5);
	partial_release(&first, false);
	assert_int_equal(partial_claim(fixture->store, DIGEST, 100, false, &first, NULL), 1);
	assert_int_equal(first.length, 5);
	partial_release(&first, true);
	assert_false(is_there(fixture, FILE_OF(DIGEST)));
	assert_false(is_there(fixture, FILE_OF(DIGEST) ".lock"));
	assert_false(is_there(fixture, FILE_OF(OTHER)));
}

static void test_too_long_is_emptied(void **state)
{
	struct fixture *fixture = *state;
	struct partial partial = PARTIAL_INIT;
	assert_int_equal(partial_claim(fixture->store, DIGEST, 5, false, &partial, NULL), 1);
	assert_int_equal(write(partial.fd, "123456", 6), 6);
	partial_release(&partial, false);
	assert_int_equal(partial_claim(fixture->store, DIGEST, 6, false, &partial, NULL), 1);
	assert_int_equal(partial.length, 6);
	partial_release(&partial, false);
	assert_int_equal(partial_claim(fixture->store, DIGEST, 5, false, &partial, NULL), 1);
	assert_int_equal(partial.length, 0);
	partial_release(&partial, true);
}

/* Many claim, wait, add a byte, and let go, now and then for good: nobody is let in beside another. */
static void test_many(void **state)
{
	struct fixture *fixture = *state;
	enum { CHILDREN = 4, ROUNDS = 100 };
	for (int i = 0; i < CHILDREN; i++) {
		if (fork() != 0)
			continue;
		for (int n = 0; n < ROUNDS; n++) {
			struct partial partial = PARTIAL_INIT;
			if (partial_claim(fixture->store, DIGEST, 1000, true, &partial, NULL) != 1)
				_exit(1);
			int alone =
			    openat(fixture->store->root_fd, "alone", O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0600);
			if (alone < 0 || close(alone) < 0 || write(partial.fd, "x", 1) != 1 ||
			    unlinkat(fixture->store->root_fd, "alone", 0) < 0)
				_exit(2);
			partial_release(&partial, n % 3 == 0);
		}
		_exit(0);
	}
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
}

static void make_old(const struct fixture *fixture, const char *name, int64_t age_s)
{
	struct timespec times[2] = {{.tv_sec = time(NULL) - age_s}, {.tv_sec = time(NULL) - age_s}};
	assert_int_equal(utimensat(fixture->store->root_fd, name, times, 0), 0);
}

static void test_sweep(void **state)
{
	struct fixture *fixture = *state;
	struct partial held = PARTIAL_INIT;
	assert_int_equal(partial_sweep(fixture->store, 100, NULL), 0);
	assert_int_equal(partial_claim(fixture->store, DIGEST, 100, false, &held, NULL), 1);
	int root_fd = fixture->store->root_fd;
	assert_int_equal(file_write_at(root_fd, FILE_OF(OTHER), "x", 1, 0600, 0, NULL), 0);
	assert_int_equal(file_write_at(root_fd, FILE_OF("stranger"), "x", 1, 0600, 0, NULL), 0);
	make_old(fixture, FILE_OF(DIGEST), 200);
	make_old(fixture, FILE_OF(OTHER), 200);
	make_old(fixture, FILE_OF("stranger"), 200);
	assert_int_equal(partial_sweep(fixture->store, 300, NULL), 0);
	assert_true(is_there(fixture, FILE_OF(OTHER)));
	assert_int_equal(partial_sweep(fixture->store, 100, NULL), 0);
	assert_false(is_there(fixture, FILE_OF(OTHER)));
	assert_false(is_there(fixture, FILE_OF(OTHER) ".lock"));
	assert_true(is_there(fixture, FILE_OF("stranger")));
	assert_true(is_there(fixture, FILE_OF(DIGEST)));
	partial_release(&held, false);
	assert_int_equal(partial_sweep(fixture->store, 100, NULL), 0);
	assert_false(is_there(fixture, FILE_OF(DIGEST)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_claimed_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_too_long_is_emptied, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_sweep, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
