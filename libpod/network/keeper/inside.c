/* SPDX-License-Identifier: Apache-2.0 */
/* What is done once, and what is asked of the kernel's filter, in the shared network namespace. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <nftables/libnftables.h>

#include "libpod/network/keeper/hand_protocol.h"
#include "libpod/network/keeper/state.h"
#include "libpod/network/keeper/uplink.h"
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

static int set_parameter(const char *name, const char *value, bool needed, struct error *err)
{
	char path[128];
	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, value, strlen(value)) > 0)
		return 0;
	return needed ? error_sys(err, errno, "set net/%s in the networks' namespace", name) : 0;
}

int inside_prepare(struct error *err)
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
	return r < 0 ? r : inside_filter(rules, err);
}

static void free_context(struct nft_ctx **context)
{
	if (*context)
		nft_ctx_free(*context);
}

int inside_filter(const char *commands, struct error *err)
{
	CLEANUP(free_context) struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!context)
		return error_set(err, EIO, "begin to set filter rules");
	nft_ctx_buffer_output(context);
	nft_ctx_buffer_error(context);
	if (nft_run_cmd_from_buffer(context, commands) == 0)
		return 0;
	int errnum = errno;
	const char *text = nft_ctx_get_error_buffer(context);
	const char *line = text ? strstr(text, "Error: ") : NULL;
	line = line ? line + strlen("Error: ") : "nftables refused them";
	return error_set(err, errnum ? errnum : EIO, "filter rules: %.*s", (int)strcspn(line, "\n"), line);
}
