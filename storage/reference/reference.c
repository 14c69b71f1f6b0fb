/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/reference/reference.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_LENGTH_MAX = 255, /* domain and path */
	TAG_LENGTH_MAX = 128,
};

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alphanumeric(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

void reference_free(struct reference *reference)
{
	free(reference->domain);
	free(reference->path);
	free(reference->tag);
	free(reference->digest);
	*reference = (struct reference){0};
}

bool digest_is_valid(const char *digest)
{
	size_t length;
	const char *hex;
	if (text_starts_with(digest, "sha256:"))
		length = 64, hex = digest + 7;
	else if (text_starts_with(digest, "sha512:"))
		length = 128, hex = digest + 7;
	else
		return false;
	return strlen(hex) == length && text_is_hex(hex, length);
}

/* ---- checks; each gets one piece without its separators ---- */

/* [a-z0-9]+ parted by one '.', one or two '_', or any number of '-' */
static int check_component(const char *text, size_t length, const char *whole, struct error *err)
{
	if (length == 0)
		return error_set(err, EINVAL, "invalid image name \"%s\": a part between slashes is empty", whole);
	for (size_t i = 0; i < length; i++) {
		if (is_lower(text[i]))
			continue;
		if (text[i] >= 'A' && text[i] <= 'Z')
			return error_set(err, EINVAL, "invalid image name \"%s\": it must be lower case", whole);
		if (!strchr("._-", text[i]))
			return error_set(err, EINVAL, "invalid image name \"%s\": '%c' is not allowed in \"%.*s\"",
					 whole, text[i], (int)length, text);
		size_t run = 1;
		while (i + run < length && text[i + run] == text[i])
			run++;
		size_t most = text[i] == '.' ? 1 : text[i] == '_' ? 2 : length;
		if (i == 0 || i + run == length || run > most || !is_lower(text[i + run]))
			return error_set(err, EINVAL, "invalid image name \"%s\": misplaced '%c' in \"%.*s\"", whole,
					 text[i], (int)length, text);
		i += run - 1;
	}
	return 0;
}

static int check_path(const char *path, const char *whole, struct error *err)
{
	for (;;) {
		size_t length = strcspn(path, "/");
		int r = check_component(path, length, whole, err);
		if (r < 0)
			return r;
		if (!path[length])
			return 0;
		path += length + 1;
	}
}

static bool host_is_valid(const char *host, size_t length)
{
	if (length >= 2 && host[0] == '[')
		return host[length - 1] == ']' && strspn(host + 1, "0123456789abcdefABCDEF:") == length - 2 &&
		       length > 2;
	for (size_t i = 0; i < length; i++) {
		bool edge = i == 0 || i + 1 == length || host[i - 1] == '.' || host[i + 1] == '.';
		if (!is_alphanumeric(host[i]) && (edge || (host[i] != '.' && host[i] != '-')))
			return false;
	}
	return length > 0;
}

static int check_domain(const char *domain, const char *whole, struct error *err)
{
	size_t length = domain[0] == '[' ? strcspn(domain, "]") + 1 : strcspn(domain, ":");
	if (length > strlen(domain) || !host_is_valid(domain, length))
		return error_set(err, EINVAL, "invalid image name \"%s\": \"%s\" is not a host name", whole, domain);
	const char *port = domain + length;
	if (*port && (*port != ':' || !port[1] || strspn(port + 1, "0123456789") != strlen(port + 1)))
		return error_set(err, EINVAL, "invalid image name \"%s\": \"%s\" has no valid port", whole, domain);
	return 0;
}

static int check_tag(const char *tag, const char *whole, struct error *err)
{
	if (!*tag)
		return error_set(err, EINVAL, "invalid image name \"%s\": the tag is empty", whole);
	if (strlen(tag) > TAG_LENGTH_MAX)
		return error_set(err, EINVAL, "invalid image name \"%s\": the tag is longer than %d characters", whole,
				 TAG_LENGTH_MAX);
	if (!is_alphanumeric(*tag) && *tag != '_')
		return error_set(err, EINVAL, "invalid image name \"%s\": a tag cannot begin with '%c'", whole, *tag);
	for (const char *c = tag; *c; c++)
		if (!is_alphanumeric(*c) && !strchr("_.-", *c))
			return error_set(err, EINVAL, "invalid image name \"%s\": '%c' is not allowed in a tag", whole,
					 *c);
	return 0;
}

static int check(const struct reference *reference, const char *whole, struct error *err)
{
	if (reference->digest && !digest_is_valid(reference->digest))
		return error_set(err, EINVAL, "invalid image name \"%s\": \"%s\" is not a digest", whole,
				 reference->digest);
	if (reference->tag) {
		int r = check_tag(reference->tag, whole, err);
		if (r < 0)
			return r;
	}
	if (reference->domain) {
		int r = check_domain(reference->domain, whole, err);
		if (r < 0)
			return r;
	}
	if (!*reference->path)
		return error_set(err, EINVAL, "invalid image name \"%s\": there is no name", whole);
	if (strlen(reference->path) + (reference->domain ? strlen(reference->domain) + 1 : 0) > NAME_LENGTH_MAX)
		return error_set(err, EINVAL, "invalid image name \"%.64s...\": it is longer than %d characters", whole,
				 NAME_LENGTH_MAX);
	if (!reference->domain && strlen(reference->path) == 64 && text_is_hex(reference->path, 64))
		return error_set(err, EINVAL, "invalid image name \"%s\": it is an image id", whole);
	return check_path(reference->path, whole, err);
}

/* ---- taking apart ---- */

/* As the field does it: the first part is a host when it looks like none of a path. */
static bool is_domain(const char *text, size_t length)
{
	if (length == strlen("localhost") && strncmp(text, "localhost", length) == 0)
		return true;
	for (size_t i = 0; i < length; i++)
		if (text[i] == '.' || text[i] == ':' || (text[i] >= 'A' && text[i] <= 'Z'))
			return true;
	return false;
}

int reference_parse(const char *text, struct reference *ret, struct error *err)
{
	CLEANUP(reference_free) struct reference reference = {0};
	auto_free char *rest = xstrdup(text);
	char *at = strchr(rest, '@');
	if (at) {
		*at = '\0';
		reference.digest = xstrdup(at + 1);
	}
	char *slash = strchr(rest, '/');
	char *path = rest;
	if (slash && is_domain(rest, (size_t)(slash - rest))) {
		reference.domain = xstrndup(rest, (size_t)(slash - rest));
		path = slash + 1;
	}
	char *colon = strchr(path, ':');
	if (colon) {
		*colon = '\0';
		reference.tag = xstrdup(colon + 1);
	}
	reference.path = xstrdup(path);
	int r = check(&reference, text, err);
	if (r < 0)
		return r;
	*ret = reference;
	reference = (struct reference){0};
	return 0;
}

/* ---- completing ---- */

static void replace(char **text, char *with)
{
	free(*text);
	*text = with;
}

/* Docker Hub's own names: docker.io/busybox is docker.io/library/busybox. */
static void normalize_hub(struct reference *reference)
{
	if (strcmp(reference->domain, "index.docker.io") == 0 || strcmp(reference->domain, "registry-1.docker.io") == 0)
		replace(&reference->domain, xstrdup("docker.io"));
	if (strcmp(reference->domain, "docker.io") == 0 && !strchr(reference->path, '/'))
		replace(&reference->path, xasprintf("library/%s", reference->path));
}

static void normalize(struct reference *reference, const char *domain)
{
	if (!reference->domain)
		reference->domain = xstrdup(domain);
	normalize_hub(reference);
	if (!reference->tag && !reference->digest)
		reference->tag = xstrdup("latest");
}

void reference_normalize_local(struct reference *reference)
{
	normalize(reference, "localhost");
}

void reference_normalize_docker(struct reference *reference)
{
	normalize(reference, "docker.io");
}

char *reference_repository(const struct reference *reference)
{
	return reference->domain ? xasprintf("%s/%s", reference->domain, reference->path) : xstrdup(reference->path);
}

char *reference_text(const struct reference *reference)
{
	auto_free char *repository = reference_repository(reference);
	return xasprintf("%s%s%s%s%s", repository, reference->tag ? ":" : "", reference->tag ? reference->tag : "",
			 reference->digest ? "@" : "", reference->digest ? reference->digest : "");
}
