/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch: from a container's directory to a running process under its monitor.
 *
 *	command line ──clone3(user*, pid)──► monitor process ──clone3(mnt, pid, net, ipc, uts, cgroup)──► first process ──► exec
 *	     │  newuidmap, newgidmap*             │  exec coracle-monitor (same pid, lock and children kept)
 *	     └── waits for the report             └── network helper, port forwarder, fuse-overlayfs: its children too
 *	                                                                (*: only when no living container shares its namespace)
 *
 * The monitor process lives in a pid namespace of its own, as its pid 1, unless the container shares a pid namespace (--pid host, container:…).
 * Whatever happens to the monitor, the kernel then kills the container and every helper with it; a container cannot outlive
 * its monitor, and no helper can outlive both. The container's own pid namespace lies inside that one.
 *
 * The lock of the container is taken by the command line before the clone and handed down; the command line's copy is closed when
 * the monitor has it. Exactly one start can win.
 */
#pragma once

#include "libpod/container/container.h"
#include "libpod/plan/plan.h"

/* What the starting command keeps hold of. */
struct launch_streams {
	bool attach_stdin, attach_stdout, attach_stderr; /* none: detached */
	bool terminal; /* the container has one (launch_container() knows that by itself) */
	uint16_t rows, columns;
	unsigned int preserve_fds; /* so many descriptors from 3 on are the process's too; they were checked before anything was opened */
};

struct launch {
	int control; /* SOCK_SEQPACKET connection to the monitor, made before the fork: libpod/monitor/protocol.h; -1 when detached */
	int stdio[3]; /* our ends of the streams that are attached: stdin to write, stdout and stderr to read; with a terminal only [0], both ways,
		       * or, without input, only [1]. -1 otherwise */
	pid_t monitor_pid;
};
#define LAUNCH_INIT ((struct launch){.control = -1, .stdio = {-1, -1, -1}})
void launch_free(struct launch *launch);
#define auto_launch CLEANUP(launch_free)

/* Starts a container that is not alive. `plan` NULL: it is read from the container's directory (start, restart), and so is `container`, anew. The descriptors that
 * are handed on (preserve_fds) are not for a later start of it. Returns when the first process has
 * executed its program, or failed to: then err->status says 126, 127 or 125 and the container is in state created (or gone, with --rm). */
int launch_container(struct store *store, struct container *container, struct plan *plan, const struct launch_streams *streams,
		     struct launch *ret, struct error *err);

/* `coracle --relaunch FD`, executed by coracle-monitor for a restart: does not return unless even the monitor cannot be executed again. */
int launch_relaunch(int description_fd, struct error *err);

/* `coracle --mend FD REPORT`, executed by coracle-monitor as a child of its own: brings helpers of the container's network back that have died, and reports. */
int launch_mend(int description_fd, int report_fd, struct error *err);
