/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "pkg/http/internal.h"

static inline void url_free(CURLU *url)
{
	curl_url_cleanup(url);
}
DEFINE_CLEANUP(CURLU *, url_free)
#define auto_url CLEANUP(url_freep)

static int parse(const char *text, CURLU **ret, struct error *err)
{
	auto_url CURLU *url = curl_url();
	if (!url)
		return error_set(err, ENOMEM, "not enough memory for a URL");
	if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
		return error_set(err, EINVAL, "\"%s\" is not a URL", text);
	*ret = TAKE_PTR(url);
	return 0;
}

static char *part(CURLU *url, CURLUPart which, unsigned int flags)
{
	char *text = NULL;
	if (curl_url_get(url, which, &text, flags) != CURLUE_OK)
		return NULL;
	char *copy = xstrdup(text);
	curl_free(text);
	return copy;
}

int http_origin(const char *text, char **ret, struct error *err)
{
	auto_url CURLU *url = NULL;
	int r = parse(text, &url, err);
	if (r < 0)
		return r;
	auto_free char *scheme = part(url, CURLUPART_SCHEME, 0), *host = part(url, CURLUPART_HOST, 0);
	auto_free char *port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT), *user = part(url, CURLUPART_USER, 0);
	if (!scheme || !host || !port || user || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		return error_set(err, EINVAL, "\"%s\" is not a URL of http or https without a user", text);
	for (char *c = host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	*ret = xasprintf("%s://%s:%s", scheme, host, port);
	return 0;
}

bool http_same_origin(const char *url, const char *origin)
{
	auto_free char *other = NULL;
	return http_origin(url, &other, NULL) == 0 && strcmp(other, origin) == 0;
}

int http_resolve(const char *base, const char *location, char **ret, struct error *err)
{
	auto_url CURLU *url = NULL;
	int r = parse(base, &url, err);
	if (r < 0)
		return r;
	if (curl_url_set(url, CURLUPART_URL, location, 0) != CURLUE_OK)
		return error_set(err, EPROTO, "the server refers to \"%s\", which is not a URL", location);
	auto_free char *text = part(url, CURLUPART_URL, 0), *origin = NULL;
	if (!text || http_origin(text, &origin, err) < 0)
		return error_set(err, EPROTO, "the server refers to \"%s\", which is not a URL of http or https",
				 location);
	*ret = TAKE_PTR(text);
	return 0;
}

char *http_add_query(const char *url, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, (int)strlen(value));
	char *text = xasprintf("%s%c%s=%s", url, strchr(url, '?') ? '&' : '?', name, escaped ? escaped : "");
	curl_free(escaped);
	return text;
}
