/* SPDX-License-Identifier: Apache-2.0 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <fcntl.h>
#include <string.h>

#include "pkg/file/file.h"
#include "pkg/text/mutate.h"
#include "storage/registries/registries_fuzz.c"

static char home[] = "/tmp/registries-test-XXXXXX";

static void write_file(const char *path, const char *text)
{
	auto_free char *full = xasprintf("%s/%s", home, path), *directory = xstrdup(full);
	*strrchr(directory, '/') = '\0';
	assert_int_equal(mkdirs(directory, 0700, NULL), 0);
	assert_int_equal(file_write_at(AT_FDCWD, full, text, strlen(text), 0600, 0, NULL), 0);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(home, "/tmp/registries-test-XXXXXX");
	assert_non_null(mkdtemp(home));
	setenv("HOME", home, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("CONTAINERS_REGISTRIES_CONF");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return tree_remove_at(AT_FDCWD, home, NULL);
}

/* A file of its own, without what the system has. */
static struct registries *read_text(const char *text)
{
	struct registries *registries = NULL;
	struct error err = ERROR_INIT;
	auto_free char *path = xasprintf("%s/registries.conf", home);
	write_file("registries.conf", text);
	if (registries_read(path, &registries, &err) < 0)
		fail_msg("%s", err.text);
	return registries;
}

static char *resolved(const struct registries *registries, const char *name)
{
	auto_reference_list struct reference_list list = {0};
	auto_strv struct strv texts = STRV_INIT;
	struct error err = ERROR_INIT;
	if (registries_resolve(registries, name, &list, &err) < 0)
		return xstrdup("error");
	for (size_t i = 0; i < list.count; i++)
		strv_take(&texts, reference_text(&list.items[i]));
	return strv_join(&texts, " ");
}

/* "host|repository" with + for a mirror, ! for insecure, @ for digest_only, : for tag_only. */
static char *endpoints_of(const struct registries *registries, const char *name, bool mirrors)
{
	auto_reference struct reference reference = {0};
	auto_endpoint_list struct endpoint_list list = {0};
	auto_strv struct strv texts = STRV_INIT;
	struct error err = ERROR_INIT;
	assert_int_equal(reference_parse(name, &reference, NULL), 0);
	int r = registries_endpoints(registries, &reference, mirrors, &list, &err);
	if (r < 0)
		return xasprintf("%d %s", r, err.text);
	for (size_t i = 0; i < list.count; i++) {
		const struct registry_endpoint *e = &list.items[i];
		strv_addf(&texts, "%s|%s%s%s%s%s", e->host, e->repository, e->mirror ? "+" : "", e->insecure ? "!" : "",
			  e->digest_only ? "@" : "", e->tag_only ? ":" : "");
	}
	return strv_join(&texts, " ");
}

static void resolves_names(void **state)
{
	static const char *const cases[][2] = {
	    {"busybox", "one.org/busybox:latest docker.io/library/busybox:latest two.org:5000/ns/busybox:latest"},
	    {"a/b:1", "one.org/a/b:1 docker.io/a/b:1 two.org:5000/ns/a/b:1"},
	    {"debian", "docker.io/library/debian:latest"},
	    {"debian:12", "docker.io/library/debian:12"},
	    {"team/app", "registry.org/team/app:latest"},
	    {"cached", "cache.org/cached:latest"},
	    {"docker.io/busybox", "docker.io/library/busybox:latest"},
	    {"localhost:5000/x", "localhost:5000/x:latest"},
	    {"quay.io/x@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
	     "quay.io/x@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
	    {"UPPER", "error"},
	};
	(void)state;
	write_file(".cache/containers/short-name-aliases.conf", "[aliases]\n\"cached\" = \"cache.org/cached\"\n");
	auto_registries struct registries *registries =
	    read_text("unqualified-search-registries = ['one.org', 'docker.io', 'two.org:5000/ns']\n"
		      "short-name-mode = 'enforcing'\n[aliases]\ndebian = 'docker.io/library/debian'\n"
		      "'team/app' = 'registry.org/team/app'\ncached = 'old.org/cached'\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *is = resolved(registries, cases[i][0]);
		assert_string_equal(is, cases[i][1]);
	}
}

static void searches_where_the_files_say(void **state)
{
	(void)state;
	auto_registries struct registries *silent = read_text("# nothing\n"),
					  *none = read_text("unqualified-search-registries = []\n");
	auto_free char *hub = resolved(silent, "busybox"), *nowhere = resolved(none, "busybox");
	assert_string_equal(hub, "docker.io/library/busybox:latest");
	assert_string_equal(nowhere, "error");
	assert_int_equal(registries_unqualified(none)->count, 0);
	assert_string_equal(registries_unqualified(silent)->items[0], "docker.io");
}

static void finds_endpoints(void **state)
{
	static const struct {
		const char *name;
		bool mirrors;
		const char *is;
	} cases[] = {
	    {"other.org/x:1", true, "other.org|x"},
	    {"docker.io/library/x", true, "mirror.org:5000|hub/library/x+ second.org|library/x+!: docker.io|library/x"},
	    {"docker.io/library/x", false, "docker.io|library/x"},
	    {"docker.io/special/x", true, "special.org|x!"},
	    {"docker.io/specials/x", false, "docker.io|specials/x"},
	    {"moved.org/a/b", true, "new.org|ns/a/b"},
	    {"moved.org.evil/a", true, "moved.org.evil|a"},
	    {"moved.org:5000/a", true, "moved.org:5000|a"},
	    {"a.wild.org/x", true, "a.wild.org|x!"},
	    {"a.b.wild.org:5000/x", true, "a.b.wild.org:5000|x!"},
	    {"wild.org/x", true, "wild.org|x"},
	    {"notwild.org/x", true, "notwild.org|x"},
	    {"a.sub.org/deep/x", true, "one.org|sub/x"},
	    {"a.sub.org/x", true, "a.sub.org|x"},
	    {"digest.org/x", true, "m.org|x+@ digest.org|x"},
	    {"tagged.org/a:1", true, "one.org|ns/b!"},
	    {"tagged.org/a", true, "tagged.org|a"},
	    {"tagged.org/a:11", true, "tagged.org|a"},
	    {"tagged.org/c:1@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", true,
	     "tagged.org|c!"},
	    {"tagged.org/c:1", true, "tagged.org|c"},
	    {"tagged.org/repository:1", true, "two.org|r"},
	    {"tagged.org/repository/deep:1", true, "two.org|r/deep"},
	    {"tagged.org/renamed:1", true,
	     "-22 tagged.org/renamed:1: its location in registries.conf, \"one.org/x:2\", has another tag or digest, "
	     "which is not followed; give both the same"},
	};
	(void)state;
	auto_registries struct registries *registries =
	    read_text("[[registry]]\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = 'mirror.org:5000/hub'\n"
		      "[[registry.mirror]]\nlocation = 'second.org/'\ninsecure = true\npull-from-mirror = 'tag-only'\n"
		      "[[registry]]\nprefix = 'docker.io/special'\nlocation = 'special.org'\ninsecure = true\n"
		      "[[registry]]\nprefix = 'moved.org'\nlocation = 'new.org/ns'\n"
		      "[[registry]]\nprefix = '*.wild.org'\ninsecure = true\n"
		      "[[registry]]\nprefix = '*.sub.org/deep'\nlocation = 'one.org/sub'\n"
		      "[[registry]]\nlocation = 'digest.org'\nmirror-by-digest-only = true\n[[registry.mirror]]\n"
		      "location = 'm.org'\n"
		      "[[registry]]\nprefix = 'bad.org'\nblocked = true\n"
		      "[[registry]]\nprefix = 'tagged.org/a:1'\nlocation = 'one.org/ns/b:1'\ninsecure = true\n"
		      "[[registry]]\nlocation = 'tagged.org/c@"
		      "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'\ninsecure = true\n"
		      "[[registry]]\nprefix = 'tagged.org/repository'\nlocation = 'two.org/r'\n"
		      "[[registry]]\nprefix = 'tagged.org/renamed:1'\nlocation = 'one.org/x:2'\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *is = endpoints_of(registries, cases[i].name, cases[i].mirrors);
		assert_string_equal(is, cases[i].is);
	}
	auto_free char *blocked = endpoints_of(registries, "bad.org/x", true);
	assert_true(text_starts_with(blocked, "-1 bad.org/x: the registry is blocked ("));
	assert_non_null(strstr(blocked, "registries.conf:27)"));
	bool insecure = false;
	assert_int_equal(registries_host(registries, "a.wild.org", &insecure, NULL), 0);
	assert_true(insecure);
	assert_int_equal(registries_host(registries, "bad.org", &insecure, NULL), -EPERM);
}

static void writes_to_what_the_name_says(void **state)
{
	static const struct {
		const char *name, *host, *path;
		bool insecure;
	} cases[] = {
	    {"moved.org/a/b:1", "moved.org", "a/b", true},
	    {"a.wild.org/x:1", "a.wild.org", "x", false},
	    {"mirrored.org/x:1", "mirrored.org", "x", false},
	    {"docker.io/library/x:1", "docker.io", "library/x", false},
	};
	(void)state;
	auto_registries struct registries *registries =
	    read_text("[[registry]]\nprefix = 'moved.org'\nlocation = 'new.org/ns'\ninsecure = true\n"
		      "[[registry]]\nprefix = '*.wild.org'\nlocation = 'new.org'\n"
		      "[[registry]]\nlocation = 'mirrored.org'\n[[registry.mirror]]\nlocation = 'm.org'\n"
		      "[[registry]]\nprefix = 'bad.org'\nlocation = 'new.org'\nblocked = true\n");
	struct registry_endpoint none = {0};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(registry_endpoint_clear) struct registry_endpoint endpoint = {0};
		auto_reference struct reference reference = {0};
		assert_int_equal(reference_parse(cases[i].name, &reference, NULL), 0);
		assert_int_equal(registries_target(registries, &reference, &endpoint, NULL), 0);
		assert_string_equal(endpoint.host, cases[i].host);
		assert_string_equal(endpoint.repository, cases[i].path);
		assert_int_equal(endpoint.insecure, cases[i].insecure);
	}
	auto_reference struct reference bad = {0};
	assert_int_equal(reference_parse("bad.org/x", &bad, NULL), 0);
	assert_int_equal(registries_target(registries, &bad, &none, NULL), -EPERM);
}

static void later_files_win(void **state)
{
	struct registries *registries = NULL;
	(void)state;
	write_file(
	    ".config/containers/registries.conf",
	    "unqualified-search-registries = ['one.org']\n[[registry]]\nlocation = 'one.org'\nblocked = true\n"
	    "[[registry]]\nlocation = 'two.org'\ninsecure = true\n[aliases]\nx = 'one.org/x'\ny = 'one.org/y'\n");
	write_file(".config/containers/registries.conf.d/20.conf",
		   "[[registry]]\nprefix = 'one.org'\n[aliases]\nx = 'twenty.org/x'\ny = ''\n");
	write_file(".config/containers/registries.conf.d/10.conf",
		   "unqualified-search-registries = ['ten.org']\n[aliases]\nx = 'ten.org/x'\n");
	write_file(".config/containers/registries.conf.d/ignored", "this is no TOML");
	assert_int_equal(registries_read(NULL, &registries, NULL), 0);
	auto_free char *x = resolved(registries, "x"), *y = resolved(registries, "y"),
		       *one = endpoints_of(registries, "one.org/a", true),
		       *two = endpoints_of(registries, "two.org/a", true);
	assert_string_equal(x, "twenty.org/x:latest");
	assert_string_equal(y, "ten.org/y:latest");
	assert_string_equal(one, "one.org|a");
	assert_string_equal(two, "two.org|a!");
	registries_free(registries);
}

static void says_where_the_mistake_is(void **state)
{
	static const char *const cases[][2] = {
	    {"\n[[registry]]\ninsecure = true\n", ":2: the registry has neither a prefix nor a location"},
	    {"\n[[registry]]\nlocation = 'x.org'\ninsecure = 'yes'\n", ":2: insecure: expected true or false"},
	    {"[[registry]]\nlocation = 'https://x.org'\n", ":1: location: \"https://x.org\" must not have a scheme"},
	    {"[[registry]]\nlocation = 'x.org'\n[[registry.mirror]]\n", ":3: the mirror has no location"},
	    {"[[registry]]\nlocation = 'x.org'\n[[registry.mirror]]\nlocation='y.org'\npull-from-mirror='never'",
	     ":3: pull-from-mirror: expected all"},
	    {"[registries.search]\nregistries = ['docker.io']\n", ":1: [registries…] is of version 1"},
	    {"unqualified-search-registries = 'docker.io'\n", ": unqualified-search-registries: expected an array"},
	    {"unqualified-search-registries = ['https://docker.io']\n", "must not have a scheme"},
	    {"unqualified-search-registries = ['one.org/x:1']\n", "is not HOST[:PORT][/PATH]"},
	    {"[[registry]]\nprefix = 'one.org/x:1/y'\n", ":1: prefix: \"one.org/x:1/y\" is not HOST[:PORT][/PATH[:"},
	    {"registry = 1", ": registry: expected an array"},
	    {"[aliases]\na = 'b'\n", ":2: aliases: \"b\", which a stands for, is not HOST/NAME"},
	    {"[aliases]\n\na = 1\n", ":3: aliases: expected"},
	    {"x = \n", ":1: expected a value"},
	};
	auto_free char *path = xasprintf("%s/registries.conf", home), *missing = xasprintf("%s/none.conf", home);
	struct registries *registries = NULL;
	struct error err = ERROR_INIT;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_file("registries.conf", cases[i][0]);
		assert_int_equal(registries_read(path, &registries, &err), -EINVAL);
		if (!text_starts_with(err.text, path) || !strstr(err.text, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], err.text);
	}
	assert_int_equal(registries_read(missing, &registries, &err), -ENOENT);
	setenv("CONTAINERS_REGISTRIES_CONF", missing, 1);
	assert_int_equal(registries_read(NULL, &registries, &err), -ENOENT);
}

static char *quickly(const char *name)
{
	auto_reference_list struct reference_list list = {0};
	struct error err = ERROR_INIT;
	return registries_resolve_quickly(name, &list, &err) < 0 ? xstrdup(err.text)
								   : reference_text(&list.items[0]);
}

static void resolves_with_the_files_that_matter(void **state)
{
	(void)state;
	auto_free char *path = xasprintf("%s/registries.conf", home);
	setenv("CONTAINERS_REGISTRIES_CONF", path, 1);
	write_file("registries.conf", "# unqualified-search-registries = ['a.org']\n");
	write_file("registries.conf.d/1.conf", "[aliases]\n'tool' = 'quay.org/x/other'\n");
	write_file("registries.conf.d/2.conf", "[aliases]\n\"\\u0065scaped\" = 'quay.org/x/e'\n");
	write_file("registries.conf.d/3.conf", "this is wrong\n");
	auto_free char *tool = quickly("tool:2"), *none = quickly("none"), *escaped = quickly("escaped"),
		       *wrong = quickly("wrong");
	assert_string_equal(tool, "quay.org/x/other:2");
	assert_string_equal(none, "docker.io/library/none:latest");
	assert_string_equal(escaped, "quay.org/x/e:latest");
	assert_non_null(strstr(wrong, "3.conf:1"));
	write_file("registries.conf", "unqualified-search-registries = ['a.org']\n");
	auto_free char *searched = quickly("none");
	assert_string_equal(searched, "a.org/none:latest");
}

static void withstands_anything(void **state)
{
	(void)state;
	mutate_seed("unqualified-search-registries = ['docker.io']\ncredential-helpers = ['x']\nshort-name-mode = "
		    "'enforcing'\n[[registry]]\nprefix = '*.example.com/x'\nlocation "
		    "= 'a.org:5000/y'\ninsecure = true\n"
		    "[[registry.mirror]]\nlocation = 'm.org'\npull-from-mirror = 'digest-only'\n[aliases]\n'debian' = "
		    "'docker.io/library/debian'\n",
		    20000, LLVMFuzzerTestOneInput);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(resolves_names, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(searches_where_the_files_say, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(finds_endpoints, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(writes_to_what_the_name_says, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(later_files_win, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(says_where_the_mistake_is, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(resolves_with_the_files_that_matter, set_up, tear_down),
	    cmocka_unit_test(withstands_anything)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
