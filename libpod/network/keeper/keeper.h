/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * keeper: the user's bridge networks, as they are now. It is a program of its own, coracle-network; this is how one
 * talks to it.
 *
 *	host's network namespace                       shared network namespace (owned by the user namespace of
 *	                                               the living)
 *	coracle-network, the keeper  ──── socket ───►  its hand inside: filter rules, sockets of the resolver
 *	     │                       ──── socket ───►  its hand outside: the uplink (hand.h)
 *	     │    netlink socket of the shared         ├─ slirp4netns or pasta: tap0, as soon as a network is not
 *	     │    namespace                            │    internal
 *	     │                                         └─ coracle1 (bridge), 10.89.1.1/24
 *	     │                                                └── veth…  ═══  eth0 in the container's namespace
 *	     └─── netlink socket of the container's ─────────────────────────────┘
 *
 * There is one for each run directory, and only while a container is on a bridge network: the first start makes it, and
 * with its last member it ends; with it go the shared namespace and all that was in it. Nothing is kept in files: which
 * addresses are given out the keeper alone knows, so they cannot collide, and cannot be stale.
 *
 * - **A member is a process.** With each container come descriptors of its first process and of its monitor
 *   (pidfd_open(2)). When the process is gone, by any death, the keeper takes back links and names; when the monitor,
 *   which could start it again, is gone too, the addresses. Nobody has to tell it.
 * - **The keeper is an ordinary process of the user**, outside all user namespaces and without any capability. The
 *   kernel lets the owner of a user namespace, seen from the one above it, do in it what its root may
 *   (user_namespaces(7)); so one keeper can put the ends of its cables into the namespaces of containers with whatever
 *   mapping, also into those that are no relatives of the shared one. A keeper inside a user namespace could serve that
 *   one only.
 * - It **stays in the host's network namespace**, where the resolver reaches the host's name servers, and works in the
 *   shared one through sockets that were made there. Once it is up it can open no file but the host's resolv.conf, and
 *   start nothing (confine.c). What has to be done with root's rights in the shared namespace its two hands do, each with
 *   no more than it needs (hand.h).
 * - **When the keeper is killed**, its hands, the uplink and the shared namespace go too, and containers run without a
 *   network. Its parent, which does nothing but wait for that (watch.c), then executes `coracle --heal`, which starts a
 *   new keeper and attaches all running containers to it again (libpod/network/heal.h). When that one was killed as
 *   well, whoever looks next (start, ps, network …) does it. Who was just asking asks the new one. A container that is
 *   between two of its lives waits for it (keeper_await()): its monitor is inside the user namespace and cannot make one.
 * - **The end is free of races**: the keeper shuts its socket down before it looks for a last request, so that who
 *   comes too late is refused, and starts a new one. That is done under a lock (flock(2) of the directory), as the start
 *   is.
 */
/* clang-format on */
#pragma once

#include "libpod/container/container.h"
#include "libpod/network/keeper/protocol.h"
#include "rootless/idmap/idmap.h"

#define KEEPER_TRIES 5 /* connections that are lost until something else must be wrong */

/* A connection to the keeper, O_CLOEXEC. -ENOENT, without words, when there is none. */
int keeper_connect(int run_fd, struct error *err);
/* The same, and makes one where there is none (*ret_new). To be called by who is outside the containers' user
 * namespace. */
int keeper_start(const struct store *store, const struct id_mapping *mapping, bool *ret_new, struct error *err);
/* The same for who is inside, and cannot make one: waits a moment for the one that is being made in place of one that
 * was killed. -ENOENT, without words: there is none. */
int keeper_await(int run_fd, struct error *err);
/* A descriptor (O_PATH) of a directory /proc/PID whose ns/net is the shared network namespace, which root of the user
 * namespace of the living may open and join. -ENOENT, without words: there is none. */
int keeper_visit(int run_fd, struct error *err);
/* Removes the socket of one that was killed and has no successor. */
void keeper_forget(int run_fd);

/* The container's wishes as a request, from its record and those of its networks. `only`: one network of these, NULL:
 * all. */
int keeper_plan(struct store *store, const struct container *container, const char *only, struct keeper_request *ret,
		struct error *err);

/* A wish that says the network alone. */
int keeper_plan_name(struct store *store, const char *network, struct keeper_wish *ret, struct error *err);

/* Sends a request. `fds`: a netlink socket made in the container's network namespace, a pidfd of its first process, one
 * of its monitor (KEEPER_HOLD: of the monitor alone); borrowed. */
int keeper_send(int fd, const struct keeper_request *request, const int *fds, size_t count, struct error *err);
/* Receives a reply (which is large: on the heap). What the keeper refused is the error. -ECONNRESET: it was killed
 * meanwhile, and all that it did is undone: who asks another one (KEEPER_TRIES) gets what he wanted. */
int keeper_receive(int fd, struct keeper_reply *ret, struct error *err);

/* All attachments, of one container or (id NULL) of all; none when there is no keeper. */
struct keeper_listing {
	struct keeper_given *items;
	size_t count;
};
void keeper_listing_free(struct keeper_listing *listing);
#define auto_keeper_listing CLEANUP(keeper_listing_free)
int keeper_list(int run_fd, const char *id, struct keeper_listing *ret, struct error *err);
