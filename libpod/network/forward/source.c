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
 * client's may be in use, by a connection of his to another published port. Clients on the machine's loopback come from
 * the container's own address.
 *
 * The answers to datagrams come from no accepted socket that could have a mark. They are known by the port that they are
 * sent from, and by whom they are for: a rule for each published UDP port leads to a second table, which has a local
 * route for each client that has a flow, and for nobody else, so that what the server sends to others from the same port
 * goes out as ever. A route says, too, which of the container's addresses the answer is from, if the server leaves that
 * open. Two flows of one client have two routes, of different metrics: nothing is counted.
 *
 *	forwarder: 203.0.113.7:40000 ──► 10.0.2.100:53 ──┐
 *	              ▲                                   │
 *	              └── local 203.0.113.7 dev lo ◄── udp from port 53 lookup second table
 *
 * For that the forwarder keeps a socket for changing routes, with which whoever finds a hole in it could lead the
 * container's traffic elsewhere, and each new client costs two messages to the kernel. So it is an option.
 *
 * Where something of this is refused (a kernel without policy routing, /proc/sys read-only in an outer container)
 * servers see the container's own address, as without it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libpod/network/forward/forward.h"

#define MARK     0x636f7261u /* "cora" */
#define TABLE    199
#define TABLE_OF_FLOWS 198
#define LOOPBACK 1 /* its index, in every namespace */

/* ---- the namespace ---- */

/* Routes and rules are so little that libmnl need not be linked into every container's forwarder. */
struct message {
	struct nlmsghdr header;
	union {
		struct rtmsg route;
		struct fib_rule_hdr rule;
	};
	unsigned char attributes[128];
};
_Static_assert(offsetof(struct message, attributes) == 28, "netlink aligns to 4 bytes");

/* `flags`: of a request that makes something, or 0. */
static struct message new_message(uint16_t type, uint16_t flags)
{
	return (struct message){.header = {.nlmsg_len = offsetof(struct message, attributes),
					   .nlmsg_type = type,
					   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags}};
}

static void put(struct message *message, uint16_t type, const void *value, uint16_t length)
{
	struct nlattr attribute = {.nla_len = (uint16_t)(sizeof(attribute) + length), .nla_type = type};
	unsigned char *at = (unsigned char *)message + message->header.nlmsg_len;
	memcpy(at, &attribute, sizeof(attribute));
	memcpy(at + sizeof(attribute), value, length);
	message->header.nlmsg_len += NLA_ALIGN(attribute.nla_len);
}

static void put_uint32(struct message *message, uint16_t type, uint32_t value)
{
	put(message, type, &value, sizeof(value));
}

static int carry_out(int netlink, const struct message *message)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr answer;
		char request[sizeof(struct message)];
	} answer = {.header.nlmsg_len = 0};
	if (send(netlink, message, message->header.nlmsg_len, 0) < 0)
		return -errno;
	ssize_t n = recv(netlink, &answer, sizeof(answer), 0);
	if (n < (ssize_t)(sizeof(answer.header) + sizeof(answer.answer)) || answer.header.nlmsg_type != NLMSG_ERROR)
		return n < 0 ? -errno : -EBADMSG;
	/* A forwarder before this one may have made it. */
	return answer.answer.error == -EEXIST ? 0 : answer.answer.error;
}

static struct rtmsg local_route(uint8_t family, uint8_t table)
{
	return (struct rtmsg){.rtm_family = family,
			      .rtm_table = table,
			      .rtm_type = RTN_LOCAL,
			      .rtm_scope = RT_SCOPE_HOST,
			      .rtm_protocol = RTPROT_STATIC};
}

static int route_marked(int netlink, uint8_t family)
{
	struct message route = new_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	route.route = local_route(family, TABLE);
	put_uint32(&route, RTA_OIF, LOOPBACK);
	struct message rule = new_message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	rule.rule = (struct fib_rule_hdr){.family = family, .table = TABLE, .action = FR_ACT_TO_TBL};
	put_uint32(&rule, FRA_FWMARK, MARK);
	int r = carry_out(netlink, &route);
	return r < 0 ? r : carry_out(netlink, &rule);
}

/* What a forwarder that was killed has left in the table of flows. */
static void forget_routes(int netlink, uint8_t family)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	_Alignas(struct nlmsghdr) unsigned char data[32768];
	struct message dump = new_message(RTM_GETROUTE, 0);
	dump.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	dump.route.rtm_family = family;
	int lists = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool more = lists >= 0 && connect(lists, (const struct sockaddr *)&kernel, sizeof(kernel)) == 0 &&
		    send(lists, &dump, dump.header.nlmsg_len, 0) > 0;
	while (more) {
		ssize_t left = recv(lists, data, sizeof(data), 0);
		more = left > 0;
		for (struct nlmsghdr *header = (struct nlmsghdr *)data; more && NLMSG_OK(header, left);
		     header = NLMSG_NEXT(header, left)) {
			struct message message = {.header = *header};
			more = header->nlmsg_type == RTM_NEWROUTE;
			if (!more || header->nlmsg_len > sizeof(message))
				continue;
			memcpy(&message, header, header->nlmsg_len);
			message.header.nlmsg_type = RTM_DELROUTE;
			message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
			if (message.route.rtm_table == TABLE_OF_FLOWS)
				(void)carry_out(netlink, &message);
		}
	}
	if (lists >= 0)
		close(lists);
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

void source_prepare(struct forwarder *forwarder, bool datagrams)
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
	if (datagrams && (forwarder->source[0] || forwarder->source[1])) {
		forget_routes(netlink, AF_INET);
		forget_routes(netlink, AF_INET6);
		forwarder->netlink = netlink;
	} else if (netlink >= 0) {
		close(netlink);
	}
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

/* Lets the socket have the client's address, which is found in *ret. */
static bool allow_source(const struct forwarder *forwarder, int fd, const struct sockaddr_storage *client,
			 const struct address *target, struct address *ret)
{
	int family = target->storage.ss_family;
	if (!forwarder->source[family == AF_INET6] || !find_source(client, ret) || ret->storage.ss_family != family)
		return false;
	bool transparent = family == AF_INET6 ? set_option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
					      : set_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
	return transparent && set_option(fd, SOL_SOCKET, SO_MARK, (int)MARK);
}

void source_set(const struct forwarder *forwarder, int fd, const struct sockaddr_storage *client,
		const struct address *target)
{
	struct address source;
	/* The port is chosen when it is known where to: there are as many as for each pair of addresses then. */
	if (allow_source(forwarder, fd, client, target, &source) && set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1))
		(void)bind(fd, (const struct sockaddr *)&source.storage, source.length);
}

/* ---- datagrams ---- */

static void put_address(struct message *message, uint16_t type, const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		put(message, type, &((const struct sockaddr_in6 *)address)->sin6_addr, sizeof(struct in6_addr));
	else
		put(message, type, &((const struct sockaddr_in *)address)->sin_addr, sizeof(struct in_addr));
}

/* `target` NULL: takes it away. */
static int change_route(const struct forwarder *forwarder, uint32_t index, const struct address *client,
			const struct address *target)
{
	struct message message = target ? new_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL) : new_message(RTM_DELROUTE, 0);
	message.route = local_route((uint8_t)client->storage.ss_family, TABLE_OF_FLOWS);
	message.route.rtm_dst_len = client->storage.ss_family == AF_INET6 ? 128 : 32;
	put_address(&message, RTA_DST, &client->storage);
	put_uint32(&message, RTA_OIF, LOOPBACK);
	put_uint32(&message, RTA_PRIORITY, index + 1);
	if (target)
		put_address(&message, RTA_PREFSRC, &target->storage);
	return carry_out(forwarder->netlink, &message);
}

bool source_set_flow(const struct forwarder *forwarder, uint32_t index, int fd, const struct sockaddr_storage *client,
		     const struct address *target)
{
	struct address source;
	if (forwarder->netlink < 0 || !allow_source(forwarder, fd, client, target, &source) ||
	    change_route(forwarder, index, &source, target) < 0)
		return false;
	/* The client's own port if it is not taken, by a flow of his from another published port. */
	struct address named = source;
	if (client->ss_family == AF_INET6 && source.storage.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&named.storage)->sin6_port = ((const struct sockaddr_in6 *)client)->sin6_port;
	else /* in the same place of either kind */
		((struct sockaddr_in *)&named.storage)->sin_port = ((const struct sockaddr_in *)client)->sin_port;
	if (bind(fd, (const struct sockaddr *)&named.storage, named.length) == 0 ||
	    bind(fd, (const struct sockaddr *)&source.storage, source.length) == 0)
		return true;
	change_route(forwarder, index, &source, NULL);
	return false;
}

void source_end_flow(const struct forwarder *forwarder, uint32_t index, const struct flow *flow)
{
	struct address source;
	if (flow->routed && find_source(&flow->client, &source))
		change_route(forwarder, index, &source, NULL);
}

static void change_rule(const struct forwarder *forwarder, uint16_t port, uint8_t family, uint16_t type, uint16_t flags)
{
	struct message message = new_message(type, flags);
	struct fib_rule_port_range range = {.start = port, .end = port};
	uint8_t protocol = IPPROTO_UDP;
	message.rule = (struct fib_rule_hdr){.family = family, .table = TABLE_OF_FLOWS, .action = FR_ACT_TO_TBL};
	put(&message, FRA_IP_PROTO, &protocol, sizeof(protocol));
	put(&message, FRA_SPORT_RANGE, &range, sizeof(range));
	/* Where it cannot be had, the answers are lost; the kernels that have all the rest have this. */
	if (forwarder->netlink >= 0 && forwarder->source[family == AF_INET6])
		(void)carry_out(forwarder->netlink, &message);
}

void source_add_port(const struct forwarder *forwarder, uint16_t port)
{
	change_rule(forwarder, port, AF_INET, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	change_rule(forwarder, port, AF_INET6, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
}

void source_remove_port(const struct forwarder *forwarder, uint16_t port)
{
	change_rule(forwarder, port, AF_INET, RTM_DELRULE, 0);
	change_rule(forwarder, port, AF_INET6, RTM_DELRULE, 0);
}
