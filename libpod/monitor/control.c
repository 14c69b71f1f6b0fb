/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket, <run directory>/<id>/control.
 *
 * The run directory can vanish while we live: a logout removes it, and people clean up. inotify tells when the socket goes, and it is made again: a little later,
 * because whoever is removing a tree stumbles over what appears in it. A client that cannot wait for that, or looks for us after even the directory above was
 * gone for a while, sends SIGHUP (monitor_connect()).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libpod/monitor/state.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/descriptors/descriptors.h"

#define LISTEN_BACKLOG 64
#define REMAKE_MS      500

/* The run directory as it was opened may be another than the one that is there now under the same name. */
static int open_run_directory(const struct monitor *m)
{
	char link[32], path[4096];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", m->d.run_fd);
	struct stat st;
	if (fstat(m->d.run_fd, &st) == 0 && st.st_nlink > 0)
		return fcntl(m->d.run_fd, F_DUPFD_CLOEXEC, 3);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	static const char deleted[] = " (deleted)";
	size_t tail = sizeof(deleted) - 1;
	if (n < (ssize_t)tail || memcmp(path + n - tail, deleted, tail) != 0)
		return -1;
	path[(size_t)n - tail] = '\0';
	if (mkdir(path, 0700) < 0 && access(path, F_OK) < 0)
		return -1;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_uid != geteuid())) {
		close(fd);
		return -1;
	}
	return fd;
}

static int bind_socket(int dirfd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	/* Through the descriptor: the path may be longer than an address. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/control", dirfd);
	unlinkat(dirfd, "control", 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return -1;
	return TAKE_FD(fd);
}

static void watch_directory(struct monitor *m, int dirfd)
{
	char path[32];
	source_close(m, &m->notify);
	m->notify.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (m->notify.fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dirfd);
	inotify_add_watch(m->notify.fd, path, IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
	source_watch(m, &m->notify, SOURCE_NOTIFY, 0, EPOLLIN);
}

/* That we belong to the user namespace is said by a file in the same directory. */
static void announce(const struct monitor *m, int run_fd)
{
	char path[sizeof(m->d.member)];
	if (!m->d.member[0] || faccessat(run_fd, m->d.member, F_OK, 0) == 0)
		return;
	memcpy(path, m->d.member, sizeof(path));
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdirat(run_fd, path, 0700);
		*slash = '/';
	}
	int fd = openat(run_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
}

/* The socket at its path, if it is there. */
static bool look(const struct monitor *m, struct stat *ret)
{
	char path[sizeof("/control") + 64];
	snprintf(path, sizeof(path), "%s/control", m->d.id);
	return fstatat(m->d.run_fd, path, ret, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Made anew without need it would turn away those who are just connecting. */
static bool is_there(const struct monitor *m)
{
	struct stat st;
	return m->listen.fd >= 0 && look(m, &st) && st.st_ino == m->socket_inode && st.st_dev == m->socket_device;
}

void control_open(struct monitor *m)
{
	if (is_there(m))
		return;
	int run_fd = open_run_directory(m);
	if (run_fd < 0)
		return;
	close(m->d.run_fd);
	m->d.run_fd = run_fd;
	announce(m, run_fd);
	mkdirat(run_fd, m->d.id, 0700);
	auto_close int dirfd = openat(run_fd, m->d.id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dirfd < 0)
		return;
	source_close(m, &m->listen);
	m->listen.fd = bind_socket(dirfd);
	struct stat st;
	if (m->listen.fd >= 0 && look(m, &st)) {
		m->socket_inode = st.st_ino;
		m->socket_device = st.st_dev;
		source_watch(m, &m->listen, SOURCE_LISTEN, 0, EPOLLIN);
	}
	watch_directory(m, dirfd);
}

void control_notified(struct monitor *m)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	while (read(m->notify.fd, events, sizeof(events)) > 0) {
	}
	if (!is_there(m))
		m->remake_at = now_ms() + REMAKE_MS;
}

void control_accept(struct monitor *m)
{
	int fd = accept4(m->listen.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct monitor_client descriptors = {.control = fd, .in = -1, .out = -1, .err = -1};
	clients_make_room(m);
	if (client_add(m, &descriptors))
		return;
	static const struct monitor_reply full = {
	    .type = REPLY_ANSWER, .errnum = EUSERS, .text = "too many others are connected to the container's monitor"};
	descriptors_send(fd, &full, sizeof(full), NULL, 0, MSG_DONTWAIT);
	close(fd);
}

/* The inotify descriptor goes with the process: closing it waits for a grace period of the kernel's, many milliseconds. */
void control_socket_remove(struct monitor *m)
{
	char path[sizeof("/control") + 64];
	source_watch(m, &m->notify, SOURCE_NOTIFY, 0, 0);
	source_close(m, &m->listen);
	snprintf(path, sizeof(path), "%s/control", m->d.id);
	unlinkat(m->d.run_fd, path, 0);
	unlinkat(m->d.run_fd, m->d.id, AT_REMOVEDIR);
	if (m->d.member[0])
		unlinkat(m->d.run_fd, m->d.member, 0);
}
