/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the container: started, stopped, exited, started again, over. The picture of it is in state.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpod/monitor/state.h"
#include "libpod/runtime/runtime.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/process/process.h"

#define DRAIN_MS       200	 /* for output that somebody outside still holds open */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 60000
#define WRITE_AGAIN_MS 1000	 /* when there was no room for the state */
#define LONG_LIFE_NS   INT64_C(10000000000) /* up for so long: the next failure is a new one */
#define SOON_MS	       1
#define LONGEST_S      INT64_C(1000000000) /* a time-out beyond it is as good as this one, and would overflow */

void life_write_state(struct monitor *m, enum container_status status)
{
	m->state.status = status;
	m->state.pid = m->exited ? 0 : m->d.host_pid;
	m->state.restart_count = m->d.restart_count;
	int r = container_state_write(m->d.directory_fd, &m->state, NULL);
	m->write_again = r < 0 ? now_ms() + WRITE_AGAIN_MS : 0;
}

/* By somebody who is there still. */
static bool is_kept(const struct monitor *m)
{
	for (const struct client *c = m->clients; c < m->clients + MONITOR_CLIENTS_MAX; c++)
		if (c->control.fd >= 0 && c->keeps)
			return true;
	return false;
}

static void finish(struct monitor *m)
{
	struct monitor_reply reply = {.type = REPLY_EXITED, .exit_code = m->exit_code};
	m->state.status = CONTAINER_EXITED;
	/* One that has ended would be removed by whoever looks next (container_reap()). */
	if (m->d.remove && is_kept(m)) {
		m->d.remove = false;
		m->state.status = CONTAINER_CREATED;
	}
	end_of_life(m, &reply);
}

/* ---- start ---- */
static void executed(struct monitor *m)
{
	struct monitor_reply reply = {.type = REPLY_STARTED};
	m->phase = PHASE_RUNNING;
	m->d.was_started = true;
	m->d.started_ns = m->state.started_ns = time_now_ns();
	m->state.error[0] = '\0';
	m->over_at = m->d.timeout_s ? now_ms() + m->d.timeout_s * 1000 : 0;
	life_write_state(m, CONTAINER_RUNNING);
	clients_send(m, &reply, false);
	input_pump(m);
}

static void exited(struct monitor *m, int code);

/* A start that somebody waits for, and that is undone: the container is what it was before. One that failed to come up again has exited. */
static void failed(struct monitor *m, const struct runtime_report *report)
{
	snprintf(m->state.error, sizeof(m->state.error), "%.*s", (int)sizeof(m->state.error) - 1, report->text);
	if (m->d.started_ns) {
		exited(m, report->status);
		return;
	}
	struct monitor_reply reply = {.type = REPLY_FAILED, .errnum = report->errnum, .status = report->status};
	snprintf(reply.text, sizeof(reply.text), "%.*s", (int)sizeof(reply.text) - 1, report->text);
	m->exited = true;
	m->state.exit_code = report->status;
	m->state.status = m->d.was_started ? CONTAINER_EXITED : CONTAINER_CREATED;
	end_of_life(m, &reply);
}

void life_report(struct monitor *m)
{
	struct runtime_report report;
	ssize_t n = read(m->report.fd, &report, sizeof(report));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	source_close(m, &m->report);
	report.text[sizeof(report.text) - 1] = '\0';
	if (n == (ssize_t)sizeof(report))
		failed(m, &report);
	else
		executed(m);
}

/* The terminal's master arrives from within the container. */
void life_console(struct monitor *m)
{
	int master = descriptors_receive_one(m->console.fd, MSG_DONTWAIT);
	if (master == -EAGAIN)
		return;
	source_close(m, &m->console);
	if (master < 0)
		return;
	if (m->d.rows && m->d.columns) {
		struct winsize size = {.ws_row = m->d.rows, .ws_col = m->d.columns};
		ioctl(master, TIOCSWINSZ, &size);
	}
	m->streams[0].source = (struct source){.fd = master};
	m->input = (struct source){.fd = fcntl(master, F_DUPFD_CLOEXEC, 3)};
	streams_start(m);
	input_pump(m);
}

/* ---- exit ---- */
static bool wants_restart(const struct monitor *m)
{
	if (m->state.stopped_by_user || m->d.remove)
		return false;
	switch (m->d.restart_policy) {
	case RESTART_ALWAYS:
	case RESTART_UNLESS_STOPPED:
		return true;
	case RESTART_ON_FAILURE:
		return m->exit_code != 0 && (!m->d.restart_max || m->d.restart_count < m->d.restart_max);
	default:
		return false;
	}
}

static void wait_for_restart(struct monitor *m)
{
	bool long_life = m->d.started_ns && m->state.finished_ns - m->d.started_ns >= LONG_LIFE_NS;
	if (long_life || !m->d.backoff_ms)
		m->d.backoff_ms = BACKOFF_MIN_MS;
	else if (m->d.backoff_ms < BACKOFF_MAX_MS / 2)
		m->d.backoff_ms *= 2;
	else
		m->d.backoff_ms = BACKOFF_MAX_MS;
	m->phase = PHASE_WAITING;
	m->restart_at = now_ms() + m->d.backoff_ms;
	source_close(m, &m->input);
	release_mounts(m);
	life_write_state(m, CONTAINER_RESTARTING);
}

/* All output that there is goes to log and clients before anybody hears of the exit. */
static void drain(struct monitor *m)
{
	streams_drain(m, now_ms() >= m->drain_until);
	if (!streams_ended(m))
		return;
	if (wants_restart(m))
		wait_for_restart(m);
	else
		finish(m);
}

static void exited(struct monitor *m, int code)
{
	m->exited = true;
	m->paused = false;
	m->exit_code = m->state.exit_code = code;
	m->state.finished_ns = time_now_ns();
	m->state.oom_killed = freeze_was_oom(m);
	m->d.pid = 0;
	m->kill_at = m->over_at = 0;
	m->phase = PHASE_DRAINING;
	m->drain_until = now_ms() + DRAIN_MS;
	if (m->console.fd >= 0)
		life_console(m);
	/* Where the container has no pid namespace of its own, what it left running ends here. */
	if (!m->d.own_pid_namespace)
		freeze_kill_all(m);
	drain(m);
}

/* Also of processes that are nobody's: pid 1 gets them all. */
void life_children(struct monitor *m)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
		if (pid <= 0)
			return;
		if (pid != m->d.pid) {
			helper_remove(m, pid);
			network_child(m, pid);
			continue;
		}
		if (m->report.fd >= 0)
			life_report(m);
		if (m->phase == PHASE_STARTING)
			executed(m);
		if (m->phase == PHASE_RUNNING)
			exited(m, process_exit_code(status));
	}
}

/* ---- stop ---- */
bool life_ends(const struct monitor *m, int signal)
{
	return signal == SIGKILL || signal == m->d.stop_signal;
}

int life_kill(struct monitor *m, int signal)
{
	if (life_ends(m, signal))
		m->state.stopped_by_user = true;
	if (m->phase == PHASE_WAITING && m->state.stopped_by_user) {
		finish(m);
		return 0;
	}
	if (m->exited)
		return -ESRCH;
	return pidfd_signal(m->d.pidfd, signal);
}

void life_stop(struct monitor *m, int signal, int64_t timeout_s)
{
	m->state.stopped_by_user = true;
	if (m->phase == PHASE_WAITING) {
		finish(m);
		return;
	}
	if (m->exited)
		return;
	int64_t seconds = timeout_s < 0 ? 0 : timeout_s < LONGEST_S ? timeout_s : LONGEST_S, kill_at = now_ms() + seconds * 1000;
	if (timeout_s >= 0 && (!m->kill_at || kill_at < m->kill_at))
		m->kill_at = kill_at + (timeout_s ? 0 : SOON_MS);
	pidfd_signal(m->d.pidfd, signal > 0 ? signal : m->d.stop_signal);
	if (m->paused && thaw(m) == 0)
		m->paused = false;
	if (m->phase == PHASE_RUNNING)
		life_write_state(m, CONTAINER_STOPPING);
}

/* ---- time ---- */
static int64_t earlier(int64_t a, int64_t b)
{
	return !a ? b : !b || a < b ? a : b;
}

int64_t life_next_timer(const struct monitor *m)
{
	int64_t at = earlier(earlier(m->kill_at, m->over_at), m->restart_at);
	if (m->phase == PHASE_DRAINING && now_ms() < m->drain_until)
		at = earlier(at, m->drain_until);
	at = earlier(earlier(earlier(earlier(at, m->look_again), m->remake_at), m->write_again), network_next_timer(m));
	if (!at)
		return -1;
	int64_t left = at - now_ms();
	return left > 0 ? left : 0;
}

void life_timers(struct monitor *m)
{
	int64_t now = now_ms();
	if ((m->kill_at && now >= m->kill_at) || (m->over_at && now >= m->over_at)) {
		m->kill_at = m->over_at = 0;
		pidfd_signal(m->d.pidfd, SIGKILL);
	}
	if (m->look_again && now >= m->look_again)
		stream_pump(m, 0);
	if (m->remake_at && now >= m->remake_at) {
		m->remake_at = 0;
		control_open(m);
	}
	if (m->write_again && now >= m->write_again)
		life_write_state(m, m->state.status);
	network_timer(m);
	if (m->phase == PHASE_DRAINING)
		drain(m);
	if (m->restart_at && now >= m->restart_at && !m->done)
		end_relaunch(m);
}
