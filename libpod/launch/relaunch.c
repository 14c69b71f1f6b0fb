/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A restart: the monitor has executed coracle, which has its pid, its user and pid namespaces, its lock, its listening sockets and its clients. It makes the new
 * first process from the files on disk and becomes the monitor again. What fails on the way is handed to the monitor as a failed start, which then
 * decides whether there is a next time.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/launch/launch_internal.h"
#include "libpod/runtime/runtime.h"
#include "pkg/file/file.h"

int read_description(int fd, struct monitor_description *d, struct error *err)
{
	ssize_t n = read_full(fd, d, sizeof(*d));
	if (n < (ssize_t)offsetof(struct monitor_description, ports) || d->magic != MONITOR_DESCRIPTION_MAGIC || d->size != sizeof(*d) ||
	    d->ports_count > FORWARD_LISTENERS_MAX || (size_t)n != monitor_description_size(d))
		return error_set(err, EINVAL, "this is for coracle-monitor");
	return 0;
}

/* The store where the monitor has it open, under whatever name it has now. */
int open_described_store(const struct monitor_description *d, struct store **ret, struct error *err)
{
	char paths[2][PATH_MAX];
	const int fds[] = {d->root_fd, d->run_fd};
	for (int i = 0; i < 2; i++) {
		char link[32];
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fds[i]);
		ssize_t n = readlink(link, paths[i], sizeof(paths[i]) - 1);
		if (n < 0)
			return error_sys(err, errno, "find the store");
		paths[i][n] = '\0';
	}
	return store_open_settled(paths[0], paths[1], NULL, ret, err);
}

static int relaunch(struct monitor_description *d, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_container struct container *container = NULL;
	auto_plan struct plan plan = {0};
	int r;
	if ((r = open_described_store(d, &store, err)) < 0 || (r = container_read(store, d->id, &container, err)) < 0 ||
	    (r = plan_reload(store, container, &plan, err)) < 0)
		return r;
	plan.mapping.single = d->single_id;
	if (d->rows && d->columns) {
		plan.spec.process.rows = d->rows;
		plan.spec.process.columns = d->columns;
	}
	auto_network_bridges struct network_bridges bridges = NETWORK_BRIDGES_INIT;
	if ((r = network_prepare(store, container, NULL, &bridges, err)) < 0)
		return r;
	CLEANUP(sharing_free) struct sharing_volumes sharing = {0};
	struct birth birth = {.sharing = &sharing, .bridges = &bridges, .store = store, .container = container, .plan = &plan, .map_fd = -1, .map_write_fd = -1, .description = d, .control = -1};
	memset(birth.namespace_fds, -1, sizeof(birth.namespace_fds));
	birth.inner_fd = -1;
	if ((r = others_open(store, container, birth.namespace_fds, err)) < 0 ||
	    (r = others_open_user(store, container, birth.namespace_fds, &birth.inner_fd, err)) < 0 ||
	    (r = sharing_find(store, container, &plan.spec, birth.namespace_fds, &sharing, err)) < 0)
		return r;
	return monitor_process(&birth, err);
}

static int report_failure(struct monitor_description *d, const struct error *failure, struct error *err)
{
	struct runtime_report report = {.errnum = failure->errnum, .status = failure->status ? failure->status : 125};
	int fds[2];
	snprintf(report.text, sizeof(report.text), "%.*s", (int)sizeof(report.text) - 1, failure->text);
	if (pipe2(fds, O_CLOEXEC) < 0 || write_all(fds[1], &report, sizeof(report)) < 0)
		return error_sys(err, errno, "report a failed restart");
	close(fds[1]);
	d->report_fd = fds[0];
	return execute_monitor(d, err);
}

int launch_relaunch(int description_fd, struct error *err)
{
	auto_free struct monitor_description *d = xcalloc(1, sizeof(*d));
	struct error failure = ERROR_INIT;
	int r = read_description(description_fd, d, err);
	if (r < 0)
		return r;
	close(description_fd);
	d->program_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	relaunch(d, &failure);
	return report_failure(d, &failure, err);
}
