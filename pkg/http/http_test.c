/* SPDX-License-Identifier: Apache-2.0 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <time.h>

#include "pkg/http/http.h"
#include "pkg/http/test_server.h"

static struct http *make_client(void)
{
	struct http *http = NULL;
	assert_int_equal(http_open(&(struct http_options){.user_agent = "test/1", .stall_timeout_s = 1}, &http, NULL),
			 0);
	return http;
}

static char *address(const struct test_server *server, const char *path)
{
	return xasprintf("http://127.0.0.1:%d%s", server->port, path);
}

/* ---- bodies ---- */

#define BIG (64 * 1024 * 1024)

static bool send_big(struct test_server *server, int fd, const char *request, size_t index)
{
	static char piece[65536];
	(void)request, (void)index;
	memset(piece, 'x', sizeof(piece));
	test_server_printf(server, fd, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", BIG);
	for (size_t sent = 0; sent < BIG; sent += sizeof(piece))
		if (!test_server_send(server, fd, piece, sizeof(piece)))
			break;
	return false;
}

static void reads_as_far_as_is_wanted(void **state)
{
	struct test_server server;
	char data[1000];
	(void)state;
	assert_int_equal(test_server_start(&server, send_big), 0);
	auto_free char *url = address(&server, "/");
	struct http *http = make_client();
	struct http_exchange *exchange = NULL;
	assert_int_equal(http_begin(http, &(struct http_request){.method = "GET", .url = url}, &exchange, NULL), 0);
	assert_int_equal(http_length(exchange), BIG);
	assert_true(http_read(exchange, data, sizeof(data), NULL) > 0);
	/* A reader who takes his time is no stalled transfer, and what he does not read stays with the server. */
	nanosleep(&(struct timespec){1, 300000000}, NULL);
	assert_true(server.written < BIG / 2);
	size_t length = 0;
	ssize_t n;
	while ((n = http_read(exchange, data, sizeof(data), NULL)) > 0)
		length += (size_t)n;
	assert_int_equal(n, 0);
	assert_in_range(length, BIG - sizeof(data), BIG - 1);
	http_end(exchange);
	http_close(http);
	test_server_stop(&server);
}

static bool stand_still(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)index;
	if (strstr(request, "GET /body"))
		test_server_printf(server, fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
	return true;
}

static void gives_up_what_stands_still(void **state)
{
	struct test_server server;
	auto_strbuf struct strbuf body = STRBUF_INIT;
	(void)state;
	assert_int_equal(test_server_start(&server, stand_still), 0);
	auto_free char *url = address(&server, "/"), *body_url = address(&server, "/body");
	struct http *http = make_client();
	struct http_exchange *exchange = NULL;
	struct error err = ERROR_INIT;
	time_t begin = time(NULL);
	assert_int_equal(http_begin(http, &(struct http_request){.method = "GET", .url = url}, &exchange, &err),
			 -ETIMEDOUT);
	assert_int_equal(http_begin(http, &(struct http_request){.method = "GET", .url = body_url}, &exchange, &err),
			 0);
	assert_int_equal(http_read_all(exchange, 100, &body, &err), -ETIMEDOUT);
	assert_string_equal(strbuf_text(&body), "abc");
	assert_in_range(time(NULL) - begin, 1, 5);
	http_end(exchange);
	http_close(http);
	test_server_stop(&server);
}

static bool break_off(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)index;
	if (strstr(request, "GET /short"))
		test_server_printf(server, fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
	else if (strstr(request, "GET /head"))
		for (int i = 0; i < 2000; i++)
			test_server_printf(server, fd, i ? "X-Header-%d: %0100d\r\n" : "HTTP/1.1 200 OK\r\nX%d:%d\r\n",
					   i, i);
	else if (strstr(request, "GET /noise"))
		test_server_printf(server, fd, "SSH-2.0-OpenSSH\r\n");
	return false;
}

/* A byte, or a line of the head, now and then, without end. */
static bool trickle(struct test_server *server, int fd, const char *request, size_t index)
{
	bool head = strstr(request, "/head");
	(void)index;
	test_server_printf(server, fd, "HTTP/1.1 200 OK\r\n%s", head ? "" : "\r\n");
	while (test_server_send(server, fd, head ? "A: b\r\n" : "x", head ? 6 : 1))
		nanosleep(&(struct timespec){0, 300000000}, NULL);
	return false;
}

static void gives_up_what_trickles(void **state)
{
	struct test_server server;
	struct error err = ERROR_INIT;
	auto_strbuf struct strbuf body = STRBUF_INIT;
	(void)state;
	assert_int_equal(test_server_start(&server, trickle), 0);
	auto_free char *head = address(&server, "/head"), *rest = address(&server, "/body");
	struct http *http = make_client();
	struct http_exchange *exchange = NULL;
	assert_int_equal(http_begin(http, &(struct http_request){.method = "GET", .url = head}, &exchange, &err),
			 -ETIMEDOUT);
	assert_non_null(strstr(err.text, "within 5 seconds"));
	assert_int_equal(http_begin(http, &(struct http_request){.method = "GET", .url = rest}, &exchange, &err), 0);
	assert_int_equal(http_read_all(exchange, 1000, &body, &err), -ETIMEDOUT);
	assert_true(body.length >= 5 && body.length < 100);
	http_end(exchange);
	http_close(http);
	test_server_stop(&server);
}

static void says_what_broke(void **state)
{
	static const struct {
		const char *path;
		int begin, read;
	} cases[] = {
	    {"/none", -ECONNRESET, 0}, {"/short", 0, -ECONNRESET}, {"/head", -EBADMSG, 0}, {"/noise", -EPROTO, 0}};
	struct test_server server;
	(void)state;
	assert_int_equal(test_server_start(&server, break_off), 0);
	struct http *http = make_client();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *url = address(&server, cases[i].path);
		auto_strbuf struct strbuf body = STRBUF_INIT;
		struct http_exchange *exchange = NULL;
		struct error err = ERROR_INIT;
		assert_int_equal(http_begin(http, &(struct http_request){.method = "GET", .url = url}, &exchange, &err),
				 cases[i].begin);
		if (cases[i].begin == 0) {
			assert_int_equal(http_read_all(exchange, 100, &body, &err), cases[i].read);
			http_end(exchange);
		}
		assert_true(*err.text);
	}
	test_server_stop(&server);
	auto_free char *url = address(&server, "/");
	struct http_exchange *exchange = NULL;
	assert_int_equal(http_begin(http, &(struct http_request){.method = "GET", .url = url}, &exchange, NULL),
			 -ECONNREFUSED);
	assert_int_equal(http_begin(http,
				    &(struct http_request){.method = "GET", .url = "http://no.such.host.invalid/"},
				    &exchange, NULL),
			 -EHOSTUNREACH);
	http_close(http);
}

/* ---- redirects ---- */

static bool redirect(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)index;
	auto_free char *elsewhere =
	    xasprintf("Location: %s\r\n", server->userdata ? (char *)server->userdata : "/there");
	if (strstr(request, "GET /there"))
		test_server_answer(server, fd, "200 OK", "", "arrived");
	else if (strstr(request, "GET /here"))
		test_server_answer(server, fd, "302 Found", "Location: there?x=1\r\n", "");
	else if (strstr(request, "GET /file"))
		test_server_answer(server, fd, "302 Found", "Location: file:///etc/passwd\r\n", "");
	else if (strstr(request, "GET /round"))
		test_server_answer(server, fd, "301 Moved", "Location: /round\r\n", "");
	else
		test_server_answer(server, fd, "307 Elsewhere", elsewhere, "");
	return false;
}

static int get(struct http *http, const char *url, struct strbuf *body)
{
	auto_http_exchange struct http_exchange *exchange = NULL;
	int r = http_begin(
	    http, &(struct http_request){.method = "GET", .url = url, .authorization = "Bearer secret", .follow = true},
	    &exchange, NULL);
	return r < 0 ? r : http_read_all(exchange, 1000, body, NULL);
}

static void follows_without_credentials(void **state)
{
	struct test_server server, other;
	auto_strbuf struct strbuf body = STRBUF_INIT;
	(void)state;
	assert_int_equal(test_server_start(&server, redirect), 0);
	assert_int_equal(test_server_start(&other, redirect), 0);
	auto_free char *here = address(&server, "/here"), *away = address(&server, "/away"),
		       *there = address(&other, "/there"), *back = address(&other, "/back"),
		       *round = address(&server, "/round"), *file = address(&server, "/file");
	struct http *http = make_client();
	assert_int_equal(get(http, here, &body), 0);
	assert_string_equal(strbuf_text(&body), "arrived");
	assert_int_equal(test_server_count(&server, "Authorization: Bearer secret"), 2);
	server.userdata = there; /* the same host at another port */
	assert_int_equal(get(http, away, &body), 0);
	assert_int_equal(test_server_count(&other, "GET /there"), 1);
	assert_int_equal(test_server_count(&other, "Authorization"), 0);
	/* What comes back to where it began has lost them, too. */
	server.userdata = back;
	auto_free char *home = address(&server, "/there");
	other.userdata = home;
	assert_int_equal(get(http, away, &body), 0);
	assert_int_equal(test_server_count(&server, "Authorization"), 4);
	assert_int_equal(test_server_count(&server, "GET /"), 5);
	assert_int_equal(get(http, round, &body), -ELOOP);
	assert_int_equal(get(http, file, &body), -EPROTO);
	http_close(http);
	test_server_stop(&server);
	test_server_stop(&other);
}

/* ---- uploads ---- */

static bool accept_all(struct test_server *server, int fd, const char *request, size_t index)
{
	(void)index;
	test_server_answer(server, fd, strstr(request, "refuse") ? "403 No" : "201 Created",
			   "X-Two: b\r\nx-two:  c\r\n", "");
	return false;
}

struct broken {
	struct stream stream;
	bool begun;
};

static ssize_t read_broken(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct broken *broken = (struct broken *)stream;
	if (broken->begun)
		return error_set(err, EUCLEAN, "the source is damaged");
	broken->begun = true;
	memset(data, 'x', length);
	return (ssize_t)length;
}

static void sends_bodies(void **state)
{
	struct test_server server;
	(void)state;
	assert_int_equal(test_server_start(&server, accept_all), 0);
	auto_free char *url = address(&server, "/upload");
	struct http *http = make_client();
	auto_stream struct stream *source = NULL;
	struct broken broken = {.stream = {read_broken, NULL, NULL}};
	struct http_exchange *exchange = NULL;
	struct error err = ERROR_INIT;
	stream_open_memory("hello", 5, &source, NULL);
	assert_int_equal(
	    http_begin(http, &(struct http_request){.method = "PUT", .url = url, .body = "text", .body_length = 4},
		       &exchange, NULL),
	    0);
	assert_string_equal(http_header(exchange, "X-TWO"), "b");
	size_t position = 0;
	http_next_header(exchange, "x-two", &position);
	assert_string_equal(http_next_header(exchange, "x-two", &position), "c");
	http_end(exchange);
	assert_int_equal(
	    http_begin(http, &(struct http_request){.method = "PATCH", .url = url, .source = source, .source_size = -1},
		       &exchange, NULL),
	    0);
	assert_int_equal(http_sent(exchange), 5);
	http_end(exchange);
	assert_int_equal(http_begin(http, &(struct http_request){.method = "POST", .url = url}, &exchange, NULL), 0);
	http_end(exchange);
	assert_int_equal(
	    http_begin(http,
		       &(struct http_request){.method = "PUT", .url = url, .source = &broken.stream, .source_size = -1},
		       &exchange, &err),
	    -EUCLEAN);
	assert_string_equal(err.text, "the source is damaged");
	assert_int_equal(test_server_count(&server, "Content-Length: 4\r\n"), 1);
	assert_int_equal(test_server_count(&server, "\r\n\r\ntext"), 1);
	assert_int_equal(test_server_count(&server, "\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), 1);
	assert_int_equal(test_server_count(&server, "POST /upload HTTP/1.1\r\n"), 1);
	assert_int_equal(test_server_count(&server, "Content-Length: 0\r\n"), 1);
	assert_int_equal(test_server_count(&server, "User-Agent: test/1\r\n"), 3);
	http_close(http);
	test_server_stop(&server);
}

/* ---- URLs ---- */

static void knows_origins(void **state)
{
	static const char *const same[][2] = {{"https://Example.com/x", "https://example.com:443"},
					      {"http://example.com:80", "http://example.com:80"},
					      {"http://[::1]:5000/v2/", "http://[::1]:5000"}};
	static const char *const other[][2] = {{"https://example.com", "http://example.com:80"},
					       {"https://example.com:444", "https://example.com:443"},
					       {"https://example.com.evil.org", "https://example.com:443"},
					       {"https://user@example.com", "https://example.com:443"},
					       {"ftp://example.com", "https://example.com:443"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		assert_true(http_same_origin(same[i][0], same[i][1]));
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		assert_false(http_same_origin(other[i][0], other[i][1]));
	auto_free char *query = http_add_query("/x", "a", "b c&d"), *both = http_add_query(query, "e", "f");
	assert_string_equal(both, "/x?a=b%20c%26d&e=f");
	auto_free char *resolved = NULL;
	assert_int_equal(http_resolve("https://a.org/v2/x?y", "../z?q=1", &resolved, NULL), 0);
	assert_string_equal(resolved, "https://a.org/z?q=1");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(reads_as_far_as_is_wanted),
						  cmocka_unit_test(gives_up_what_stands_still),
	    cmocka_unit_test(gives_up_what_trickles),
						  cmocka_unit_test(says_what_broke),
						  cmocka_unit_test(follows_without_credentials),
						  cmocka_unit_test(sends_bodies),
						  cmocka_unit_test(knows_origins)};
	if (http_global_init(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
