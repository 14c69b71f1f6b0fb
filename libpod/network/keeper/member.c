/* SPDX-License-Identifier: Apache-2.0 */
/* Containers, and what each of them has on each of its networks. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "libpod/network/keeper/link.h"
#include "libpod/network/keeper/state.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/text/text.h"

#define DEAD_LINK_MS   1000
#define INTERFACES_MAX 1000
#define DEFAULT_METRIC 100 /* netavark's */

struct member *member_find(struct keeper *keeper, const char *id)
{
	struct member *member = keeper->members;
	while (member && strcmp(member->id, id) != 0)
		member = member->next;
	return member;
}

/* ---- leaving ---- */
static void bury_link(struct keeper *keeper, const char *name)
{
	struct dead_link *dead = xcalloc(1, sizeof(*dead));
	memcpy(dead->name, name, sizeof(dead->name));
	dead->due_ms = keeper_now_ms() + DEAD_LINK_MS;
	dead->next = keeper->dead_links;
	keeper->dead_links = dead;
}

/* What others could still see of it. `now`: the container lives on, its link is removed at once. */
static void unplug(struct keeper *keeper, struct member *member, struct attachment *attachment, bool now)
{
	resolver_remove_member(keeper->resolver, attachment->given.network, member->id);
	if (attachment->index && attachment->network->is.kind == KEEPER_BRIDGE)
		neighbours_remove(keeper, member, attachment);
	attachment->index = 0;
	if (*attachment->link && now)
		link_remove(keeper->netlink, attachment->link, NULL);
	else if (*attachment->link)
		bury_link(keeper, attachment->link);
	attachment->link[0] = '\0';
}

static void detach(struct keeper *keeper, struct member *member, struct attachment *attachment, bool now)
{
	struct attachment **at = &member->attachments;
	while (*at != attachment)
		at = &(*at)->next;
	*at = attachment->next;
	unplug(keeper, member, attachment, now);
	attachment->network->members--;
	free(attachment);
}

/* Others have copies of the descriptor: it stays in the epoll when ours is closed. */
static void forget_process(struct keeper *keeper, int *pidfd)
{
	if (*pidfd >= 0)
		epoll_ctl(keeper->epoll, EPOLL_CTL_DEL, *pidfd, NULL);
	cleanup_close(pidfd);
	*pidfd = -1;
}

/* The process is gone, the monitor may start another one. */
static void put_to_rest(struct keeper *keeper, struct member *member)
{
	forget_process(keeper, &member->process);
	cleanup_close(&member->netlink);
	member->netlink = -1;
	for (struct attachment *attachment = member->attachments; attachment; attachment = attachment->next)
		unplug(keeper, member, attachment, false);
}

/* `now`: its process lives on. */
static void member_remove(struct keeper *keeper, struct member *member, bool now)
{
	struct member **at = &keeper->members;
	while (*at != member)
		at = &(*at)->next;
	*at = member->next;
	while (member->attachments)
		detach(keeper, member, member->attachments, now);
	forget_process(keeper, &member->process);
	forget_process(keeper, &member->monitor);
	cleanup_close(&member->netlink);
	free(member);
}

static bool is_gone(int pidfd)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents;
}

void member_event(struct keeper *keeper, struct member *member)
{
	if (is_gone(member->monitor))
		member_remove(keeper, member, false);
	else if (member->process >= 0 && is_gone(member->process))
		put_to_rest(keeper, member);
}

size_t member_leave_resting(struct keeper *keeper, struct live_network *network)
{
	for (struct member *member = keeper->members, *next; member; member = next) {
		next = member->next;
		struct attachment *attachment = member->attachments;
		while (attachment && attachment->network != network)
			attachment = attachment->next;
		if (attachment && (member->process < 0 || is_gone(member->process)))
			detach(keeper, member, attachment, false);
	}
	return network->members;
}

void member_tidy(struct keeper *keeper, int64_t now_ms)
{
	for (struct dead_link **at = &keeper->dead_links; *at;) {
		struct dead_link *dead = *at;
		if (dead->due_ms > now_ms) {
			at = &dead->next;
			continue;
		}
		link_remove(keeper->netlink, dead->name, NULL);
		*at = dead->next;
		free(dead);
	}
	network_tidy(keeper);
}

/* ---- joining ---- */
static bool interface_is_used(const struct member *member, const char *name)
{
	for (const struct attachment *attachment = member->attachments; attachment; attachment = attachment->next)
		if (strcmp(attachment->given.interface, name) == 0)
			return true;
	return false;
}

static bool interface_is_wished(const struct keeper_request *request, const char *name)
{
	for (uint32_t i = 0; i < request->count; i++)
		if (strcmp(request->wishes[i].interface, name) == 0)
			return true;
	return false;
}

static int make_link_named(struct keeper *keeper, struct attachment *attachment, int netlink, struct error *err)
{
	const struct keeper_network *network = &attachment->network->is;
	struct keeper_given *given = &attachment->given;
	if (network->kind != KEEPER_BRIDGE) {
		struct link_child child = {.parent = network->interface,
					   .inside = given->interface,
					   .kind = network->kind,
					   .mode = network->mode,
					   .mac = given->mac,
					   .mtu = network->mtu};
		return link_make_child(keeper->netlink, netlink, &child, err);
	}
	char name[IF_NAMESIZE];
	snprintf(name, sizeof(name), "veth%u", keeper->links++);
	struct link_cable cable = {.name = name,
				   .inside = given->interface,
				   .bridge = attachment->network->interface_index,
				   .mac = given->mac,
				   .mtu = network->mtu};
	int r = link_make_cable(keeper->netlink, netlink, &cable, err);
	if (r == 0)
		memcpy(attachment->link, name, sizeof(name));
	return r;
}

/* What is left of a keeper that was killed goes in the kernel's own time. It has the hardware address that this one is to
 * have, because its addresses are asked for again: then it goes now, and its name is free. */
static int replace_link(struct keeper *keeper, struct attachment *attachment, int netlink, struct error *err)
{
	const struct keeper_given *given = &attachment->given;
	int r = make_link_named(keeper, attachment, netlink, err);
	if (r != -EEXIST || !link_has_mac(netlink, given->interface, given->mac))
		return r;
	link_remove(netlink, given->interface, NULL);
	return make_link_named(keeper, attachment, netlink, err);
}

/* By the name that was asked for, or the first eth… that is free. */
static int make_link(struct keeper *keeper, const struct keeper_request *request, const struct keeper_wish *wish,
		     const struct member *member, struct attachment *attachment, int netlink, struct error *err)
{
	char *name = attachment->given.interface;
	int r = -EEXIST;
	if (*wish->interface) {
		bool used = interface_is_used(member, wish->interface);
		memcpy(name, wish->interface, sizeof(attachment->given.interface));
		if (!used)
			r = replace_link(keeper, attachment, netlink, err);
		return r == -EEXIST
			   ? error_set(err, EEXIST, "interface %s exists already in the container", wish->interface)
			   : r;
	}
	for (unsigned int i = 0; r == -EEXIST && i < INTERFACES_MAX; i++) {
		char candidate[IF_NAMESIZE];
		snprintf(candidate, sizeof(candidate), "eth%u", i);
		if (interface_is_used(member, candidate) || interface_is_wished(request, candidate))
			continue;
		memcpy(name, candidate, sizeof(candidate));
		r = replace_link(keeper, attachment, netlink, err);
	}
	return r == -EEXIST ? error_set(err, EEXIST, "the container has too many interfaces") : r;
}

/* Each network's default route has a number of its own, so that the next one takes over when a network is left. */
static int add_routes(const struct keeper_network *network, const struct keeper_given *given, int netlink,
		      uint32_t index, uint32_t order, struct error *err)
{
	uint32_t metric = network->metric ? network->metric : DEFAULT_METRIC + order;
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < given->count && !network->internal && !network->no_default_route; i++)
		if (ip_is_set(&given->addresses[i].gateway))
			r = link_add_route(netlink, index, NULL, &given->addresses[i].gateway, metric, err);
	for (uint32_t i = 0; r == 0 && i < network->routes_count; i++)
		r = link_add_route(netlink, index, &network->routes[i].destination, &network->routes[i].gateway,
				   network->routes[i].metric ? network->routes[i].metric : metric, err);
	return r;
}

/* The container's end. */
static int configure(struct attachment *attachment, int netlink, uint32_t order, struct error *err)
{
	const struct keeper_given *given = &attachment->given;
	int index = link_index(netlink, given->interface, err);
	if (index < 0)
		return index == -ENODEV ? error_set(err, ENODEV, "interface %s is gone", given->interface) : index;
	int r = 0;
	attachment->index = (uint32_t)index;
	for (uint32_t i = 0; r == 0 && i < given->count; i++)
		r = link_add_address(netlink, (uint32_t)index, &given->addresses[i].address, given->addresses[i].bits,
				     err);
	if (r == 0)
		r = link_up(netlink, given->interface, err);
	return r < 0 ? r : add_routes(&attachment->network->is, given, netlink, (uint32_t)index, order, err);
}

static int attach_one(struct keeper *keeper, const struct keeper_request *request, const struct keeper_wish *wish,
		      struct member *member, int netlink, uint32_t order, struct error *err)
{
	struct live_network *network = NULL;
	int r = network_up(keeper, &wish->network, &network, err);
	if (r < 0)
		return r;
	struct attachment *attachment = xcalloc(1, sizeof(*attachment));
	attachment->network = network;
	network->members++;
	attachment->next = member->attachments;
	member->attachments = attachment;
	if ((r = address_choose(keeper, network, member, wish, &attachment->given, err)) < 0 ||
	    (r = make_link(keeper, request, wish, member, attachment, netlink, err)) < 0 ||
	    (r = configure(attachment, netlink, order, err)) < 0)
		return r;
	if (network->is.kind == KEEPER_BRIDGE && (r = names_add(keeper, member, attachment, wish->names, err)) < 0)
		return r;
	if (network->is.kind == KEEPER_BRIDGE)
		neighbours_add(keeper, member, attachment);
	keeper->reply.given[keeper->reply.count++] = attachment->given;
	return 0;
}

static struct attachment *attachment_on(const struct member *member, const char *network)
{
	struct attachment *attachment = member ? member->attachments : NULL;
	while (attachment && strcmp(attachment->given.network, network) != 0)
		attachment = attachment->next;
	return attachment;
}

/* One that is started again has the addresses that it had, unless they were given to somebody who asked for them. */
static void keep_addresses(struct keeper *keeper, struct keeper_request *request)
{
	const struct member *before = member_find(keeper, request->id);
	for (uint32_t i = 0; i < request->count; i++) {
		struct keeper_wish *wish = &request->wishes[i];
		const struct attachment *attachment = attachment_on(before, wish->network.name);
		for (uint32_t j = 0; attachment && j < attachment->given.count; j++) {
			const struct ip *had = &attachment->given.addresses[j].address;
			struct ip *wished = had->family == AF_INET6 ? &wish->ip6 : &wish->ip;
			bool taken = false;
			for (const struct member *other = keeper->members; other; other = other->next)
				for (const struct attachment *theirs = other == before ? NULL : other->attachments;
				     theirs; theirs = theirs->next)
					for (uint32_t n = 0; n < theirs->given.count; n++)
						taken |= theirs->network == attachment->network &&
							 ip_equal(&theirs->given.addresses[n].address, had);
			if (!ip_is_set(wished) && !taken)
				*wished = *had;
		}
	}
}

static int add_member(struct keeper *keeper, const struct keeper_request *request, struct request_fds *fds,
		      struct member **ret, struct error *err)
{
	struct member *member = xcalloc(1, sizeof(*member));
	memcpy(member->id, request->id, sizeof(member->id));
	memcpy(member->servers, request->servers, sizeof(member->servers));
	member->servers_count = request->servers_count;
	member->process = TAKE_FD(fds->process);
	member->netlink = TAKE_FD(fds->netlink);
	member->monitor = TAKE_FD(fds->monitor);
	member->next = keeper->members;
	keeper->members = member;
	int r = member->process < 0 ? 0 : keeper_watch(keeper, member->process, EVENT_MEMBER, (uintptr_t)member);
	if (r == 0)
		r = keeper_watch(keeper, member->monitor, EVENT_MEMBER, (uintptr_t)member);
	if (r < 0) {
		member_remove(keeper, member, false);
		return error_sys(err, r, "watch a container");
	}
	*ret = member;
	return 0;
}

int member_hold(struct keeper *keeper, const struct keeper_request *request, struct request_fds *fds, struct error *err)
{
	struct member *member = NULL;
	return member_find(keeper, request->id) ? 0 : add_member(keeper, request, fds, &member, err);
}

static uint32_t count_attachments(const struct member *member)
{
	uint32_t count = 0;
	for (const struct attachment *attachment = member->attachments; attachment; attachment = attachment->next)
		count++;
	return count;
}

int member_attach(struct keeper *keeper, const struct keeper_request *request, struct request_fds *fds,
		  struct error *err)
{
	struct member *member = member_find(keeper, request->id);
	int r = 0;
	if (request->verb == KEEPER_HEAL && member && member->process >= 0 && !is_gone(member->process))
		return 0;
	if (member && (request->verb != KEEPER_CONNECT || member->process < 0)) {
		keep_addresses(keeper, &keeper->request);
		member_remove(keeper, member, member->process >= 0 && !is_gone(member->process));
		member = NULL;
	}
	bool is_new = !member;
	if (is_new)
		r = add_member(keeper, request, fds, &member, err);
	if (r < 0 || !member)
		return r;
	for (uint32_t i = 0; r == 0 && i < request->count; i++) {
		const struct keeper_wish *wish = &request->wishes[i];
		if (attachment_on(member, wish->network.name))
			r = error_set(err, EEXIST, "container %.12s is already connected to network %s", member->id,
				      wish->network.name);
		else if ((r = attach_one(keeper, request, wish, member, member->netlink, count_attachments(member), err)) <
			 0) {
			error_context(err, "network %s", wish->network.name);
			struct attachment *half = attachment_on(member, "");
			if (!half)
				half = attachment_on(member, wish->network.name);
			if (half && !is_new)
				detach(keeper, member, half, true);
		}
	}
	if (r < 0 && is_new)
		member_remove(keeper, member, true);
	return r;
}

int member_disconnect(struct keeper *keeper, const struct keeper_request *request, struct error *err)
{
	struct member *member = member_find(keeper, request->id);
	for (uint32_t i = 0; i < request->count; i++) {
		const char *network = request->wishes[i].network.name;
		struct attachment *attachment = attachment_on(member, network);
		if (!member || !attachment)
			return error_set(err, ENOENT, "container %.12s is not connected to network %s", request->id,
					 network);
		detach(keeper, member, attachment, true);
	}
	return 0;
}
