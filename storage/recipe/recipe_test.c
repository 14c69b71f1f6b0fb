/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/recipe/recipe.h"

#include <sys/xattr.h>

#include "storage/unpack/fixture.h"

static void test_recipe_tells_the_truth(void **state)
{
	(void)state;
	auto_layer struct layer layer;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	struct error err = ERROR_INIT;
	compose_add(&tar, (struct compose){
			      .type = '0',
			      .name = "/abs",
			      .mode = 04000,
			      .uid = 70000,
			      .gid = 8,
			      .content = "abc",
			      .pax = "SCHILY.xattr.user.k=v=1\nSCHILY.xattr.user.overlay.redirect=/etc\nmtime=12.5\n"});
	compose_add(&tar, (struct compose){.type = '4', .name = "sda", .major = 8, .minor = 1});
	compose_end(&tar);
	assert_int_equal(unpack_as(&layer, NULL, &tar, NULL, NULL, &err), 0);
	auto_recipe_reader struct recipe_reader *reader = NULL;
	const struct recipe_entry *entry;
	assert_int_equal(recipe_reader_new(layer.recipe, &reader, NULL), 0);
	assert_int_equal(recipe_next_entry(reader, &entry, NULL), 1);
	assert_string_equal(entry->tar.path, "abs");
	assert_int_equal(entry->tar.uid, 70000);
	assert_int_equal(entry->tar.mode, 04000);
	assert_int_equal(entry->tar.mtime_s, 12);
	assert_int_equal(entry->tar.mtime_ns, 500000000);
	assert_int_equal(entry->tar.xattrs_count, 2);
	assert_string_equal(entry->tar.xattrs[0].value, "v=1");
	char text[DIGEST_TEXT_MAX];
	digest_text(entry->digest, text);
	assert_string_equal(text, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(recipe_next_entry(reader, &entry, NULL), 1);
	assert_int_equal(entry->tar.device_major, 8);
	assert_int_equal(recipe_next_entry(reader, &entry, NULL), 0);
	/* On disk: ours, readable, and without what speaks to overlay. */
	struct stat status;
	assert_int_equal(fstatat(layer.diff, "abs", &status, 0), 0);
	assert_int_equal(status.st_uid, geteuid());
	assert_int_equal(status.st_mode & 07777, 04400);
	auto_close int fd = openat(layer.diff, "abs", O_RDONLY | O_CLOEXEC);
	char value[8];
	assert_int_equal(fgetxattr(fd, "user.k", value, sizeof(value)), 3);
	assert_true(fgetxattr(fd, "user.overlay.redirect", value, sizeof(value)) < 0);
}

static void test_damaged_recipes_are_found(void **state)
{
	(void)state;
	auto_layer struct layer layer;
	auto_strbuf struct strbuf tar = STRBUF_INIT, again = STRBUF_INIT;
	for (int i = 0; i < 50; i++) {
		auto_free char *name = xasprintf("file-%d", i * 7919);
		compose_add(&tar, (struct compose){.type = '0', .name = name, .content = name});
	}
	compose_end(&tar);
	unpack_well(&layer, &tar);
	struct stat status;
	assert_int_equal(fstat(layer.recipe, &status), 0);
	for (off_t i = 0; i < status.st_size; i++) {
		unsigned char byte, wrong;
		assert_int_equal(pread(layer.recipe, &byte, 1, i), 1);
		wrong = byte ^ 0x41;
		assert_int_equal(pwrite(layer.recipe, &wrong, 1, i), 1);
		strbuf_truncate(&again, 0);
		struct error err = ERROR_INIT;
		int r = recipe_regenerate(layer.fd, collect, &again, &err);
		if (r == 0) /* bits of a frame's header that say nothing */
			assert_true(again.length == tar.length && memcmp(again.data, tar.data, tar.length) == 0);
		else
			assert_int_equal(r, -EBADMSG);
		assert_int_equal(pwrite(layer.recipe, &byte, 1, i), 1);
	}
	assert_same_tar(&layer, &tar);
	for (off_t length = 0; length < status.st_size; length += 61) {
		assert_int_equal(ftruncate(layer.recipe, status.st_size - 1 - length), 0);
		assert_int_equal(recipe_regenerate(layer.fd, collect, &again, NULL), -EBADMSG);
	}
}

static void test_changed_files_are_found(void **state)
{
	(void)state;
	auto_layer struct layer layer;
	auto_strbuf struct strbuf tar = STRBUF_INIT, again = STRBUF_INIT;
	struct error err = ERROR_INIT;
	compose_add(&tar, (struct compose){.type = '0', .name = "a", .content = "content"});
	compose_end(&tar);
	unpack_well(&layer, &tar);
	auto_close int fd = openat(layer.diff, "a", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, 3), 1);
	assert_int_equal(recipe_regenerate(layer.fd, collect, &again, &err), -EBADMSG);
	assert_int_equal(ftruncate(fd, 3), 0);
	assert_int_equal(recipe_regenerate(layer.fd, collect, &again, &err), -EBADMSG);
	assert_int_equal(unlinkat(layer.diff, "a", 0), 0);
	assert_int_equal(recipe_regenerate(layer.fd, collect, &again, &err), -EBADMSG);
	assert_int_equal(symlinkat("/etc/passwd", layer.diff, "a"), 0);
	assert_int_equal(recipe_regenerate(layer.fd, collect, &again, &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_recipe_tells_the_truth),
	    cmocka_unit_test(test_damaged_recipes_are_found),
	    cmocka_unit_test(test_changed_files_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
