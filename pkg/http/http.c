/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <string.h>
#include <strings.h>

#include "pkg/file/file.h"
#include "pkg/http/internal.h"

#define IDLE_MAX        8
#define REDIRECTS_MAX   10
#define REDIRECT_BODY   ((size_t)16 * 1024) /* read, so that the connection can be used again */
#define AUTHORITIES_MAX ((size_t)1024 * 1024)

int http_global_init(struct error *err)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
	return code == CURLE_OK ? 0 : error_set(err, ENOMEM, "begin with libcurl: %s", curl_easy_strerror(code));
}

/* ---- clients ---- */

/* curl would say of a damaged one no more than that the connection failed. */
static int check_authority(const char *path, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read_at(AT_FDCWD, path, AUTHORITIES_MAX, &text, &length, err);
	if (r < 0)
		return r;
	BIO *bio = BIO_new_mem_buf(text, (int)length);
	X509 *certificate = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
	bool valid = certificate;
	X509_free(certificate);
	BIO_free(bio);
	return valid ? 0 : error_set(err, EINVAL, "%s has no certificate in PEM form", path);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

int http_open(const struct http_options *options, struct http **ret, struct error *err)
{
	auto_http struct http *http = xcalloc(1, sizeof(*http));
	pthread_mutex_init(&http->mutex, NULL);
	http->user_agent = copy(options->user_agent);
	http->certificate = copy(options->certificate);
	http->key = copy(options->key);
	http->origin = copy(options->origin);
	http->insecure = options->insecure;
	http->stall_timeout_s = options->stall_timeout_s;
	if (options->authorities)
		strv_add_all(&http->authorities, options->authorities);
	for (size_t i = 0; i < http->authorities.count; i++) {
		int r = check_authority(http->authorities.items[i], err);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(http);
	return 0;
}

static void line_free(struct line *line)
{
	curl_easy_cleanup(line->easy);
	if (line->multi)
		curl_multi_cleanup(line->multi);
	free(line);
}

void http_close(struct http *http)
{
	while (http->idle) {
		struct line *line = http->idle;
		http->idle = line->next;
		line_free(line);
	}
	pthread_mutex_destroy(&http->mutex);
	strv_free(&http->authorities);
	free(http->user_agent);
	free(http->certificate);
	free(http->key);
	free(http->origin);
	free(http);
}

/* ---- lines ---- */

struct line *line_take(struct http *http)
{
	pthread_mutex_lock(&http->mutex);
	struct line *line = http->idle;
	if (line) {
		http->idle = line->next;
		http->idle_count--;
	}
	pthread_mutex_unlock(&http->mutex);
	if (line)
		return line;
	line = xcalloc(1, sizeof(*line));
	line->easy = curl_easy_init();
	line->multi = curl_multi_init();
	if (line->easy && line->multi)
		return line;
	line_free(line);
	return NULL;
}

void line_give_back(struct http *http, struct line *line)
{
	/* Gives up what the handle still points to; connections are the multi handle's. */
	curl_easy_reset(line->easy);
	pthread_mutex_lock(&http->mutex);
	bool keep = http->idle_count < IDLE_MAX;
	if (keep) {
		line->next = http->idle;
		http->idle = line;
		http->idle_count++;
	}
	pthread_mutex_unlock(&http->mutex);
	if (!keep)
		line_free(line);
}

/* ---- exchanges ---- */

static void forget_answer(struct http_exchange *exchange)
{
	if (exchange->line) {
		curl_multi_remove_handle(exchange->line->multi, exchange->line->easy);
		line_give_back(exchange->http, TAKE_PTR(exchange->line));
	}
	curl_slist_free_all(exchange->sent_headers);
	exchange->sent_headers = NULL;
	strv_clear(&exchange->headers);
	exchange->headers_length = 0;
	exchange->status = 0;
	exchange->head_done = exchange->done = exchange->paused = false;
	exchange->head_since_ms = 0;
	exchange->buffer_begin = exchange->buffer_end = 0;
	exchange->result = CURLE_OK;
}

void http_end(struct http_exchange *exchange)
{
	forget_answer(exchange);
	strv_free(&exchange->headers);
	free(exchange->url);
	free(exchange->buffer);
	free(exchange);
}

/* A server may answer that it refuses a body before it has got all of it; then no more is sent. */
static bool is_answered(const struct http_exchange *exchange)
{
	return exchange->head_done && (exchange->all_sent || exchange->status >= 300);
}

static int begin_once(struct http_exchange *exchange, struct error *err)
{
	exchange->line = line_take(exchange->http);
	if (!exchange->line)
		return error_set(err, ENOMEM, "not enough memory for a connection");
	int r = transfer_set_up(exchange, err);
	if (r == 0)
		r = transfer_drive(exchange, is_answered, err);
	if (r < 0 && is_answered(exchange)) {
		/* What broke off behind the head is for who reads the body. */
		if (err)
			error_clear(err);
		return 0;
	}
	if (r == 0 && !exchange->head_done)
		r = error_set(err, ECONNRESET, "the server closed the connection without an answer");
	return r;
}

static bool is_redirect(const struct http_exchange *exchange)
{
	static const int statuses[] = {301, 302, 303, 307, 308};
	const struct http_request *request = &exchange->request;
	bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
	if (!request->follow || !http_header(exchange, "Location"))
		return false;
	if (!reads && request->source && exchange->sent > 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (exchange->status == statuses[i])
			return reads || exchange->status >= 307;
	return false;
}

static int follow(struct http_exchange *exchange, struct error *err)
{
	auto_free char *next = NULL;
	auto_strbuf struct strbuf ignored = STRBUF_INIT;
	int r = http_resolve(exchange->url, http_header(exchange, "Location"), &next, err);
	if (r < 0)
		return r;
	http_read_all(exchange, REDIRECT_BODY, &ignored, NULL);
	/* Credentials that were left behind once stay there. */
	auto_free char *origin = NULL;
	if (exchange->request.authorization &&
	    (http_origin(exchange->url, &origin, NULL) < 0 || !http_same_origin(next, origin)))
		exchange->request.authorization = NULL;
	forget_answer(exchange);
	free(exchange->url);
	exchange->url = TAKE_PTR(next);
	return 0;
}

int http_begin(struct http *http, const struct http_request *request, struct http_exchange **ret, struct error *err)
{
	auto_http_exchange struct http_exchange *exchange = xcalloc(1, sizeof(*exchange));
	exchange->http = http;
	exchange->request = *request;
	exchange->url = xstrdup(request->url);
	exchange->buffer = xmalloc(BUFFER_SIZE);
	for (int redirects = 0;; redirects++) {
		int r = begin_once(exchange, err);
		if (r < 0)
			return r;
		if (!is_redirect(exchange))
			break;
		if (redirects == REDIRECTS_MAX)
			return error_set(err, ELOOP, "more than %d redirects", REDIRECTS_MAX);
		if ((r = follow(exchange, err)) < 0)
			return r;
	}
	exchange->begun = true;
	*ret = TAKE_PTR(exchange);
	return 0;
}

/* ---- the answer ---- */

int http_status(const struct http_exchange *exchange)
{
	return exchange->status;
}

const char *http_next_header(const struct http_exchange *exchange, const char *name, size_t *position)
{
	size_t length = strlen(name);
	while (*position < exchange->headers.count) {
		const char *header = exchange->headers.items[(*position)++];
		if (strncasecmp(header, name, length) == 0 && header[length] == ':')
			return header + length + 1 + strspn(header + length + 1, " \t");
	}
	return NULL;
}

const char *http_header(const struct http_exchange *exchange, const char *name)
{
	size_t position = 0;
	return http_next_header(exchange, name, &position);
}

int64_t http_retry_after(const struct http_exchange *exchange)
{
	curl_off_t seconds = 0;
	curl_easy_getinfo(exchange->line->easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds;
}

int64_t http_length(const struct http_exchange *exchange)
{
	int64_t length;
	const char *text = http_header(exchange, "Content-Length");
	return text && parse_int64(text, "length", 0, INT64_MAX, &length, NULL) == 0 ? length : -1;
}

int64_t http_sent(const struct http_exchange *exchange)
{
	return exchange->sent;
}

const char *http_url(const struct http_exchange *exchange)
{
	return exchange->url;
}

static size_t take_buffered(struct http_exchange *exchange, void *data, size_t length)
{
	size_t there = exchange->buffer_end - exchange->buffer_begin;
	if (length > there)
		length = there;
	memcpy(data, exchange->buffer + exchange->buffer_begin, length);
	exchange->buffer_begin += length;
	if (exchange->buffer_begin == exchange->buffer_end)
		exchange->buffer_begin = exchange->buffer_end = 0;
	return length;
}

static bool reader_has_some(const struct http_exchange *exchange)
{
	return exchange->reader_got > 0;
}

ssize_t http_read(struct http_exchange *exchange, void *data, size_t length, struct error *err)
{
	if (exchange->buffer_end > 0)
		return (ssize_t)take_buffered(exchange, data, length);
	exchange->reader = data;
	exchange->reader_room = length;
	exchange->reader_got = 0;
	int r = transfer_drive(exchange, reader_has_some, err);
	exchange->reader_room = 0;
	if (exchange->reader_got > 0)
		return (ssize_t)exchange->reader_got; /* a failure after it comes again at the next call */
	return r;
}

int http_read_all(struct http_exchange *exchange, size_t max, struct strbuf *ret, struct error *err)
{
	char data[16384];
	ssize_t n;
	size_t length = 0;
	int64_t until = http_now_ms() + (int64_t)exchange->http->stall_timeout_s * 1000 * SLOWNESS_MAX;
	while ((n = http_read(exchange, data, sizeof(data), err)) > 0) {
		if (http_now_ms() > until)
			return error_set(err, ETIMEDOUT, "the answer has not come within %d seconds",
					 exchange->http->stall_timeout_s * SLOWNESS_MAX);
		if ((length += (size_t)n) > max)
			return error_set(err, EFBIG, "the answer is longer than %zu bytes", max);
		strbuf_add(ret, data, (size_t)n);
	}
	return (int)n;
}
