/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are: by a name and a password with every request (Basic), or by tokens for a scope each, which the token
 * server that the registry names gives for name and password, for an identity token or to anybody (Bearer: the
 * distribution project's "Token Authentication Specification" and its OAuth2 variant).
 *
 * Once a registry has asked, it is not asked again without credentials: the token for a call's scope is fetched before.
 * When the registry wants another scope than we thought, its challenge says which; the token is kept under the scope
 * that we asked with.
 */
#include <string.h>
#include <time.h>

#include "pkg/base64/base64.h"
#include "pkg/json/json.h"
#include "pkg/registry/internal.h"

enum {
	LIFETIME_DEFAULT_S = 60,
	LIFETIME_MAX_S = 24 * 3600,
	LIFETIME_MARGIN = 10, /* a tenth of its time before it expires, a token is not used any more */
	TOKEN_ANSWER_MAX = 1024 * 1024,
};
#define CLIENT_ID "coracle"

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static char *basic(const struct registry *registry)
{
	auto_free char *pair = xasprintf("%s:%s", registry->username, registry->password ? registry->password : "");
	auto_free char *encoded = base64_encode(pair, strlen(pair));
	char *header = xasprintf("Basic %s", encoded);
	explicit_bzero(pair, strlen(pair));
	explicit_bzero(encoded, strlen(encoded));
	return header;
}

/* ---- tokens ---- */

static struct token *find_token(struct registry *registry, const char *scope)
{
	for (size_t i = 0; i < TOKENS_MAX; i++)
		if (registry->tokens[i].scope && strcmp(registry->tokens[i].scope, scope) == 0)
			return &registry->tokens[i];
	return NULL;
}

static struct token *keep_token(struct registry *registry, const char *scope, const char *text, int64_t lifetime_s)
{
	struct token *token = find_token(registry, scope);
	if (!token)
		token = &registry->tokens[registry->next_token++ % TOKENS_MAX];
	free(token->scope);
	free(token->text);
	token->scope = xstrdup(scope);
	token->text = xstrdup(text);
	token->expires_ms = now_ms() + lifetime_s * 1000 - lifetime_s * 1000 / LIFETIME_MARGIN;
	return token;
}

static int read_token(struct registry *registry, const struct answer *answer, const char *scope, struct token **ret,
		      struct error *err)
{
	auto_json struct json_object *json = NULL;
	const char *text = NULL;
	int64_t lifetime = LIFETIME_DEFAULT_S;
	int r = json_parse(strbuf_text(&answer->body), answer->body.length, "the token server's answer", &json, err);
	if (r < 0)
		return r;
	if ((r = json_get_string(json, "token", &text, err)) == 0)
		r = json_get_string(json, "access_token", &text, err);
	if (r < 0)
		return r;
	if (text_is_empty(text) || strpbrk(text, "\r\n"))
		return error_set(err, EPROTO, "there is no token in it");
	/* Whatever it says, it is not asked for each request, and a stolen token does not stay here for ever. */
	if (json_get_int(json, "expires_in", 0, INT64_MAX, &lifetime, NULL) < 0 || lifetime < LIFETIME_DEFAULT_S)
		lifetime = LIFETIME_DEFAULT_S;
	*ret = keep_token(registry, scope, text, lifetime < LIFETIME_MAX_S ? lifetime : LIFETIME_MAX_S);
	return 0;
}

static void add_scopes(char **url, const char *scopes)
{
	auto_strv struct strv each = STRV_INIT;
	strv_split(&each, scopes, ' ');
	for (size_t i = 0; i < each.count; i++) {
		if (!*each.items[i])
			continue;
		char *longer = http_add_query(*url, "scope", each.items[i]);
		free(*url);
		*url = longer;
	}
}

static void add_query(char **url, const char *name, const char *value)
{
	char *longer = http_add_query(*url, name, value);
	free(*url);
	*url = longer;
}

/* GET with name and password, or as anybody. */
static int ask_by_get(struct registry *registry, const char *scopes, struct answer *ret, struct error *err)
{
	const struct challenge *challenge = &registry->challenge;
	auto_free char *url = xstrdup(challenge->realm), *authorization = registry->username ? basic(registry) : NULL;
	if (challenge->service)
		add_query(&url, "service", challenge->service);
	add_scopes(&url, scopes);
	if (registry->username)
		add_query(&url, "account", registry->username);
	struct call call = {.what = "get a token",
			    .direct = true,
			    .request = {.method = "GET", .url = url, .authorization = authorization, .follow = true},
			    .max = TOKEN_ANSWER_MAX};
	return registry_call(registry, &call, ret, err);
}

/* POST with an OAuth2 refresh token. */
static int ask_by_post(struct registry *registry, const char *scopes, struct answer *ret, struct error *err)
{
	const struct challenge *challenge = &registry->challenge;
	auto_strv struct strv headers = STRV_INIT;
	strv_add(&headers, "Content-Type: application/x-www-form-urlencoded");
	/* A form is written as a query is. */
	auto_free char *form = http_add_query("", "grant_type", "refresh_token");
	add_query(&form, "service", challenge->service ? challenge->service : "");
	add_query(&form, "client_id", CLIENT_ID);
	add_query(&form, "refresh_token", registry->identity_token);
	if (*scopes)
		add_query(&form, "scope", scopes);
	const char *body = form + 1; /* without the question mark */
	struct call call = {.what = "get a token",
			    .direct = true,
			    .request = {.method = "POST",
					.url = challenge->realm,
					.headers = &headers,
					.body = body,
					.body_length = strlen(body)},
			    .max = TOKEN_ANSWER_MAX};
	return registry_call(registry, &call, ret, err);
}

/* A registry that is spoken to over TLS cannot make us send its credentials for everybody to read. */
static int check_realm(const struct registry *registry, struct error *err)
{
	const char *realm = registry->challenge.realm;
	auto_free char *origin = NULL;
	int r = http_origin(realm, &origin, err);
	if (r < 0)
		return r;
	bool secret = registry->username || registry->identity_token;
	if (secret && !registry->insecure && !text_starts_with(origin, "https:"))
		return error_set(err, EACCES, "%s: it wants the credentials to be sent unencrypted, to %s",
				 registry->name, realm);
	return 0;
}

static int fetch_token(struct registry *registry, const char *scope, const char *wanted_scopes, struct token **ret,
		       struct error *err)
{
	auto_answer struct answer answer = {0};
	int r = check_realm(registry, err);
	if (r == 0)
		r = (registry->identity_token ? ask_by_post : ask_by_get)(registry, wanted_scopes, &answer, err);
	if (r < 0)
		return r;
	r = read_token(registry, &answer, scope, ret, err);
	if (r < 0)
		error_context(err, "%s: get a token from %s", registry->name, registry->challenge.realm);
	return r;
}

/* ---- headers ---- */

static int authorize_locked(struct registry *registry, const char *scope, const char *wanted_scopes, char **ret,
			    struct error *err)
{
	struct token *token = NULL;
	if (registry->challenge.kind == AUTH_BASIC && registry->username)
		*ret = basic(registry);
	if (registry->challenge.kind != AUTH_BEARER)
		return 0;
	token = find_token(registry, scope);
	if (!token || token->expires_ms <= now_ms()) {
		int r = fetch_token(registry, scope, wanted_scopes, &token, err);
		if (r < 0 || !token)
			return r;
	}
	*ret = xasprintf("Bearer %s", token->text);
	return 0;
}

int registry_authorize(struct registry *registry, const char *scope, char **ret, struct error *err)
{
	pthread_mutex_lock(&registry->mutex);
	int r = authorize_locked(registry, scope, scope, ret, err);
	pthread_mutex_unlock(&registry->mutex);
	return r;
}

static void forget_token(struct registry *registry, const char *scope, const char *rejected)
{
	struct token *token = find_token(registry, scope);
	/* Another thread may have got a new one by now. */
	if (token && rejected && text_ends_with(rejected, token->text))
		token->expires_ms = 0;
}

static int reauthorize_locked(struct registry *registry, struct challenge *challenge, const char *scope,
			      const char *rejected, char **ret, struct error *err)
{
	bool again = challenge->kind == AUTH_BASIC && rejected && text_starts_with(rejected, "Basic ");
	if (challenge->kind == AUTH_NONE || again)
		return 0;
	challenge_clear(&registry->challenge);
	registry->challenge = *challenge;
	*challenge = (struct challenge){0};
	forget_token(registry, scope, rejected);
	const char *wanted = registry->challenge.scope;
	int r = authorize_locked(registry, scope, text_is_empty(wanted) ? scope : wanted, ret, err);
	return r < 0 ? r : *ret != NULL;
}

int registry_reauthorize(struct registry *registry, const struct http_exchange *exchange, const char *scope,
			 const char *rejected, char **ret, struct error *err)
{
	struct challenge challenge = {0};
	const char *header;
	size_t position = 0;
	while ((header = http_next_header(exchange, "WWW-Authenticate", &position)))
		challenge_parse(header, &challenge);
	pthread_mutex_lock(&registry->mutex);
	int r = reauthorize_locked(registry, &challenge, scope, rejected, ret, err);
	pthread_mutex_unlock(&registry->mutex);
	challenge_clear(&challenge);
	return r;
}
