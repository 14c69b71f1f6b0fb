/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle-monitor DESCRIPTION-FD [NAME]: holds one container. state.h says how it is made; NAME is for those who read `ps`.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "libpod/monitor/state.h"
#include "pkg/file/file.h"

#define EVENTS_MAX 16
#define QUIET_MS   1000 /* without anything to do, until the buffers' memory is given back */

int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void source_watch(struct monitor *m, struct source *source, enum source_kind kind, size_t index, uint32_t events)
{
	if (source->fd < 0 || source->watched == events)
		return;
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)kind << 32 | index};
	int operation = !source->watched ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
	epoll_ctl(m->epoll_fd, operation, source->fd, &event);
	source->watched = events;
}

void source_close(struct monitor *m, struct source *source)
{
	if (source->fd < 0)
		return;
	source_watch(m, source, 0, 0, 0);
	close(source->fd);
	source->fd = -1;
}

static void take_signals(struct monitor *m)
{
	struct signalfd_siginfo info;
	/* Behind the end of its children nothing is taken any more: a SIGHUP that came with it would make the socket anew. */
	while (!m->done && read(m->signal.fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			life_children(m);
			break;
		case SIGHUP:
			control_open(m);
			break;
		case SIGTERM:
			life_stop(m, 0, m->d.stop_timeout_s);
			break;
		}
	}
}

static void dispatch(struct monitor *m, enum source_kind kind, size_t index)
{
	struct client *client = &m->clients[kind >= SOURCE_CLIENT ? index : 0];
	switch (kind) {
	case SOURCE_SIGNAL:
		take_signals(m);
		break;
	case SOURCE_LISTEN:
		control_accept(m);
		break;
	case SOURCE_NOTIFY:
		control_notified(m);
		break;
	case SOURCE_REPORT:
		if (m->report.fd >= 0)
			life_report(m);
		break;
	case SOURCE_FORWARDER:
		network_forwarder(m);
		break;
	case SOURCE_MENDER:
		network_mender(m);
		break;
	case SOURCE_CONSOLE:
		if (m->console.fd >= 0)
			life_console(m);
		break;
	case SOURCE_STREAM:
		stream_pump(m, (int)index);
		break;
	case SOURCE_CLIENT_OUT:
	case SOURCE_CLIENT_ERR:
		source_watch(m, &client->out[kind == SOURCE_CLIENT_ERR], kind, index, 0);
		stream_pump(m, kind == SOURCE_CLIENT_ERR);
		break;
	case SOURCE_STDIN:
	case SOURCE_CLIENT_IN:
		input_pump(m);
		break;
	case SOURCE_CLIENT:
		if (client->control.fd >= 0)
			client_request(m, client);
		break;
	}
}

static void loop(struct monitor *m)
{
	struct epoll_event events[EVENTS_MAX];
	while (!m->done) {
		int64_t left = life_next_timer(m);
		if (m->buffers_used && (left < 0 || left > QUIET_MS))
			left = QUIET_MS;
		int n = epoll_wait(m->epoll_fd, events, EVENTS_MAX, (int)left);
		if (n == 0 && m->buffers_used)
			streams_release(m);
		for (int i = 0; i < n && !m->done; i++)
			dispatch(m, (enum source_kind)(events[i].data.u64 >> 32), (size_t)(events[i].data.u64 & UINT32_MAX));
		if (!m->done)
			life_timers(m);
	}
}

static void add_clients(struct monitor *m)
{
	for (struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++)
		*c = (struct client){.control.fd = -1, .in.fd = -1, .out = {{.fd = -1}, {.fd = -1}}};
	for (size_t i = 0; i < MONITOR_CLIENTS_MAX; i++)
		if (m->d.clients[i].control >= 0)
			client_add(m, &m->d.clients[i]);
}

static void open_log(struct monitor *m)
{
	char name[sizeof(m->log.name)];
	m->log.fd = -1;
	if (!m->d.log)
		return;
	size_t length = 0;
	while (m->d.id[length]) {
		name[length] = m->d.id[length];
		length++;
	}
	for (const char *tail = "-json.log"; *tail; tail++)
		name[length++] = *tail;
	name[length] = '\0';
	log_open(&m->log, m->d.directory_fd, name, m->d.log_max_size, m->d.log_max_files);
}

/* Nothing of ours is inherited by what is executed later, but what end_relaunch() chooses. */
static void open_sources(struct monitor *m)
{
	sigset_t signals;
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log at its limit is a full disk */
	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	m->signal.fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	m->report.fd = m->d.report_fd;
	m->console.fd = m->d.console_fd;
	m->input.fd = m->d.stdin_fd;
	m->streams[0].source.fd = m->d.stdout_fd;
	m->streams[1].source.fd = m->d.stderr_fd;
	m->listen.fd = m->notify.fd = m->mender.fd = -1;
	m->forwarder.fd = m->d.forward_fd;
	if (m->forwarder.fd >= 0)
		fcntl(m->forwarder.fd, F_SETFL, O_RDWR | O_NONBLOCK);
	fcntl(m->report.fd, F_SETFL, O_NONBLOCK);
	if (m->input.fd >= 0)
		fcntl(m->input.fd, F_SETFL, O_WRONLY | O_NONBLOCK);
	source_watch(m, &m->signal, SOURCE_SIGNAL, 0, EPOLLIN);
	source_watch(m, &m->report, SOURCE_REPORT, 0, EPOLLIN);
	source_watch(m, &m->console, SOURCE_CONSOLE, 0, EPOLLIN);
	source_watch(m, &m->forwarder, SOURCE_FORWARDER, 0, EPOLLIN);
}

static bool read_description(int fd, struct monitor_description *d)
{
	ssize_t n = read_full(fd, d, sizeof(*d));
	close(fd);
	return n >= (ssize_t)offsetof(struct monitor_description, ports) && d->magic == MONITOR_DESCRIPTION_MAGIC && d->size == sizeof(*d) &&
	       d->ports_count <= FORWARD_LISTENERS_MAX && (size_t)n == monitor_description_size(d);
}

int main(int argc, char **argv)
{
	struct monitor *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m == MAP_FAILED || argc < 2 || !read_description(atoi(argv[1]), &m->d)) {
		static const char usage[] = "coracle-monitor is started by coracle\n";
		return write(STDERR_FILENO, usage, sizeof(usage) - 1) < 0 ? 126 : 125;
	}
	m->state.monitor_pid = m->d.monitor_pid;
	m->state.started_ns = m->d.started_ns;
	open_sources(m);
	open_log(m);
	control_open(m);
	add_clients(m);
	streams_start(m);
	/* Children may have ended before their signal was blocked. */
	life_children(m);
	if (!m->done)
		loop(m);
	return 0;
}
