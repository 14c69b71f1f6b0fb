/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container on bridge networks: it is attached by the keeper (libpod/network/keeper/keeper.h). The request is sent as
 * soon as there is a network namespace; while the keeper works the first process mounts. With the reply come the
 * addresses, and /etc/hosts and /etc/resolv.conf are written: in place, for they are mounted by then.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpod/network/forward/protocol.h"
#include "libpod/network/heal.h"
#include "libpod/network/settings.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

void network_bridges_free(struct network_bridges *bridges)
{
	cleanup_close(&bridges->keeper_fd);
	free(bridges->request);
	*bridges = NETWORK_BRIDGES_INIT;
}

int network_prepare(struct store *store, const struct container *container, const struct id_mapping *mapping,
		    struct network_bridges *ret, struct error *err)
{
	auto_network_bridges struct network_bridges bridges = NETWORK_BRIDGES_INIT;
	if (!container->networks_count)
		return 0;
	bridges.request = xcalloc(1, sizeof(*bridges.request));
	int r = keeper_plan(store, container, NULL, bridges.request, err);
	if (r < 0)
		return r;
	bool is_new = false;
	bridges.keeper_fd = r =
	    mapping ? keeper_start(store, mapping, &is_new, err) : keeper_await(store->run_fd, err);
	if (r < 0 && (mapping || r != -ENOENT))
		return r;
	/* The one before may have been killed: those that were on its networks are ours now. */
	if (is_new && (r = network_heal(store, err)) < 0)
		return r;
	*ret = bridges;
	bridges = NETWORK_BRIDGES_INIT;
	return 0;
}

static int send_request(const struct network_start *start, int keeper_fd, int netns_fd, struct error *err)
{
	auto_close int netlink = netns_open_socket(netns_fd, -1, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, err);
	if (netlink < 0)
		return netlink;
	auto_close int monitor = pidfd_open_process(getpid());
	if (monitor < 0)
		return error_sys(err, monitor, "open our own process");
	const int fds[] = {netlink, start->pidfd, monitor};
	return keeper_send(keeper_fd, start->bridges->request, fds, ARRAY_SIZE(fds), err);
}

int bridge_begin(const struct network_start *start, struct network *network, struct error *err)
{
	(void)network;
	if (!start->bridges || start->bridges->keeper_fd < 0)
		return 0;
	int r = send_request(start, start->bridges->keeper_fd, start->netns_fd, err);
	if (r != -ECONNRESET)
		return r;
	/* It was killed: who wants its reply finds the same. */
	error_clear(err);
	return 0;
}

/* ---- the files ---- */

/* In place: the file is mounted into the container. One that is not there is not wanted. */
static int rewrite(int directory_fd, const char *path, const char *text, struct error *err)
{
	auto_close int fd = open_beneath(directory_fd, path, O_WRONLY | O_TRUNC | O_NOFOLLOW, 0);
	int r = fd == -ENOENT ? 0 : fd < 0 ? fd : write_all(fd, text, strlen(text));
	return r < 0 ? error_sys(err, r, "write the container's %s", path) : 0;
}

/* The host as the container reaches it: not at all from internal networks; at the address where its loopback is, if one
 * of the networks may use that. */
static void find_host(const struct network_settings *settings, const struct keeper_request *request,
		      const struct ip *host_address, char *out)
{
	bool outside = false, loopback = false;
	for (uint32_t i = 0; i < request->count; i++) {
		outside |= !request->wishes[i].network.internal;
		loopback |= request->wishes[i].network.host_loopback && !request->wishes[i].network.internal;
	}
	*out = '\0';
	if (loopback)
		ip_format(host_address, out);
	else if (outside && !network_host_address(settings, out))
		*out = '\0';
}

int bridge_write_files(const struct container *container, int directory_fd, const struct keeper_request *request,
		       const struct keeper_given *items, size_t count, const struct ip *host_address, struct error *err)
{
	char host[IP_TEXT_MAX] = "";
	struct network_settings settings = {.kind = NETWORK_BRIDGE};
	struct network_given given = {.items = items, .count = count, .host = host};
	auto_free char *hosts = NULL, *host_text = network_host_resolv_conf();
	find_host(&settings, request, host_address, host);
	int r = network_hosts_from(container, &settings, &given, NULL, &hosts, err);
	if (r < 0 || (r = rewrite(directory_fd, "etc/hosts", hosts, err)) < 0)
		return r;
	auto_free char *resolv_conf = network_resolv_conf_from(container, &settings, &given, host_text);
	return rewrite(directory_fd, "etc/resolv.conf", resolv_conf, err);
}

/* ---- ready ---- */

static void take_first(const struct keeper_given *given, const struct ip *targets[2])
{
	for (uint32_t i = 0; i < given->count; i++) {
		const struct ip *address = &given->addresses[i].address;
		const struct ip **target = &targets[address->family == AF_INET6];
		if (!*target)
			*target = address;
	}
}

void bridge_target(const struct container *container, const struct keeper_given *items, size_t count, char *ret)
{
	const struct ip *targets[2] = {NULL, NULL};
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < container->networks_count; i++)
		for (size_t j = 0; j < count; j++)
			if (strcmp(items[j].network, container->networks[i].name) == 0)
				take_first(&items[j], targets);
	*ret = '\0';
	for (int i = 0; i < 2; i++)
		if (targets[i]) {
			ip_format(targets[i], text);
			size_t length = strlen(ret);
			snprintf(ret + length, FORWARD_TARGET_MAX - length, "%s%s", length ? "," : "", text);
		}
}

int bridge_target_now(const struct container *container, int run_fd, char *ret, struct error *err)
{
	auto_keeper_listing struct keeper_listing listing = {0};
	int r = keeper_list(run_fd, container->id, &listing, err);
	if (r < 0)
		return r;
	bridge_target(container, listing.items, listing.count, ret);
	return *ret ? 0 : error_set(err, ENETUNREACH, "container %s has no address on a network", container->name);
}

static int ask_another(const struct network_start *start, const struct network *network, struct keeper_reply *reply,
		       struct error *err)
{
	auto_close int keeper_fd = start->another_keeper ? start->another_keeper(start->data, err)
							 : keeper_await(start->run_fd, err);
	int r = keeper_fd < 0 ? keeper_fd : send_request(start, keeper_fd, network->netns_fd, err);
	return r < 0 ? r : keeper_receive(keeper_fd, reply, err);
}

int bridge_ready(const struct network_start *start, struct network *network, char *ret_target, struct error *err)
{
	*ret_target = '\0';
	if (!start->bridges || start->bridges->keeper_fd < 0)
		return 0;
	auto_free struct keeper_reply *reply = xcalloc(1, sizeof(*reply));
	int r = keeper_receive(start->bridges->keeper_fd, reply, err);
	for (int i = 0; r == -ECONNRESET && i < KEEPER_TRIES; i++) {
		error_clear(err);
		r = ask_another(start, network, reply, err);
	}
	/* A restart, and there is no keeper: who makes one attaches it. */
	if (r == -ENOENT && !start->another_keeper)
		return 0;
	if (r < 0 || (r = bridge_write_files(start->container, start->directory_fd, start->bridges->request,
					     reply->given, reply->count, &reply->host_address, err)) < 0)
		return r;
	bridge_target(start->container, reply->given, reply->count, ret_target);
	return 0;
}
