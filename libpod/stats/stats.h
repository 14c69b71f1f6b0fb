/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats: what a running container uses: from its cgroup, and from /proc where it has none (then what processes that are gone have used is not counted).
 */
#pragma once

#include <stdint.h>

#include "libpod/container/container.h"

struct container_stats {
	int64_t time_ns;	  /* CLOCK_MONOTONIC, when this was read */
	int64_t cpu_ns;		  /* processor time since its start */
	int64_t cpu_system_ns;	  /* of that in the kernel */
	int64_t memory, memory_max; /* bytes; max: its limit, or the machine's memory */
	int64_t block_read, block_written; /* bytes; -1: not known */
	int64_t network_received, network_sent; /* bytes, without lo; -1: the network is not its own */
	int64_t pids;
};

/* -ESRCH: it is not running (any more). */
int stats_read(struct store *store, const struct container *container, struct container_stats *ret, struct error *err);
