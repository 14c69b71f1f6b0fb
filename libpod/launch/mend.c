/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of a container's network that have died, begun again. The monitor has executed this as a child of its own,
 * in its namespaces, because it knows nothing of networks itself; what is begun here is the monitor's child. It ends
 * when that is ready, or has failed, and the monitor decides when it is tried again.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "libpod/launch/launch_internal.h"
#include "pkg/file/file.h"

static int mend(const struct monitor_description *d, struct network_pids *ret, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_container struct container *container = NULL;
	int r = open_described_store(d, &store, err);
	if (r < 0 || (r = container_read(store, d->id, &container, err)) < 0)
		return r;
	auto_close int netns = netns_open(d->pidfd, err);
	if (netns < 0)
		return netns;
	struct network_start start = {
	    .container = container,
	    .run_fd = store->run_fd,
	    .directory_fd = d->directory_fd,
	    .netns_fd = netns,
	    .pidfd = d->pidfd,
	    .ports = d->ports,
	    .ports_count = d->ports_count,
	    .control_fd = d->forward_fd,
	    .sibling = true,
	};
	struct network_lost lost = {.program = !d->network_pid, .forwarder = !d->forwarder_pid};
	return network_mend(&start, lost, ret, err);
}

int launch_mend(int description_fd, int report_fd, struct error *err)
{
	auto_free struct monitor_description *d = xcalloc(1, sizeof(*d));
	struct monitor_mended report = {.errnum = 0};
	struct network_pids pids = {0, 0};
	int r = read_description(description_fd, d, err);
	close(description_fd);
	/* Nothing that is begun inherits what only we are to have. */
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	if (r == 0)
		r = mend(d, &pids, err);
	report.network_pid = pids.program;
	report.forwarder_pid = pids.forwarder;
	if (r < 0) {
		report.errnum = -r;
		snprintf(report.text, sizeof(report.text), "%.*s", (int)sizeof(report.text) - 1, err->text);
	}
	int written = write_all(report_fd, &report, sizeof(report));
	return r < 0 ? r : written;
}
