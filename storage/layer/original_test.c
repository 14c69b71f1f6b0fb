/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/layer/original.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/digest/digest.h"
#include "pkg/file/file.h"
#include "storage/layer/layer.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FOLDER "layers/" HEX
#define TEXT   "a blob"

struct fixture {
	char path[64];
	struct store *store;
	int layer, blob;
	char digest[DIGEST_TEXT_MAX];
};

static void put(int dirfd, const char *name, const char *text)
{
	assert_int_equal(file_write_at(dirfd, name, text, strlen(text), 0600, 0, NULL), 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	strcpy(fixture->path, "/tmp/coracle-original-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	auto_free char *root = xasprintf("%s/root", fixture->path), *run = xasprintf("%s/run", fixture->path);
	assert_int_equal(store_open(root, run, NULL, &fixture->store, NULL), 0);
	assert_int_equal(mkdirat(fixture->store->root_fd, FOLDER, 0700), 0);
	put(fixture->store->root_fd, FOLDER "/layer.json", "{\"size\":100,\"tarSize\":200,\"mapping\":\"single\"}");
	put(fixture->store->root_fd, "tmp/source", "before" TEXT "behind");
	fixture->layer = openat(fixture->store->root_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fixture->blob = openat(fixture->store->root_fd, "tmp/source", O_RDWR | O_CLOEXEC);
	assert_int_equal(digest_of(TEXT, strlen(TEXT), fixture->digest, NULL), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	close(fixture->layer);
	close(fixture->blob);
	store_free(fixture->store);
	assert_int_equal(tree_remove_at(AT_FDCWD, fixture->path, NULL), 0);
	free(fixture);
	return 0;
}

static void keep(struct fixture *fixture)
{
	const struct layer_original_source source = {.fd = fixture->blob, .offset = 6, .length = (int64_t)strlen(TEXT)};
	const struct layer_blob blob = {fixture->digest, (int64_t)strlen(TEXT), (char *)"application/x", (char *)"gzip",
					NULL};
	assert_int_equal(layer_original_keep(fixture->layer, &source, &blob, NULL), 0);
}

static void test_kept_and_dropped(void **state)
{
	struct fixture *fixture = *state;
	auto_layer_blob struct layer_blob blob = {0}, none = {0};
	struct layer_facts facts;
	assert_int_equal(layer_original_open(fixture->store, "sha256:" HEX, &none, NULL), -ENOENT);
	keep(fixture);
	auto_close int fd = layer_original_open(fixture->store, "sha256:" HEX, &blob, NULL);
	assert_true(fd >= 0);
	assert_string_equal(blob.digest, fixture->digest);
	assert_int_equal(blob.size, strlen(TEXT));
	assert_string_equal(blob.media_type, "application/x");
	assert_string_equal(blob.compression, "gzip");
	assert_int_equal(layer_original_verify(fd, &blob, NULL), 0);
	assert_int_equal(layer_read_facts(fixture->store, "sha256:" HEX, &facts, NULL), 1);
	assert_int_equal(facts.size, 100);
	assert_int_equal(facts.kept, strlen(TEXT));
	assert_int_equal(layer_room(&facts), 100 + strlen(TEXT));
	assert_int_equal(layer_original_drop(fixture->layer, NULL), 0);
	assert_int_equal(layer_original_open(fixture->store, "sha256:" HEX, &none, NULL), -ENOENT);
	assert_int_not_equal(faccessat(fixture->layer, "blob", F_OK, 0), 0);
}

static void test_damage_is_seen(void **state)
{
	struct fixture *fixture = *state;
	auto_layer_blob struct layer_blob blob = {0};
	struct error err = ERROR_INIT;
	keep(fixture);
	put(fixture->layer, "blob", "a plop");
	auto_close int fd = layer_original_open(fixture->store, "sha256:" HEX, &blob, NULL);
	assert_true(fd >= 0);
	assert_int_equal(layer_original_verify(fd, &blob, &err), -EBADMSG);
	put(fixture->layer, "layer.json", "{\"size\":100,\"tarSize\":200,\"blob\":{\"digest\":\"sha256:5\"}}");
	assert_int_equal(layer_original_open_at(fixture->layer, &blob, &err), -EINVAL);
}

/* A file that is the blob and nothing else becomes it, and is not copied. */
static void test_linked(void **state)
{
	struct fixture *fixture = *state;
	struct stat before, after;
	const struct layer_original_source source = {.fd = fixture->blob, .length = -1, .whole = true};
	const struct layer_blob blob = {fixture->digest, (int64_t)strlen(TEXT), (char *)"application/x", (char *)"gzip",
					NULL};
	assert_int_equal(layer_original_keep(fixture->layer, &source, &blob, NULL), 0);
	assert_int_equal(fstat(fixture->blob, &before), 0);
	assert_int_equal(fstatat(fixture->layer, "blob", &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

/* ---- where layers are ---- */
static void test_places(void **state)
{
	struct fixture *fixture = *state;
	struct store *store;
	auto_free char *root = xasprintf("%s/other", fixture->path), *run = xasprintf("%s/other-run", fixture->path),
		       *conf = xasprintf("%s/coracle.conf", fixture->path), *path = NULL, *gone = NULL;
	auto_free char *text = xasprintf("[storage]\nadditional_image_stores = [\"%s/root\", \"%s/none\", \"%s\"]\n",
					 fixture->path, fixture->path, root);
	struct error err = ERROR_INIT;
	put(AT_FDCWD, conf, text);
	assert_int_equal(mkdirat(fixture->store->root_fd, FOLDER "/diff", 0700), 0);
	assert_int_equal(store_open(root, run, NULL, &store, NULL), 0);
	store_free(store);
	setenv("CORACLE_CONF", conf, 1);
	assert_int_equal(store_open_settled(root, run, NULL, &store, NULL), 0);
	unsetenv("CORACLE_CONF");
	/* The store itself is not one more of its own. */
	assert_int_equal(store_places(store), 3);
	assert_false(store_places_are_readable(store));
	assert_int_equal(layer_exists(store, "sha256:" HEX, NULL), 1);
	assert_int_equal(layer_tree_path(store, "sha256:" HEX, &path, NULL), 0);
	assert_non_null(strstr(path, "/root/" FOLDER "/diff"));
	assert_true(store_find(store, FOLDER).read_only);
	assert_int_equal(layer_tree_path(store, "sha256:ff" HEX, &gone, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/none cannot be read"));
	store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_kept_and_dropped, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_damage_is_seen, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_linked, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
