/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to ask: the servers that the user named, or the host's resolv.conf(5), which is read when it has changed. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libpod/resolver/internal.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

#define HOST_SERVERS_MAX 3 /* resolv.conf(5): MAXNS */
#define SILENT_MS        30000

/* ---- resolv.conf ---- */

/* An interface's name means something in the host's network namespace only: a socket that is of there can be asked. */
static uint32_t scope_of(const struct resolver *resolver, const char *interface)
{
	struct ifreq request = {.ifr_ifindex = 0};
	if (!resolver->udp[1].count || strlen(interface) >= sizeof(request.ifr_name))
		return 0;
	memcpy(request.ifr_name, interface, strlen(interface));
	return ioctl(resolver->udp[1].fds[0], SIOCGIFINDEX, &request) < 0 ? 0 : (uint32_t)request.ifr_ifindex;
}

/* "nameserver fe80::1%eth0": an address of one link needs the link. */
static void take_nameserver(const struct resolver *resolver, char *text, struct servers *servers)
{
	struct server *server = &servers->items[servers->count];
	*server = (struct server){.scope = 0};
	char *zone = strchr(text, '%');
	if (zone) {
		*zone = '\0';
		server->scope = scope_of(resolver, zone + 1);
	}
	servers->count += resolver_parse_address(text, &server->address);
}

static void parse(const struct resolver *resolver, char *text, struct servers *servers)
{
	for (char *line; (line = strsep(&text, "\n")) && servers->count < HOST_SERVERS_MAX;) {
		static const char key[] = "nameserver";
		size_t length = sizeof(key) - 1;
		if (strncmp(line, key, length) != 0 || (line[length] != ' ' && line[length] != '\t'))
			continue;
		line += length + strspn(line + length, " \t");
		line[strcspn(line, " \t\r#;")] = '\0';
		take_nameserver(resolver, line, servers);
	}
}

static void read_resolv_conf(struct resolver *resolver)
{
	struct servers servers = {.of_host = true};
	auto_close int fd = open(resolver->resolv_conf, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	/* Room that is there anyway: what is written there was read already. */
	char *text = (char *)resolver->out;
	ssize_t length = fd < 0 ? 0 : read_full(fd, text, DNS_MESSAGE_MAX - 1);
	text[length > 0 ? length : 0] = '\0';
	parse(resolver, text, &servers);
	if (!servers.count)
		resolver_parse_address("127.0.0.1", &servers.items[servers.count++].address);
	resolver->host = servers;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void follow_resolv_conf(struct resolver *resolver)
{
	struct stat now = {.st_ino = 0};
	if (stat(resolver->resolv_conf, &now) < 0)
		now = (struct stat){.st_ino = 0};
	if (resolver->host.count && same_file(&now, &resolver->resolv_conf_seen))
		return;
	/* Looked at before it is read: a change in between is seen the next time. */
	resolver->resolv_conf_seen = now;
	read_resolv_conf(resolver);
}

/* ---- the silent ones ---- */

static bool is_silent(const struct resolver *resolver, const struct resolver_address *server, int64_t now_ms)
{
	for (size_t i = 0; i < SILENT; i++)
		if (resolver->silent[i].until_ms > now_ms &&
		    resolver_address_equal(&resolver->silent[i].address, server))
			return true;
	return false;
}

void resolver_mark_silent(struct resolver *resolver, const struct resolver_address *server)
{
	size_t oldest = 0;
	for (size_t i = 0; i < SILENT; i++) {
		if (resolver_address_equal(&resolver->silent[i].address, server)) {
			oldest = i;
			break;
		}
		if (resolver->silent[i].until_ms < resolver->silent[oldest].until_ms)
			oldest = i;
	}
	resolver->silent[oldest].address = *server;
	resolver->silent[oldest].until_ms = resolver_now_ms() + SILENT_MS;
}

static void silent_ones_last(const struct resolver *resolver, struct servers *servers)
{
	struct servers sorted = {.of_host = servers->of_host};
	int64_t now_ms = resolver_now_ms();
	for (int silent = 0; silent <= 1; silent++)
		for (size_t i = 0; i < servers->count; i++)
			if (is_silent(resolver, &servers->items[i].address, now_ms) == silent)
				sorted.items[sorted.count++] = servers->items[i];
	*servers = sorted;
}

/* ---- choosing ---- */

static void take(struct servers *servers, const struct resolver_address *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		servers->items[servers->count++] = (struct server){.address = addresses[i]};
}

static void take_of_member(struct servers *servers, const struct member *member)
{
	const struct member *at = member;
	do {
		if (!servers->count)
			take(servers, at->servers, at->servers_count);
		at = at->same;
	} while (at != member);
	do {
		if (!servers->count && !at->network->internal)
			take(servers, at->network->servers, at->network->servers_count);
		at = at->same;
	} while (at != member);
}

void resolver_choose_servers(struct resolver *resolver, const struct network *network, const struct member *member,
			     struct servers *ret)
{
	*ret = (struct servers){.count = 0};
	if (member)
		take_of_member(ret, member);
	else
		take(ret, network->servers, network->servers_count);
	if (!ret->count) {
		follow_resolv_conf(resolver);
		*ret = resolver->host;
	}
	silent_ones_last(resolver, ret);
}
