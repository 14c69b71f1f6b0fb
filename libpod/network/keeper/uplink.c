/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/network/keeper/uplink.h"

#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"

#define MTU 65520 /* the largest that both programs take: fewer, larger packets */

int uplink_begin(int netns_fd, struct netns_helper *ret, struct error *err)
{
	auto_free char *slirp4netns = find_program("slirp4netns");
	if (slirp4netns) {
		/* Who may use the way to the host's loopback is said by the filter. */
		struct netns_slirp4netns options = {.mtu = MTU,
						    .cidr = UPLINK_CIDR,
						    .allow_host_loopback = true,
						    .enable_ipv6 = true,
						    .sandbox = true,
						    .api_dir = -1};
		return netns_slirp4netns_begin(netns_fd, &options, ret, err);
	}
	auto_strv struct strv arguments = STRV_INIT;
	strv_add(&arguments, "--map-gw");
	struct netns_pasta options = {.mtu = MTU,
				      .address = UPLINK_ADDRESS,
				      .netmask = UPLINK_NETMASK,
				      .gateway = UPLINK_HOST,
				      .arguments = &arguments};
	return netns_pasta_begin(netns_fd, &options, ret, err);
}
