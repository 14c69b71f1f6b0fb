/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's own address, as the server in the container sees it.
 *
 * The forwarder is in the container's network namespace, where it may give the socket that leads to the server any
 * address (IP_TRANSPARENT, ip(7)). The server's answers then go to an address somewhere in the world, and must not
 * leave the namespace. So the socket is marked; the server's accepted socket takes the mark over from the SYN
 * (tcp_fwmark_accept), as does a reset that the kernel sends where nobody listens (fwmark_reflect); and a rule says
 * that what is marked is delivered here, whatever its address:
 *
 *	client 203.0.113.7 ──► forwarder: 203.0.113.7:40000, marked ──► 10.0.2.100:80, marked ──┐
 *	                                  ▲                                                      │
 *	                                  └── local 0.0.0.0/0 dev lo ◄── fwmark lookup table ◄───┘
 *
 * Nothing else in the namespace has the mark, so nothing else is affected. The port is the kernel's choice: the
 * client's may be in use, by a connection of his to another published port. There is no such thing for datagrams,
 * whose answers no accepted socket sends: they come from the container's own address. So do clients on the machine's
 * loopback.
 *
 * Where something of this is refused (a kernel without policy routing, /proc/sys read-only in an outer container)
 * servers see the container's own address, as without it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libpod/network/forward/forward.h"

#define MARK     0x636f7261u /* "cora" */
#define TABLE    199
#define LOOPBACK 1 /* its index, in every namespace */
#define ATTRIBUTE(id)                                                                                                  \
	{                                                                                                              \
		.nla_len = sizeof(struct nlattr) + sizeof(uint32_t), .nla_type = (id)                                  \
	}

/* ---- the namespace ---- */

/* Two messages of fixed form, for which libmnl would have to be linked into every container's forwarder. */
struct message {
	struct nlmsghdr header;
	union {
		struct rtmsg route;
		struct fib_rule_hdr rule;
	};
	struct nlattr attribute;
	uint32_t value;
};
_Static_assert(sizeof(struct message) == 36, "netlink aligns to 4 bytes");

static int carry_out(int netlink, const struct message *message)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr answer;
		char request[sizeof(struct message)];
	} answer = {.header.nlmsg_len = 0};
	if (send(netlink, message, sizeof(*message), 0) < 0)
		return -errno;
	ssize_t n = recv(netlink, &answer, sizeof(answer), 0);
	if (n < (ssize_t)(sizeof(answer.header) + sizeof(answer.answer)) || answer.header.nlmsg_type != NLMSG_ERROR)
		return n < 0 ? -errno : -EBADMSG;
	/* A forwarder before this one may have made it. */
	return answer.answer.error == -EEXIST ? 0 : answer.answer.error;
}

static int route_marked(int netlink, uint8_t family)
{
	const struct nlmsghdr header = {.nlmsg_len = sizeof(struct message),
					.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL};
	struct message route = {
	    .header = header,
	    .route = {.rtm_family = family,
		      .rtm_table = TABLE,
		      .rtm_type = RTN_LOCAL,
		      .rtm_scope = RT_SCOPE_HOST,
		      .rtm_protocol = RTPROT_STATIC},
	    .attribute = ATTRIBUTE(RTA_OIF),
	    .value = LOOPBACK,
	};
	struct message rule = {
	    .header = header,
	    .rule = {.family = family, .table = TABLE, .action = FR_ACT_TO_TBL},
	    .attribute = ATTRIBUTE(FRA_FWMARK),
	    .value = MARK,
	};
	route.header.nlmsg_type = RTM_NEWROUTE;
	rule.header.nlmsg_type = RTM_NEWRULE;
	int r = carry_out(netlink, &route);
	return r < 0 ? r : carry_out(netlink, &rule);
}

static int switch_on(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = write(fd, "1", 1) == 1 ? 0 : -errno;
	close(fd);
	return r;
}

static int prepare(int netlink, uint8_t family)
{
	int r = route_marked(netlink, family);
	return r < 0 ? r
		     : switch_on(family == AF_INET ? "/proc/sys/net/ipv4/fwmark_reflect"
						   : "/proc/sys/net/ipv6/fwmark_reflect");
}

void source_prepare(struct forwarder *forwarder)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	/* The first process may not have come to that yet; any socket will do. */
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	if (netlink >= 0)
		(void)ioctl(netlink, SIOCSIFFLAGS, &loopback);
	/* Of both families: the container may have another address later. */
	if (netlink >= 0 && connect(netlink, (const struct sockaddr *)&kernel, sizeof(kernel)) == 0 &&
	    switch_on("/proc/sys/net/ipv4/tcp_fwmark_accept") == 0) {
		forwarder->source[0] = prepare(netlink, AF_INET) == 0;
		forwarder->source[1] = prepare(netlink, AF_INET6) == 0;
	}
	if (netlink >= 0)
		close(netlink);
}

/* ---- a connection ---- */

static bool from_ipv4(struct in_addr address, struct address *ret)
{
	uint32_t number = ntohl(address.s_addr);
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->storage;
	if (number >> 24 == 127 || number == 0)
		return false;
	*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = address};
	ret->length = sizeof(*in);
	return true;
}

/* The address to be shown; false when there is none. A client that came by IPv4 has a mapped address on sockets for
 * both families. */
static bool find_source(const struct sockaddr_storage *client, struct address *ret)
{
	*ret = (struct address){.length = 0};
	if (client->ss_family == AF_INET)
		return from_ipv4(((const struct sockaddr_in *)client)->sin_addr, ret);
	if (client->ss_family != AF_INET6)
		return false;
	const struct in6_addr *address = &((const struct sockaddr_in6 *)client)->sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(address)) {
		struct in_addr in;
		memcpy(&in, address->s6_addr + 12, sizeof(in));
		return from_ipv4(in, ret);
	}
	/* An address of one link means nothing on another one. */
	if (IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_UNSPECIFIED(address))
		return false;
	*(struct sockaddr_in6 *)&ret->storage = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = *address};
	ret->length = sizeof(struct sockaddr_in6);
	return true;
}

static bool set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

void source_set(const struct forwarder *forwarder, int fd, const struct sockaddr_storage *client)
{
	struct address source;
	int family = forwarder->target.storage.ss_family;
	if (!forwarder->source[family == AF_INET6] || !find_source(client, &source) ||
	    source.storage.ss_family != family)
		return;
	bool transparent = family == AF_INET6 ? set_option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
					      : set_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
	/* The port is chosen when it is known where to: there are as many as for each pair of addresses then. */
	if (!transparent || !set_option(fd, SOL_SOCKET, SO_MARK, (int)MARK) ||
	    !set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1))
		return;
	(void)bind(fd, (const struct sockaddr *)&source.storage, source.length);
}
