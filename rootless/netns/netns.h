/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns: a network namespace from outside: the programs that connect one to the world.
 *
 * slirp4netns(1) and pasta(1) run beside the namespace, in the host's network namespace, and read and write a tap
 * device inside it. Both are started by their caller as root of the user namespace that owns the network namespace,
 * and die with the caller: by its pid namespace, where it is the first process of one, and by the parent-death
 * signal.
 *
 * A helper is begun, which returns at once, and waited for when all else is done. It has no descriptors but those
 * that it needs. What it writes to standard error lies in a memory file of a page that cannot grow, so that it never
 * blocks, fills nothing, and is at hand when it fails.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/error/error.h"
#include "pkg/text/text.h"

/* Brings `lo` up in the network namespace of the caller. */
int netns_loopback_up(struct error *err);

/*
 * Chooses Reno for the caller's network namespace, whose world is a network program. That ends each TCP connection and
 * makes one of its own, from the host's network namespace, where the host's congestion control is: what is sent in this
 * namespace never leaves the machine. A congestion control that paces, BBR, mistakes the program's pauses for a narrow
 * network and takes away half of the throughput, or more. Where it is refused it stays as it is.
 */
void netns_control_no_congestion(void);

/* The network namespace of the process behind `pidfd`: an O_CLOEXEC descriptor. */
int netns_open(int pidfd, struct error *err);

/* A socket that lives in the network namespace behind `netns_fd`, O_CLOEXEC. `user_fd`: the user namespace whose root is to make it; -1: we have the rights. */
int netns_open_socket(int netns_fd, int user_fd, int family, int type, int protocol, struct error *err);

/* ---- helpers ---- */
struct netns_helper {
	pid_t pid;
	int pidfd;
	int ready_read, ready_write; /* one byte or more means: ready */
	int log_fd;
	const char *name; /* for errors; not owned */
	bool sibling;     /* to be a child of our parent's, who is to hear of its end (CLONE_PARENT) */
};
#define NETNS_HELPER_INIT                                                                                              \
	((struct netns_helper){.pid = -1, .pidfd = -1, .ready_read = -1, .ready_write = -1, .log_fd = -1})

/* Makes what a helper is begun with, so that the number of helper->ready_write can be put among its arguments. */
int netns_helper_prepare(const char *name, struct netns_helper *ret, struct error *err);
/* Starts argv[0] (a path, or found in PATH) with the descriptors keep[] and helper->ready_write. -ENOENT when it is
 * not there. */
int netns_helper_begin(struct netns_helper *helper, const char *const *argv, const int *keep, size_t keep_count,
		       struct error *err);
/* Waits for the word that it is ready. When it ends or says nothing it is killed, and its last line is the error. */
int netns_helper_wait(struct netns_helper *helper, int timeout_ms, struct error *err);
/* Kills it if it was begun, and closes everything. */
void netns_helper_kill(struct netns_helper *helper);
/* Closes everything and leaves it running. */
void netns_helper_release(struct netns_helper *helper);

/* ---- slirp4netns ---- */
struct netns_slirp4netns {
	uint32_t mtu;
	const char *cidr;         /* "10.0.2.0/24" */
	bool allow_host_loopback; /* the gateway's address is the host's 127.0.0.1 */
	bool enable_ipv6;
	const char *outbound_addr, *outbound_addr6; /* NULL: the routing table's choice */
	bool sandbox;                               /* a mount namespace without files, no capabilities, seccomp */
	int api_dir; /* -1, or a directory where it listens for netns_slirp4netns_forward() */
	bool sibling; /* as in struct netns_helper */
};
/* The namespace gets the device tap0, configured. */
int netns_slirp4netns_begin(int netns_fd, const struct netns_slirp4netns *options, struct netns_helper *ret,
			    struct error *err);

/* Once it is ready: makes it forward a port of the host's itself. `host_ip` "" means all IPv4 addresses. */
int netns_slirp4netns_forward(int api_dir, const char *protocol, const char *host_ip, uint16_t host_port,
			      uint16_t guest_port, struct error *err);
/* No more of that: the name of its socket goes. */
void netns_slirp4netns_close_api(int api_dir);

/* ---- pasta ---- */
struct netns_pasta {
	uint32_t mtu;
	const char *address, *netmask, *gateway; /* IPv4 */
	const char *dns_forward;                 /* queries to this address go to the host's resolver; NULL: none do */
	const struct strv *arguments;            /* of the user: what they say is not said by us */
	bool paths_by_pid;                       /* for versions that close what they inherit: pasta.c */
	bool sibling;                            /* as in struct netns_helper */
};
int netns_pasta_begin(int netns_fd, const struct netns_pasta *options, struct netns_helper *ret, struct error *err);
