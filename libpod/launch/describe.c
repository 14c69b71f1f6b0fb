/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "libpod/launch/launch_internal.h"

static enum restart_policy restart_policy(const char *name)
{
	if (text_is_empty(name) || strcmp(name, "no") == 0)
		return RESTART_NO;
	if (strcmp(name, "on-failure") == 0)
		return RESTART_ON_FAILURE;
	return strcmp(name, "always") == 0 ? RESTART_ALWAYS : RESTART_UNLESS_STOPPED;
}

void describe_container(const struct container *container, struct monitor_description *ret)
{
	struct monitor_description *d = ret;
	d->magic = MONITOR_DESCRIPTION_MAGIC;
	d->size = sizeof(*d);
	d->pidfd = d->mount_fd = d->report_fd = d->console_fd = d->stdin_fd = d->stdout_fd = d->stderr_fd = d->cgroup_fd = d->forward_fd = -1;
	d->lock_fd = d->directory_fd = d->root_fd = d->run_fd = d->locks_fd = d->program_fd = -1;
	d->terminal = container->terminal;
	d->open_stdin = container->open_stdin;
	d->stdin_once = container->stdin_once;
	d->remove = container->remove;
	d->log = !container->log_driver || strcmp(container->log_driver, "none") != 0;
	d->log_max_size = container->log_max_size;
	d->log_max_files = container->log_max_files;
	d->stop_signal = container->stop_signal;
	d->stop_timeout_s = container->stop_timeout_s;
	d->timeout_s = container->timeout_s;
	d->restart_policy = restart_policy(container->restart_policy);
	d->restart_max = container->restart_max;
	snprintf(d->id, sizeof(d->id), "%s", container->id);
	snprintf(d->name, sizeof(d->name), "%s", container->name);
	for (size_t i = 0; i < MONITOR_CLIENTS_MAX; i++)
		d->clients[i] = (struct monitor_client){.control = -1, .in = -1, .out = -1, .err = -1};
}
