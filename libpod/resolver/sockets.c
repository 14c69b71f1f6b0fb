/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets: of gateways, and those that servers are asked from. The latter, where the server is the host's, are
 * made beforehand and used again and again (resolver.h, "Network namespaces"): connect(2) with AF_UNSPEC gives back the
 * port that an earlier connect(2) took, and the next one takes another, at random. UDP: udp(7), TCP: the same since
 * Linux 2.6.
 */
#include <arpa/nameser.h>
#include <errno.h>
#include <unistd.h>

#include "libpod/resolver/internal.h"
#include "pkg/cleanup/cleanup.h"

#define BACKLOG   128
#define DRAIN_MAX 4096

static socklen_t fill_address(const struct resolver_address *address, uint32_t scope, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){.ss_family = (sa_family_t)address->family};
	if (address->family == AF_INET6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
		in6->sin6_port = htons(NS_DEFAULTPORT);
		in6->sin6_scope_id = scope;
		__builtin_memcpy(&in6->sin6_addr, address->bytes, 16);
		return sizeof(*in6);
	}
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	in->sin_port = htons(NS_DEFAULTPORT);
	__builtin_memcpy(&in->sin_addr, address->bytes, 4);
	return sizeof(*in);
}

/* ---- gateways ---- */

static int open_listening(const struct resolver_address *gateway, int type)
{
	static const int on = 1;
	struct sockaddr_storage address;
	socklen_t length = fill_address(gateway, 0, &address);
	auto_close int fd = socket(gateway->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* IP_FREEBIND counts for IPv6 as well. SO_REUSEADDR: connections of an earlier keeper may still be ending. */
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (gateway->family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, length) < 0)
		return -errno;
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int resolver_listen(const struct resolver_address *gateway, int *ret_udp, int *ret_tcp, struct error *err)
{
	/* Two name servers on one address would share its queries: SO_REUSEADDR lets them, on UDP. TCP does not. */
	auto_close int tcp = open_listening(gateway, SOCK_STREAM);
	if (tcp < 0)
		return error_sys(err, tcp, "name server: listen on a gateway's TCP port 53");
	int udp = open_listening(gateway, SOCK_DGRAM);
	if (udp < 0)
		return error_sys(err, udp, "name server: listen on a gateway's UDP port 53");
	*ret_udp = udp;
	*ret_tcp = TAKE_FD(tcp);
	return 0;
}

/* ---- the host's ---- */

static int open_pool(struct pool *pool, size_t count, int family, int type)
{
	for (; pool->count < count; pool->count++) {
		int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return pool->count || errno == EAFNOSUPPORT ? 0 : -errno;
		pool->fds[pool->count] = fd;
	}
	return 0;
}

int resolver_open_pools(struct resolver *resolver, struct error *err)
{
	static const int families[] = {AF_INET, AF_INET6};
	int r = 0;
	/* TCP first: they are few, and when the limit is low they must be there as well. */
	for (int i = 0; i < 2 && r == 0; i++)
		r = open_pool(&resolver->tcp[i], POOL_TCP, families[i], SOCK_STREAM);
	for (int i = 0; i < 2 && r == 0; i++)
		r = open_pool(&resolver->udp[i], POOL_UDP, families[i], SOCK_DGRAM);
	return r < 0 ? error_sys(err, r, "name server: open sockets") : 0;
}

void resolver_close_pools(struct resolver *resolver)
{
	for (int i = 0; i < 2; i++) {
		while (resolver->udp[i].count)
			close(resolver->udp[i].fds[--resolver->udp[i].count]);
		while (resolver->tcp[i].count)
			close(resolver->tcp[i].fds[--resolver->tcp[i].count]);
	}
}

static int lend(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++) {
		if (!pool->busy[i]) {
			pool->busy[i] = true;
			return pool->fds[i];
		}
	}
	return -1;
}

static void give_back(struct pool *pool, int fd)
{
	for (size_t i = 0; i < pool->count; i++)
		if (pool->fds[i] == fd)
			pool->busy[i] = false;
}

/* ---- both ---- */

int resolver_connect(struct resolver *resolver, const struct server *server, bool of_host, bool tcp)
{
	struct sockaddr_storage address;
	socklen_t length = fill_address(&server->address, server->scope, &address);
	int family = server->address.family, ipv6 = family == AF_INET6;
	int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int fd = of_host		? lend(tcp ? &resolver->tcp[ipv6] : &resolver->udp[ipv6])
		 : resolver->open_socket ? resolver->open_socket(resolver->open_data, family, type)
					 : socket(family, type, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, length) < 0 && errno != EINPROGRESS) {
		resolver_disconnect(resolver, fd, of_host);
		return -1;
	}
	return fd;
}

void resolver_disconnect(struct resolver *resolver, int fd, bool of_host)
{
	if (!of_host) {
		close(fd);
		return;
	}
	static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	epoll_ctl(resolver->epoll, EPOLL_CTL_DEL, fd, NULL);
	if (connect(fd, &nobody, sizeof(nobody)) < 0)
		return; /* then it stays busy: one less */
	/* Nothing comes in any more; what was there, errors included, is not the next one's. */
	for (int i = 0; i < DRAIN_MAX; i++) {
		unsigned char byte;
		if (recv(fd, &byte, 1, MSG_DONTWAIT) <= 0 && (errno == EAGAIN || errno == ENOTCONN))
			break;
	}
	for (int i = 0; i < 2; i++) {
		give_back(&resolver->udp[i], fd);
		give_back(&resolver->tcp[i], fd);
	}
}
