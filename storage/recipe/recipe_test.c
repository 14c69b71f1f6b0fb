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
	/* What xxhsum -H2 says of "abc". */
	static const unsigned char sum[DIGEST_SHA256_SIZE] = {0x06, 0xb0, 0x5a, 0xb6, 0x73, 0x3a, 0x61, 0x85,
							      0x78, 0xaf, 0x5f, 0x94, 0x89, 0x2f, 0x39, 0x50};
	assert_int_equal(entry->sum.kind, RECIPE_SUM_CHECKSUM);
	assert_memory_equal(entry->sum.value, sum, sizeof(sum));
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

/* What an older coracle left: a recipe of format 1, which has digests, of a tar with the files "one" and "two". */
static void test_format_1_is_read(void **state)
{
	static const char recipe[] =
	    "\x28\xb5\x2f\xfd\x64\x9f\x27\x0d\x08\x00\xa4\x0b\x56\x01\x01\x52\x80\x04\x6f\x6e\x65\x00\x30\x30\x30\x30\x36\x34"
	    "\x34\x30\x30\x30\x30\x30\x30\x33\x00\x31\x00\x30\x31\x31\x35\x31\x33\x00\x20\x30\x00\x75\x73\x74\x61\x72\x00\x30"
	    "\x30\x72\x6f\x6f\x74\x00\x45\x31\x30\x05\x03\x6f\x6e\x65\xa4\x03\x00\x00\x02\x00\x00\x00\x06\x06\x76\x92\xc3\xad"
	    "\x35\x40\xbb\x80\x3c\x02\x0b\x3a\xee\x66\xcd\x88\x87\x12\x32\x34\xea\x0c\x6e\x71\x43\xc0\xad\xd7\x3f\xf4\x31\xed"
	    "\x00\x52\xfd\x03\x52\x80\x04\x74\x77\x6f\x34\x74\x77\x6f\x3f\xc4\xcc\xfe\x74\x58\x70\xe2\xc0\xd9\x9f\x71\xf3\x0f"
	    "\xf0\x65\x6c\x8d\xed\xd4\x1c\xc1\xd7\xd3\xd3\x76\xb0\xdb\xe6\x85\xe2\xf3\x38\x5a\x25\x97\x53\x73\xd5\x7d\x87\x36"
	    "\xf0\xec\x13\x76\x7d\x3d\x77\xc0\x32\xe3\xeb\x42\xb0\x83\x61\x6e\x29\x5f\x9e\xef\x1a\x0a\x47\x33\x74\x80\xa0\x01"
	    "\x0c\x04\x19\x00\xfd\x09\x7a\xe8\x07\xea\x09\x30\x20\xaa\xe0\x03\x0a\x0c\x4e\x28\x02\x0a\x20\x00\xa8\x0f\x6c\x93"
	    "\x06\xd4\x4b\x0e\xf9\x8c\x01\x13\x00\xa3\xca\x40\x05\x26\x71\x1a\x0a\x28\x34\xa9\x80\x19\xb0\xa6\x83\xa1\x70\x00"
	    "\x84\x1f\x80\x4c\xb0\x00\xc0\x34\xc0\xb1\x72\x99\x9e\x00\x12\xa7\x91\xcc\xa9";
	static const char diff_id[] = "sha256:975373d57d8736f0ec13767d3d77c032e3eb42b083616e295f9eef1a0a473374";
	(void)state;
	auto_layer struct layer layer;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	char found[DIGEST_TEXT_MAX];
	struct error err = ERROR_INIT;
	layer_make(&layer);
	assert_int_equal(write_all(layer.recipe, recipe, sizeof(recipe) - 1), 0);
	assert_int_equal(file_write_at(layer.fd, "diff/one", "one", 3, 0644, 0, NULL), 0);
	assert_int_equal(file_write_at(layer.fd, "diff/two", "two", 3, 0644, 0, NULL), 0);
	assert_int_equal(recipe_regenerate(layer.fd, collect, &tar, &err), 0);
	assert_int_equal(digest_of(tar.data, tar.length, found, NULL), 0);
	assert_string_equal(found, diff_id);
	assert_int_equal(file_write_at(layer.fd, "diff/two", "tow", 3, 0644, 0, NULL), 0);
	assert_int_equal(recipe_regenerate(layer.fd, collect, &tar, &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_recipe_tells_the_truth),
	    cmocka_unit_test(test_damaged_recipes_are_found),
	    cmocka_unit_test(test_format_1_is_read),
	    cmocka_unit_test(test_changed_files_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
