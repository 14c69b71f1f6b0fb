/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry says in the heads of its answers: WWW-Authenticate, Link, Content-Range, Location. */
#include <string.h>

#include "pkg/registry/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void resolve(const char *location)
{
	static const char base[] = "https://registry.example.com:5000/v2/a/tags/list?n=2";
	auto_free char *url = NULL, *origin = NULL, *again = NULL;
	if (http_resolve(base, location, &url, NULL) < 0)
		return;
	/* What is the registry's own must be so for good: it gets the credentials. */
	if (http_origin(url, &origin, NULL) == 0 && !http_same_origin(url, origin))
		abort();
	again = http_add_query(url, "digest", location);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct challenge challenge = {0};
	int64_t begin = 0, whole = 0;
	auto_free char *text = xstrndup((const char *)data, size), *target = NULL;
	challenge_parse(text, &challenge);
	if (challenge.kind == AUTH_BEARER && !challenge.realm)
		abort();
	challenge_parse(text, &challenge);
	challenge_clear(&challenge);
	target = link_next(text);
	if (target)
		resolve(target);
	resolve(text);
	content_range_parse(text, &begin, &whole);
	return 0;
}
