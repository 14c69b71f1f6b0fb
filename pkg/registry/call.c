/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "pkg/json/json.h"
#include "pkg/registry/internal.h"

enum {
	PAUSE_FIRST_MS = 400, /* doubled from one try to the next */
	PAUSE_MAX_MS = 60000,
	UNREACHABLE_ATTEMPTS = 2,
	WORDS_MAX = 400,
};

void answer_clear(struct answer *answer)
{
	if (answer->exchange)
		http_end(answer->exchange);
	strbuf_free(&answer->body);
	*answer = (struct answer){0};
}

/* ---- trying again ---- */

void trial_of_error(int r, struct trial *ret)
{
	*ret = (struct trial){.unreachable = r == -ECONNREFUSED || r == -EHOSTUNREACH || r == -ENETUNREACH};
	ret->transient = ret->unreachable || r == -ECONNRESET || r == -ETIMEDOUT;
}

static void trial_of_answer(const struct http_exchange *exchange, struct trial *ret)
{
	static const int statuses[] = {408, 429, 500, 502, 503, 504};
	*ret = (struct trial){.retry_after_s = http_retry_after(exchange),
			      .redirected = http_status(exchange) == 307 || http_status(exchange) == 308};
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		ret->transient |= http_status(exchange) == statuses[i];
}

/* Between a half and all of it, so that those who failed together do not come back together. */
static int64_t with_jitter(int64_t ms)
{
	uint32_t random = 0;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return ms;
	return ms / 2 + (int64_t)(random % (uint64_t)(ms / 2 + 1));
}

bool backoff_wait(struct backoff *backoff, const struct trial *trial)
{
	backoff->tried++;
	if (!trial->transient || backoff->tried >= backoff->attempts ||
	    (trial->unreachable && backoff->tried >= UNREACHABLE_ATTEMPTS))
		return false;
	int doublings = backoff->tried < 8 ? backoff->tried - 1 : 7;
	int64_t ms = backoff->pause_ms >= 0 ? backoff->pause_ms : with_jitter((int64_t)PAUSE_FIRST_MS << doublings);
	if (trial->retry_after_s > 0)
		ms = trial->retry_after_s < PAUSE_MAX_MS / 1000 ? trial->retry_after_s * 1000 : PAUSE_MAX_MS;
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
	return true;
}

/* ---- failures ---- */

/* The server's words without control characters, and no longer than people read. */
static char *plain_words(const char *text)
{
	char *words = xstrndup(text, WORDS_MAX);
	for (char *c = words; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	return words;
}

/* {"errors": [{"code": …, "message": …, "detail": …}]}; a token server has {"details": …} or an OAuth2 error. */
static char *words_of(const struct strbuf *body)
{
	auto_json struct json_object *json = NULL;
	struct json_object *errors = NULL;
	const char *text = NULL;
	if (json_parse(strbuf_text(body), body->length, "answer", &json, NULL) < 0)
		return NULL;
	if (json_get_array(json, "errors", &errors, NULL) > 0 && json_object_array_length(errors) > 0) {
		struct json_object *first = json_object_array_get_idx(errors, 0);
		if (json_get_string(first, "message", &text, NULL) <= 0 || !*text)
			json_get_string(first, "code", &text, NULL);
	} else if (json_get_string(json, "details", &text, NULL) <= 0 &&
		   json_get_string(json, "error_description", &text, NULL) <= 0) {
		json_get_string(json, "error", &text, NULL);
	}
	return text_is_empty(text) ? NULL : plain_words(text);
}

static int error_number(int status)
{
	switch (status) {
	case 401:
	case 403:
		return EACCES;
	case 404:
		return ENOENT;
	case 408:
		return ETIMEDOUT;
	case 413:
		return EFBIG;
	case 416:
		return EBADMSG;
	case 429:
		return EBUSY;
	default:
		return status >= 500 ? EREMOTEIO : EPROTO;
	}
}

static const char *meaning(int status)
{
	switch (status) {
	case 401:
		return "not authorized";
	case 403:
		return "not allowed";
	case 404:
		return "not found";
	case 429:
		return "too many requests";
	default:
		return NULL;
	}
}

static int fail(struct registry *registry, const struct call *call, struct http_exchange *exchange, struct error *err)
{
	auto_strbuf struct strbuf body = STRBUF_INIT;
	int status = http_status(exchange);
	http_read_all(exchange, ANSWER_MAX, &body, NULL);
	auto_free char *words = words_of(&body), *number = xasprintf("HTTP status %d", status);
	const char *plain = meaning(status) ? meaning(status) : number;
	return error_set(err, error_number(status), "%s: %s: %s%s%s", registry->name, call->what, plain,
			 words ? ": " : "", words ? words : "");
}

/* ---- one try ---- */

static int send_call(struct registry *registry, const struct call *call, const char *authorization,
		     struct http_exchange **ret, struct error *err)
{
	struct http_request request = call->request;
	auto_free char *base = registry_base(registry);
	auto_free char *url = xasprintf("%s%s", request.url[0] == '/' ? base : "", request.url);
	request.url = url;
	if (!call->direct)
		request.authorization = authorization;
	return http_begin(registry->http, &request, ret, err);
}

/* What the registry refers to may be elsewhere: an upload's address, the next page. */
static bool is_own(const struct registry *registry, const char *url)
{
	auto_free char *base = registry_base(registry), *origin = NULL;
	return url[0] == '/' || (http_origin(base, &origin, NULL) == 0 && http_same_origin(url, origin));
}

static int send_authorized(struct registry *registry, const struct call *call, struct http_exchange **ret,
			   struct error *err)
{
	auto_free char *authorization = NULL, *better = NULL;
	auto_http_exchange struct http_exchange *exchange = NULL;
	bool own = !call->direct && is_own(registry, call->request.url);
	int r = own ? registry_authorize(registry, call->scope, &authorization, err) : 0;
	if (r == 0)
		r = send_call(registry, call, authorization, &exchange, err);
	if (r < 0)
		return r;
	/* What is spoken there is known from now on. */
	registry->answered |= own;
	bool spent = call->request.source && http_sent(exchange) > 0;
	/* A challenge of whom we were redirected to is not the registry's. */
	if (own && http_status(exchange) == 401 && !spent && is_own(registry, http_url(exchange))) {
		r = registry_reauthorize(registry, exchange, call->scope, authorization, &better, err);
		if (r > 0) {
			http_end(TAKE_PTR(exchange));
			r = send_call(registry, call, better, &exchange, err);
		}
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(exchange);
	return 0;
}

/* Which of the two it should have been is not known: both are told, unless nobody is there at all. A line that broke is
 * worth another try. */
static int neither(int tls, int plain, const struct error *other, struct error *err)
{
	if (err && strcmp(err->text, other->text) != 0)
		error_advice(err, "; and without TLS: %s", other->text);
	if (plain != -ECONNRESET && plain != -ETIMEDOUT)
		return tls;
	if (err)
		err->errnum = -plain;
	return plain;
}

/* Of a registry that may be insecure nobody knows whether it speaks TLS, until it has answered. */
static int send_by_any_scheme(struct registry *registry, const struct call *call, struct http_exchange **ret,
			      struct error *err)
{
	struct error other = ERROR_INIT;
	bool was_plain = registry->plain_http;
	int r = send_authorized(registry, call, ret, err);
	/* A server that takes the hello for the beginning of a line waits for its end. */
	bool tls_failed = r == -EPROTO || r == -ECONNREFUSED || r == -ECONNRESET || r == -ETIMEDOUT;
	/* Another thread may have found it out meanwhile. */
	bool known = registry->answered && registry->plain_http == was_plain;
	if (!tls_failed || !registry->insecure || known || call->direct)
		return r;
	registry->plain_http = true;
	int plain = send_authorized(registry, call, ret, &other);
	if (plain < 0 && !registry->answered) {
		registry->plain_http = false;
		return neither(r, plain, &other, err);
	}
	if (err)
		*err = other;
	return plain;
}

int registry_try(struct registry *registry, const struct call *call, struct http_exchange **ret,
		 struct trial *ret_trial, struct error *err)
{
	auto_http_exchange struct http_exchange *exchange = NULL;
	int r = send_by_any_scheme(registry, call, &exchange, err);
	if (r < 0) {
		bool told = err && text_starts_with(err->text, registry->name);
		trial_of_error(r, ret_trial);
		if (told) /* by a call for a token, which has been tried often enough */
			ret_trial->transient = false;
		else
			error_context(err, "%s: %s", registry->name, call->what);
		return r;
	}
	trial_of_answer(exchange, ret_trial);
	if (http_status(exchange) < 200 || http_status(exchange) > 299)
		return fail(registry, call, exchange, err);
	*ret = TAKE_PTR(exchange);
	return 0;
}

int registry_call(struct registry *registry, const struct call *call, struct answer *ret, struct error *err)
{
	struct backoff backoff = {.attempts = registry->attempts, .pause_ms = registry->pause_ms};
	struct trial trial = {0};
	int r;
	do {
		answer_clear(ret);
		if ((r = registry_try(registry, call, &ret->exchange, &trial, err)) < 0)
			continue;
		if ((r = http_read_all(ret->exchange, call->max ? call->max : ANSWER_MAX, &ret->body, err)) < 0) {
			trial_of_error(r, &trial);
			error_context(err, "%s: %s", registry->name, call->what);
		}
	} while (r < 0 && backoff_wait(&backoff, &trial));
	return r;
}
