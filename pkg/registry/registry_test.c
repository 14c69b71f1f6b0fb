/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "pkg/file/file.h"
#include "pkg/registry/testing.h"

/* ---- failures and further tries ---- */

/* Retry-After as a date (RFC 9110, section 10.2.3). */
static bool fail_until(struct test_server *server, int fd, const char *request, size_t index)
{
	char date[64];
	time_t later = time(NULL) + 2;
	struct tm tm;
	(void)request;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&later, &tm));
	auto_free char *header = xasprintf("Retry-After: %s\r\n", date);
	test_server_answer(server, fd, index == 0 ? "429 Too Many Requests" : "200 OK", index == 0 ? header : "", "{}");
	return false;
}

static void waits_until_a_date(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	struct timespec before, after;
	(void)state;
	struct registry *registry = begin(&server, fail_until);
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(registry_check(registry, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 900);
	assert_int_equal(server.requests.count, 2);
	end(&server, registry);
}

static bool fail_first(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)request;
	if (index == 0)
		test_server_answer(server, fd, "503 Busy", "Retry-After: 1\r\n", "");
	else if (index == 2)
		test_server_answer(server, fd, "404 No", "",
				   "{\"errors\":[{\"code\":\"X\",\"message\":\"no\\u001b[31m such\\nthing\"}]}");
	else if (index > 2)
		test_server_answer(server, fd, "500 Broken", "", "<html>");
	else
		test_server_answer(server, fd, "200 OK", "", "{}");
	return false;
}

static void tries_again(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	struct timespec before, after;
	(void)state;
	struct registry *registry = begin(&server, fail_first);
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(registry_check(registry, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 1000);
	/* What is wrong for good is not tried again; the registry's words come without what would move a cursor. */
	auto_registry_manifest struct registry_manifest manifest = {0};
	assert_int_equal(registry_manifest_get(registry, "a/b", "1", 100, &manifest, &err), -ENOENT);
	assert_non_null(strstr(err.text, ": read manifest a/b:1: not found: no [31m such thing"));
	assert_int_equal(server.requests.count, 3);
	assert_int_equal(registry_check(registry, &err), -EREMOTEIO);
	assert_non_null(strstr(err.text, "HTTP status 500"));
	assert_int_equal(server.requests.count, 6);
	end(&server, registry);
}

static void speaks_plain_http_only_where_allowed(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	struct registry *strict = NULL;
	(void)state;
	struct registry *registry = begin(&server, fail_first);
	auto_free char *host = xasprintf("127.0.0.1:%d", server.port);
	assert_int_equal(registry_open(&(struct registry_options){.host = host, .attempts = 1}, &strict, &err), 0);
	assert_true(registry_check(strict, &err) < 0);
	assert_int_equal(server.requests.count, 0);
	assert_int_equal(registry_check(registry, &err), 0);
	registry_close(strict);
	end(&server, registry);
	static const char *const bad[] = {"", "a/b", "user@host", "host:port", "host?x"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(registry_open(&(struct registry_options){.host = bad[i]}, &strict, &err), -EINVAL);
}

/* ---- authentication ---- */

#define REALM                                                                                                          \
	"WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%d/token\",service=\"s\",scope=\"repository:x:pull\"\r\n"

static bool want_token(struct test_server *server, int fd, const char *request, size_t index)
{
	auto_free char *challenge = xasprintf(REALM, server->port);
	(void)index;
	if (strstr(request, "GET /token") || strstr(request, "POST /token"))
		test_server_answer(server, fd, "200 OK", "", "{\"token\":\"t0k\",\"expires_in\":300}");
	else if (strstr(request, "Authorization: Bearer t0k\r\n") && !strstr(request, "/manifests/never"))
		test_server_answer(server, fd, "200 OK", "Docker-Content-Digest: sha256:1\r\n", "");
	else
		test_server_answer(server, fd, "401 Who", challenge, "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}");
	return false;
}

static void gets_tokens_once(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	(void)state;
	assert_int_equal(test_server_start(&server, want_token), 0);
	struct registry *registry = open_with(&server, (struct registry_options){.username = "u", .password = "p"});
	for (int i = 0; i < 3; i++) {
		auto_registry_manifest struct registry_manifest manifest = {0};
		assert_int_equal(registry_manifest_head(registry, "x", "1", &manifest, &err), 0);
	}
	assert_int_equal(test_server_count(&server, "GET /token?service=s&scope=repository%3Ax%3Apull&account=u "), 1);
	assert_int_equal(test_server_count(&server, "Authorization: Basic dTpw\r\n"), 1);
	assert_int_equal(server.requests.count, 5);
	/* Refused with a fresh token: that was all. */
	auto_registry_manifest struct registry_manifest manifest = {0};
	assert_int_equal(registry_manifest_head(registry, "x", "never", &manifest, &err), -EACCES);
	assert_int_equal(server.requests.count, 8);
	registry_close(registry);
	registry = open_with(&server, (struct registry_options){.username = "u", .identity_token = "refr/sh"});
	assert_int_equal(registry_check(registry, &err), 0);
	assert_int_equal(
	    test_server_count(&server,
			      "grant_type=refresh_token&service=s&client_id=coracle&refresh_token=refr%2Fsh&scope="),
	    1);
	end(&server, registry);
}

static bool want_basic(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)index;
	if (strstr(request, "Authorization: Basic dTpw\r\n"))
		test_server_answer(server, fd, "200 OK", "", "{}");
	else
		test_server_answer(server, fd, "401 Who", "WWW-Authenticate: Basic realm=\"r\"\r\n", "");
	return false;
}

static void logs_in_by_name_and_password(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	(void)state;
	struct registry *registry = begin(&server, want_basic);
	assert_int_equal(registry_check(registry, &err), -EACCES);
	registry_close(registry);
	registry = open_with(&server, (struct registry_options){.username = "u", .password = "wrong"});
	assert_int_equal(registry_check(registry, &err), -EACCES);
	assert_int_equal(server.requests.count, 3);
	registry_close(registry);
	registry = open_with(&server, (struct registry_options){.username = "u", .password = "p"});
	assert_int_equal(registry_check(registry, &err), 0);
	assert_int_equal(registry_check(registry, &err), 0);
	assert_int_equal(server.requests.count, 6); /* one to be asked, and then none */
	end(&server, registry);
}

static void parses_challenges(void **state)
{
	static const struct {
		const char *header;
		enum auth_kind kind;
		const char *realm, *scope;
	} cases[] = {
	    {"Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\"", AUTH_BEARER, "https://a/t",
	     "repository:x:pull,push"},
	    {"bearer  realm = https://a/t , scope=\"a\\\"b\"", AUTH_BEARER, "https://a/t", "a\"b"},
	    {"Basic realm=\"x\", Bearer realm=\"y\"", AUTH_BEARER, "y", NULL},
	    {"Negotiate, Basic realm=\"x, y\"", AUTH_BASIC, "x, y", NULL},
	    {"Negotiate abc==, Basic", AUTH_BASIC, NULL, NULL},
	    {"Bearer service=\"no realm\"", AUTH_NONE, NULL, NULL},
	    {"Bearer realm=\"unended", AUTH_BEARER, "unended", NULL},
	    {"\"\\", AUTH_NONE, NULL, NULL},
	    {"", AUTH_NONE, NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(challenge_clear) struct challenge challenge = {0};
		challenge_parse(cases[i].header, &challenge);
		assert_int_equal(challenge.kind, cases[i].kind);
		assert_true(!challenge.realm == !cases[i].realm && !challenge.scope == !cases[i].scope);
		if (cases[i].realm)
			assert_string_equal(challenge.realm, cases[i].realm);
		if (cases[i].scope)
			assert_string_equal(challenge.scope, cases[i].scope);
	}
}

/* ---- manifests ---- */

static bool give_manifest(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)index;
	bool head = strstr(request, "HEAD ");
	test_server_answer(server, fd, "200 OK",
			   "Content-Type: application/vnd.oci.image.manifest.v1+json; charset=utf-8\r\n",
			   head ? "" : "hello");
	return false;
}

#define HELLO "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static void checks_manifests(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	auto_registry_manifest struct registry_manifest manifest = {0}, head = {0}, none = {0};
	(void)state;
	struct registry *registry = begin(&server, give_manifest);
	assert_int_equal(registry_manifest_get(registry, "x", HELLO, 5, &manifest, &err), 0);
	assert_string_equal(manifest.text, "hello");
	assert_string_equal(manifest.media_type, "application/vnd.oci.image.manifest.v1+json");
	assert_string_equal(manifest.digest, HELLO);
	assert_int_equal(registry_manifest_get(registry, "x", "tag", 4, &none, &err), -EFBIG);
	auto_free char *other = xstrdup(HELLO);
	other[10] = 'a';
	assert_int_equal(registry_manifest_get(registry, "x", other, 100, &none, &err), -EBADMSG);
	assert_int_equal(registry_manifest_get(registry, "../x", "tag", 100, &none, &err), -EINVAL);
	assert_int_equal(registry_manifest_get(registry, "x", "a?b", 100, &none, &err), -EINVAL);
	/* Where a HEAD does not say the digest, the text does. */
	assert_int_equal(registry_manifest_head(registry, "x", "tag", &head, &err), 0);
	assert_string_equal(head.digest, HELLO);
	end(&server, registry);
}

/* ---- blobs ---- */

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz";

/* What the server does wrong is the repository's name. */
static bool give_blob(struct test_server *server, int fd, const char *request, size_t index)
{
	const char *range = strstr(request, "Range: bytes=");
	int from = range ? atoi(range + strlen("Range: bytes=")) : 0, length = 26 - from, cut = 10;
	bool knows_ranges = !strstr(request, "/norange/");
	if (strstr(request, "/long/"))
		test_server_printf(server, fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%sz", alphabet);
	else if (strstr(request, "/lying/"))
		test_server_printf(server, fd, "HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n%s", alphabet);
	else if (strstr(request, "/short/") && range)
		test_server_answer(server, fd, "416 No", "", "");
	else if (strstr(request, "/short/"))
		test_server_answer(server, fd, "200 OK", "", "abcdefghij");
	else if (strstr(request, "/wrongrange/") && range)
		test_server_printf(
		    server, fd,
		    "HTTP/1.1 206 Partial\r\nContent-Length: 3\r\nContent-Range: bytes 20-22/26\r\n\r\nuvw");
	else if (strstr(request, "/busy/") && index == 1)
		test_server_answer(server, fd, "503 Busy", "", "");
	else if (strstr(request, "/stuck/") && index == 1)
		return true;
	else if (range && knows_ranges)
		test_server_printf(
		    server, fd,
		    "HTTP/1.1 206 Partial\r\nContent-Length: %d\r\nContent-Range: bytes %d-25/26\r\n\r\n%.*s", length,
		    from, cut, alphabet + from);
	else
		test_server_printf(server, fd, "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n%.*s",
				   index == 0 || strstr(request, "/cut/") ? cut : 26, alphabet);
	return false;
}

static int read_blob(struct registry *registry, const char *repository, int64_t offset, struct strbuf *out,
		     struct error *err)
{
	auto_stream struct stream *stream = NULL;
	char data[7];
	ssize_t n;
	int r = registry_blob_open(registry, repository, HELLO, 26, offset, &stream, err);
	if (r < 0)
		return r;
	while ((n = stream_read(stream, data, sizeof(data), err)) > 0)
		strbuf_add(out, data, (size_t)n);
	return n < 0 ? (int)n : (int)stream_read(stream, data, 1, err);
}

static void takes_blobs_up_where_they_broke(void **state)
{
	static const struct {
		const char *repository;
		int64_t offset;
		int r;
		size_t requests; /* 0: any number */
		const char *seen;
	} cases[] = {
	    {"good", 0, 0, 3, NULL},
	    {"good", 5, 0, 3, "Range: bytes=5-\r\n"},
	    {"good", 26, 0, 0, NULL},
	    {"norange", 0, 0, 2, "Range: bytes=10-\r\n"},
	    {"norange", 12, 0, 2, "Range: bytes=12-\r\n"},
	    {"wrongrange", 0, 0, 3, "Range: bytes=10-\r\n"},
	    {"busy", 0, 0, 4, NULL},
	    {"stuck", 0, 0, 4, NULL},
	    {"cut", 20, 0, 1, NULL},
	    {"long", 0, -EBADMSG, 1, NULL},
	    {"lying", 0, -EBADMSG, 1, NULL},
	    {"short", 0, -EBADMSG, 2, "Range: bytes=10-\r\n"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct test_server server;
		struct error err = ERROR_INIT;
		auto_strbuf struct strbuf out = STRBUF_INIT;
		assert_int_equal(test_server_start(&server, give_blob), 0);
		struct registry *registry = open_with(&server, (struct registry_options){.attempts = 5});
		int r = read_blob(registry, cases[i].repository, cases[i].offset, &out, &err);
		if (r != cases[i].r || server.requests.count != cases[i].requests)
			fail_msg("%s: %d (%s), %zu requests", cases[i].repository, r, err.text, server.requests.count);
		if (cases[i].r == 0)
			assert_string_equal(strbuf_text(&out), alphabet + cases[i].offset);
		if (cases[i].seen)
			assert_true(test_server_count(&server, cases[i].seen) > 0);
		end(&server, registry);
	}
}

static void gives_up_a_blob_that_never_comes_whole(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	(void)state;
	assert_int_equal(test_server_start(&server, give_blob), 0);
	struct registry *registry = open_with(&server, (struct registry_options){.attempts = 2});
	/* What has come is good all the same, and kept by who knows where. */
	assert_int_equal(read_blob(registry, "good", 0, &out, &err), -ECONNRESET);
	assert_non_null(strstr(err.text, "byte 20"));
	assert_int_equal(server.requests.count, 2);
	end(&server, registry);
}

/* ---- lists ---- */

static bool give_lists(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)index;
	if (strstr(request, "/v1/search"))
		test_server_answer(server, fd, server->userdata ? "200 OK" : "404 No", "",
				   server->userdata ? server->userdata : "");
	else if (strstr(request, "/_catalog?last=b"))
		test_server_answer(server, fd, "200 OK", "", "{\"repositories\":[\"c/web\",\"d/web\"]}");
	else if (strstr(request, "/_catalog"))
		test_server_answer(server, fd, "200 OK", "Link: </v2/_catalog?last=b>; rel=\"next\"\r\n",
				   "{\"repositories\":[\"a/web\",\"b\"]}");
	else if (strstr(request, "/tags/list?n=2&last=b"))
		test_server_answer(server, fd, "200 OK", "", "{\"name\":\"x\",\"tags\":[\"c\"]}");
	else if (strstr(request, "/none/tags/list"))
		test_server_answer(server, fd, "200 OK", "", "{\"name\":\"none\",\"tags\":null}");
	else
		test_server_answer(server, fd, "200 OK", "Link: <list?n=2&last=b>; rel=\"next\"\r\n",
				   "{\"name\":\"x\",\"tags\":[\"a\",\"b\"]}");
	return false;
}

static void lists_all_pages(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	auto_strv struct strv tags = STRV_INIT;
	struct registry_found *found = NULL;
	size_t count = 0;
	(void)state;
	struct registry *registry = begin(&server, give_lists);
	assert_int_equal(registry_tags(registry, "x", &tags, &err), 0);
	auto_free char *joined = strv_join(&tags, " ");
	assert_string_equal(joined, "a b c");
	strv_clear(&tags);
	assert_int_equal(registry_tags(registry, "none", &tags, &err), 0);
	assert_int_equal(tags.count, 0);
	assert_int_equal(registry_search(registry, "web", 2, &found, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_string_equal(found[1].name, "c/web");
	registry_found_free(found, count);
	server.userdata = (void *)"{\"num_pages\":1,\"page\":1,\"results\":[{\"name\":\"nginx\",\"description\":\"d\","
				  "\"star_count\":7,\"is_official\":true}]}";
	assert_int_equal(registry_search(registry, "web", 25, &found, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_true(found[0].official && found[0].stars == 7 && strcmp(found[0].name, "nginx") == 0);
	registry_found_free(found, count);
	assert_true(test_server_count(&server, "/v1/search?q=web&n=25&page=1 ") == 1);
	end(&server, registry);
}

/* ---- certificates ---- */

static void write_file(const char *directory, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", directory, name);
	assert_int_equal(file_write_at(AT_FDCWD, path, "no certificate", 14, 0600, 0, NULL), 0);
}

static void reads_folders_of_certificates(void **state)
{
	char directory[] = "/tmp/registry-test-XXXXXX";
	auto_strv struct strv authorities = STRV_INIT;
	auto_free char *certificate = NULL, *key = NULL;
	struct registry *registry = NULL;
	struct error err = ERROR_INIT;
	(void)state;
	assert_int_equal(registry_read_certificates("/nonexistent", &authorities, &certificate, &key, &err), 0);
	assert_non_null(mkdtemp(directory));
	auto_free char *host = xasprintf("%s/host:1", directory);
	assert_int_equal(mkdir(host, 0700), 0);
	write_file(host, "ours.cert");
	assert_int_equal(registry_read_certificates(host, &authorities, &certificate, &key, &err), -EINVAL);
	assert_non_null(strstr(err.text, "ours.key"));
	write_file(host, "ours.key");
	write_file(host, "ca.crt");
	write_file(host, "README");
	assert_int_equal(registry_read_certificates(host, &authorities, &certificate, &key, &err), 1);
	assert_int_equal(authorities.count, 1);
	assert_true(text_ends_with(certificate, "/host:1/ours.cert") && text_ends_with(key, "/host:1/ours.key"));
	const char *const directories[] = {"/nonexistent", directory, NULL};
	assert_int_equal(
	    registry_open(&(struct registry_options){.host = "host:1", .certificate_directories = directories},
			  &registry, &err),
	    -EINVAL);
	assert_non_null(strstr(err.text, "ca.crt has no certificate"));
	assert_int_equal(
	    registry_open(&(struct registry_options){.host = "host:2", .certificate_directories = directories},
			  &registry, &err),
	    0);
	registry_close(registry);
	assert_int_equal(tree_remove_at(AT_FDCWD, directory, NULL), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(tries_again),
						  cmocka_unit_test(waits_until_a_date),
						  cmocka_unit_test(speaks_plain_http_only_where_allowed),
						  cmocka_unit_test(gets_tokens_once),
						  cmocka_unit_test(logs_in_by_name_and_password),
						  cmocka_unit_test(parses_challenges),
						  cmocka_unit_test(checks_manifests),
						  cmocka_unit_test(takes_blobs_up_where_they_broke),
						  cmocka_unit_test(gives_up_a_blob_that_never_comes_whole),
						  cmocka_unit_test(lists_all_pages),
						  cmocka_unit_test(reads_folders_of_certificates)};
	if (registry_global_init(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
