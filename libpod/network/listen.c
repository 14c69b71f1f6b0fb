/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening sockets of published ports. "All addresses" is one socket for both families where the host has IPv6.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpod/network/settings.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

/* How often a free run of ports is looked for, when a range was left to us. */
#define CHOICES_MAX 64

struct address {
	struct sockaddr_storage storage;
	socklen_t length;
};

static int make_address(const char *ip, uint16_t port, int family, struct address *ret)
{
	*ret = (struct address){.length = 0};
	if (family == AF_INET6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->storage;
		*in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		ret->length = sizeof(*in6);
		return inet_pton(AF_INET6, *ip ? ip : "::", &in6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->storage;
	*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	ret->length = sizeof(*in);
	return inet_pton(AF_INET, *ip ? ip : "0.0.0.0", &in->sin_addr) == 1 ? 0 : -EINVAL;
}

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Replies to datagrams leave from the address that was asked: the forwarder is told which it was. */
static int prepare(int fd, bool tcp, int family, bool all)
{
	int r = 0;
	if (family == AF_INET6)
		r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !all);
	if (r == 0 && tcp)
		return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r == 0 && family == AF_INET6)
		r = set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	if (r == 0 && family == AF_INET)
		r = set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	return r;
}

static int open_family(bool tcp, const char *ip, uint16_t port, int family)
{
	struct address address;
	int r = make_address(ip, port, family, &address);
	if (r < 0)
		return r;
	auto_close int made = socket(family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made < 0)
		return -errno;
	/* Clear of the standard descriptors, even when we were started without them. */
	auto_close int fd = fcntl(made, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	r = prepare(fd, tcp, family, !*ip);
	if (r < 0)
		return r;
	if (bind(fd, (const struct sockaddr *)&address.storage, address.length) < 0)
		return -errno;
	/* Cut by net.core.somaxconn. */
	if (tcp && listen(fd, 4096) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int open_one(const struct container_port *port, uint16_t number)
{
	bool tcp = strcmp(port->protocol, "tcp") == 0;
	if (*port->host_ip)
		return open_family(tcp, port->host_ip, number, strchr(port->host_ip, ':') ? AF_INET6 : AF_INET);
	int fd = open_family(tcp, "", number, AF_INET6);
	/* A host without IPv6, or with it switched off. */
	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
		fd = open_family(tcp, "", number, AF_INET);
	return fd;
}

static uint16_t bound_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address = {.in6 = {.sin6_family = AF_UNSPEC}};
	socklen_t length = sizeof(address);
	if (getsockname(fd, &address.any, &length) < 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

static int first_unprivileged_port(void)
{
	auto_free char *text = NULL;
	if (file_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 64, &text, NULL, NULL) < 0)
		return 1024;
	return atoi(text);
}

static int explain(const struct container_port *port, uint16_t number, int errnum, struct error *err)
{
	const char *open = strchr(port->host_ip, ':') ? "[" : "", *close = *open ? "]" : "",
		   *colon = *port->host_ip ? ":" : "";
	if (errnum == -EADDRINUSE) {
		char owner[128];
		bool known = network_port_owner(port->protocol, number, owner, sizeof(owner));
		error_set(err, EADDRINUSE, "port %s%s%s%s%d/%s is in use", open, port->host_ip, close, colon, number,
			  port->protocol);
		if (known)
			error_advice(err, " (%s)", owner);
		return errnum;
	}
	error_sys(err, errnum, "port %s%s%s%s%d/%s", open, port->host_ip, close, colon, number, port->protocol);
	if (errnum == -EACCES)
		error_advice(err,
			     "; ports below %d are for root: use another one, or ask your administrator to run: "
			     "sysctl -w net.ipv4.ip_unprivileged_port_start=%d",
			     first_unprivileged_port(), number);
	else if (errnum == -EADDRNOTAVAIL)
		error_advice(err, "; this host has no such address");
	return errnum;
}

/* Opens the ports [number, number + range); on failure those that were opened are closed again, *ret_failed is which
 * one it was. */
static int open_range(const struct container_port *port, uint16_t number, int *fds, uint16_t *ret_failed)
{
	for (uint16_t i = 0; i < port->range; i++) {
		int fd = (uint32_t)number + i > UINT16_MAX ? -EADDRINUSE : open_one(port, (uint16_t)(number + i));
		if (fd < 0) {
			*ret_failed = (uint16_t)(number + i);
			while (i > 0)
				close(fds[--i]);
			return fd;
		}
		fds[i] = fd;
	}
	return 0;
}

/* A run of free ports: the kernel chooses the first one, the others have to be free by luck. */
static int choose_range(struct container_port *port, int *fds, struct error *err)
{
	uint16_t failed = 0;
	for (int i = 0; i < CHOICES_MAX; i++) {
		struct container_port single = *port;
		single.range = 1;
		int fd = open_one(&single, 0);
		if (fd < 0)
			return explain(port, 0, fd, err);
		uint16_t first = bound_port(fd);
		if (port->range == 1) {
			port->host_port = first;
			fds[0] = fd;
			return 0;
		}
		close(fd);
		int r = open_range(port, first, fds, &failed);
		if (r == 0) {
			port->host_port = first;
			return 0;
		}
		if (r != -EADDRINUSE)
			return explain(port, failed, r, err);
	}
	return error_set(err, EADDRINUSE, "no %d free ports in a row were found", port->range);
}

static int open_port(struct container_port *port, int *fds, struct error *err)
{
	uint16_t failed = 0;
	if (!port->host_port)
		return choose_range(port, fds, err);
	int r = open_range(port, port->host_port, fds, &failed);
	return r < 0 ? explain(port, failed, r, err) : 0;
}

static int check_ipv4(const struct container *container, struct error *err)
{
	for (size_t i = 0; i < container->ports_count; i++)
		if (strchr(container->ports[i].host_ip, ':'))
			return error_set(err, EINVAL,
					 "port_handler=slirp4netns forwards from IPv4 addresses only, not from %s",
					 container->ports[i].host_ip);
	return 0;
}

int network_listen(struct container *container, int **ret_fds, size_t *ret_count, struct error *err)
{
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	int r = network_settings(container, &settings, err);
	if (r < 0)
		return r;
	if (settings.forwards && (r = check_ipv4(container, err)) < 0)
		return r;
	size_t total = 0, used = 0;
	for (size_t i = 0; i < container->ports_count && network_publishes(&settings); i++)
		total += container->ports[i].range;
	auto_free int *fds = xcalloc(total, sizeof(*fds));
	for (size_t i = 0; i < container->ports_count && used < total; i++) {
		r = open_port(&container->ports[i], fds + used, err);
		if (r < 0) {
			while (used > 0)
				close(fds[--used]);
			return r;
		}
		used += container->ports[i].range;
	}
	/* That they are free is known now; slirp4netns opens them itself. */
	for (; settings.forwards && total > 0; total--)
		close(fds[total - 1]);
	*ret_fds = TAKE_PTR(fds);
	*ret_count = total;
	return 0;
}
