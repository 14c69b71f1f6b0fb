/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One transfer, driven from within the calls of whoever reads it: curl works only while somebody waits for bytes, and
 * is paused when what it gave has not been taken, so that no transfer holds more than BUFFER_SIZE (and curl's own
 * buffer), and a slow reader slows the server down.
 *
 * HTTP/1.1, because a transfer has its connection for itself anyway, and pausing an HTTP/2 stream makes curl keep a
 * whole window of it in memory.
 */
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "pkg/http/internal.h"

#define HEADERS_MAX     ((size_t)64 * 1024)
#define RECEIVE_SIZE    (256 * 1024L)
#define POLL_MS         1000
#define EXPECT_MS       500L
#define UPLOAD_PATIENCE 4 /* a server that has got all of an upload may have to check and move it before it answers */

/* ---- callbacks ---- */

static void add_header(struct http_exchange *exchange, const char *line, size_t length)
{
	while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == '\n' || line[length - 1] == ' '))
		length--;
	strv_take(&exchange->headers, xstrndup(line, length));
}

static size_t take_header(char *line, size_t size, size_t count, void *userdata)
{
	struct http_exchange *exchange = userdata;
	size_t length = size * count;
	exchange->activity++;
	if (exchange->head_done) /* trailers say nothing that anybody here wants to know */
		return length;
	exchange->headers_length += length;
	if (exchange->headers_length > HEADERS_MAX) {
		exchange->bounds_broken = true;
		return 0;
	}
	long status = 0;
	curl_easy_getinfo(exchange->line->easy, CURLINFO_RESPONSE_CODE, &status);
	if (length > 5 && memcmp(line, "HTTP/", 5) == 0)
		strv_clear(&exchange->headers);
	else if (line[0] != '\r' && line[0] != '\n')
		add_header(exchange, line, length);
	else if (status >= 200) {
		exchange->status = (int)status;
		exchange->head_done = true;
	}
	return length;
}

static size_t take_body(char *data, size_t size, size_t count, void *userdata)
{
	struct http_exchange *exchange = userdata;
	size_t length = size * count;
	if (exchange->reader_room + (BUFFER_SIZE - exchange->buffer_end) < length) {
		exchange->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	exchange->activity++;
	/* What is in the buffer comes before what comes now. */
	size_t direct = exchange->buffer_end > 0 ? 0 : length < exchange->reader_room ? length : exchange->reader_room;
	if (direct > 0) {
		memcpy(exchange->reader + exchange->reader_got, data, direct);
		exchange->reader_got += direct;
		exchange->reader_room -= direct;
	}
	memcpy(exchange->buffer + exchange->buffer_end, data + direct, length - direct);
	exchange->buffer_end += length - direct;
	return length;
}

static size_t give_body(char *data, size_t size, size_t count, void *userdata)
{
	struct http_exchange *exchange = userdata;
	struct http_request *request = &exchange->request;
	size_t length = size * count;
	if (exchange->begun)
		return CURL_READFUNC_ABORT;
	if (request->source) {
		ssize_t n = stream_read(request->source, data, length, &exchange->source_error);
		if (n < 0)
			return CURL_READFUNC_ABORT;
		length = (size_t)n;
	} else {
		size_t left = request->body_length - (size_t)exchange->sent;
		length = length < left ? length : left;
		memcpy(data, (const char *)request->body + exchange->sent, length);
	}
	exchange->sent += (int64_t)length;
	exchange->activity++;
	exchange->all_sent =
	    length == 0 || exchange->sent == (request->source ? request->source_size : (int64_t)request->body_length);
	if (request->progress)
		request->progress(request->userdata, exchange->sent);
	return length;
}

/* When a connection that was kept open turns out to be closed, curl begins again on another one. */
static int rewind_body(void *userdata, curl_off_t offset, int origin)
{
	struct http_exchange *exchange = userdata;
	if (origin != SEEK_SET || (exchange->request.source && offset != exchange->sent) || offset < 0 ||
	    (!exchange->request.source && (uint64_t)offset > exchange->request.body_length))
		return CURL_SEEKFUNC_FAIL;
	exchange->sent = offset;
	exchange->all_sent = false;
	return CURL_SEEKFUNC_OK;
}

/* Those that curl trusts anyway have been set up by then: CURLOPT_CAINFO would replace them. */
static CURLcode trust_authorities(CURL *easy, void *ssl_context, void *userdata)
{
	const struct http *http = userdata;
	X509_STORE *store = SSL_CTX_get_cert_store(ssl_context);
	(void)easy;
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
	for (size_t i = 0; i < http->authorities.count; i++)
		if (!lookup || X509_LOOKUP_load_file(lookup, http->authorities.items[i], X509_FILETYPE_PEM) <= 0)
			return CURLE_SSL_CACERT_BADFILE;
	return CURLE_OK;
}

/* ---- setting up ---- */

static void set_tls(struct http_exchange *exchange, CURL *easy)
{
	const struct http *http = exchange->http;
	/* As OpenSSL's own programs and Go's take it. */
	const char *bundle = getenv("SSL_CERT_FILE"), *directory = getenv("SSL_CERT_DIR");
	if (!text_is_empty(bundle))
		curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
	if (!text_is_empty(directory))
		curl_easy_setopt(easy, CURLOPT_CAPATH, directory);
	if (http->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (http->authorities.count > 0) {
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, trust_authorities);
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, http);
	}
	if (http->certificate && http->origin && http_same_origin(exchange->url, http->origin)) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, http->certificate);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, http->key);
	}
}

static void set_body(struct http_exchange *exchange, CURL *easy)
{
	const struct http_request *request = &exchange->request;
	bool none = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0 ||
		    strcmp(request->method, "DELETE") == 0;
	if (none)
		return;
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, RECEIVE_SIZE);
	curl_easy_setopt(easy, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_MS);
	curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
			 (curl_off_t)(request->source ? request->source_size : (int64_t)request->body_length));
}

static void set_headers(struct http_exchange *exchange, CURL *easy)
{
	const struct http_request *request = &exchange->request;
	/* No second of waiting before every upload, unless it is wanted. */
	struct curl_slist *list = curl_slist_append(NULL, request->ask_first ? "Expect: 100-continue" : "Expect:");
	for (size_t i = 0; request->headers && i < request->headers->count; i++)
		list = curl_slist_append(list, request->headers->items[i]);
	if (request->authorization) {
		auto_free char *header = xasprintf("Authorization: %s", request->authorization);
		list = curl_slist_append(list, header);
	}
	exchange->sent_headers = list;
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
}

int transfer_set_up(struct http_exchange *exchange, struct error *err)
{
	CURL *easy = exchange->line->easy;
	exchange->sent = 0;
	exchange->all_sent = !exchange->request.source && exchange->request.body_length == 0;
	exchange->words[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_URL, exchange->url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->request.method);
	if (strcmp(exchange->request.method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)exchange->http->stall_timeout_s);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->words);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, exchange->http->user_agent);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_SIZE);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	set_tls(exchange, easy);
	set_body(exchange, easy);
	set_headers(exchange, easy);
	CURLMcode code = curl_multi_add_handle(exchange->line->multi, easy);
	return code == CURLM_OK ? 0 : error_set(err, ENOMEM, "begin a transfer: %s", curl_multi_strerror(code));
}

/* ---- failures ---- */

static int error_number(CURLcode code, long os_errno)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return os_errno ? (int)os_errno : ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_FAIL_REWIND:
		return ECONNRESET;
	case CURLE_SSL_CONNECT_ERROR:
		return os_errno == ECONNRESET ? ECONNRESET : EPROTO;
	case CURLE_OUT_OF_MEMORY:
		return ENOMEM;
	case CURLE_URL_MALFORMAT:
		return EINVAL;
	default:
		return EPROTO;
	}
}

static int fail(const struct http_exchange *exchange, struct error *err)
{
	long os_errno = 0;
	if (exchange->source_error.errnum) {
		if (err)
			*err = exchange->source_error;
		return -exchange->source_error.errnum;
	}
	/* curl has a bound of its own for one line, and no other words for it. */
	if (exchange->bounds_broken || (exchange->result == CURLE_OUT_OF_MEMORY && exchange->activity > 0 && !exchange->head_done))
		return error_set(err, EBADMSG, "the head of the answer is longer than %zu bytes", HEADERS_MAX);
	curl_easy_getinfo(exchange->line->easy, CURLINFO_OS_ERRNO, &os_errno);
	const char *words = exchange->words[0] ? exchange->words : curl_easy_strerror(exchange->result);
	size_t length = strcspn(words, "\r\n");
	while (length > 0 && words[length - 1] == ' ')
		length--;
	return error_set(err, error_number(exchange->result, os_errno), "%.*s", (int)length, words);
}

/* ---- driving ---- */

/* OpenSSL writes to sockets without MSG_NOSIGNAL. The signal is held off for this thread, and taken away if it came. */
static CURLMcode perform(CURLM *multi)
{
	sigset_t pipe_signal, old, pending;
	int running;
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &old);
	CURLMcode code = curl_multi_perform(multi, &running);
	if (!sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe_signal, NULL, &(struct timespec){0}) > 0)
			;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return code;
}

static void look_for_end(struct http_exchange *exchange)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(exchange->line->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		exchange->done = true;
		exchange->result = message->data.result;
	}
}

int64_t http_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t patience_ms(const struct http_exchange *exchange)
{
	return (int64_t)exchange->http->stall_timeout_s * 1000 *
	       (exchange->sent > 0 && exchange->all_sent && !exchange->head_done ? UPLOAD_PATIENCE : 1);
}

/* A head that has begun to come, to all that was sent, has to end. */
static bool is_head_too_slow(struct http_exchange *exchange, int64_t now)
{
	if (exchange->headers_length == 0 || exchange->head_done || !exchange->all_sent)
		return false;
	if (exchange->head_since_ms == 0)
		exchange->head_since_ms = now;
	return now - exchange->head_since_ms > (int64_t)exchange->http->stall_timeout_s * 1000 * SLOWNESS_MAX;
}

int transfer_drive(struct http_exchange *exchange, bool (*enough)(const struct http_exchange *exchange),
		   struct error *err)
{
	CURLM *multi = exchange->line->multi;
	uint64_t seen = exchange->activity;
	int64_t since = http_now_ms();
	if (exchange->paused) {
		exchange->paused = false;
		curl_easy_pause(exchange->line->easy, CURLPAUSE_CONT); /* gives what it held back at once */
	}
	while (!exchange->done && !enough(exchange)) {
		CURLMcode code = perform(multi);
		look_for_end(exchange);
		if (code != CURLM_OK)
			return error_set(err, EIO, "%s", curl_multi_strerror(code));
		if (exchange->done || enough(exchange))
			break;
		int64_t now = http_now_ms();
		if (exchange->activity != seen) {
			seen = exchange->activity;
			since = now;
		}
		if (is_head_too_slow(exchange, now))
			return error_set(err, ETIMEDOUT, "the head of the answer has not come within %d seconds",
					 exchange->http->stall_timeout_s * SLOWNESS_MAX);
		int64_t left = since + patience_ms(exchange) - now;
		if (left <= 0)
			return error_set(err, ETIMEDOUT, "nothing has moved for %lld seconds",
					 (long long)patience_ms(exchange) / 1000);
		curl_multi_poll(multi, NULL, 0, left < POLL_MS ? (int)left : POLL_MS, NULL);
	}
	return exchange->done && exchange->result != CURLE_OK ? fail(exchange, err) : 0;
}
