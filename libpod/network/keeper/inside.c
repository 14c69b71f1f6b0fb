/* SPDX-License-Identifier: Apache-2.0 */
/* The hand inside: what is done once in the shared network namespace, and then whatever is asked for. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nftables/libnftables.h>

#include "libpod/network/keeper/hand_protocol.h"
#include "libpod/network/keeper/state.h"
#include "libpod/network/keeper/uplink.h"
#include "libpod/resolver/resolver.h"
#include "pkg/cleanup/cleanup.h"
#include "rootless/netns/netns.h"

/*
 * The rules stand still; what changes are the sets:
 *
 *	same       (bridge, bridge): traffic within one network, where the kernel shows it to us at all
 *	open       bridges of networks that are not isolated from each other
 *	outward    bridges of networks that reach the outside
 *	loopback   bridges from which the host's loopback may be reached
 *	gateways   (bridge, address): a container reaches the gateway of its own network, where the resolver is, and
 *	           no other one
 */
static const char rules[] =
    "table inet coracle {\n"
    "	set same { type ifname . ifname; }\n"
    "	set open { type ifname; }\n"
    "	set outward { type ifname; }\n"
    "	set loopback { type ifname; }\n"
    "	set gateways4 { type ifname . ipv4_addr; }\n"
    "	set gateways6 { type ifname . ipv6_addr; }\n"
    "	chain forward {\n"
    "		type filter hook forward priority 0; policy drop;\n"
    "		ct state established,related accept\n"
    "		iifname . oifname @same accept\n"
    "		iifname @open oifname @open accept\n"
    "		oifname \"" UPLINK_INTERFACE "\" ip daddr " UPLINK_HOST " iifname != @loopback drop\n"
    "		oifname \"" UPLINK_INTERFACE "\" ip6 daddr " UPLINK_HOST6 " iifname != @loopback drop\n"
    "		iifname @outward oifname \"" UPLINK_INTERFACE "\" accept\n"
    "	}\n"
    "	chain input {\n"
    "		type filter hook input priority 0; policy drop;\n"
    "		iifname \"lo\" accept\n"
    "		ct state established,related accept\n"
    "		icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept\n"
    "		iifname . ip daddr @gateways4 accept\n"
    "		iifname . ip6 daddr @gateways6 accept\n"
    "	}\n"
    "	chain postrouting {\n"
    "		type nat hook postrouting priority 100;\n"
    "		oifname \"" UPLINK_INTERFACE "\" masquerade\n"
    "	}\n"
    "}\n";

static int change_filter(struct nft_ctx *filter, const char *commands, struct error *err)
{
	bool done = nft_run_cmd_from_buffer(filter, commands) == 0;
	int errnum = errno;
	const char *text = nft_ctx_get_error_buffer(filter); /* and it is empty again */
	if (done)
		return 0;
	const char *line = text ? strstr(text, "Error: ") : NULL;
	line = line ? line + strlen("Error: ") : "nftables refused them";
	return error_set(err, errnum ? errnum : EIO, "filter rules: %.*s", (int)strcspn(line, "\n"), line);
}

static int set_parameter(const char *name, const char *value, bool needed, struct error *err)
{
	char path[128];
	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, value, strlen(value)) > 0)
		return 0;
	return needed ? error_sys(err, errno, "set net/%s in the networks' namespace", name) : 0;
}

static int prepare(struct nft_ctx *filter, struct error *err)
{
	static const struct {
		const char *name, *value;
		bool needed;
	} parameters[] = {
	    {"ipv4/ip_forward", "1", true},
	    {"ipv6/conf/all/forwarding", "1", false},
	    {"ipv6/conf/default/forwarding", "1", false},
	    /* The uplink announces itself; who forwards does not listen to that unless told twice. */
	    {"ipv6/conf/default/accept_ra", "2", false},
	    {"ipv6/conf/default/accept_dad", "0", false},
	    /* Traffic within a bridge is nobody's business but the bridge's: not filtered, and faster. */
	    {"bridge/bridge-nf-call-iptables", "0", false},
	    {"bridge/bridge-nf-call-ip6tables", "0", false},
	    {"bridge/bridge-nf-call-arptables", "0", false},
	    {"ipv4/neigh/default/gc_thresh3", "8192", false},
	};
	int r = netns_loopback_up(err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parameters); i++)
		r = set_parameter(parameters[i].name, parameters[i].value, parameters[i].needed, err);
	return r < 0 ? r : change_filter(filter, rules, err);
}

/* ---- requests ---- */
static int listen_inside(const struct hand_request *request, int fds[2], struct error *err)
{
	struct resolver_address gateway = {.family = request->ip.family};
	memcpy(gateway.bytes, request->ip.bytes, sizeof(gateway.bytes));
	return resolver_listen(&gateway, &fds[0], &fds[1], err);
}

static int open_inside(const struct hand_request *request, int fds[2], struct error *err)
{
	fds[0] = socket(request->ip.family, request->type | SOCK_CLOEXEC, 0);
	return fds[0] < 0 ? error_sys(err, errno, "open a socket") : 0;
}

static int carry_out(struct nft_ctx *filter, struct hand_request *request, int fds[2], struct error *err)
{
	request->text[sizeof(request->text) - 1] = '\0';
	switch (request->verb) {
	case HAND_FILTER:
		return change_filter(filter, request->text, err);
	case HAND_LISTEN:
		return listen_inside(request, fds, err);
	case HAND_SOCKET:
		return open_inside(request, fds, err);
	default:
		return error_set(err, EINVAL, "the process in the networks' namespace was asked for what it does not know");
	}
}

/* The descriptors are the keeper's from then on. */
static int answer(int socket, const struct hand_answer *answer, int fds[2])
{
	size_t count = answer->result < 0 || fds[0] < 0 ? 0 : fds[1] < 0 ? 1 : 2;
	int r = hand_send(socket, answer, sizeof(*answer), fds, count);
	cleanup_close(&fds[0]);
	cleanup_close(&fds[1]);
	return r;
}

/* ---- the process ---- */
static int begin(struct nft_ctx **ret_filter, int fds[2], struct error *err)
{
	/* All that it reads it reads now. */
	struct nft_ctx *filter = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!filter)
		return error_set(err, EIO, "begin to set filter rules");
	nft_ctx_buffer_output(filter);
	nft_ctx_buffer_error(filter);
	*ret_filter = filter;
	int r = prepare(filter, err);
	if (r < 0)
		return r;
	fds[0] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return fds[0] < 0 ? error_sys(err, errno, "open a netlink socket") : inside_confine(err);
}

_Noreturn void inside_run(int socket, int parent)
{
	struct hand_answer reply = {.err = ERROR_INIT};
	struct nft_ctx *filter = NULL;
	int fds[2] = {-1, -1};
	prctl(PR_SET_NAME, HAND_INSIDE_NAME);
	int namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	reply.result = namespace < 0 ? error_sys(&reply.err, errno, "open the networks' namespace") : 0;
	hand_send(parent, &reply, sizeof(reply), &namespace, namespace >= 0);
	close(parent);
	close(namespace);
	reply.result = begin(&filter, fds, &reply.err);
	int r = answer(socket, &reply, fds);
	while (r == 0) {
		struct hand_request request;
		reply = (struct hand_answer){.err = ERROR_INIT};
		if ((r = hand_receive(socket, &request, sizeof(request), fds)) < 0)
			break;
		reply.result = carry_out(filter, &request, fds, &reply.err);
		r = answer(socket, &reply, fds);
	}
	_exit(0);
}
