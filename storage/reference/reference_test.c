/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/reference/reference.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/text/mutate.h"
#include "storage/reference/reference_fuzz.c"

#define HEX    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "sha256:" HEX

static void assert_text(const char *text, const char *expected)
{
	if (!expected)
		assert_null(text);
	else
		assert_string_equal(text, expected);
}

static void test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text, *domain, *path, *tag, *digest;
	} cases[] = {
	    {"busybox", NULL, "busybox", NULL, NULL},
	    {"busybox:1.36", NULL, "busybox", "1.36", NULL},
	    {"library/busybox", NULL, "library/busybox", NULL, NULL},
	    {"localhost/a/b:_x", "localhost", "a/b", "_x", NULL},
	    {"localhost:5000/a", "localhost:5000", "a", NULL, NULL},
	    {"[::1]:5000/a:b", "[::1]:5000", "a", "b", NULL},
	    {"Registry/a", "Registry", "a", NULL, NULL},
	    {"quay.io/a__b/c-d.e--f@" DIGEST, "quay.io", "a__b/c-d.e--f", NULL, DIGEST},
	    {"a:t@" DIGEST, NULL, "a", "t", DIGEST},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_reference struct reference reference = {0};
		struct error err = ERROR_INIT;
		assert_int_equal(reference_parse(cases[i].text, &reference, &err), 0);
		assert_text(reference.domain, cases[i].domain);
		assert_text(reference.path, cases[i].path);
		assert_text(reference.tag, cases[i].tag);
		assert_text(reference.digest, cases[i].digest);
		auto_free char *again = reference_text(&reference);
		assert_string_equal(again, cases[i].text);
	}
}

static void test_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} cases[] = {
	    {"", "there is no name"},
	    {"a//b", "empty"},
	    {"/a", "empty"},
	    {"a/", "empty"},
	    {"Busybox", "lower case"},
	    {"a..b", "misplaced '.'"},
	    {"a___b", "misplaced '_'"},
	    {"-a", "misplaced '-'"},
	    {"a_", "misplaced '_'"},
	    {"a-.b", "misplaced '-'"},
	    {"a b", "' ' is not allowed"},
	    {"../a", "not a host name"},
	    {"a/../b", "misplaced '.'"},
	    {"./a", "not a host name"},
	    {"a:", "tag is empty"},
	    {"a:.x", "cannot begin"},
	    {"quay.io/a:x/y", "not allowed in a tag"},
	    {"a:b:c", "not allowed in a tag"},
	    {"a@sha256:12", "not a digest"},
	    {"a@md5:" HEX, "not a digest"},
	    {"host:x/a", "port"},
	    {"host:/a", "port"},
	    {"[::1/a", "host name"},
	    {"-x.io/a", "host name"},
	    {"a-.io/b", "host name"},
	    {HEX, "image id"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reference reference = {.path = (char *)"untouched"};
		struct error err = ERROR_INIT;
		assert_int_equal(reference_parse(cases[i].text, &reference, &err), -EINVAL);
		if (!strstr(err.text, cases[i].words))
			fail_msg("\"%s\": %s", cases[i].text, err.text);
		assert_string_equal(reference.path, "untouched");
	}
}

static void test_lengths(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	char name[300], tag[300];
	memset(name, 'a', sizeof(name));
	name[255] = '\0';
	auto_reference struct reference longest = {0};
	assert_int_equal(reference_parse(name, &longest, &err), 0);
	name[255] = 'a', name[256] = '\0';
	assert_int_equal(reference_parse(name, &longest, &err), -EINVAL);
	assert_non_null(strstr(err.text, "longer than 255"));
	memset(tag, 'a', sizeof(tag));
	tag[1] = ':', tag[2 + 128] = '\0';
	auto_reference struct reference tagged = {0};
	assert_int_equal(reference_parse(tag, &tagged, &err), 0);
	tag[2 + 128] = 'a', tag[2 + 129] = '\0';
	assert_int_equal(reference_parse(tag, &tagged, &err), -EINVAL);
}

static void test_normalize(void **state)
{
	(void)state;
	static const struct {
		const char *text, *local, *docker;
	} cases[] = {
	    {"a", "localhost/a:latest", "docker.io/library/a:latest"},
	    {"a/b:c", "localhost/a/b:c", "docker.io/a/b:c"},
	    {"docker.io/a", "docker.io/library/a:latest", "docker.io/library/a:latest"},
	    {"index.docker.io/a", "docker.io/library/a:latest", "docker.io/library/a:latest"},
	    {"quay.io/a", "quay.io/a:latest", "quay.io/a:latest"},
	    {"a@" DIGEST, "localhost/a@" DIGEST, "docker.io/library/a@" DIGEST},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_reference struct reference local = {0}, docker = {0};
		assert_int_equal(reference_parse(cases[i].text, &local, NULL), 0);
		assert_int_equal(reference_parse(cases[i].text, &docker, NULL), 0);
		reference_normalize_local(&local);
		reference_normalize_docker(&docker);
		auto_free char *local_text = reference_text(&local), *docker_text = reference_text(&docker);
		assert_string_equal(local_text, cases[i].local);
		assert_string_equal(docker_text, cases[i].docker);
	}
}

static void test_digest(void **state)
{
	(void)state;
	assert_true(digest_is_valid(DIGEST));
	assert_true(digest_is_valid("sha512:" HEX HEX));
	assert_false(digest_is_valid(HEX));
	assert_false(digest_is_valid("sha256:"));
	assert_false(digest_is_valid(DIGEST "0"));
	assert_false(digest_is_valid("sha256:E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	assert_false(digest_is_valid("sha256:../../../../../../../../../../../../../../../../../../../../aaaa"));
}

static void test_anything(void **state)
{
	(void)state;
	mutate_seed("registry.example.com:5000/team/app_x:v1.0@" DIGEST, 20000, LLVMFuzzerTestOneInput);
	mutate_seed("[::1]:5000/a--b/c.d", 20000, LLVMFuzzerTestOneInput);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),     cmocka_unit_test(test_refuses), cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_normalize), cmocka_unit_test(test_digest), cmocka_unit_test(test_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
