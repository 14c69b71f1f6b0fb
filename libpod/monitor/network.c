/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports, and helpers of the network that die.
 *
 * The monitor has a copy of each listening socket. So nothing is lost when the forwarder is killed: connections wait
 * in the backlog until there is another one. It does not start that itself: `coracle --mend`, which it executes,
 * knows from the container's record what there has to be, begins it as a child of the monitor's (CLONE_PARENT), and
 * reports. The network program (slirp4netns, pasta) comes back the same way. What keeps dying is tried less and less
 * often.
 *
 * A request for ports goes to the forwarder, or, where there is none, to the mender, who begins one with what the
 * monitor has by then. Either way it is answered when that has been done: one at a time, since it is rare. A client
 * that goes away is not answered; what it asked for is done all the same.
 *
 *	command ──REQUEST_FORWARD──► monitor ──forward_request──► forwarder
 *	        ◄──REPLY_ANSWER────         ◄──forward_reply────
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpod/monitor/message.h"
#include "libpod/monitor/state.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

#define CALM_MS      10000 /* alive for so long: the next death is a new one */
#define DELAY_MIN_MS 100
#define DELAY_MAX_MS 60000

void helper_add(struct monitor *m, pid_t pid)
{
	if (m->d.helper_count < sizeof(m->d.helper_pids) / sizeof(m->d.helper_pids[0]))
		m->d.helper_pids[m->d.helper_count++] = pid;
}

void helper_remove(struct monitor *m, pid_t pid)
{
	for (uint32_t i = 0; i < m->d.helper_count; i++)
		if (m->d.helper_pids[i] == pid)
			m->d.helper_pids[i] = m->d.helper_pids[--m->d.helper_count];
}

/* ---- answering ---- */
static void answer(struct monitor *m, int errnum, const char *text)
{
	struct client *client = m->asker;
	struct monitor_reply reply = {.type = REPLY_ANSWER, .errnum = errnum};
	m->asker = NULL;
	if (!client)
		return;
	snprintf(reply.text, sizeof(reply.text), "%s", text);
	client_send(m, client, &reply, -1);
}

void network_forget_client(struct monitor *m, const struct client *client)
{
	if (m->asker == client)
		m->asker = NULL;
}

void network_forwarder(struct monitor *m)
{
	struct forward_reply reply;
	ssize_t n = recv(m->forwarder.fd, &reply, sizeof(reply), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* It is gone, and whoever has asked is answered by the one that comes after it. */
	if (n != sizeof(reply)) {
		source_close(m, &m->forwarder);
		return;
	}
	answer(m, reply.errnum,
	       reply.errnum == EMFILE ? "the port forwarder may not have so many open files (ulimit -n)"
				      : "the port forwarder could not do it");
}

/* ---- mending ---- */
static bool wants_forwarder(const struct monitor *m)
{
	return m->d.ports_count && !m->d.forwarder_pid;
}

static void schedule(struct monitor *m)
{
	int64_t now = now_ms();
	if (now - m->mended_at > CALM_MS)
		m->mend_delay = 0;
	else if (!m->mend_delay)
		m->mend_delay = DELAY_MIN_MS;
	else
		m->mend_delay = m->mend_delay < DELAY_MAX_MS / 2 ? m->mend_delay * 2 : DELAY_MAX_MS;
	m->mend_at = now + m->mend_delay;
}

static void keep(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

/* The lock stays behind: it is the monitor's life. */
static _Noreturn void become_mender(const struct monitor *m, int description, int report)
{
	const struct monitor_description *d = &m->d;
	char numbers[2][16];
	sigset_t none;
	const int fds[] = {d->directory_fd, d->root_fd,    d->run_fd,   d->locks_fd,
			   d->pidfd,        d->forward_fd, description, report};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		keep(fds[i]);
	for (uint32_t i = 0; i < d->ports_count; i++)
		keep(d->ports[i].fd);
	snprintf(numbers[0], sizeof(numbers[0]), "%d", description);
	snprintf(numbers[1], sizeof(numbers[1]), "%d", report);
	char *const argv[] = {(char *)"coracle", (char *)"--mend", numbers[0], numbers[1], NULL};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execveat(d->program_fd, "", argv, environ, AT_EMPTY_PATH);
	_exit(127);
}

static int begin_mender(struct monitor *m)
{
	int report[2], pair[2] = {-1, -1};
	if (m->d.program_fd < 0)
		return -EOPNOTSUPP;
	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	auto_close int ours = report[0], theirs = report[1];
	if (wants_forwarder(m) && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	auto_close int told = pair[0], hears = pair[1];
	m->d.forward_fd = hears;
	auto_close int description = memfd_create("description", MFD_CLOEXEC);
	if (description < 0 || write_all(description, &m->d, monitor_description_size(&m->d)) < 0 ||
	    lseek(description, 0, SEEK_SET) < 0)
		return -EIO;
	pid_t pid = fork();
	if (pid == 0)
		become_mender(m, description, theirs);
	if (pid < 0)
		return -errno;
	m->mender_pid = pid;
	helper_add(m, pid);
	m->mender = (struct source){.fd = TAKE_FD(ours)};
	source_watch(m, &m->mender, SOURCE_MENDER, 0, EPOLLIN);
	if (told >= 0) {
		source_close(m, &m->forwarder);
		m->forwarder = (struct source){.fd = TAKE_FD(told)};
		source_watch(m, &m->forwarder, SOURCE_FORWARDER, 0, EPOLLIN);
	}
	return 0;
}

static void mended(struct monitor *m, int errnum, const char *text)
{
	m->mended_at = now_ms();
	answer(m, errnum, text);
	if (errnum)
		schedule(m);
}

static void mend(struct monitor *m)
{
	m->mend_at = 0;
	int r = begin_mender(m);
	if (r < 0)
		mended(m, -r, "the container's monitor cannot execute coracle");
}

static void take(struct monitor *m, int32_t pid, int32_t *ret)
{
	if (pid <= 0)
		return;
	/* One that has died since was reaped before we knew it. */
	if (kill(pid, 0) < 0) {
		schedule(m);
		return;
	}
	*ret = pid;
	helper_add(m, pid);
}

void network_mender(struct monitor *m)
{
	struct monitor_mended report;
	ssize_t n = m->mender.fd < 0 ? 0 : read(m->mender.fd, &report, sizeof(report));
	if (m->mender.fd < 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	source_close(m, &m->mender);
	if (n != sizeof(report)) {
		mended(m, EIO, "what was to bring the container's network back died");
		return;
	}
	report.text[sizeof(report.text) - 1] = '\0';
	take(m, report.network_pid, &m->d.network_pid);
	take(m, report.forwarder_pid, &m->d.forwarder_pid);
	mended(m, report.errnum, report.text);
}

void network_child(struct monitor *m, pid_t pid)
{
	if (pid == m->mender_pid) {
		network_mender(m);
		/* It left without a word, and something it began may hold its end still. */
		if (m->mender.fd >= 0) {
			source_close(m, &m->mender);
			mended(m, EIO, "what was to bring the container's network back died");
		}
		m->mender_pid = 0;
	} else if (pid == m->d.network_pid) {
		m->d.network_pid = 0;
		schedule(m);
	} else if (pid == m->d.forwarder_pid) {
		m->d.forwarder_pid = 0;
		source_close(m, &m->forwarder);
		if (wants_forwarder(m))
			schedule(m);
		else
			answer(m, 0, "");
	}
}

int64_t network_next_timer(const struct monitor *m)
{
	return m->phase == PHASE_RUNNING && !m->mender_pid ? m->mend_at : 0;
}

void network_timer(struct monitor *m)
{
	int64_t at = network_next_timer(m);
	if (at && now_ms() >= at)
		mend(m);
}

/* ---- requests ---- */
static int send_request(struct monitor *m, const struct forward_request *request, const int *fds, size_t count)
{
	if (m->forwarder.fd < 0)
		return -ENOTCONN;
	return message_send(m->forwarder.fd, request, sizeof(*request), fds, count);
}

static void add(struct monitor *m, const struct forward_request *request, int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		m->d.ports[m->d.ports_count++] =
		    (struct forward_port){.fd = fds[i], .port = (uint16_t)(request->port + i)};
		fds[i] = -1;
	}
}

static void drop(struct monitor *m, const struct listening *which)
{
	uint32_t left = 0;
	for (uint32_t i = 0; i < m->d.ports_count; i++) {
		if (listening_has(which, m->d.ports[i].fd))
			close(m->d.ports[i].fd);
		else
			m->d.ports[left++] = m->d.ports[i];
	}
	m->d.ports_count = left;
}

int network_request(struct monitor *m, struct client *client, const struct forward_request *request, int *fds,
		    size_t count)
{
	bool adds = request->type == FORWARD_ADD;
	bool waits = m->phase == PHASE_WAITING;
	/* Until it runs, or waits for its restart, or is told to be over. */
	if ((m->phase == PHASE_STARTING || m->phase == PHASE_DRAINING) && request->type != FORWARD_TARGET)
		return -EINPROGRESS;
	if (m->phase != PHASE_RUNNING && (!waits || request->type == FORWARD_TARGET))
		return -ESRCH;
	if (m->asker || m->mender_pid)
		return -EINPROGRESS;
	/* Descriptors that found no room were dropped on the way. */
	if (adds && count != request->count)
		return -EMFILE;
	if (adds && m->d.ports_count + count > FORWARD_LISTENERS_MAX)
		return -E2BIG;
	/* Between two lives the ports are kept open for the next one, and so are those that come to them. */
	int r = waits ? 0 : send_request(m, request, fds, adds ? count : 0);
	if (adds)
		add(m, request, fds, count);
	else if (request->type == FORWARD_REMOVE)
		drop(m, &request->listening);
	if (waits)
		return 0;
	/* One that is dying is followed by another, which answers. */
	if (r < 0 && !m->d.forwarder_pid && !m->d.ports_count)
		return 0;
	m->asker = client;
	if (r < 0 && !m->d.forwarder_pid)
		mend(m);
	return 1;
}
