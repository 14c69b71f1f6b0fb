/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/resolv.conf (resolv.conf(5)). The host's loopback resolvers, as systemd-resolved's 127.0.0.53, are not there in
 * the container: the network program answers DNS at an address of its own and asks them for us. The host's other ones
 * follow for when it does not.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include "libpod/network/settings.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

#define RESOLV_MAX      (1 << 20)
#define NAMESERVERS_MAX 3 /* resolvers look at no more */

struct resolv {
	struct strv nameservers, searches, options;
};

static void resolv_free(struct resolv *resolv)
{
	strv_free(&resolv->nameservers);
	strv_free(&resolv->searches);
	strv_free(&resolv->options);
}

static void add_words(struct strv *words, char *text)
{
	for (char *word; (word = strsep(&text, " \t"));)
		if (*word)
			strv_add(words, word);
}

static void parse(const char *text, struct resolv *resolv)
{
	auto_strv struct strv lines = STRV_INIT;
	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.count; i++) {
		char *rest = lines.items[i] + strspn(lines.items[i], " \t");
		if (*rest == '#' || *rest == ';')
			continue;
		rest[strcspn(rest, "\r")] = '\0';
		const char *key = strsep(&rest, " \t");
		if (!rest)
			continue;
		if (strcmp(key, "nameserver") == 0) {
			add_words(&resolv->nameservers, rest);
		} else if (strcmp(key, "search") == 0 || strcmp(key, "domain") == 0) {
			strv_clear(&resolv->searches); /* the last one counts */
			add_words(&resolv->searches, rest);
		} else if (strcmp(key, "options") == 0) {
			add_words(&resolv->options, rest);
		}
	}
}

/* Reachable from a network of the container's own: not the host's loopback, nor an address of one link. */
static bool is_reachable(const char *address)
{
	struct in_addr in;
	struct in6_addr in6;
	if (inet_pton(AF_INET, address, &in) == 1)
		return ntohl(in.s_addr) >> 24 != 127 && in.s_addr != 0;
	return inet_pton(AF_INET6, address, &in6) == 1 && !IN6_IS_ADDR_LOOPBACK(&in6) && !IN6_IS_ADDR_LINKLOCAL(&in6);
}

static void put_words(struct strbuf *text, const char *key, const struct strv *words)
{
	if (!words->count)
		return;
	auto_free char *joined = strv_join(words, " ");
	strbuf_printf(text, "%s %s\n", key, joined);
}

static void put_nameservers(struct strbuf *text, const struct container *container,
			    const struct network_settings *settings, const struct resolv *host)
{
	bool shared = settings->kind == NETWORK_HOST;
	const struct strv *nameservers = container->dns.count ? &container->dns : &host->nameservers;
	size_t count = 0;
	if (!container->dns.count && network_is_private(settings) && *settings->dns) {
		strbuf_printf(text, "nameserver %s\n", settings->dns);
		count++;
	}
	for (size_t i = 0; i < nameservers->count && count < NAMESERVERS_MAX; i++) {
		if (!container->dns.count && !shared && !is_reachable(nameservers->items[i]))
			continue;
		strbuf_printf(text, "nameserver %s\n", nameservers->items[i]);
		count++;
	}
}

static bool is_listed(const struct strbuf *text, const char *line)
{
	return text->length && strstr(strbuf_text(text), line);
}

/* The gateways, where the keeper's resolver answers. How many there were. */
static size_t put_gateways(struct strbuf *text, const struct network_given *given)
{
	char address[IP_TEXT_MAX];
	size_t count = 0;
	for (size_t i = 0; given && i < given->count; i++) {
		for (uint32_t j = 0; j < given->items[i].count && count < NAMESERVERS_MAX; j++) {
			if (!given->items[i].addresses[j].resolver)
				continue;
			auto_free char *line = xasprintf("nameserver %s\n", ip_format(&given->items[i].addresses[j].gateway, address));
			if (!is_listed(text, line))
				strbuf_puts(text, line);
			count++;
		}
	}
	return count;
}

static bool has_names(const struct network_given *given)
{
	for (size_t i = 0; given && i < given->count; i++)
		if (given->items[i].dns)
			return true;
	return false;
}

char *network_resolv_conf_from(const struct container *container, const struct network_settings *settings,
			       const struct network_given *given, const char *host_text)
{
	if (settings->kind == NETWORK_HOST && !container->dns.count && !container->dns_search.count &&
	    !container->dns_options.count)
		return xstrdup(host_text);
	CLEANUP(resolv_free) struct resolv host = {.nameservers = STRV_INIT};
	parse(host_text, &host);
	struct strbuf text = STRBUF_INIT;
	if (put_gateways(&text, given) == 0)
		put_nameservers(&text, container, settings, &host);
	/* "." alone: no search. */
	auto_strv struct strv own = STRV_INIT;
	const struct strv *searches = container->dns_search.count ? &container->dns_search : &host.searches;
	if (has_names(given) && !container->dns_search.count) {
		strv_add(&own, NETWORK_DOMAIN);
		strv_add_all(&own, searches);
		searches = &own;
	}
	if (!(searches->count == 1 && strcmp(searches->items[0], ".") == 0))
		put_words(&text, "search", searches);
	put_words(&text, "options", container->dns_options.count ? &container->dns_options : &host.options);
	return strbuf_take(&text);
}

char *network_host_resolv_conf(void)
{
	char *text = NULL;
	return file_read_at(AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, &text, NULL, NULL) < 0 ? xstrdup("") : text;
}

int network_resolv_conf(const struct container *container, char **ret, struct error *err)
{
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	int r = network_settings(container, &settings, err);
	if (r < 0)
		return r;
	if (settings.kind == NETWORK_CONTAINER) {
		*ret = NULL;
		return 0;
	}
	auto_free char *host_text = network_host_resolv_conf();
	*ret = network_resolv_conf_from(container, &settings, NULL, host_text);
	return 0;
}
