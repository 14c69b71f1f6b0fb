/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor's own end: for good, or to be executed anew for the next start of its container.
 *
 * For good, in this order: the helpers with their ports, the container's directory (--rm) or its state, the run directory, the lock, and only then
 * the word to those who wait. Whoever hears it can start, remove or use the name and the ports at once. The container's mounts, which nobody can see, come
 * after that. A kill in between leaves the lock free and a state that the next command completes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpod/container/name.h"
#include "libpod/monitor/state.h"
#include "pkg/file/file.h"
#include "rootless/cgroup/cgroup.h"

#define CGROUP_MS 100 /* all in it are dead: as long as the kernel takes to notice */

static void kill_helpers(struct monitor *m)
{
	if (m->d.own_pid_namespace && getpid() == 1) {
		kill(-1, SIGKILL);
		while (waitpid(-1, NULL, __WALL) > 0) {
		}
		return;
	}
	for (uint32_t i = 0; i < m->d.helper_count; i++)
		kill(m->d.helper_pids[i], SIGKILL);
	for (uint32_t i = 0; i < m->d.helper_count; i++)
		waitpid(m->d.helper_pids[i], NULL, __WALL);
}

static void kill_helper(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
}

/* Ports are free, for the next who wants them, when who has them open is gone: us, the forwarder, and whoever was to bring that
 * back. Other helpers may go with us: the network program takes the kernel tens of milliseconds. */
static void free_ports(struct monitor *m)
{
	if (!m->d.ports_count && !m->d.forwarder_pid && !m->d.helper_listens)
		return;
	for (uint32_t i = 0; i < m->d.ports_count; i++)
		close(m->d.ports[i].fd);
	m->d.ports_count = 0;
	if (m->d.helper_listens || m->mender_pid) {
		kill_helpers(m);
		return;
	}
	kill_helper(m->d.forwarder_pid);
	helper_remove(m, m->d.forwarder_pid);
	m->d.forwarder_pid = 0;
}

void release_mounts(struct monitor *m)
{
	if (m->d.mount_fd >= 0)
		close(m->d.mount_fd);
	m->d.mount_fd = -1;
}

static void remove_cgroup(struct monitor *m)
{
	if (m->d.cgroup_fd >= 0)
		cgroup_remove_open(m->d.cgroup_fd, CGROUP_MS, NULL);
}

/* The names of the volumes that have gone with it (storage/volume). What a kill leaves of them leads nowhere, and is swept. */
static void unlink_volumes(struct monitor *m, const char *trash)
{
	char path[sizeof("trash/") + 64 + sizeof("/volumes")], name[sizeof("volumes/") + NAME_MAX];
	snprintf(path, sizeof(path), "%s/volumes", trash);
	int fd = openat(m->d.root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
			continue;
		snprintf(name, sizeof(name), "volumes/%s", entry->d_name);
		unlinkat(m->d.root_fd, name, 0);
	}
	if (directory)
		closedir(directory);
	else if (fd >= 0)
		close(fd);
}

/* Ours may be another one since we were told it: then it is the one that leads to us. */
static void release_name(struct monitor *m)
{
	char owner[65];
	if (name_release(m->d.root_fd, m->d.locks_fd, m->d.name, m->d.id) == 0)
		return;
	int fd = openat(m->d.root_fd, "names", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *entry; directory && (entry = readdir(directory));)
		if (entry->d_name[0] != '.' && name_resolve(m->d.root_fd, entry->d_name, owner) == 0 && strcmp(owner, m->d.id) == 0)
			name_release(m->d.root_fd, m->d.locks_fd, entry->d_name, m->d.id);
	if (directory)
		closedir(directory);
	else if (fd >= 0)
		close(fd);
}

/* Killed before the rename, it is removed by the next who looks (container_reap()); behind it, only the name is left (container_sweep_names()). */
static bool move_to_trash(struct monitor *m, char *trash, size_t size)
{
	control_socket_remove(m);
	char path[sizeof("containers/") + 64];
	snprintf(path, sizeof(path), "containers/%s", m->d.id);
	snprintf(trash, size, "trash/%s", m->d.id);
	if (renameat(m->d.root_fd, path, m->d.root_fd, trash) < 0)
		return false;
	release_name(m);
	unlink_volumes(m, trash);
	if (m->d.locks_fd >= 0)
		unlinkat(m->d.locks_fd, m->d.id, 0);
	return true;
}

void end_of_life(struct monitor *m, const struct monitor_reply *last)
{
	char trash[sizeof("trash/") + 64];
	m->phase = PHASE_ENDED;
	source_close(m, &m->input);
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++) {
		source_close(m, &c->in);
		for (int i = 0; i < 2; i++)
			client_stream_close(m, c, i);
	}
	free_ports(m);
	bool removed = m->d.remove && move_to_trash(m, trash, sizeof(trash));
	if (!removed)
		life_write_state(m, m->state.status);
	if (!m->d.remove)
		control_socket_remove(m);
	remove_cgroup(m);
	close(m->d.lock_fd);
	clients_send(m, last, last->type == REPLY_EXITED);
	release_mounts(m);
	if (removed)
		tree_remove_at(m->d.root_fd, trash, NULL); /* what resists is left for whoever empties the trash next */
	m->done = true;
}

/* ---- the next start ---- */
static void keep(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

static void describe(struct monitor *m)
{
	struct monitor_description *d = &m->d;
	d->pid = d->host_pid = 0;
	d->pidfd = d->mount_fd = d->report_fd = d->console_fd = d->stdin_fd = d->stdout_fd = d->stderr_fd = -1;
	d->helper_count = 0;
	d->network_pid = d->forwarder_pid = 0;
	d->forward_fd = -1;
	d->restart_count++;
	for (size_t i = 0; i < MONITOR_CLIENTS_MAX; i++) {
		struct client *c = &m->clients[i];
		d->clients[i] = (struct monitor_client){c->control.fd, c->in.fd, c->out[0].fd, c->out[1].fd, c->waits};
		keep(c->control.fd);
		keep(c->in.fd);
		keep(c->out[0].fd);
		keep(c->out[1].fd);
	}
	const int others[] = {d->lock_fd, d->directory_fd, d->root_fd, d->run_fd, d->locks_fd, d->cgroup_fd};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		keep(others[i]);
	for (uint32_t i = 0; i < d->ports_count; i++)
		keep(d->ports[i].fd);
}

_Noreturn void end_relaunch(struct monitor *m)
{
	char number[16];
	int fd = memfd_create("description", 0);
	kill_helpers(m);
	describe(m);
	snprintf(number, sizeof(number), "%d", fd);
	if (fd >= 0 && write_all(fd, &m->d, monitor_description_size(&m->d)) == 0 && lseek(fd, 0, SEEK_SET) == 0) {
		char *const argv[] = {(char *)"coracle", (char *)"--relaunch", number, NULL};
		/* Ours stay blocked until we are the monitor again: where we are no pid 1 they would end us. */
		sigset_t children;
		sigemptyset(&children);
		sigaddset(&children, SIGCHLD);
		sigprocmask(SIG_UNBLOCK, &children, NULL);
		execveat(m->d.program_fd, "", argv, environ, AT_EMPTY_PATH);
	}
	snprintf(m->state.error, sizeof(m->state.error), "cannot execute coracle for the restart: %s", strerror(errno));
	struct monitor_reply reply = {.type = REPLY_EXITED, .exit_code = m->exit_code};
	m->state.status = CONTAINER_EXITED;
	end_of_life(m, &reply);
	_exit(1);
}
