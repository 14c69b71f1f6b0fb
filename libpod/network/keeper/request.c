/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: taken from the socket, held against what they may be, carried out, answered. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "libpod/network/keeper/state.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/descriptors/descriptors.h"

#define ANSWER_TIMEOUT_S 5 /* for one who asks and does not read */

void request_accept(struct keeper *keeper)
{
	for (size_t i = 0; i < REQUESTS_MAX; i++) {
		if (keeper->requests[i] >= 0)
			continue;
		int fd = accept4(keeper->listener, NULL, NULL, SOCK_CLOEXEC);
		const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
		if (fd < 0)
			return;
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
		keeper->requests[i] = fd;
		if (keeper_watch(keeper, fd, EVENT_REQUEST, i) < 0) {
			close(fd);
			keeper->requests[i] = -1;
		}
		return;
	}
	/* Who waits would be told of again and again. */
	keeper_accept_more(keeper, false);
}

bool request_is_open(const struct keeper *keeper)
{
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		if (keeper->requests[i] >= 0)
			return true;
	return false;
}

/* ---- is it one? ---- */
static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* What becomes the name of an interface, and a word between quotation marks in a filter rule. */
static bool is_interface(const char *text)
{
	if (!is_text(text, IF_NAMESIZE))
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("_.-", *text))
			return false;
	return true;
}

static bool is_ip(const struct ip *ip, bool may_be_none)
{
	return ip->family == AF_INET || ip->family == AF_INET6 || (may_be_none && ip->family == 0);
}

static bool is_network(const struct keeper_network *network)
{
	if (!is_text(network->id, sizeof(network->id)) || !is_text(network->name, sizeof(network->name)) ||
	    !*network->name || !is_interface(network->interface) || network->kind > KEEPER_IPVLAN ||
	    network->subnets_count > NETWORK_SUBNETS_MAX || network->routes_count > NETWORK_ROUTES_MAX ||
	    network->servers_count > NETWORK_SERVERS_MAX)
		return false;
	if (network->kind == KEEPER_BRIDGE && !*network->interface)
		return false;
	for (uint32_t i = 0; i < network->subnets_count; i++) {
		const struct network_subnet *subnet = &network->subnets[i];
		uint16_t family = subnet->prefix.address.family;
		if (!is_ip(&subnet->prefix.address, false) || subnet->prefix.bits > ip_bits(family) ||
		    !is_ip(&subnet->gateway, true) || !is_ip(&subnet->first, true) || !is_ip(&subnet->last, true) ||
		    (ip_is_set(&subnet->first) && !ip_prefix_has(&subnet->prefix, &subnet->first)) ||
		    (ip_is_set(&subnet->last) && !ip_prefix_has(&subnet->prefix, &subnet->last)))
			return false;
	}
	for (uint32_t i = 0; i < network->routes_count; i++)
		if (!is_ip(&network->routes[i].destination.address, false) ||
		    !is_ip(&network->routes[i].gateway, false) ||
		    network->routes[i].destination.bits > ip_bits(network->routes[i].destination.address.family))
			return false;
	for (uint32_t i = 0; i < network->servers_count; i++)
		if (!is_ip(&network->servers[i], false))
			return false;
	return true;
}

static bool is_wish(const struct keeper_wish *wish)
{
	const char *end = wish->names + sizeof(wish->names);
	const char *name = wish->names;
	while (name < end && *name)
		name += strnlen(name, (size_t)(end - name)) + 1;
	return name < end && is_network(&wish->network) && is_interface(wish->interface) && is_ip(&wish->ip, true) &&
	       is_ip(&wish->ip6, true);
}

static bool is_request(const struct keeper_request *request, size_t length)
{
	if (length < offsetof(struct keeper_request, wishes) || request->magic != KEEPER_MAGIC ||
	    request->count > KEEPER_NETWORKS_MAX || length != keeper_request_size(request) ||
	    !is_text(request->id, sizeof(request->id)) || request->servers_count > NETWORK_SERVERS_MAX)
		return false;
	for (uint32_t i = 0; i < request->servers_count; i++)
		if (!is_ip(&request->servers[i], false))
			return false;
	for (uint32_t i = 0; i < request->count; i++)
		if (!is_wish(&request->wishes[i]))
			return false;
	return true;
}

/* ---- carrying it out ---- */
static void list(struct keeper *keeper, int fd)
{
	struct keeper_reply *reply = &keeper->reply;
	for (const struct member *member = keeper->members; member; member = member->next) {
		if ((*keeper->request.id && strcmp(keeper->request.id, member->id) != 0) || member->process < 0)
			continue;
		for (const struct attachment *attachment = member->attachments; attachment;
		     attachment = attachment->next) {
			reply->count = 1;
			reply->given[0] = attachment->given;
			if (send(fd, reply, keeper_reply_size(reply), MSG_NOSIGNAL) < 0)
				return;
		}
	}
	reply->count = 0;
}

static void carry_out(struct keeper *keeper, int fd, struct request_fds *fds)
{
	struct keeper_reply *reply = &keeper->reply;
	const struct keeper_request *request = &keeper->request;
	struct error err = ERROR_INIT;
	int r = -EINVAL;
	reply->count = 0;
	reply->errnum = 0;
	if (request->verb == KEEPER_LIST) {
		list(keeper, fd);
		r = 0;
	} else if (request->verb == KEEPER_DISCONNECT) {
		r = member_disconnect(keeper, request, &err);
	} else if (request->verb == KEEPER_HOLD && fds->netlink >= 0 && *request->id) {
		fds->monitor = TAKE_FD(fds->netlink); /* the only one */
		r = member_hold(keeper, request, fds, &err);
	} else if ((request->verb == KEEPER_ATTACH || request->verb == KEEPER_HEAL || request->verb == KEEPER_CONNECT) && fds->monitor >= 0 &&
		   *request->id) {
		r = member_attach(keeper, request, fds, &err);
	} else {
		error_set(&err, EINVAL, "the networks' keeper was asked for what it does not know");
	}
	/* Without its hand the keeper ends (loop.c), and who asks is answered by the next one. */
	if (r < 0 && hand_is_gone(&keeper->hand))
		return;
	reply->errnum = -r;
	snprintf(reply->text, sizeof(reply->text), "%.*s", (int)sizeof(reply->text) - 1, err.text);
	if (r < 0)
		reply->count = 0;
	reply->uplink_address = keeper->uplink_address;
	reply->host_address = keeper->host_address;
	send(fd, reply, keeper_reply_size(reply), MSG_NOSIGNAL);
}

static ssize_t receive(struct keeper *keeper, int fd, struct request_fds *ret)
{
	int fds[KEEPER_FDS_MAX];
	size_t count;
	memset(&keeper->request, 0, offsetof(struct keeper_request, wishes));
	ssize_t n = descriptors_receive(fd, &keeper->request, sizeof(keeper->request), fds, KEEPER_FDS_MAX, &count, MSG_DONTWAIT);
	*ret = (struct request_fds){fds[0], fds[1], fds[2]};
	return n;
}

void request_read(struct keeper *keeper, size_t index)
{
	int fd = keeper->requests[index];
	struct request_fds fds;
	ssize_t n = receive(keeper, fd, &fds);
	if (n > 0 && is_request(&keeper->request, (size_t)n)) {
		carry_out(keeper, fd, &fds);
	} else if (n != -EAGAIN) {
		close(fd);
		keeper->requests[index] = -1;
		keeper_accept_more(keeper, true);
	}
	cleanup_close(&fds.netlink);
	cleanup_close(&fds.process);
	cleanup_close(&fds.monitor);
}
