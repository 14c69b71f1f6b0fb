/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/registry/internal.h"

#define HUB         "docker.io"
#define HUB_ADDRESS "registry-1.docker.io"

enum {
	ATTEMPTS_DEFAULT = 5,
	STALL_TIMEOUT_DEFAULT_S = 30,
};

int registry_global_init(struct error *err)
{
	return http_global_init(err);
}

static const char *address_of(const char *host)
{
	return strcmp(host, HUB) == 0 || strcmp(host, "index." HUB) == 0 ? HUB_ADDRESS : host;
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static int check_host(const char *host, struct error *err)
{
	auto_free char *url = xasprintf("https://%s", text_is_empty(host) ? "/" : host), *origin = NULL;
	if (text_is_empty(host) || strpbrk(host, "/\\@?# \t\r\n") || http_origin(url, &origin, NULL) < 0)
		return error_set(err, EINVAL, "\"%s\" is not the name of a registry: expected HOST or HOST:PORT",
				 host ? host : "");
	return 0;
}

/* The first of the directories that has one for this host is used, as podman does. */
static int find_certificates(const struct registry_options *options, struct strv *authorities, char **certificate,
			     char **key, struct error *err)
{
	int r = 0;
	if (options->certificate_directory) {
		r = registry_read_certificates(options->certificate_directory, authorities, certificate, key, err);
		return r == 0 ? error_set(err, ENOENT, "%s: there is no such directory", options->certificate_directory)
			      : r;
	}
	for (const char *const *directory = options->certificate_directories; directory && *directory && r == 0;
	     directory++) {
		auto_free char *path = xasprintf("%s/%s", *directory, options->host);
		r = registry_read_certificates(path, authorities, certificate, key, err);
	}
	return r;
}

static int open_http(struct registry *registry, const struct registry_options *options, struct error *err)
{
	auto_strv struct strv authorities = STRV_INIT;
	auto_free char *certificate = NULL, *key = NULL, *base = registry_base(registry), *origin = NULL;
	int r = find_certificates(options, &authorities, &certificate, &key, err);
	if (r < 0 || (r = http_origin(base, &origin, err)) < 0)
		return r;
	return http_open(&(struct http_options){.user_agent = options->user_agent,
						.insecure = options->insecure,
						.authorities = &authorities,
						.certificate = certificate,
						.key = key,
						.origin = origin,
						.stall_timeout_s = options->stall_timeout_s > 0
								       ? options->stall_timeout_s
								       : STALL_TIMEOUT_DEFAULT_S},
			 &registry->http, err);
}

int registry_open(const struct registry_options *options, struct registry **ret, struct error *err)
{
	int r = check_host(options->host, err);
	if (r < 0)
		return r;
	auto_registry struct registry *registry = xcalloc(1, sizeof(*registry));
	pthread_mutex_init(&registry->mutex, NULL);
	registry->name = xstrdup(options->host);
	registry->address = xstrdup(address_of(options->host));
	registry->username = copy(options->username);
	registry->password = copy(options->password);
	registry->identity_token = copy(options->identity_token);
	registry->insecure = options->insecure;
	registry->attempts = options->attempts > 0 ? options->attempts : ATTEMPTS_DEFAULT;
	registry->pause_ms = options->fixed_pause ? (int64_t)options->pause_s * 1000 : -1;
	if ((r = open_http(registry, options, err)) < 0)
		return r;
	*ret = TAKE_PTR(registry);
	return 0;
}

static void free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void registry_close(struct registry *registry)
{
	if (registry->http)
		http_close(registry->http);
	for (size_t i = 0; i < TOKENS_MAX; i++) {
		free(registry->tokens[i].scope);
		free_secret(registry->tokens[i].text);
	}
	challenge_clear(&registry->challenge);
	free_secret(registry->password);
	free_secret(registry->identity_token);
	free(registry->username);
	free(registry->address);
	free(registry->name);
	pthread_mutex_destroy(&registry->mutex);
	free(registry);
}

char *registry_base(const struct registry *registry)
{
	return xasprintf("%s://%s", registry->plain_http ? "http" : "https", registry->address);
}

int registry_check(struct registry *registry, struct error *err)
{
	auto_answer struct answer answer = {0};
	struct call call = {.what = "log in", .scope = "", .request = {.method = "GET", .url = "/v2/", .follow = true}};
	int r = registry_call(registry, &call, &answer, err);
	return r == -ENOENT
		   ? error_set(err, EPROTO, "%s: there is no registry (version 2) at this address", registry->name)
		   : r;
}

/* Names that have come this far obey the grammar of references; this only holds what would change the meaning of a URL.
 */
static bool is_harmless(const char *text)
{
	return *text && !strstr(text, "..") &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:+") == strlen(text);
}

int registry_check_name(const char *repository, const char *reference, struct error *err)
{
	if (!is_harmless(repository) || strchr(repository, ':'))
		return error_set(err, EINVAL, "\"%s\" is not the name of a repository", repository);
	if (reference && (!is_harmless(reference) || strchr(reference, '/')))
		return error_set(err, EINVAL, "\"%s\" is neither a tag nor a digest", reference);
	return 0;
}
