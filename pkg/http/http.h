/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: HTTP requests over libcurl, in pull style: the body of an answer is read when, and as far as, the caller wants it.
 *
 *	auto_http_exchange struct http_exchange *exchange = NULL;
 *	r = http_begin(http, &(struct http_request){.method = "GET", .url = url, .follow = true}, &exchange, err);
 *	while (r == 0 && (n = http_read(exchange, data, sizeof(data), err)) > 0)
 *		…
 *
 * Nothing is tried again here, and no status is a failure: that is the caller's. A failure is one of the network:
 * -ECONNRESET a connection that broke, -ETIMEDOUT one that stood still, -ECONNREFUSED, -EHOSTUNREACH (also a name that
 * is not known), -EPROTO for TLS and what is not HTTP, -EBADMSG for an answer beyond its bounds. The error text is the
 * cause alone; the caller knows what was wanted of whom.
 *
 * A `struct http` may be used by several threads, an exchange by one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/error/error.h"
#include "pkg/stream/stream.h"
#include "pkg/text/text.h"

/* Once in a process, before it has a second thread. */
int http_global_init(struct error *err);

struct http_options {
	const char *user_agent;
	bool insecure;                  /* certificates are not verified */
	const struct strv *authorities; /* PEM files, trusted besides the system's; NULL: none */
	const char *certificate, *key;  /* ours, PEM files; shown to `origin` alone. NULL: none */
	const char *origin;             /* as http_origin() gives it */
	int stall_timeout_s;
};
struct http;
/* All texts are copied. -EINVAL: an authority that is no certificate. */
int http_open(const struct http_options *options, struct http **ret, struct error *err);
/* No exchange of it may be left. */
void http_close(struct http *http);
DEFINE_CLEANUP(struct http *, http_close)
#define auto_http CLEANUP(http_closep)

struct http_request {
	const char *method;
	const char *url;
	const char *authorization;  /* of the header; left out where a redirect leads to another origin. NULL: none */
	const struct strv *headers; /* "Name: value"; NULL: none */
	const void *body;           /* `body_length` bytes, or … */
	size_t body_length;
	struct stream
	    *source; /* … what this gives (borrowed), `source_size` bytes or, at -1, an unknown number; NULL: none */
	int64_t source_size;
	bool ask_first; /* the body waits until the server wants it (Expect: 100-continue), half a second at most */
	void (*progress)(void *userdata, int64_t sent); /* may be NULL */
	void *userdata;
	/* Redirects: of GET and HEAD all; of others 307 and 308, which keep method and body, where nothing of a source has
	 * been read yet: it cannot begin again. One that is not followed is an answer like others. */
	bool follow;
};

struct http_exchange;
/* Sends the request and reads the head of the answer. An error of `source` is returned as it is. */
int http_begin(struct http *http, const struct http_request *request, struct http_exchange **ret, struct error *err);
/* Gives the connection back; what is left of the body is not read. */
void http_end(struct http_exchange *exchange);
DEFINE_CLEANUP(struct http_exchange *, http_end)
#define auto_http_exchange CLEANUP(http_endp)

int http_status(const struct http_exchange *exchange);
/* The value of a header, by its name in any case; NULL: not there. */
const char *http_header(const struct http_exchange *exchange, const char *name);
/* The same of one that can be there several times: begin with *position 0; NULL at the end. */
const char *http_next_header(const struct http_exchange *exchange, const char *name, size_t *position);
/* The seconds that Retry-After asks for, also where it gives a date; 0: it is not there. */
int64_t http_retry_after(const struct http_exchange *exchange);
/* What Content-Length says of the body; -1: nothing. */
int64_t http_length(const struct http_exchange *exchange);
/* How much of the request's source has been read, whether it arrived or not. */
int64_t http_sent(const struct http_exchange *exchange);
/* The URL that answered, after all redirects. */
const char *http_url(const struct http_exchange *exchange);

/* Up to `length` (at least 1) bytes of the body, 0 at its end. */
ssize_t http_read(struct http_exchange *exchange, void *data, size_t length, struct error *err);
/* Adds all of the body. More than `max` bytes: -EFBIG; one that takes more than five times the stall timeout:
 * -ETIMEDOUT. */
int http_read_all(struct http_exchange *exchange, size_t max, struct strbuf *ret, struct error *err);

/* ---- URLs ---- */
/* "https://example.com:443", for comparing: scheme, host and port, in lower case. malloc'd; -EINVAL: no http or https
 * URL, or one with a user in it. */
int http_origin(const char *url, char **ret, struct error *err);
bool http_same_origin(const char *url, const char *origin);
/* `location` (absolute or relative) as seen from `base`; malloc'd. */
int http_resolve(const char *base, const char *location, char **ret, struct error *err);
/* Adds "name=value" as a query, value escaped; malloc'd. */
char *http_add_query(const char *url, const char *name, const char *value);
