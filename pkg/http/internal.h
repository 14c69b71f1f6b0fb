/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of pkg/http. A line is one curl handle with a multi handle of its own, which is what keeps connections open
 * between requests: a connection is never shared by two threads, and idle lines are taken up by whichever thread asks
 * next.
 */
#pragma once

#include <curl/curl.h>
#include <pthread.h>

#include "pkg/http/http.h"

struct line {
	CURL *easy;
	CURLM *multi;
	struct line *next; /* among the idle */
};

struct http {
	char *user_agent, *certificate, *key, *origin;
	struct strv authorities;
	bool insecure;
	int stall_timeout_s;
	pthread_mutex_t mutex; /* of the idle lines */
	struct line *idle;
	size_t idle_count;
};

struct line *line_take(struct http *http);
void line_give_back(struct http *http, struct line *line);

/* ---- one transfer: a request without its redirects ---- */

/* What is read whole, and the head of any answer, may take this many times as long as nothing may come at all: a server
 * that gives a byte now and then is not waited for without end. */
#define SLOWNESS_MAX 5
int64_t http_now_ms(void);

/* What curl gives that nobody has asked for yet: more than curl gives at a time (CURL_MAX_WRITE_SIZE), so that whoever
 * waits for a byte always gets one. */
#define BUFFER_SIZE ((size_t)128 * 1024)

struct http_exchange {
	struct http *http;
	struct http_request request;
	struct line *line;
	struct curl_slist *sent_headers;
	char *url;
	char words[CURL_ERROR_SIZE]; /* curl's own of what went wrong */

	struct strv headers; /* of the answer */
	size_t headers_length;
	int status;
	bool head_done; /* the final answer's head is there */
	int64_t head_since_ms; /* when it was seen to have begun; 0: not yet */
	bool bounds_broken;

	/* The body goes to whoever is reading; what he has no room for, here. When that is full, the transfer is
	 * paused. */
	char *buffer;
	size_t buffer_begin, buffer_end;
	char *reader;
	size_t reader_room, reader_got;
	bool paused;

	int64_t sent; /* of the request's body */
	bool all_sent;
	bool begun;                /* http_begin() is over: what the request pointed to may be gone */
	struct error source_error; /* of reading the request's source */
	uint64_t activity;         /* counts what moved: a transfer in which it stays the same stands still */
	bool done;
	CURLcode result;
};

/* Sets the curl handle up for exchange->request at exchange->url, with or without what is for our own origin alone. */
int transfer_set_up(struct http_exchange *exchange, struct error *err);
/* Lets the transfer go on until `enough` says so, or it is done; a failure of it is returned. */
int transfer_drive(struct http_exchange *exchange, bool (*enough)(const struct http_exchange *exchange),
		   struct error *err);
