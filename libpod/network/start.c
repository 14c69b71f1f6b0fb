/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/network/forward/protocol.h"
#include "libpod/network/settings.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/program/program.h"

/* Far beyond what either program takes on a machine that is worked hard. */
#define READY_TIMEOUT_MS 20000

#define NETWORK_INIT                                                                                                   \
	((struct network){                                                                                             \
	    .program = NETNS_HELPER_INIT, .forwarder = NETNS_HELPER_INIT, .netns_fd = -1, .api_dir = -1})

int network_loopback_up(struct error *err)
{
	return netns_loopback_up(err);
}

static int begin_program(const struct network_settings *settings, int netns_fd, bool sibling, struct network *network,
			 struct error *err)
{
	if (settings->kind == NETWORK_SLIRP4NETNS) {
		struct netns_slirp4netns options = settings->slirp4netns;
		options.sandbox = !network->second_try;
		options.api_dir = network->api_dir;
		options.sibling = sibling;
		return netns_slirp4netns_begin(netns_fd, &options, &network->program, err);
	}
	struct netns_pasta options = {
	    .mtu = settings->slirp4netns.mtu,
	    .address = settings->address,
	    .netmask = settings->netmask,
	    .gateway = settings->gateway,
	    .dns_forward = settings->dns,
	    .arguments = &settings->arguments,
	    .paths_by_pid = network->second_try,
	    .sibling = sibling,
	};
	return netns_pasta_begin(netns_fd, &options, &network->program, err);
}

/* coracle-forward NETNS READY CONTROL SOURCE ADDRESS FD:PORT… ; forward_main.c has the other end. */
static int begin_forwarder(const struct network_start *start, const char *target, const char *source, int netns_fd,
			   struct netns_helper *ret, struct error *err)
{
	size_t count = start->ports_count, used = 0;
	auto_free char *path = NULL;
	int r = program_find("coracle-forward", &path, err);
	if (r < 0)
		return r;
	struct netns_helper helper;
	r = netns_helper_prepare("coracle-forward", &helper, err);
	if (r < 0)
		return r;
	helper.sibling = start->sibling;
	auto_strv struct strv argv = STRV_INIT;
	strv_add(&argv, path);
	strv_addf(&argv, "%d", netns_fd);
	strv_addf(&argv, "%d", helper.ready_write);
	strv_addf(&argv, "%d", start->control_fd);
	strv_add(&argv, source);
	strv_add(&argv, target);
	auto_free int *keep = xcalloc(count + 2, sizeof(*keep));
	for (; used < count; used++) {
		keep[used] = start->ports[used].fd;
		strv_addf(&argv, "%d:%d", start->ports[used].fd, start->ports[used].port);
	}
	keep[used++] = netns_fd;
	if (start->control_fd >= 0)
		keep[used++] = start->control_fd;
	r = netns_helper_begin(&helper, (const char *const *)argv.items, keep, used, err);
	if (r < 0) {
		netns_helper_release(&helper);
		return r;
	}
	*ret = helper;
	return 0;
}

/* Which IPv6 address the container will have its network program, or its router, says to it, later. */
static const char *private_target(const struct network_settings *settings, char *out)
{
	snprintf(out, FORWARD_TARGET_MAX, "%s,discover", settings->address);
	return out;
}

/* The directory that the monitor's control socket is in, too. */
static int open_api_dir(const struct container *container, int run_fd, struct error *err)
{
	if (mkdirat(run_fd, container->id, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make a directory in the run directory");
	int fd = openat(run_fd, container->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open a directory in the run directory") : fd;
}

int network_begin(const struct network_start *start, struct network *ret, struct error *err)
{
	const struct container *container = start->container;
	char target[FORWARD_TARGET_MAX];
	struct network network = NETWORK_INIT;
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	int r = network_settings(container, &settings, err);
	if (r < 0)
		return r;
	if (settings.forwards && container->ports_count)
		network.api_dir = r = open_api_dir(container, start->run_fd, err);
	if (r >= 0 && network_publishes(&settings)) {
		network.netns_fd = r = fcntl(start->netns_fd, F_DUPFD_CLOEXEC, 3);
		if (r < 0)
			error_sys(err, errno, "keep the network namespace");
	}
	if (r >= 0 && settings.kind == NETWORK_BRIDGE)
		r = bridge_begin(start, &network, err);
	if (r >= 0 && network_is_private(&settings)) {
		r = begin_program(&settings, network.netns_fd, start->sibling, &network, err);
		if (r == 0 && start->ports_count)
			r = begin_forwarder(start, private_target(&settings, target), settings.source, network.netns_fd, &network.forwarder, err);
	}
	if (r < 0) {
		network_kill(&network);
		return settings.kind == NETWORK_BRIDGE ? r : error_context(err, "network %s", container->network);
	}
	*ret = network;
	return 0;
}

/*
 * Each program has a second way to be begun. slirp4netns's sandbox needs mounts, which an outer container or a security
 * module can refuse: without it the program sees what the user sees, and the network is worth more. Later versions of
 * pasta close the descriptors that they inherit and earlier ones may not look at ours: what works can only be tried.
 */
static int wait_program(const struct network_settings *settings, bool sibling, struct network *network, struct error *err)
{
	int r = netns_helper_wait(&network->program, READY_TIMEOUT_MS, err);
	if (r == 0)
		return 0;
	network->second_try = true;
	if (begin_program(settings, network->netns_fd, sibling, network, NULL) < 0)
		return r;
	/* When that fails too the first failure is told, which is mostly the same. */
	return netns_helper_wait(&network->program, READY_TIMEOUT_MS, NULL) < 0 ? r : 0;
}

static int forward_ports(const struct container *container, int api_dir, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < container->ports_count; i++) {
		const struct container_port *port = &container->ports[i];
		for (uint16_t n = 0; n < port->range && r == 0; n++)
			r = netns_slirp4netns_forward(api_dir, port->protocol, port->host_ip,
						      (uint16_t)(port->host_port + n),
						      (uint16_t)(port->container_port + n), err);
	}
	return r;
}

static void close_descriptors(struct network *network)
{
	if (network->api_dir >= 0)
		netns_slirp4netns_close_api(network->api_dir);
	cleanup_close(&network->api_dir);
	cleanup_close(&network->netns_fd);
	network->api_dir = network->netns_fd = -1;
}

static pid_t take_pid(struct netns_helper *helper)
{
	pid_t pid = helper->pid > 0 ? helper->pid : 0;
	netns_helper_release(helper);
	return pid;
}

/* The program is ready: the ports, and all that is left for the monitor to know. */
static int wait_all(const struct network_start *start, const struct network_settings *settings, struct network *network,
		    struct network_pids *ret, struct error *err)
{
	int r = 0;
	if (network->api_dir >= 0)
		r = forward_ports(start->container, network->api_dir, err);
	if (r == 0 && network->forwarder.pid > 0)
		r = netns_helper_wait(&network->forwarder, READY_TIMEOUT_MS, err);
	if (r < 0) {
		network_kill(network);
		return settings->kind == NETWORK_BRIDGE ? r : error_context(err, "network %s", start->container->network);
	}
	ret->program = take_pid(&network->program);
	ret->forwarder = take_pid(&network->forwarder);
	close_descriptors(network);
	return 0;
}

int network_ready(const struct network_start *start, struct network *network, struct network_pids *ret, struct error *err)
{
	char target[FORWARD_TARGET_MAX];
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	int r = network_settings(start->container, &settings, err);
	if (r == 0 && network->program.pid > 0)
		r = wait_program(&settings, start->sibling, network, err);
	if (r == 0 && settings.kind == NETWORK_BRIDGE && (r = bridge_ready(start, network, target, err)) == 0 && start->ports_count && *target)
		r = begin_forwarder(start, target, settings.source, network->netns_fd, &network->forwarder, err);
	if (r < 0) {
		network_kill(network);
		return settings.kind == NETWORK_BRIDGE ? r : error_context(err, "network %s", start->container->network);
	}
	return wait_all(start, &settings, network, ret, err);
}

/* ---- what has died is begun again ---- */

static int mend(const struct network_start *start, const struct network_settings *settings, struct network_lost lost,
		struct network *network, struct error *err)
{
	char target[FORWARD_TARGET_MAX];
	int r = 0;
	network->netns_fd = r = fcntl(start->netns_fd, F_DUPFD_CLOEXEC, 3);
	if (r < 0)
		return error_sys(err, errno, "keep the network namespace");
	if (lost.program && settings->forwards && start->container->ports_count &&
	    (network->api_dir = r = open_api_dir(start->container, start->run_fd, err)) < 0)
		return r;
	if (lost.program && network_is_private(settings) &&
	    ((r = begin_program(settings, network->netns_fd, start->sibling, network, err)) < 0 ||
	     (r = wait_program(settings, start->sibling, network, err)) < 0))
		return r;
	if (!lost.forwarder || !start->ports_count)
		return 0;
	if (settings->kind == NETWORK_BRIDGE)
		r = bridge_target_now(start->container, start->run_fd, target, err);
	else
		private_target(settings, target);
	return r < 0 ? r : begin_forwarder(start, target, settings->source, network->netns_fd, &network->forwarder, err);
}

int network_mend(const struct network_start *start, struct network_lost lost, struct network_pids *ret, struct error *err)
{
	struct network network = NETWORK_INIT;
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	int r = network_settings(start->container, &settings, err);
	if (r < 0 || !network_publishes(&settings))
		return r;
	r = mend(start, &settings, lost, &network, err);
	if (r < 0) {
		network_kill(&network);
		return r;
	}
	return wait_all(start, &settings, &network, ret, err);
}

void network_kill(struct network *network)
{
	netns_helper_kill(&network->program);
	netns_helper_kill(&network->forwarder);
	close_descriptors(network);
}
