/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/layer/blobs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "pkg/file/file.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define BLOB   "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define LAYER  "sha256:" HEX
#define FOLDER "layers/" HEX

struct fixture {
	char path[64];
	struct store *store;
};

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	strcpy(fixture->path, "/tmp/coracle-blobs-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	auto_free char *root = xasprintf("%s/root", fixture->path), *run = xasprintf("%s/run", fixture->path);
	assert_int_equal(store_open(root, run, NULL, &fixture->store, NULL), 0);
	assert_int_equal(mkdirat(fixture->store->root_fd, FOLDER, 0700), 0);
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

static void note(struct store *store, const char *repository)
{
	struct layer_blob blob = {(char *)BLOB, 1234, (char *)"application/x", (char *)"gzip", (char *)repository};
	assert_int_equal(layer_blobs_note(store, LAYER, &blob, NULL), 0);
}

static void test_notes(void **state)
{
	struct fixture *fixture = *state;
	auto_layer_blobs struct layer_blobs none = {0}, two = {0};
	layer_blobs_read(fixture->store, LAYER, &none);
	assert_int_equal(none.count, 0);
	note(fixture->store, "a:5000/x");
	note(fixture->store, "b/y");
	note(fixture->store, "a:5000/x");
	layer_blobs_read(fixture->store, LAYER, &two);
	assert_int_equal(two.count, 2);
	assert_string_equal(two.items[0].digest, BLOB);
	assert_int_equal(two.items[0].size, 1234);
	assert_string_equal(two.items[0].media_type, "application/x");
	assert_string_equal(two.items[0].compression, "gzip");
	assert_string_equal(two.items[0].repository, "a:5000/x");
	assert_string_equal(two.items[1].repository, "b/y");
}

static void test_damaged_lines_are_passed_over(void **state)
{
	struct fixture *fixture = *state;
	static const char text[] = "garbage\n" BLOB " -5 m gzip r\n" BLOB " 5 m gzip\n" BLOB
				   " 5 m gzip a/b\nsha256:00 5 m gzip r\n\n" BLOB " 5 m gzi";
	auto_layer_blobs struct layer_blobs blobs = {0}, more = {0};
	assert_int_equal(file_write_at(fixture->store->root_fd, FOLDER "/blobs", text, strlen(text), 0644, 0, NULL), 0);
	layer_blobs_read(fixture->store, LAYER, &blobs);
	assert_int_equal(blobs.count, 1);
	assert_string_equal(blobs.items[0].repository, "a/b");
	note(fixture->store, "c/d");
	layer_blobs_read(fixture->store, LAYER, &more);
	assert_int_equal(more.count, 2);
}

static void test_oldest_are_forgotten(void **state)
{
	struct fixture *fixture = *state;
	auto_layer_blobs struct layer_blobs blobs = {0};
	for (int i = 0; i < 100; i++) {
		auto_free char *repository = xasprintf("registry/%d", i);
		note(fixture->store, repository);
	}
	layer_blobs_read(fixture->store, LAYER, &blobs);
	assert_in_range(blobs.count, 20, 40);
	assert_string_equal(blobs.items[blobs.count - 1].repository, "registry/99");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_notes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_damaged_lines_are_passed_over, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_oldest_are_forgotten, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
