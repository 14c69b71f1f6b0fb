/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of pkg/registry. A call is one thing that is wanted of the registry. From below: pkg/http sends a request;
 * registry_try() sends a call with its credentials (auth.c), once; registry_call() tries again what may go better the
 * next time.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "pkg/http/http.h"
#include "pkg/registry/registry.h"

#define ANSWER_MAX ((size_t)4 * 1024 * 1024) /* of what is neither a manifest nor a blob */

/* ---- authentication ---- */
enum auth_kind {
	AUTH_NONE, /* nothing was asked for yet */
	AUTH_BASIC,
	AUTH_BEARER,
};
struct challenge {
	enum auth_kind kind;
	char *realm, *service, *scope; /* of AUTH_BEARER; service and scope may be NULL */
};
void challenge_clear(struct challenge *challenge);
/* What a WWW-Authenticate header asks for; the better of what is in *ret already and this. */
void challenge_parse(const char *header, struct challenge *ret);

/* A token is valid for a scope, until it expires. The oldest makes room for a new one. */
struct token {
	char *scope;
	char *text;
	int64_t expires_ms;
};
#define TOKENS_MAX 16

struct registry {
	char *name;    /* as the user calls it */
	char *address; /* who is asked */
	char *username, *password, *identity_token;
	struct http *http;
	int attempts;
	int64_t pause_ms; /* -1: growing ones */
	bool insecure;
	_Atomic bool plain_http; /* TLS is not spoken there */
	_Atomic bool answered;   /* so that what is spoken is known */
	/* What an upload that did not arrive has taught: */
	_Atomic bool ask_first; /* a connection broke, maybe because nobody wanted the bytes */
	_Atomic bool in_pieces; /* they were redirected when they had been sent */
	pthread_mutex_t mutex; /* of what follows. Held while a token is fetched: who wants the same one waits for it */
	struct challenge challenge;
	struct token tokens[TOKENS_MAX];
	size_t next_token;
};

/* ---- calls ---- */
struct call {
	const char *what;            /* for errors: "read manifest library/busybox:1" */
	const char *scope;           /* "repository:library/busybox:pull", "" */
	bool direct;                 /* the URL is somebody else's, with `request.authorization` as it is */
	struct http_request request; /* `url` may begin with a slash: at the registry */
	size_t max;                  /* bytes of the answer; 0: ANSWER_MAX */
};

/* What a failed try means for the next one. */
struct trial {
	bool transient;
	bool unreachable; /* there was no connection at all; a second try is enough to believe it */
	bool redirected; /* with a body that could not be sent again */
	int64_t retry_after_s;
};
struct backoff {
	int attempts, tried;
	int64_t pause_ms; /* -1: growing and randomised */
};
/* Waits before the next try; false: there is none. */
bool backoff_wait(struct backoff *backoff, const struct trial *trial);
void trial_of_error(int r, struct trial *ret);

/* One try, with the call's name in the error. Any answer but 2xx is a failure, made of its status and the registry's
 * words. */
int registry_try(struct registry *registry, const struct call *call, struct http_exchange **ret,
		 struct trial *ret_trial, struct error *err);

struct answer {
	struct http_exchange *exchange;
	struct strbuf body;
};
void answer_clear(struct answer *answer);
#define auto_answer CLEANUP(answer_clear)
/* As many tries as are allowed; with the whole body. */
int registry_call(struct registry *registry, const struct call *call, struct answer *ret, struct error *err);

/* The header's value for a call of this scope, NULL where none is wanted. */
int registry_authorize(struct registry *registry, const char *scope, char **ret, struct error *err);
/* The same after a 401 to one that was sent with `rejected` (NULL: none). 1: *ret is worth another try; 0: nothing will
 * help. */
int registry_reauthorize(struct registry *registry, const struct http_exchange *exchange, const char *scope,
			 const char *rejected, char **ret, struct error *err);

/* ---- what heads of answers say ---- */
/* `Link: </v2/x/tags/list?last=b&n=2>; rel="next"` (RFC 8288): the address, as it is there; malloc'd, NULL for none. */
char *link_next(const char *header);
/* `Content-Range: bytes 100-199/200`: where the answer begins, and the size of all (-1: not said). `text` may be NULL. */
bool content_range_parse(const char *text, int64_t *ret_begin, int64_t *ret_size);

/* "https://registry-1.docker.io"; malloc'd. */
char *registry_base(const struct registry *registry);
/* -EINVAL for what could not be part of a URL's path. */
int registry_check_name(const char *repository, const char *reference, struct error *err);
/* The files for TLS in <directory>: authorities are added, certificate and key set (malloc'd). 1: there is such a
 * directory, 0: not. */
int registry_read_certificates(const char *directory, struct strv *authorities, char **ret_certificate, char **ret_key,
			       struct error *err);
