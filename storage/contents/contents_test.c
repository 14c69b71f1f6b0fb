/* SPDX-License-Identifier: Apache-2.0 */
/* Layers made by hand, laid over one another, and trees that differ from them. */
#include "storage/contents/contents.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "pkg/file/file.h"
#include "pkg/tar/compose.h"
#include "storage/unpack/layer.h"

/* A store with nothing but layers, and a container's upper directory. */
struct fixture {
	char path[64];
	struct store store;
	struct strv layers;
	int upper;
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	strcpy(fixture->path, "/tmp/contents-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	fixture->store.root = fixture->path;
	fixture->store.root_fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(fixture->store.root_fd, "layers", 0755), 0);
	assert_int_equal(mkdirat(fixture->store.root_fd, "upper", 0755), 0);
	fixture->upper = openat(fixture->store.root_fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	close(fixture->upper);
	close(fixture->store.root_fd);
	assert_int_equal(tree_remove_at(AT_FDCWD, fixture->path, NULL), 0);
	strv_free(&fixture->layers);
	free(fixture);
	return 0;
}

static int make_directory(int dirfd, const char *name)
{
	assert_int_equal(mkdirat(dirfd, name, 0755), 0);
	return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Unpacks the tar as the next layer, in single-id mode. */
static void add_layer(struct fixture *fixture, struct strbuf *tar)
{
	char diff_id[DIGEST_TEXT_MAX];
	struct stream *blob;
	struct unpack_result result;
	bool xattrs;
	struct error err = ERROR_INIT;
	compose_end(tar);
	assert_int_equal(digest_of(tar->data, tar->length, diff_id, NULL), 0);
	auto_free char *path = xasprintf("layers/%s", diff_id + 7);
	auto_close int layer = make_directory(fixture->store.root_fd, path), diff = make_directory(layer, "diff"),
		       kept = make_directory(layer, "kept"),
		       recipe = openat(layer, "recipe", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(stream_open_memory(tar->data, tar->length, &blob, &err), 0);
	struct unpack_target target = {diff, kept, recipe, NULL};
	assert_int_equal(unpack_layer(&target, blob, NULL, diff_id, &result, &xattrs, &err), 0);
	strv_add(&fixture->layers, diff_id);
	strbuf_truncate(tar, 0);
}

static void add_paths(const struct contents_node *node, const char *path,
		      struct strbuf *out) /* NOLINT(misc-no-recursion) */
{
	for (size_t i = 0; i < node->count; i++) {
		auto_free char *child = xasprintf("%s/%s", path, node->children[i]->name);
		strbuf_printf(out, "%s\n", child);
		add_paths(node->children[i], child, out);
	}
}

static void assert_paths(const struct contents *contents, const char *wanted)
{
	auto_strbuf struct strbuf paths = STRBUF_INIT;
	add_paths(contents->root, "", &paths);
	assert_string_equal(strbuf_text(&paths), wanted);
}

static void assert_changes(const struct changes *changes, const char *wanted)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	for (size_t i = 0; i < changes->count; i++)
		strbuf_printf(&text, "%c %s\n", changes->items[i].kind, changes->items[i].path);
	assert_string_equal(strbuf_text(&text), wanted);
}

static void add_base(struct fixture *fixture)
{
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	compose_add(&tar, (struct compose){.type = '5', .name = "etc/", .mode = 0755, .uid = 3});
	compose_add(&tar, (struct compose){.type = '0', .name = "etc/a", .content = "a", .uid = 33, .mode = 0200});
	compose_add(&tar, (struct compose){.type = '1', .name = "etc/b", .link = "etc/a"});
	compose_add(&tar, (struct compose){.type = '0', .name = "usr/lib/x", .content = "x"});
	compose_add(&tar, (struct compose){.type = '2', .name = "lib", .link = "usr/lib"});
	compose_add(&tar, (struct compose){.type = '0', .name = "lib/y", .content = "y"});
	compose_add(&tar, (struct compose){.type = '3', .name = "null", .major = 1, .minor = 3});
	add_layer(fixture, &tar);
}

static struct contents *read_contents(struct fixture *fixture)
{
	struct contents *contents = NULL;
	struct error err = ERROR_INIT;
	int r = contents_read(&fixture->store, &fixture->layers, &contents, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	return contents;
}

static void test_layers_lie_over_one_another(void **state)
{
	struct fixture *fixture = *state;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	add_base(fixture);
	auto_contents struct contents *first = read_contents(fixture);
	/* What goes through a symlink lies where it leads. */
	assert_paths(first, "/etc\n/etc/a\n/etc/b\n/lib\n/null\n/usr\n/usr/lib\n/usr/lib/x\n/usr/lib/y\n");
	const struct contents_node *a = contents_find(first, "etc/a"), *b = contents_find(first, "etc/b");
	assert_true(a->linked && b->linked && a->file == b->file);
	assert_int_equal(b->facts.uid, 33);
	assert_int_equal(b->facts.type, TAR_FILE);
	assert_false(contents_find(first, "usr")->there);

	compose_add(&tar, (struct compose){.type = '0', .name = "etc/new"});
	compose_add(&tar, (struct compose){.type = '0', .name = "etc/.wh.a"});
	compose_add(&tar, (struct compose){.type = '0', .name = "etc/.wh.new"}); /* of lower layers only */
	compose_add(&tar, (struct compose){.type = '5', .name = "usr/lib", .mode = 0755});
	compose_add(&tar, (struct compose){.type = '0', .name = "usr/lib/z"});
	compose_add(&tar, (struct compose){.type = '0', .name = "usr/lib/.wh..wh..opq"});
	compose_add(&tar, (struct compose){.type = '0', .name = "null/file"}); /* a directory where a device was */
	add_layer(fixture, &tar);
	auto_contents struct contents *second = read_contents(fixture);
	assert_paths(second, "/etc\n/etc/b\n/etc/new\n/lib\n/null\n/null/file\n/usr\n/usr/lib\n/usr/lib/z\n");
	assert_int_equal(contents_find(second, "etc/b")->source, 0);
	assert_int_equal(contents_find(second, "etc/new")->source, 1);

	auto_changes struct changes changes = {0};
	changes_between(first, second, &changes);
	assert_changes(&changes, "C etc\nD etc/a\nA etc/new\nC null\nA null/file\nC usr\nC usr/lib\nD usr/lib/x\nD "
				 "usr/lib/y\nA usr/lib/z\n");
}

static void write_file(int dirfd, const char *name, const char *text)
{
	assert_int_equal(file_write_at(dirfd, name, text, strlen(text), 0644, 0, NULL), 0);
}

static void find_changes(struct fixture *fixture, const struct contents *contents, bool whole,
			 const struct strv *points, struct changes *ret)
{
	struct changed_tree tree = {fixture->upper, whole, true, points};
	struct error err = ERROR_INIT;
	int r = changes_find(contents, &tree, ret, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
}

static void test_an_upper_directory(void **state)
{
	struct fixture *fixture = *state;
	auto_strv struct strv points = STRV_INIT;
	auto_changes struct changes changes = {0};
	add_base(fixture);
	strv_add(&points, "mnt/deep");
	strv_add(&points, "etc/hosts");
	auto_contents struct contents *contents = read_contents(fixture);
	auto_close int etc = make_directory(fixture->upper, "etc"), mnt = make_directory(fixture->upper, "mnt"),
		       usr = make_directory(fixture->upper, "usr"), made = make_directory(fixture->upper, "made");
	assert_int_equal(mkdirat(mnt, "deep", 0755), 0);
	write_file(etc, "hosts", "");
	write_file(etc, "a", "changed");
	assert_int_equal(fchmodat(etc, "a", 0600, 0), 0); /* 0200, and what its owner needs: unchanged */
	write_file(made, "new", "new");
	assert_int_equal(mknodat(etc, "b", S_IFCHR, makedev(0, 0)), 0);
	assert_int_equal(mknodat(etc, "never", S_IFCHR, makedev(0, 0)), 0); /* hides nothing */
	write_file(fixture->upper, ".wh.lib", "");
	assert_int_equal(fsetxattr(usr, "user.overlay.opaque", "y", 1, 0), 0);
	assert_int_equal(mkfifoat(usr, "lib", 0600), 0);
	find_changes(fixture, contents, false, &points, &changes);
	assert_changes(&changes, "C etc\nC etc/a\nD etc/b\nD lib\nA made\nA made/new\nC usr\nC usr/lib\n");
	assert_int_equal(changes.items[0].facts.uid, 3); /* as it was */
	assert_int_equal(changes.items[1].facts.uid, 33);
	assert_int_equal(changes.items[1].facts.mode, 0600 & ~0400U);
	assert_int_equal(changes.items[5].facts.uid, 0);
	assert_int_equal(changes.items[6].facts.xattrs_count, 0);
	contents_apply(contents, &changes);
	assert_paths(contents, "/etc\n/etc/a\n/made\n/made/new\n/null\n/usr\n/usr/lib\n");
	assert_int_equal(contents_find(contents, "made/new")->source, CONTENTS_UPPER);
}

static void test_a_whole_tree(void **state)
{
	struct fixture *fixture = *state;
	auto_changes struct changes none = {0}, changes = {0};
	add_base(fixture);
	auto_contents struct contents *contents = read_contents(fixture);
	auto_free char *path = xasprintf("layers/%s/diff", fixture->layers.items[0] + 7);
	auto_close int diff = openat(fixture->store.root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(tree_copy(diff, fixture->upper, NULL), 0);
	find_changes(fixture, contents, true, NULL, &none);
	assert_changes(&none, ""); /* and no device that is missing */
	assert_int_equal(unlinkat(fixture->upper, "etc/b", 0), 0);
	write_file(fixture->upper, "usr/lib/x", "X");
	assert_int_equal(fchmodat(fixture->upper, "usr/lib/y", 0600, 0), 0);
	assert_int_equal(symlinkat("x", fixture->upper, "usr/link"), 0);
	find_changes(fixture, contents, true, NULL, &changes);
	assert_changes(&changes, "C etc\nD etc/b\nC usr\nC usr/lib\nC usr/lib/x\nC usr/lib/y\nA usr/link\n");
}

static void test_paths_are_in_order(void **state)
{
	struct fixture *fixture = *state;
	auto_contents struct contents *contents = read_contents(fixture);
	auto_changes struct changes changes = {0};
	auto_close int a = make_directory(fixture->upper, "a");
	write_file(a, "b", "");
	write_file(fixture->upper, "a.", "");
	write_file(fixture->upper, "a\1", "");
	find_changes(fixture, contents, false, NULL, &changes);
	assert_changes(&changes, "A a\nA a/b\nA a\1\nA a.\n");
}

static void test_a_damaged_recipe(void **state)
{
	struct fixture *fixture = *state;
	struct contents *contents = NULL;
	struct error err = ERROR_INIT;
	add_base(fixture);
	auto_free char *path = xasprintf("layers/%s/recipe", fixture->layers.items[0] + 7);
	auto_close int fd = openat(fixture->store.root_fd, path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "xx", 2, 20), 2);
	assert_int_equal(contents_read(&fixture->store, &fixture->layers, &contents, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "damaged"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_layers_lie_over_one_another, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_an_upper_directory, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_whole_tree, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_paths_are_in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_damaged_recipe, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
