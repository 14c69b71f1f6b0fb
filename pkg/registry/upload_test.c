/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/registry/testing.h"

/* ---- uploads ---- */

static bool take_upload(struct test_server *server, int fd, const char *request, size_t index)
{
	auto_free char *range = xasprintf("Range: 0-%d\r\nLocation: /v2/u/again\r\n", 5);
	(void)index;
	if (strstr(request, "mount=") && strstr(request, "from=there"))
		test_server_answer(server, fd, "201 Created", "", "");
	else if (strstr(request, "POST "))
		test_server_answer(server, fd, "202 Accepted", "Location: /v2/u/1?state=x\r\n", "");
	else if (strstr(request, "PATCH /v2/u/1") && strstr(request, "Content-Range: 4-7"))
		return false; /* breaks, after two of its bytes */
	else if (strstr(request, "GET /v2/u/"))
		test_server_answer(server, fd, "204 No Content", range, "");
	else if (strstr(request, "PATCH "))
		test_server_answer(server, fd, "202 Accepted", "Location: /v2/u/1?state=y\r\n", "");
	else if (strstr(request, "DELETE "))
		test_server_answer(server, fd, "204 No Content", "", "");
	else if (strstr(request, "digest=sha256%3Arefused"))
		test_server_answer(server, fd, "400 Bad", "", "{\"errors\":[{\"message\":\"digest invalid\"}]}");
	else
		test_server_answer(server, fd, "201 Created", "", "");
	return false;
}

static const char *its_digest(void *userdata)
{
	return userdata;
}

static int upload(struct registry *registry, const char *text, int64_t size, int64_t chunk, const char *digest,
		  struct error *err)
{
	auto_stream struct stream *source = NULL;
	stream_open_memory(text, strlen(text), &source, NULL);
	return registry_blob_upload(
	    registry, "x",
	    &(struct registry_upload){
		.source = source, .size = size, .chunk = chunk, .digest = its_digest, .userdata = (void *)digest},
	    err);
}

static void uploads_in_one_and_in_pieces(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	(void)state;
	struct registry *registry = begin(&server, take_upload);
	assert_int_equal(upload(registry, "hello", 5, 0, "sha256:1", &err), 0);
	assert_int_equal(test_server_count(&server, "PUT /v2/u/1?state=x&digest=sha256%3A1 "), 1);
	assert_int_equal(test_server_count(&server, "\r\n\r\nhello"), 1);
	assert_int_equal(upload(registry, "hello", -1, 0, "sha256:2", &err), 0);
	assert_int_equal(test_server_count(&server, "\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), 1);
	assert_int_equal(test_server_count(&server, "PUT /v2/u/1?state=y&digest=sha256%3A2 "), 1);
	assert_int_equal(test_server_count(&server, "DELETE "), 0);
	/* A piece that broke is taken up behind what has arrived of it. */
	assert_int_equal(upload(registry, "abcdefghij", -1, 4, "sha256:3", &err), 0);
	assert_int_equal(test_server_count(&server, "Content-Range: 0-3\r\n"), 1);
	assert_int_equal(test_server_count(&server, "\r\n\r\nefgh"), 1);
	assert_int_equal(test_server_count(&server, "PATCH /v2/u/again HTTP/1.1\r\n"), 1);
	assert_int_equal(test_server_count(&server, "\r\n\r\ngh"), 1);
	assert_int_equal(test_server_count(&server, "Content-Range: 8-9\r\n"), 1);
	/* One that failed is withdrawn. */
	assert_int_equal(upload(registry, "hello", 5, 0, "sha256:refused", &err), -EPROTO);
	assert_non_null(strstr(err.text, "digest invalid"));
	assert_int_equal(test_server_count(&server, "DELETE /v2/u/1?state=x "), 1);
	end(&server, registry);
}

/* The registry has lost the second piece: 416, and where it is when it is asked. */
static bool lose_piece(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)index;
	if (strstr(request, "POST "))
		test_server_answer(server, fd, "202 Accepted", "Location: /v2/u/1\r\n", "");
	else if (strstr(request, "Content-Range: 8-9\r\n") && test_server_count(server, "GET /v2/u/1") == 0)
		test_server_answer(server, fd, "416 Range Not Satisfiable", "Range: 0-3\r\n", "");
	else if (strstr(request, "GET /v2/u/1"))
		test_server_answer(server, fd, "204 No Content", "Range: 0-7\r\nLocation: /v2/u/1\r\n", "");
	else
		test_server_answer(server, fd, "202 Accepted", "Location: /v2/u/1\r\n", "");
	return false;
}

static void asks_where_an_upload_is(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	(void)state;
	struct registry *registry = begin(&server, lose_piece);
	assert_int_equal(upload(registry, "abcdefghij", -1, 4, "sha256:3", &err), 0);
	assert_int_equal(test_server_count(&server, "GET /v2/u/1"), 1);
	assert_int_equal(test_server_count(&server, "Content-Range: 8-9\r\n"), 2);
	end(&server, registry);
}

/* Sends everything that is written on to the server whose port it is given, which takes it. */
static bool send_on(struct test_server *server, int fd, const char *request, size_t index)
{
	const struct test_server *other = server->userdata;
	(void)index;
	auto_free char *path = xstrndup(strchr(request, ' ') + 1, strcspn(strchr(request, ' ') + 1, " "));
	auto_free char *location = xasprintf("Location: http://127.0.0.1:%d/b%s\r\n", other->port, path);
	if (!strstr(request, "Authorization: Basic "))
		test_server_answer(server, fd, "401 Who", "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
	else if (strstr(request, "POST /v2/kept/"))
		test_server_answer(server, fd, "202 Accepted", "Location: /v2/kept/u?state=a\r\n", "");
	else
		test_server_answer(server, fd, strstr(request, "PUT ") ? "308 There" : "307 There", location, "");
	return false;
}

static bool take_what_was_sent_on(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)index;
	if (strstr(request, "mount="))
		test_server_answer(server, fd, "201 Created", "Location: elsewhere\r\n", "");
	else if (strstr(request, "POST "))
		test_server_answer(server, fd, "202 Accepted", "Location: u/1?state=x\r\n", "");
	else if (strstr(request, "PATCH "))
		test_server_answer(server, fd, "202 Accepted", "Location: ?state=y\r\n", "");
	else
		test_server_answer(server, fd, "201 Created", "", "");
	return false;
}

static void follows_what_is_written(void **state)
{
	struct test_server first, second;
	struct error err = ERROR_INIT;
	(void)state;
	assert_int_equal(test_server_start(&first, send_on), 0);
	assert_int_equal(test_server_start(&second, take_what_was_sent_on), 0);
	first.userdata = &second;
	struct registry *registry =
	    open_with(&first, (struct registry_options){.username = "u", .password = "p"});
	/* The upload is opened elsewhere, and its address, relative to there, leads there. */
	assert_int_equal(upload(registry, "hello", 5, 0, "sha256:1", &err), 0);
	assert_int_equal(test_server_count(&second, "POST /b/v2/x/blobs/uploads/ "), 1);
	assert_int_equal(test_server_count(&second, "PUT /b/v2/x/blobs/uploads/u/1?state=x&digest=sha256%3A1 "), 1);
	assert_int_equal(test_server_count(&second, "\r\n\r\nhello"), 1);
	/* It is opened here, and its bytes are sent on: what cannot begin again does so in pieces. */
	struct registry_upload kept = {.size = -1, .digest = its_digest, .userdata = (void *)"sha256:2"};
	for (int i = 0; i < 2; i++) {
		auto_stream struct stream *source = NULL;
		stream_open_memory("world", 5, &source, NULL);
		kept.source = source;
		assert_int_equal(registry_blob_upload(registry, "kept", &kept, &err), i == 0 ? -EAGAIN : 0);
	}
	assert_int_equal(test_server_count(&second, "PATCH /b/v2/kept/u?state=a "), 1);
	assert_int_equal(test_server_count(&second, "Content-Range: 0-4\r\n"), 1);
	assert_int_equal(test_server_count(&second, "\r\n\r\nworld"), 1);
	assert_int_equal(test_server_count(&second, "PUT /b/v2/kept/u?state=y&digest=sha256%3A2 "), 1);
	/* A manifest is sent again as it is; and a mount may be made there. */
	assert_int_equal(registry_manifest_put(registry, "x", "1", "text/plain", "manifest", 8, &err), 0);
	assert_int_equal(test_server_count(&second, "PUT /b/v2/x/manifests/1 "), 1);
	assert_int_equal(test_server_count(&second, "\r\n\r\nmanifest"), 1);
	assert_int_equal(registry_blob_mount(registry, "x", "sha256:1", "there", &err), 1);
	/* None of it with our password. */
	assert_true(test_server_count(&first, "Authorization: ") > 0);
	assert_int_equal(test_server_count(&second, "Authorization: "), 0);
	end(&first, registry);
	test_server_stop(&second);
}

static bool break_upload(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)index;
	if (strstr(request, "POST "))
		test_server_answer(server, fd, "202 Accepted", "Location: /v2/u/1\r\n", "");
	return false;
}

static void says_that_an_upload_has_to_begin_anew(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	(void)state;
	struct registry *registry = begin(&server, break_upload);
	assert_int_equal(upload(registry, "hello", 5, 0, "sha256:1", &err), -EAGAIN);
	assert_int_equal(upload(registry, "hello", -1, 0, "sha256:1", &err), -EAGAIN);
	assert_int_equal(upload(registry, "hello", -1, 3, "sha256:1", &err), -EAGAIN);
	assert_int_equal(err.errnum, EAGAIN);
	end(&server, registry);
}

static void mounts(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	(void)state;
	struct registry *registry = begin(&server, take_upload);
	assert_int_equal(registry_blob_mount(registry, "x", "sha256:1", "there", &err), 1);
	assert_int_equal(registry_blob_mount(registry, "x", "sha256:1", "elsewhere", &err), 0);
	assert_int_equal(test_server_count(&server, "DELETE /v2/u/1?state=x "), 1);
	end(&server, registry);
}

/* What a registry may say to a mount that it does not make. */
static bool open_instead(struct test_server *server, int fd, const char *request, size_t index)
{
	static const char *const locations[] = {"", "Location: u/1\r\n", "Location: /v2/u/1?a=b&c=d%2F\r\n",
						"Location: http://127.0.0.1:1/u/1\r\n", "Location: http://[broken\r\n"};
	(void)index;
	if (strstr(request, "mount="))
		test_server_answer(server, fd, "202 Accepted",
				   locations[(test_server_count(server, "mount=") - 1) % ARRAY_SIZE(locations)], "");
	else if (strstr(request, "POST "))
		test_server_answer(server, fd, "202 Accepted", "Location: /v2/own\r\n", "");
	else
		test_server_answer(server, fd, "201 Created", "", "");
	return false;
}

static void takes_any_answer_to_a_mount(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	(void)state;
	struct registry *registry = begin(&server, open_instead);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(registry_blob_mount(registry, "x", "sha256:1", "there", &err), 0);
		assert_int_equal(upload(registry, "hello", 5, 0, "sha256:1", &err), 0);
	}
	assert_int_equal(test_server_count(&server, "DELETE /v2/x/blobs/uploads/u/1 "), 1);
	assert_int_equal(test_server_count(&server, "DELETE /v2/u/1?a=b&c=d%2F "), 1);
	assert_int_equal(test_server_count(&server, "DELETE "), 2);
	assert_int_equal(test_server_count(&server, "PUT /v2/own?digest=sha256%3A1 "), 5);
	end(&server, registry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(uploads_in_one_and_in_pieces),
	    cmocka_unit_test(asks_where_an_upload_is),
	    cmocka_unit_test(follows_what_is_written),
	    cmocka_unit_test(says_that_an_upload_has_to_begin_anew),
	    cmocka_unit_test(mounts),
	    cmocka_unit_test(takes_any_answer_to_a_mount),
	};
	if (registry_global_init(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
