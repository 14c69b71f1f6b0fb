/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/settings/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

static int set_up(void **state)
{
	char *path = xstrdup("/tmp/coracle-settings-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	unsetenv("CORACLE_CONF");
	setenv("XDG_CONFIG_HOME", path, 1);
	auto_free char *directory = xasprintf("%s/coracle", path);
	assert_int_equal(mkdir(directory, 0700), 0);
	*state = path;
	return 0;
}

static int tear_down(void **state)
{
	assert_int_equal(tree_remove_at(AT_FDCWD, *state, NULL), 0);
	free(*state);
	return 0;
}

static void write_file(const char *directory, const char *text)
{
	auto_free char *path = xasprintf("%s/coracle/coracle.conf", directory);
	assert_int_equal(file_write_at(AT_FDCWD, path, text, strlen(text), 0600, 0, NULL), 0);
}

static void test_none(void **state)
{
	(void)state;
	auto_settings struct settings settings = {0};
	assert_int_equal(settings_read(&settings, NULL), 0);
	assert_null(settings.driver);
	assert_null(settings.network_program);
	assert_false(settings.keep_compressed_blobs);
	assert_int_equal(settings.additional_image_stores.count, 0);
}

static void test_all_keys(void **state)
{
	auto_settings struct settings settings = {0};
	write_file(*state, "# a comment\n[storage]\ndriver = \"vfs\"\nadditional_image_stores = [\"/a\", \"/b c\"]\n"
			   "keep_compressed_blobs = true\n[network]\nprogram = \"pasta\"\n");
	assert_int_equal(settings_read(&settings, NULL), 0);
	assert_string_equal(settings.driver, "vfs");
	assert_string_equal(settings.network_program, "pasta");
	assert_true(settings.keep_compressed_blobs);
	assert_int_equal(settings.additional_image_stores.count, 2);
	assert_string_equal(settings.additional_image_stores.items[1], "/b c");
}

static void test_one_file_instead(void **state)
{
	auto_settings struct settings settings = {0};
	struct error err = ERROR_INIT;
	write_file(*state, "[storage]\ndriver = \"vfs\"\n");
	auto_free char *other = xasprintf("%s/other.conf", (char *)*state);
	setenv("CORACLE_CONF", other, 1);
	assert_int_equal(settings_read(&settings, &err), -ENOENT);
	assert_non_null(strstr(err.text, other));
	assert_int_equal(file_write_at(AT_FDCWD, other, "network.program='pasta'\n", 24, 0600, 0, NULL), 0);
	assert_int_equal(settings_read(&settings, NULL), 0);
	assert_null(settings.driver);
	assert_string_equal(settings.network_program, "pasta");
}

/* Each is refused by one line that names file and line, and says what is wrong. */
static void test_refuses(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	    {"[storage]\n\ndirver = \"vfs\"\n",
	     ":3: unknown key \"dirver\"; [storage] has driver, additional_image_stores, keep"},
	    {"[storage]\ndriver = 1\n", ":2: storage.driver: expected a string"},
	    {"[storage]\ndriver = \"btrfs\"\n", ":2: storage.driver: \"btrfs\" is none of: overlay"},
	    {"[storage]\nkeep_compressed_blobs = \"yes\"\n",
	     ":2: storage.keep_compressed_blobs: expected true or false"},
	    {"[storage]\nadditional_image_stores = \"/a\"\n", ":2: storage.additional_image_stores: expected an array"},
	    {"[storage]\nadditional_image_stores = [\"a\"]\n",
	     "additional_image_stores: [0]: expected an absolute path"},
	    {"[storage]\nadditional_image_stores = [\"/a\", 2]\n", "[1]: expected an absolute path"},
	    {"[network]\nprogram = \"none\"\n", ":2: network.program: \"none\" is none of: slirp4netns pasta"},
	    {"\n[engine]\n", ":2: unknown table \"engine\""},
	    {"driver = \"vfs\"\n", ":1: unknown key \"driver\""},
	    {"storage = 5\n", ":1: unknown key \"storage\""},
	    {"[storage\n", ":1: "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_settings struct settings settings = {0};
		struct error err = ERROR_INIT;
		write_file(*state, cases[i].text);
		assert_int_equal(settings_read(&settings, &err), -EINVAL);
		if (!strstr(err.text, cases[i].expected) || strncmp(err.text, *state, strlen(*state)) != 0)
			fail_msg("\"%s\" was said of \"%s\"", err.text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_all_keys, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_one_file_instead, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_refuses, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
