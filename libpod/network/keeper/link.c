/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/network/keeper/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "pkg/cleanup/cleanup.h"

#define MESSAGE_MAX 4096
#define ANSWER_MAX  32768
#define NEIGHBOUR_MAX 64 /* bytes of one entry */

struct message {
	char bytes[MESSAGE_MAX] __attribute__((aligned(8)));
	struct nlmsghdr *header;
};

static void begin(struct message *message, uint16_t type, uint16_t flags)
{
	message->header = mnl_nlmsg_put_header(message->bytes);
	message->header->nlmsg_type = type;
	message->header->nlmsg_flags = NLM_F_REQUEST | flags;
	message->header->nlmsg_seq = 1;
}

static int send_message(int netlink, const struct message *message)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n = sendto(netlink, message->bytes, message->header->nlmsg_len, 0, (const struct sockaddr *)&kernel,
			   sizeof(kernel));
	return n < 0 ? -errno : 0;
}

/* Sends it and reads the acknowledgement. */
static int carry_out(int netlink, struct message *message)
{
	char answer[ANSWER_MAX];
	message->header->nlmsg_flags |= NLM_F_ACK;
	int r = send_message(netlink, message);
	if (r < 0)
		return r;
	for (;;) {
		ssize_t n = recv(netlink, answer, sizeof(answer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
		if (!mnl_nlmsg_ok(header, (int)n))
			return -EBADMSG;
		if (header->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(header))->error;
	}
}

static struct ifinfomsg *begin_link(struct message *message, uint16_t flags, bool up)
{
	begin(message, RTM_NEWLINK, flags);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message->header, sizeof(*info));
	info->ifi_flags = up ? IFF_UP : 0;
	info->ifi_change = up ? IFF_UP : 0;
	return info;
}

/* What the kernel says of an interface: -ENODEV, without words, when there is none. */
static int get_link(int netlink, const char *name, char *answer, const struct nlmsghdr **ret, struct error *err)
{
	struct message message;
	begin(&message, RTM_GETLINK, 0);
	mnl_nlmsg_put_extra_header(message.header, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message.header, IFLA_IFNAME, name);
	int r = send_message(netlink, &message);
	ssize_t n = r < 0 ? r : recv(netlink, answer, ANSWER_MAX, 0);
	if (n < 0)
		return error_sys(err, r < 0 ? r : errno, "look for interface %s", name);
	const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
	if (!mnl_nlmsg_ok(header, (int)n))
		return error_sys(err, EBADMSG, "look for interface %s", name);
	if (header->nlmsg_type == NLMSG_ERROR) {
		r = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(header))->error;
		return r == -ENODEV ? r : error_sys(err, r, "look for interface %s", name);
	}
	*ret = header;
	return 0;
}

int link_index(int netlink, const char *name, struct error *err)
{
	char answer[ANSWER_MAX];
	const struct nlmsghdr *header = NULL;
	int r = get_link(netlink, name, answer, &header, err);
	return r < 0 ? r : ((const struct ifinfomsg *)mnl_nlmsg_get_payload(header))->ifi_index;
}

bool link_has_mac(int netlink, const char *name, const uint8_t *mac)
{
	char answer[ANSWER_MAX];
	const struct nlmsghdr *header = NULL;
	const struct nlattr *attribute;
	if (get_link(netlink, name, answer, &header, NULL) < 0)
		return false;
	mnl_attr_for_each(attribute, header, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(attribute) == IFLA_ADDRESS)
			return mnl_attr_get_payload_len(attribute) == 6 &&
			       memcmp(mnl_attr_get_payload(attribute), mac, 6) == 0;
	}
	return false;
}

int link_make_bridge(int netlink, const char *name, const uint8_t *mac, uint32_t mtu, uint32_t *ret_index,
		     struct error *err)
{
	struct message message;
	begin_link(&message, NLM_F_CREATE | NLM_F_EXCL, true);
	mnl_attr_put_strz(message.header, IFLA_IFNAME, name);
	if (mac)
		mnl_attr_put(message.header, IFLA_ADDRESS, 6, mac);
	if (mtu)
		mnl_attr_put_u32(message.header, IFLA_MTU, mtu);
	struct nlattr *info = mnl_attr_nest_start(message.header, IFLA_LINKINFO);
	mnl_attr_put_strz(message.header, IFLA_INFO_KIND, "bridge");
	struct nlattr *data = mnl_attr_nest_start(message.header, IFLA_INFO_DATA);
	/* Who snoops must also be answered; there is no router that would. */
	mnl_attr_put_u8(message.header, IFLA_BR_MCAST_SNOOPING, 0);
	mnl_attr_nest_end(message.header, data);
	mnl_attr_nest_end(message.header, info);
	int r = carry_out(netlink, &message);
	if (r < 0)
		return r == -EEXIST ? r : error_sys(err, r, "make the bridge %s", name);
	r = link_index(netlink, name, err);
	if (r >= 0)
		*ret_index = (uint32_t)r;
	return r < 0 ? r : 0;
}

/* The network namespace of a socket. */
static int namespace_of(int socket, struct error *err)
{
	int fd = ioctl(socket, SIOCGSKNS);
	if (fd < 0)
		return error_sys(err, errno, "find the container's network namespace");
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

int link_make_cable(int netlink, int other, const struct link_cable *cable, struct error *err)
{
	struct message message;
	auto_close int namespace = namespace_of(other, err);
	if (namespace < 0)
		return namespace;
	begin_link(&message, NLM_F_CREATE | NLM_F_EXCL, true);
	mnl_attr_put_strz(message.header, IFLA_IFNAME, cable->name);
	mnl_attr_put_u32(message.header, IFLA_MASTER, cable->bridge);
	if (cable->mtu)
		mnl_attr_put_u32(message.header, IFLA_MTU, cable->mtu);
	struct nlattr *info = mnl_attr_nest_start(message.header, IFLA_LINKINFO);
	mnl_attr_put_strz(message.header, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(message.header, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(message.header, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(message.header, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message.header, IFLA_IFNAME, cable->inside);
	mnl_attr_put(message.header, IFLA_ADDRESS, 6, cable->mac);
	if (cable->mtu)
		mnl_attr_put_u32(message.header, IFLA_MTU, cable->mtu);
	mnl_attr_put_u32(message.header, IFLA_NET_NS_FD, (uint32_t) namespace);
	mnl_attr_nest_end(message.header, peer);
	mnl_attr_nest_end(message.header, data);
	mnl_attr_nest_end(message.header, info);
	int r = carry_out(netlink, &message);
	return r < 0 && r != -EEXIST ? error_sys(err, r, "make the interface %s", cable->inside) : r;
}

static const char *child_kind(const struct link_child *child)
{
	return child->kind == KEEPER_MACVLAN ? "macvlan" : "ipvlan";
}

/* Words for what the kernel may not have, or the administrator alone. */
static int explain_child(const struct link_child *child, int r, struct error *err)
{
	if (r == -EOPNOTSUPP)
		return error_set(
		    err, EOPNOTSUPP,
		    "this kernel has no %s; an administrator can try: modprobe %s. Bridge networks work without it",
		    child_kind(child), child_kind(child));
	return error_sys(err, r, "make a %s of %s", child_kind(child), child->parent);
}

int link_make_child(int netlink, int other, const struct link_child *child, struct error *err)
{
	struct message message;
	auto_close int namespace = namespace_of(other, err);
	int parent = namespace < 0 ? namespace : link_index(netlink, child->parent, err);
	if (parent == -ENODEV)
		return error_set(
		    err, ENODEV,
		    "the networks' own namespace has no interface %s: an interface of the host's can be a parent only "
		    "if an administrator moves it there; the bridge of one of your networks can always",
		    child->parent);
	if (parent < 0)
		return parent;
	begin_link(&message, NLM_F_CREATE | NLM_F_EXCL, false);
	mnl_attr_put_strz(message.header, IFLA_IFNAME, child->inside);
	mnl_attr_put_u32(message.header, IFLA_LINK, (uint32_t)parent);
	mnl_attr_put_u32(message.header, IFLA_NET_NS_FD, (uint32_t) namespace);
	if (child->kind == KEEPER_MACVLAN)
		mnl_attr_put(message.header, IFLA_ADDRESS, 6, child->mac);
	if (child->mtu)
		mnl_attr_put_u32(message.header, IFLA_MTU, child->mtu);
	struct nlattr *info = mnl_attr_nest_start(message.header, IFLA_LINKINFO);
	mnl_attr_put_strz(message.header, IFLA_INFO_KIND, child_kind(child));
	struct nlattr *data = mnl_attr_nest_start(message.header, IFLA_INFO_DATA);
	if (child->kind == KEEPER_MACVLAN)
		mnl_attr_put_u32(message.header, IFLA_MACVLAN_MODE, child->mode ? child->mode : MACVLAN_MODE_BRIDGE);
	else
		mnl_attr_put_u16(message.header, IFLA_IPVLAN_MODE, child->mode);
	mnl_attr_nest_end(message.header, data);
	mnl_attr_nest_end(message.header, info);
	int r = carry_out(netlink, &message);
	return r < 0 && r != -EEXIST ? explain_child(child, r, err) : r;
}

int link_remove(int netlink, const char *name, struct error *err)
{
	struct message message;
	begin(&message, RTM_DELLINK, 0);
	mnl_nlmsg_put_extra_header(message.header, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message.header, IFLA_IFNAME, name);
	int r = carry_out(netlink, &message);
	/* It went with the container's network namespace. */
	return r < 0 && r != -ENODEV ? error_sys(err, r, "remove interface %s", name) : 0;
}

int link_up(int netlink, const char *name, struct error *err)
{
	struct message message;
	begin_link(&message, 0, true);
	mnl_attr_put_strz(message.header, IFLA_IFNAME, name);
	int r = carry_out(netlink, &message);
	return r < 0 ? error_sys(err, r, "bring up interface %s", name) : 0;
}

static void put_ip(struct message *message, uint16_t type, const struct ip *ip)
{
	mnl_attr_put(message->header, type, ip_bits(ip->family) / 8, ip->bytes);
}

int link_add_address(int netlink, uint32_t index, const struct ip *address, uint8_t bits, struct error *err)
{
	struct message message;
	char text[IP_TEXT_MAX];
	begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message.header, sizeof(*info));
	info->ifa_family = (uint8_t)address->family;
	info->ifa_prefixlen = bits;
	info->ifa_flags = address->family == AF_INET6 ? IFA_F_NODAD : 0;
	info->ifa_index = index;
	put_ip(&message, IFA_LOCAL, address);
	put_ip(&message, IFA_ADDRESS, address);
	if (address->family == AF_INET && bits < 31) {
		struct ip_prefix prefix = {.address = *address, .bits = bits};
		struct ip broadcast = ip_prefix_last(&prefix);
		put_ip(&message, IFA_BROADCAST, &broadcast);
	}
	int r = carry_out(netlink, &message);
	return r < 0 && r != -EEXIST ? error_sys(err, r, "add the address %s", ip_format(address, text)) : 0;
}

int link_add_route(int netlink, uint32_t index, const struct ip_prefix *destination, const struct ip *gateway,
		   uint32_t metric, struct error *err)
{
	struct message message;
	char text[IP_TEXT_MAX];
	begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(message.header, sizeof(*route));
	route->rtm_family = (uint8_t)gateway->family;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_STATIC;
	route->rtm_type = RTN_UNICAST;
	if (destination) {
		route->rtm_dst_len = destination->bits;
		put_ip(&message, RTA_DST, &destination->address);
	}
	put_ip(&message, RTA_GATEWAY, gateway);
	mnl_attr_put_u32(message.header, RTA_OIF, index);
	if (metric)
		mnl_attr_put_u32(message.header, RTA_PRIORITY, metric);
	int r = carry_out(netlink, &message);
	return r < 0 && r != -EEXIST ? error_sys(err, r, "add the route through %s", ip_format(gateway, text)) : 0;
}

static size_t put_neighbour(char *at, uint32_t index, const struct link_neighbour *item, bool add)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(at);
	header->nlmsg_type = add ? RTM_NEWNEIGH : RTM_DELNEIGH;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (add ? NLM_F_CREATE | NLM_F_REPLACE : 0));
	header->nlmsg_seq = 1;
	struct ndmsg *neighbour = mnl_nlmsg_put_extra_header(header, sizeof(*neighbour));
	neighbour->ndm_family = (uint8_t)item->address.family;
	neighbour->ndm_ifindex = (int)index;
	neighbour->ndm_state = NUD_PERMANENT;
	mnl_attr_put(header, NDA_DST, ip_bits(item->address.family) / 8, item->address.bytes);
	if (add)
		mnl_attr_put(header, NDA_LLADDR, 6, item->mac);
	return NLMSG_ALIGN(header->nlmsg_len);
}

void link_set_neighbours(int netlink, uint32_t index, const struct link_neighbour *items, size_t count, bool add)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	char bytes[MESSAGE_MAX] __attribute__((aligned(8))), answer[MESSAGE_MAX];
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		used += put_neighbour(bytes + used, index, &items[i], add);
		if (i + 1 < count && used + NEIGHBOUR_MAX <= sizeof(bytes))
			continue;
		(void)!sendto(netlink, bytes, used, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
		used = 0;
		/* They are carried out when sendto(2) comes back; only what failed is answered, and nobody must take
		 * that for the answer to what he asks next. */
		while (recv(netlink, answer, sizeof(answer), MSG_DONTWAIT) >= 0)
			;
	}
}
