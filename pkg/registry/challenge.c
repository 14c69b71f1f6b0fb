/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate: RFC 9110, section 11.6.1; Bearer's parameters are those of the distribution project's token
 * specification. */
#include <string.h>
#include <strings.h>

#include "pkg/registry/internal.h"

void challenge_clear(struct challenge *challenge)
{
	free(challenge->realm); /* NOLINT(clang-analyzer-unix.Malloc): one that was replaced is not kept */
	free(challenge->service);
	free(challenge->scope);
	*challenge = (struct challenge){0};
}

static bool is_token_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~/", c));
}

static char *take_token(const char **position)
{
	const char *begin = *position;
	while (is_token_character(**position))
		++*position;
	return xstrndup(begin, (size_t)(*position - begin));
}

static char *take_value(const char **position)
{
	/* Without quotes it should be a token; a URL is taken all the same. */
	if (**position != '"') {
		const char *begin = *position;
		*position += strcspn(begin, " \t,");
		return xstrndup(begin, (size_t)(*position - begin));
	}
	auto_strbuf struct strbuf value = STRBUF_INIT;
	const char *p = *position + 1;
	for (; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		strbuf_putc(&value, *p);
	}
	*position = *p ? p + 1 : p;
	return strbuf_take(&value);
}

static void set_parameter(struct challenge *challenge, const char *name, char *value)
{
	char **place = strcasecmp(name, "realm") == 0     ? &challenge->realm
		       : strcasecmp(name, "service") == 0 ? &challenge->service
		       : strcasecmp(name, "scope") == 0   ? &challenge->scope
							  : NULL;
	if (!place) {
		free(value);
		return;
	}
	free(*place);
	*place = value;
}

/* Bearer before Basic; of two of a kind the first. */
static void choose(struct challenge *best, struct challenge *candidate)
{
	bool usable = candidate->kind == AUTH_BASIC || (candidate->kind == AUTH_BEARER && candidate->realm);
	if (usable && candidate->kind > best->kind) {
		struct challenge worse = *best;
		*best = *candidate;
		*candidate = worse;
	}
	challenge_clear(candidate);
}

void challenge_parse(const char *header, struct challenge *ret)
{
	struct challenge current = {0};
	while (*header) {
		header += strspn(header, " \t,");
		auto_free char *word = take_token(&header);
		const char *behind = header + strspn(header, " \t");
		if (!*word) {
			if (*header)
				header++; /* what is none of the grammar */
		} else if (*behind == '=') {
			header = behind + 1 + strspn(behind + 1, " \t");
			set_parameter(&current, word, take_value(&header));
		} else {
			choose(ret, &current);
			current.kind = strcasecmp(word, "Bearer") == 0  ? AUTH_BEARER
				       : strcasecmp(word, "Basic") == 0 ? AUTH_BASIC
									: AUTH_NONE;
		}
	}
	choose(ret, &current);
}
