/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/network/heal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "libpod/monitor/monitor.h"
#include "libpod/network/publish.h"
#include "libpod/network/settings.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/message/message.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

#define HOSTS_MAX      (1 << 20)
#define SETTLE_MS      5000 /* a start takes less, or has other troubles */
#define SETTLE_STEP_MS 100

/* ---- the container, from outside ---- */
struct running {
	int netlink, process, monitor;
};
#define RUNNING_INIT ((struct running){-1, -1, -1})

static void running_close(struct running *running)
{
	cleanup_close(&running->netlink);
	cleanup_close(&running->process);
	cleanup_close(&running->monitor);
}

static int open_monitor(struct store *store, const char *id, struct error *err)
{
	struct container_state state;
	int r = container_state(store, id, &state, err);
	if (r < 0)
		return r;
	auto_close int fd = state.monitor_pid > 0 ? pidfd_open_process(state.monitor_pid) : -ESRCH;
	/* Still the same one: then the number was its own all the time. */
	int32_t pid = state.monitor_pid;
	if (fd < 0 || container_state(store, id, &state, NULL) < 0 || state.monitor_pid != pid)
		return error_set(err, ESRCH, "container %.12s is not running", id);
	return TAKE_FD(fd);
}

static int open_running(struct store *store, const struct container *container, struct running *ret, struct error *err)
{
	CLEANUP(running_close) struct running running = RUNNING_INIT;
	auto_close int control = monitor_connect(store, container->id, err);
	int r = control < 0 ? control : monitor_pidfd(control, &running.process, err);
	if (r < 0)
		return r;
	running.monitor = r = open_monitor(store, container->id, err);
	auto_close int netns = r < 0 ? -1 : netns_open(running.process, err);
	if (r < 0 || netns < 0)
		return r < 0 ? r : netns;
	/* Its own one may lie below that of the living, whose root has rights in it as well. */
	auto_close int inner = userns_owner(netns);
	auto_close int owner = inner < 0 ? inner : userns_outermost(inner);
	if (owner < 0)
		return error_sys(err, owner, "find the container's user namespace");
	running.netlink = r = netns_open_socket(netns, owner, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, err);
	if (r < 0)
		return r;
	*ret = running;
	running = RUNNING_INIT;
	return 0;
}

/* ---- the addresses that it had ---- */

/* Its own lines in its /etc/hosts, as they were written when it was attached; it may have changed the file, so they are
 * wishes. */
static void wish_addresses(const char *hosts, const struct container *container, struct keeper_request *request)
{
	auto_strv struct strv lines = STRV_INIT;
	strv_split(&lines, hosts, '\n');
	for (size_t i = 0; i < lines.count; i++) {
		char *rest = lines.items[i];
		const char *text = strsep(&rest, " \t");
		struct ip ip;
		auto_strv struct strv names = STRV_INIT;
		if (!rest || !ip_parse(text, &ip))
			continue;
		strv_split(&names, rest, ' ');
		if (!strv_contains(&names, container->hostname) && !strv_contains(&names, container->name))
			continue;
		for (uint32_t j = 0; j < request->count; j++) {
			struct keeper_wish *wish = &request->wishes[j];
			struct ip *wished = ip.family == AF_INET6 ? &wish->ip6 : &wish->ip;
			for (uint32_t n = 0; n < wish->network.subnets_count && !ip_is_set(wished); n++)
				if (ip_prefix_has(&wish->network.subnets[n].prefix, &ip))
					*wished = ip;
		}
	}
}

/* ---- asking the keeper ---- */
static int ask(int fd, const struct keeper_request *request, const struct running *running, struct keeper_reply *reply,
	       struct error *err)
{
	const int fds[] = {running->netlink, running->process, running->monitor};
	int r = keeper_send(fd, request, fds, ARRAY_SIZE(fds), err);
	return r < 0 ? r : keeper_receive(fd, reply, err);
}

/* What it has on all of its networks now goes into its files, and its published ports lead there. */
static int tell(struct store *store, const struct container *container, const struct keeper_request *all,
		       const struct ip *host_address, struct error *err)
{
	auto_keeper_listing struct keeper_listing listing = {0};
	auto_close int directory = container_open(store, container->id, err);
	int r = directory < 0 ? directory : keeper_list(store->run_fd, container->id, &listing, err);
	if (r < 0 || (r = bridge_write_files(container, directory, all, listing.items, listing.count, host_address, err)) < 0)
		return r;
	/* It is on its networks all the same. */
	struct error problem = ERROR_INIT;
	if (network_retarget(store, container, listing.items, listing.count, &problem) < 0)
		message_warn("%s", problem.text);
	return 0;
}

struct asking {
	struct keeper_request request, all;
	struct keeper_reply reply;
};

static int attach(struct store *store, const struct container *container, const char *only, enum keeper_verb verb,
		  int keeper, struct asking *asking, struct error *err)
{
	CLEANUP(running_close) struct running running = RUNNING_INIT;
	int r = open_running(store, container, &running, err);
	if (r < 0 || (r = keeper_plan(store, container, NULL, &asking->all, err)) < 0 ||
	    (r = keeper_plan(store, container, only, &asking->request, err)) < 0)
		return r;
	asking->request.verb = asking->all.verb = verb;
	auto_close int directory = container_open(store, container->id, err);
	auto_free char *hosts = NULL;
	if (!only && directory >= 0 && file_read_at(directory, "etc/hosts", HOSTS_MAX, &hosts, NULL, NULL) == 0)
		wish_addresses(hosts, container, &asking->request);
	r = ask(keeper, &asking->request, &running, &asking->reply, err);
	/* Somebody else has one of them now. */
	if (r == -EADDRINUSE && hosts) {
		error_clear(err);
		asking->request = asking->all;
		r = ask(keeper, &asking->request, &running, &asking->reply, err);
	}
	return r < 0 ? r : tell(store, container, &asking->all, &asking->reply.host_address, err);
}

static int attach_once(struct store *store, const struct container *container, const char *only, enum keeper_verb verb,
		       struct error *err)
{
	struct id_mapping mapping;
	bool is_new;
	int r = store_mapping(store, &mapping, err);
	if (r < 0)
		return r;
	auto_close int keeper = keeper_start(store, &mapping, &is_new, err);
	if (keeper < 0)
		return keeper;
	auto_free struct asking *asking = xcalloc(1, sizeof(*asking));
	return attach(store, container, only, verb, keeper, asking, err);
}

static int attach_running(struct store *store, const struct container *container, const char *only,
			  enum keeper_verb verb, struct error *err)
{
	int r = attach_once(store, container, only, verb, err);
	for (int i = 0; r == -ECONNRESET && i < KEEPER_TRIES; i++) {
		error_clear(err);
		/* The new one knows of none of them. */
		r = attach_once(store, container, NULL, KEEPER_ATTACH, err);
	}
	return r < 0 ? error_context(err, "container %s", container->name) : 0;
}

int network_attach_running(struct store *store, const struct container *container, const char *only, struct error *err)
{
	return attach_running(store, container, only, only ? KEEPER_CONNECT : KEEPER_ATTACH, err);
}

int network_detach_running(struct store *store, const struct container *container, const char *network,
			   struct error *err)
{
	auto_free struct asking *asking = xcalloc(1, sizeof(*asking));
	auto_close int keeper = keeper_connect(store->run_fd, err);
	if (keeper < 0)
		return keeper == -ENOENT ? 0 : keeper;
	struct keeper_request *request = &asking->request;
	request->magic = KEEPER_MAGIC;
	request->verb = KEEPER_DISCONNECT;
	snprintf(request->id, sizeof(request->id), "%s", container->id);
	request->count = 1;
	int r = keeper_plan_name(store, network, &request->wishes[0], err);
	if (r < 0)
		return r;
	r = keeper_send(keeper, request, NULL, 0, err);
	if (r == 0)
		r = keeper_receive(keeper, &asking->reply, err);
	if (r == -ECONNRESET) {
		/* It was killed, and nobody is on any network; the next one is not asked for this one any more. */
		error_clear(err);
		return 0;
	}
	if (r == -ENOENT) {
		error_clear(err);
		r = 0;
	}
	if (r == 0)
		r = keeper_plan(store, container, NULL, &asking->all, err);
	return r < 0 ? r : tell(store, container, &asking->all, &asking->reply.host_address, err);
}

/* ---- all of them ---- */
static bool is_attached(const struct keeper_listing *listing, const char *id)
{
	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing->items[i].id, id) == 0)
			return true;
	return false;
}

/* One that is between two of its lives: its monitor is inside the user namespace, and cannot make a keeper for it. */
static int hold(struct store *store, const char *id, struct error *err)
{
	struct id_mapping mapping;
	bool is_new;
	auto_close int monitor = open_monitor(store, id, err);
	int r = monitor < 0 ? monitor : store_mapping(store, &mapping, err);
	if (r < 0)
		return r;
	auto_close int keeper = keeper_start(store, &mapping, &is_new, err);
	if (keeper < 0)
		return keeper;
	auto_free struct asking *asking = xcalloc(1, sizeof(*asking));
	asking->request.magic = KEEPER_MAGIC;
	asking->request.verb = KEEPER_HOLD;
	snprintf(asking->request.id, sizeof(asking->request.id), "%s", id);
	r = keeper_send(keeper, &asking->request, &monitor, 1, err);
	return r < 0 ? r : keeper_receive(keeper, &asking->reply, err);
}

/* True: it is just being started, and nobody knows yet whether the keeper that was killed had attached it. */
static bool heal_one(struct store *store, const char *id, const struct keeper_listing *listing)
{
	auto_container struct container *container = NULL;
	struct container_state state;
	struct error problem = ERROR_INIT;
	if (is_attached(listing, id) || container_read_listed(store, id, &container, NULL) < 0 ||
	    !container->networks_count || container_state(store, id, &state, NULL) < 0)
		return false;
	if (state.status == CONTAINER_RESTARTING)
		(void)hold(store, id, NULL);
	if (state.status == CONTAINER_STARTING || state.status == CONTAINER_RESTARTING)
		return true;
	if (state.status != CONTAINER_RUNNING && state.status != CONTAINER_PAUSED)
		return false;
	container_free(container);
	container = NULL;
	int r = container_read(store, id, &container, &problem);
	if (r == 0)
		r = attach_running(store, container, NULL, KEEPER_HEAL, &problem);
	/* It may just have ended. */
	if (r < 0 && r != -ESRCH && r != -ENOENT)
		message_warn("a container has no network: %s", problem.text);
	return false;
}

static int heal_all(struct store *store, bool *ret_unsettled, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	auto_keeper_listing struct keeper_listing listing = {0};
	int r = container_ids(store, &ids, err);
	if (r < 0 || ids.count == 0 || (r = keeper_list(store->run_fd, NULL, &listing, err)) < 0)
		return r;
	for (size_t i = 0; i < ids.count; i++)
		*ret_unsettled |= heal_one(store, ids.items[i], &listing);
	return 0;
}

int network_heal(struct store *store, struct error *err)
{
	bool unsettled = false;
	return heal_all(store, &unsettled, err);
}

int network_heal_patiently(struct store *store, struct error *err)
{
	static const struct timespec pause = {.tv_nsec = SETTLE_STEP_MS * 1000000L};
	for (int waited = 0;; waited += SETTLE_STEP_MS) {
		bool unsettled = false;
		int r = heal_all(store, &unsettled, err);
		if (r < 0 || !unsettled || waited >= SETTLE_MS)
			return r;
		nanosleep(&pause, NULL);
	}
}
