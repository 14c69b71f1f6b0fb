/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "libpod/network/settings.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

#define HOSTS_MAX (4 << 20)

static const char base[] = "127.0.0.1\tlocalhost\n"
			   "::1\tlocalhost ip6-localhost ip6-loopback\n"
			   "fe00::0\tip6-localnet\n"
			   "ff00::0\tip6-mcastprefix\n"
			   "ff02::1\tip6-allnodes\n"
			   "ff02::2\tip6-allrouters\n";

/* ---- the host's address ---- */

/* The source address of the default route: connecting a datagram socket asks the routing table and sends nothing. */
static bool routed_address(char *out)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(9)};
	socklen_t length = sizeof(in);
	inet_pton(AF_INET, "198.51.100.1", &in.sin_addr); /* RFC 5737: nobody's */
	return fd >= 0 && connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0 &&
	       getsockname(fd, (struct sockaddr *)&in, &length) == 0 && ntohl(in.sin_addr.s_addr) >> 24 != 127 &&
	       inet_ntop(AF_INET, &in.sin_addr, out, INET_ADDRSTRLEN);
}

static bool any_address(char *out)
{
	struct ifaddrs *all;
	if (getifaddrs(&all) < 0)
		return false;
	bool found = false;
	for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next)
		found = one->ifa_addr && one->ifa_addr->sa_family == AF_INET && (one->ifa_flags & IFF_UP) &&
			!(one->ifa_flags & IFF_LOOPBACK) &&
			inet_ntop(AF_INET, &((struct sockaddr_in *)one->ifa_addr)->sin_addr, out, INET_ADDRSTRLEN);
	freeifaddrs(all);
	return found;
}

bool network_host_address(const struct network_settings *settings, char *out)
{
	if (settings->kind == NETWORK_HOST) {
		snprintf(out, INET_ADDRSTRLEN, "127.0.0.1");
		return true;
	}
	if (!network_publishes(settings))
		return false;
	if (settings->kind == NETWORK_SLIRP4NETNS && settings->slirp4netns.allow_host_loopback) {
		snprintf(out, INET_ADDRSTRLEN, "%s", settings->gateway);
		return true;
	}
	return routed_address(out) || any_address(out);
}

/* ---- /etc/hosts ---- */

struct hosts {
	struct strbuf text;
	const char *gateway; /* the host's address; "" when there is none */
	bool names_host[2];  /* the user said what host.containers.internal and host.docker.internal are */
};
static const char *const host_names[] = {"host.containers.internal", "host.docker.internal"};

/* --add-host NAME[;NAME…]:ADDRESS */
static int add_host(struct hosts *hosts, const char *text, struct error *err)
{
	const char *colon = strchr(text, ':');
	if (!colon || colon == text || !colon[1])
		return error_set(err, EINVAL, "add-host \"%s\": expected NAME:ADDRESS", text);
	const char *address = colon + 1;
	if (strcmp(address, "host-gateway") == 0) {
		if (!*hosts->gateway)
			return error_set(
			    err, EADDRNOTAVAIL,
			    "add-host \"%s\": this host has no address that the container's network reaches", text);
		address = hosts->gateway;
	}
	/* docker allows brackets around IPv6. */
	size_t length = strlen(address);
	bool bracketed = length > 2 && address[0] == '[' && address[length - 1] == ']';
	auto_free char *bare = bracketed ? xstrndup(address + 1, length - 2) : xstrdup(address);
	struct in6_addr in;
	if (inet_pton(AF_INET, bare, &in) != 1 && inet_pton(AF_INET6, bare, &in) != 1)
		return error_set(err, EINVAL, "add-host \"%s\": \"%s\" is not an address", text, bare);
	auto_free char *all = xstrndup(text, (size_t)(colon - text));
	auto_strv struct strv names = STRV_INIT;
	strv_split(&names, all, ';');
	for (size_t i = 0; i < names.count; i++) {
		strbuf_printf(&hosts->text, "%s\t%s\n", bare, names.items[i]);
		for (size_t n = 0; n < ARRAY_SIZE(host_names); n++)
			hosts->names_host[n] |= strcmp(names.items[i], host_names[n]) == 0;
	}
	return 0;
}

static void add_host_names(struct hosts *hosts)
{
	if (!*hosts->gateway || (hosts->names_host[0] && hosts->names_host[1]))
		return;
	strbuf_puts(&hosts->text, hosts->gateway);
	char separator = '\t';
	for (size_t n = 0; n < ARRAY_SIZE(host_names); n++) {
		if (hosts->names_host[n])
			continue;
		strbuf_printf(&hosts->text, "%c%s", separator, host_names[n]);
		separator = ' ';
	}
	strbuf_putc(&hosts->text, '\n');
}

static void add_own_name(struct hosts *hosts, const struct container *container, const char *address)
{
	const char *hostname = text_is_empty(container->hostname) ? NULL : container->hostname;
	const char *name = text_is_empty(container->name) ? NULL : container->name;
	if (name && hostname && strcmp(name, hostname) == 0)
		name = NULL;
	if (hostname || name)
		strbuf_printf(&hosts->text, "%s\t%s%s%s\n", address, hostname ? hostname : name,
			      hostname && name ? " " : "", hostname && name ? name : "");
}

/* On each of its networks it has its own name. */
static void add_own_names(struct hosts *hosts, const struct container *container, const struct network_given *given)
{
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < given->count; i++)
		for (uint32_t j = 0; j < given->items[i].count; j++)
			add_own_name(hosts, container, ip_format(&given->items[i].addresses[j].address, text));
}

int network_hosts_from(const struct container *container, const struct network_settings *settings,
		       const struct network_given *given, const char *host_text, char **ret, struct error *err)
{
	char gateway[INET_ADDRSTRLEN] = "";
	if (!network_host_address(settings, gateway))
		gateway[0] = '\0';
	struct hosts hosts = {.text = STRBUF_INIT, .gateway = given ? given->host : gateway};
	bool host = settings->kind == NETWORK_HOST;
	strbuf_puts(&hosts.text, host ? host_text : base);
	if (host && hosts.text.length && hosts.text.data[hosts.text.length - 1] != '\n')
		strbuf_putc(&hosts.text, '\n');
	for (size_t i = 0; i < container->add_hosts.count; i++) {
		int r = add_host(&hosts, container->add_hosts.items[i], err);
		if (r < 0) {
			strbuf_free(&hosts.text);
			return r;
		}
	}
	add_host_names(&hosts);
	if (given)
		add_own_names(&hosts, container, given);
	else if (!host && settings->kind != NETWORK_BRIDGE)
		add_own_name(&hosts, container, network_is_private(settings) ? settings->address : "127.0.0.1");
	*ret = strbuf_take(&hosts.text);
	return 0;
}

char *network_host_hosts(void)
{
	char *text = NULL;
	return file_read_at(AT_FDCWD, "/etc/hosts", HOSTS_MAX, &text, NULL, NULL) < 0 ? xstrdup(base) : text;
}

int network_hosts(const struct container *container, char **ret, struct error *err)
{
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	int r = network_settings(container, &settings, err);
	if (r < 0)
		return r;
	if (settings.kind == NETWORK_CONTAINER) {
		*ret = NULL;
		return 0;
	}
	auto_free char *host_text = settings.kind == NETWORK_HOST ? network_host_hosts() : NULL;
	return network_hosts_from(container, &settings, NULL, host_text, ret, err);
}
