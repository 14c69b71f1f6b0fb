/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading blobs. The stream asks again, from where it stands, when a connection breaks; who reads notices nothing but
 * the pause. Tries are counted anew whenever a good piece has come, so that a large blob comes through a bad line, and
 * a server that gives a byte per connection is not asked for ever.
 */
#include <inttypes.h>
#include <string.h>

#include "pkg/registry/internal.h"

#define GOOD_PIECE ((int64_t)1024 * 1024)

struct blob {
	struct stream stream;
	struct registry *registry;
	char *url, *scope, *what;
	int64_t size;     /* -1: until the server ends */
	int64_t position; /* of the next byte that the reader gets */
	int64_t unseen;   /* bytes to pass over, since the server began before it */
	int64_t since_break;
	struct backoff backoff;
	struct http_exchange *exchange; /* NULL: none at the moment */
	bool no_ranges;
	bool ended;
	bool too_short; /* the last answer was whole, and still not all of the blob */
};

static void blob_close(struct stream *stream)
{
	struct blob *blob = (struct blob *)stream;
	if (blob->exchange)
		http_end(blob->exchange);
	free(blob->url);
	free(blob->scope);
	free(blob->what);
	free(blob);
}

static int wrong_size(const struct blob *blob, int64_t size, struct error *err)
{
	return error_set(err, EBADMSG, "%s: %s: it has %" PRId64 " bytes, not %" PRId64 " as the manifest says",
			 blob->registry->name, blob->what, size, blob->size);
}

bool content_range_parse(const char *text, int64_t *ret_begin, int64_t *ret_size)
{
	int64_t end;
	*ret_size = -1;
	return text && sscanf(text, "bytes %18" SCNd64 "-%18" SCNd64 "/%18" SCNd64, ret_begin, &end, ret_size) >= 2;
}

/* What the answer's head says of where it begins and how much there is. */
static int take_head(struct blob *blob, bool *ret_again, struct error *err)
{
	int64_t begin = 0, size = http_length(blob->exchange);
	*ret_again = false;
	if (http_status(blob->exchange) == 206 &&
	    !content_range_parse(http_header(blob->exchange, "Content-Range"), &begin, &size))
		begin = -1;
	if (begin < 0 || begin > blob->position) {
		/* It does not understand ranges, but thinks that it does. */
		*ret_again = !blob->no_ranges;
		blob->no_ranges = true;
		http_end(TAKE_PTR(blob->exchange));
		return *ret_again ? 0
				  : error_set(err, EPROTO, "%s: %s: it sends another range than it was asked for",
					      blob->registry->name, blob->what);
	}
	blob->unseen = blob->position - begin;
	return blob->size >= 0 && size > blob->size ? wrong_size(blob, size, err) : 0;
}

static int ask_once(struct blob *blob, struct trial *ret_trial, struct error *err)
{
	bool again = true;
	int r = 0;
	while (r == 0 && again) {
		auto_strv struct strv headers = STRV_INIT;
		if (blob->position > 0 && !blob->no_ranges)
			strv_addf(&headers, "Range: bytes=%" PRId64 "-", blob->position);
		struct call call = {
		    .what = blob->what,
		    .scope = blob->scope,
		    .request = {.method = "GET", .url = blob->url, .headers = &headers, .follow = true}};
		r = registry_try(blob->registry, &call, &blob->exchange, ret_trial, err);
		if (r == 0) {
			*ret_trial = (struct trial){0};
			r = take_head(blob, &again, err);
		}
	}
	return r;
}

static int ask(struct blob *blob, struct error *err)
{
	struct trial trial = {0};
	int r;
	do
		r = ask_once(blob, &trial, err);
	while (r < 0 && backoff_wait(&blob->backoff, &trial));
	return r;
}

/* Passes over what was read before; data is the reader's, as room. */
static int pass_over(struct blob *blob, void *data, size_t length, struct error *err)
{
	while (blob->unseen > 0) {
		ssize_t n = http_read(blob->exchange, data,
				      (int64_t)length < blob->unseen ? length : (size_t)blob->unseen, err);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return error_set(err, ECONNRESET, "it ended before byte %" PRId64, blob->position);
		blob->unseen -= n;
	}
	return 0;
}

/* All bytes are there: nothing may follow. */
static ssize_t take_end(struct blob *blob, struct error *err)
{
	char byte;
	if (!blob->ended && blob->exchange && blob->unseen == 0 && http_read(blob->exchange, &byte, 1, NULL) > 0)
		return error_set(err, EBADMSG, "%s: %s: it is longer than %" PRId64 " bytes, which the manifest says",
				 blob->registry->name, blob->what, blob->size);
	blob->ended = true;
	if (blob->exchange)
		http_end(TAKE_PTR(blob->exchange));
	return 0;
}

static ssize_t read_once(struct blob *blob, void *data, size_t length, struct error *err)
{
	int r = pass_over(blob, data, length, err);
	if (r < 0)
		return r;
	if (blob->size >= 0 && (int64_t)length > blob->size - blob->position)
		length = (size_t)(blob->size - blob->position);
	ssize_t n = http_read(blob->exchange, data, length, err);
	blob->too_short = n == 0 && blob->size >= 0;
	if (blob->too_short)
		return error_set(err, ECONNRESET, "it ended after %" PRId64 " of %" PRId64 " bytes", blob->position,
				 blob->size);
	return n;
}

static void count_progress(struct blob *blob, ssize_t n)
{
	blob->position += n;
	blob->since_break += n;
	if (blob->since_break >= GOOD_PIECE)
		blob->backoff.tried = 0;
}

/* A line that breaks says nothing of the bytes before it, which are worth keeping; a blob that is no longer than this
 * is another one than the manifest means. */
static int fail(struct blob *blob, int r, struct error *err)
{
	if (r == -ECONNRESET && blob->too_short)
		r = -EBADMSG;
	error_context(err, "%s: %s: it broke off at byte %" PRId64, blob->registry->name, blob->what, blob->position);
	if (err)
		err->errnum = -r;
	return r;
}

static ssize_t blob_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct blob *blob = (struct blob *)stream;
	for (;;) {
		int r;
		if (blob->ended || blob->position == blob->size)
			return take_end(blob, err);
		if (!blob->exchange && (r = ask(blob, err)) < 0)
			return r;
		ssize_t n = read_once(blob, data, length, err);
		if (n >= 0) {
			count_progress(blob, n);
			blob->ended = n == 0;
			return n;
		}
		struct trial trial;
		trial_of_error((int)n, &trial);
		http_end(TAKE_PTR(blob->exchange));
		blob->since_break = 0;
		if (!backoff_wait(&blob->backoff, &trial))
			return fail(blob, (int)n, err);
	}
}

int registry_blob_open(struct registry *registry, const char *repository, const char *digest, int64_t size,
		       int64_t offset, struct stream **ret, struct error *err)
{
	int r = registry_check_name(repository, digest, err);
	if (r < 0)
		return r;
	struct blob *blob = xcalloc(1, sizeof(*blob));
	auto_stream struct stream *stream = &blob->stream;
	*blob = (struct blob){.stream = {blob_read, NULL, blob_close},
			      .registry = registry,
			      .url = xasprintf("/v2/%s/blobs/%s", repository, digest),
			      .scope = xasprintf("repository:%s:pull", repository),
			      .what = xasprintf("read blob %s@%s", repository, digest),
			      .size = size,
			      .position = offset,
			      .backoff = {.attempts = registry->attempts, .pause_ms = registry->pause_ms}};
	if (size < 0 || offset < size)
		r = ask(blob, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(stream);
	return 0;
}

int registry_blob_head(struct registry *registry, const char *repository, const char *digest, int64_t *ret_size,
		       struct error *err)
{
	auto_answer struct answer answer = {0};
	int r = registry_check_name(repository, digest, err);
	if (r < 0)
		return r;
	auto_free char *url = xasprintf("/v2/%s/blobs/%s", repository, digest),
		       *scope = xasprintf("repository:%s:pull", repository),
		       *what = xasprintf("look for blob %s@%s", repository, digest);
	struct call call = {.what = what, .scope = scope, .request = {.method = "HEAD", .url = url, .follow = true}};
	r = registry_call(registry, &call, &answer, err);
	if (r == -ENOENT) {
		if (err)
			error_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	if (ret_size)
		*ret_size = http_length(answer.exchange);
	return 1;
}
