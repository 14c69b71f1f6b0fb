/* SPDX-License-Identifier: Apache-2.0 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <fcntl.h>
#include <sys/stat.h>

#include "pkg/file/file.h"
#include "pkg/text/mutate.h"
#include "storage/auth/auth_fuzz.c"

static char home[64];
static const struct strv *helpers; /* of registries.conf */

static char *in_home(const char *path)
{
	return xasprintf("%s/%s", home, path);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	auto_free char *full = in_home(path), *directory = xstrdup(full);
	*strrchr(directory, '/') = '\0';
	assert_int_equal(mkdirs(directory, 0700, NULL), 0);
	assert_int_equal(file_write_at(AT_FDCWD, full, text, strlen(text), mode, 0, NULL), 0);
}

static char *read_file(const char *path)
{
	auto_free char *full = in_home(path);
	char *text = NULL;
	return file_read_at(AT_FDCWD, full, 100000, &text, NULL, NULL) == 0 ? text : NULL;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(home, "/tmp/auth-test-XXXXXX");
	assert_non_null(mkdtemp(home));
	auto_free char *run = in_home("run"), *path = in_home("bin");
	setenv("HOME", home, 1);
	setenv("XDG_RUNTIME_DIR", run, 1);
	setenv("PATH", path, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("DOCKER_CONFIG");
	unsetenv("REGISTRY_AUTH_FILE");
	helpers = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return tree_remove_at(AT_FDCWD, home, NULL);
}

/* "name:password", "token", "none" or "error". */
static char *found(const char *authfile, const char *repository)
{
	auto_credentials struct credentials credentials = {0};
	struct error err = ERROR_INIT;
	int r = auth_find(&(struct auth_places){authfile, helpers}, repository, &credentials, &err);
	if (r < 0)
		return xasprintf("error %s", err.text);
	if (r == 0)
		return xstrdup("none");
	if (credentials.identity_token)
		return xasprintf("token %s", credentials.identity_token);
	return xasprintf("%s:%s", credentials.username, credentials.password);
}

static void expect_found(const char *authfile, const char *repository, const char *what)
{
	auto_free char *is = found(authfile, repository);
	assert_string_equal(is, what);
}

/* a:1, b:2, … */
#define A "{\"auth\":\"YTox\"}"
#define B "{\"auth\":\"Yjoy\"}"
#define C "{\"auth\":\"Yzoz\"}"

static void finds_the_longest_beginning(void **state)
{
	auto_free char *file = in_home("auth.json");
	(void)state;
	write_file(
	    "auth.json",
	    "{\"auths\":{\"r.org\":" A ",\"r.org/team\":" B ",\"r.org/team/app\":" C ",\"empty.org\":{},"
	    "\"https://index.docker.io/v1/\":" B ",\"http://url.org:5000/v2/\":" C
	    ",\"id.org\":{\"auth\":\"YTo=\",\"identitytoken\":\"t\"},"
	    "\"bad.org\":{\"auth\":\"!\"},\"nocolon.org\":{\"auth\":\"YWJj\"},\"colons.org\":{\"auth\":\"YTpiOmM=\"}}}",
	    0600);
	expect_found(file, "r.org", "a:1");
	expect_found(file, "r.org/other/x", "a:1");
	expect_found(file, "r.org/team", "b:2");
	expect_found(file, "r.org/teams/x", "a:1");
	expect_found(file, "r.org/team/app/x", "c:3");
	expect_found(file, "docker.io/library/x", "b:2");
	expect_found(file, "registry-1.docker.io", "b:2");
	expect_found(file, "url.org:5000/x", "c:3");
	expect_found(file, "url.org/x", "none");
	expect_found(file, "empty.org/x", "none");
	expect_found(file, "id.org/x", "token t");
	expect_found(file, "colons.org", "a:b:c");
	auto_free char *bad = found(file, "bad.org/x"), *without = found(file, "nocolon.org");
	assert_true(text_starts_with(bad, "error ") && strstr(bad, "auth.json: auths: bad.org: auth: not base64"));
	assert_non_null(strstr(without, "expected NAME:PASSWORD"));
	auto_free char *missing = in_home("none.json"), *no_file = found(missing, "r.org");
	assert_true(text_starts_with(no_file, "error "));
}

static void looks_in_the_usual_places(void **state)
{
	(void)state;
	expect_found(NULL, "r.org", "none");
	write_file(".docker/config.json", "{\"auths\":{\"r.org\":" C ",\"d.org\":" C "}}", 0600);
	expect_found(NULL, "r.org", "c:3");
	write_file(".config/containers/auth.json", "{\"auths\":{\"r.org\":" B "}}", 0600);
	expect_found(NULL, "r.org", "b:2");
	write_file("run/containers/auth.json", "{\"auths\":{\"r.org\":" A "}}", 0600);
	expect_found(NULL, "r.org", "a:1");
	expect_found(NULL, "d.org", "c:3");
	auto_free char *named = in_home(".docker/config.json");
	setenv("REGISTRY_AUTH_FILE", named, 1);
	expect_found(NULL, "r.org", "c:3");
}

static void stores_and_erases(void **state)
{
	const struct credentials a = {.username = (char *)"a", .password = (char *)"1"},
				 token = {.username = (char *)"u", .identity_token = (char *)"id"};
	struct error err = ERROR_INIT;
	struct stat st;
	(void)state;
	assert_int_equal(auth_store(&(struct auth_places){NULL, helpers}, "r.org", &a, NULL, &err), 0);
	auto_free char *path = in_home(".config/containers/auth.json"),
		       *text = read_file(".config/containers/auth.json");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_non_null(strstr(text, "\"auth\": \"YTox\""));
	expect_found(NULL, "r.org/x", "a:1");
	/* What podman has stored would hide it: it is changed where it is. Other members stay. */
	write_file("run/containers/auth.json", "{\"auths\":{\"r.org\":" B ",\"s.org\":" B "},\"other\":[1]}", 0600);
	assert_int_equal(auth_store(&(struct auth_places){NULL, helpers}, "r.org", &token, NULL, &err), 0);
	expect_found(NULL, "r.org", "token id");
	expect_found(NULL, "s.org", "b:2");
	auto_free char *changed = read_file("run/containers/auth.json");
	assert_non_null(strstr(changed, "\"other\": ["));
	/* Erased from both. */
	assert_int_equal(auth_erase(&(struct auth_places){NULL, helpers}, "r.org", &err), 1);
	expect_found(NULL, "r.org", "none");
	assert_int_equal(auth_erase(&(struct auth_places){NULL, helpers}, "r.org", &err), 0);
	assert_int_equal(auth_erase(&(struct auth_places){NULL, helpers}, NULL, &err), 1);
	expect_found(NULL, "s.org", "none");
	/* docker's own name for its registry is replaced, not added to; a link stays one. */
	auto_free char *link = in_home("link.json"), *target = in_home("target.json");
	write_file("target.json", "{\"auths\":{\"https://index.docker.io/v1/\":" B "}}", 0600);
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(auth_store(&(struct auth_places){link, helpers}, "docker.io", &a, NULL, &err), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	auto_free char *hub = read_file("target.json");
	assert_null(strstr(hub, "index.docker.io"));
	expect_found(target, "docker.io", "a:1");
}

static const char helper[] = "#!/bin/sh\n"
			     "PATH=/usr/bin:/bin; store=$HOME/helper.store; input=$(cat)\n"
			     "case $1 in\n"
			     "store) echo \"$input\" >\"$store\" ;;\n"
			     "get) [ \"$input\" != broken.org ] || { echo 'the keyring is locked'; exit 1; }\n"
			     "  [ -e \"$store\" ] && grep -q \"$input\" \"$store\" || { echo 'credentials not found in "
			     "native keychain'; exit 1; }\n"
			     "  cat \"$store\" ;;\n"
			     "erase) grep -q \"$input\" \"$store\" || { echo 'credentials not found in native "
			     "keychain'; exit 1; }; rm \"$store\" ;;\n"
			     "esac\n";

static void speaks_to_helpers(void **state)
{
	const struct credentials a = {.username = (char *)"a", .password = (char *)"se\"cret"},
				 token = {.identity_token = (char *)"id"};
	auto_free char *file = in_home("auth.json");
	struct error err = ERROR_INIT;
	(void)state;
	write_file("bin/docker-credential-test", helper, 0755);
	write_file("auth.json",
		   "{\"credHelpers\":{\"h.org\":\"test\",\"gone.org\":\"gone\",\"broken.org\":\"test\",\"evil.org\":\"."
		   "./x\"}}",
		   0600);
	expect_found(file, "h.org/x", "none");
	assert_int_equal(auth_store(&(struct auth_places){file, helpers}, "h.org", &a, NULL, &err), 0);
	expect_found(file, "h.org/x", "a:se\"cret");
	auto_free char *stored = read_file("helper.store"), *text = read_file("auth.json");
	assert_string_equal(stored, "{\"ServerURL\":\"h.org\",\"Username\":\"a\",\"Secret\":\"se\\\"cret\"}\n");
	assert_null(strstr(text, "auths"));
	assert_int_equal(auth_erase(&(struct auth_places){file, helpers}, "h.org", &err), 1);
	expect_found(file, "h.org", "none");
	auto_free char *gone = found(file, "gone.org"), *broken = found(file, "broken.org"),
		       *evil = found(file, "evil.org");
	assert_non_null(strstr(gone, "docker-credential-gone is not there"));
	assert_non_null(strstr(broken, "docker-credential-test: the keyring is locked"));
	assert_non_null(strstr(evil, "is not the name of a credential helper"));
	/* One for all: the file has the name alone. */
	write_file("auth.json", "{\"auths\":{\"plain.org\":" A "},\"credsStore\":\"test\"}", 0600);
	assert_int_equal(auth_store(&(struct auth_places){file, helpers}, "docker.io", &token, NULL, &err), 0);
	auto_free char *all = read_file("helper.store"), *marked = read_file("auth.json");
	assert_string_equal(
	    all, "{\"ServerURL\":\"https://index.docker.io/v1/\",\"Username\":\"<token>\",\"Secret\":\"id\"}\n");
	assert_non_null(strstr(marked, "\"docker.io\": {}"));
	expect_found(file, "docker.io/library/x", "token id");
	expect_found(file, "plain.org", "a:1");
}

/* docker-credential-<name>, which keeps one thing in the file <name>. */
static void write_drawer(const char *name)
{
	auto_free char *path = xasprintf("bin/docker-credential-%s", name);
	auto_free char *script =
	    xasprintf("#!/bin/sh\nPATH=/usr/bin:/bin; store=$HOME/%s; input=$(cat)\n"
		      "not_found() { echo 'credentials not found in native keychain'; exit 1; }\n"
		      "case $1 in\nstore) echo \"$input\" >\"$store\" ;;\n"
		      "get) grep \"$input\" \"$store\" 2>/dev/null || not_found ;;\n"
		      "list) echo '{\"r.org\":\"x\",\"https://index.docker.io/v1/\":\"x\"}' ;;\n"
		      "erase) grep -q \"$input\" \"$store\" 2>/dev/null || not_found; rm \"$store\" ;;\nesac\n",
		      name);
	write_file(path, script, 0755);
}

static void goes_through_helpers_in_order(void **state)
{
	const struct credentials a = {.username = (char *)"a", .password = (char *)"1"},
				 b = {.username = (char *)"b", .password = (char *)"2"};
	auto_strv struct strv list = STRV_INIT;
	auto_free char *place = NULL;
	struct error err = ERROR_INIT;
	(void)state;
	write_drawer("one");
	write_drawer("two");
	strv_add(&list, "gone");
	strv_add(&list, "one");
	strv_add(&list, "two");
	helpers = &list;
	/* One that is not there is told of only where no other has any. */
	auto_free char *none = found(NULL, "r.org/x");
	assert_non_null(strstr(none, "docker-credential-gone is not there"));
	assert_int_equal(auth_store(&(struct auth_places){NULL, helpers}, "r.org", &a, &place, &err), 0);
	assert_string_equal(place, "docker-credential-one");
	expect_found(NULL, "r.org/team/x", "a:1");
	auto_free char *file = read_file(".config/containers/auth.json"), *second = read_file("two");
	assert_null(file);
	assert_null(second);
	/* A path is for the files, which are not in the list. */
	assert_int_equal(auth_store(&(struct auth_places){NULL, helpers}, "r.org/team", &a, NULL, &err), -ENOTSUP);
	strv_add(&list, "containers-auth.json");
	assert_int_equal(auth_store(&(struct auth_places){NULL, helpers}, "r.org/team", &b, NULL, &err), 0);
	expect_found(NULL, "r.org/team/x", "a:1");
	/* From all of them, whatever one of them says. */
	write_file(".config/containers/auth.json", "{\"auths\":{\"r.org\":" B "}}", 0600);
	assert_int_equal(auth_erase(&(struct auth_places){NULL, helpers}, "r.org", &err), -ENOENT);
	auto_free char *first = read_file("one");
	assert_null(first);
	helpers = NULL;
	expect_found(NULL, "r.org", "none");
	/* All of them: what a helper lists. */
	strv_clear(&list);
	strv_add(&list, "containers-auth.json");
	strv_add(&list, "two");
	helpers = &list;
	write_file("two", "{\"ServerURL\":\"https://index.docker.io/v1/\",\"Username\":\"h\",\"Secret\":\"s\"}\n", 0600);
	expect_found(NULL, "docker.io/library/x", "h:s");
	write_file("run/containers/auth.json", "{\"auths\":{\"docker.io\":" A "}}", 0600);
	expect_found(NULL, "docker.io/library/x", "a:1");
	assert_int_equal(auth_erase(&(struct auth_places){NULL, helpers}, NULL, &err), 1);
	expect_found(NULL, "docker.io/library/x", "none");
}

static void withstands_anything(void **state)
{
	(void)state;
	mutate_seed("{\"auths\":{\"example.com/a\":" A
		    ",\"https://index.docker.io/v1/\":{\"auth\":\"YTo=\",\"identitytoken\":\"t\"},\"docker.io\":{}},"
		    "\"credHelpers\":{\"x.org\":\"x\"}}",
		    20000, LLVMFuzzerTestOneInput);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(finds_the_longest_beginning, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(looks_in_the_usual_places, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(stores_and_erases, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(speaks_to_helpers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(goes_through_helpers_in_order, set_up, tear_down),
	    cmocka_unit_test(withstands_anything)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
