/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pausing: by the cgroup's freezer where the container has a cgroup. Otherwise by SIGSTOP to every process of its pid namespace and of those below, over and over
 * until all are stopped: what is forked meanwhile is found the next time. Also what else a cgroup knows: who was killed for want of memory, and
 * how to kill all.
 *
 * /proc is the host's, while kill(2) takes the numbers of our own pid namespace: both are in the line NSpid of a process' status, one column for each
 * namespace on the way down.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpod/monitor/state.h"
#include "pkg/cleanup/cleanup.h"

#define ROUNDS_MAX    1000
#define DEPTH_MAX     32 /* of pid namespaces: MAX_PID_NS_LEVEL */
#define FREEZE_MS     10000

/* ---- cgroup ---- */
static int cgroup_write(const struct monitor *m, const char *file, const char *value)
{
	if (m->d.cgroup_fd < 0)
		return -ENOENT;
	auto_close int fd = openat(m->d.cgroup_fd, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

static bool cgroup_says(int fd, const char *line)
{
	char text[512];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		return false;
	text[n] = '\0';
	return strstr(text, line);
}

static int cgroup_freeze(const struct monitor *m)
{
	int r = cgroup_write(m, "cgroup.freeze", "1");
	if (r < 0)
		return r;
	auto_close int events = openat(m->d.cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	int64_t until = now_ms() + FREEZE_MS;
	while (events >= 0 && !cgroup_says(events, "frozen 1") && now_ms() < until)
		poll(&(struct pollfd){.fd = events, .events = POLLPRI}, 1, 100);
	return 0;
}

bool freeze_was_oom(const struct monitor *m)
{
	if (m->d.cgroup_fd < 0)
		return false;
	auto_close int fd = openat(m->d.cgroup_fd, "memory.events", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && !cgroup_says(fd, "oom_kill 0\n");
}

static bool is_helper(const struct monitor *m, pid_t pid)
{
	for (uint32_t i = 0; i < m->d.helper_count; i++)
		if (m->d.helper_pids[i] == pid)
			return true;
	return false;
}

/* Kills our children that are no helpers of ours; false when there are none. */
static bool kill_children(const struct monitor *m)
{
	char path[64], text[4096];
	bool killed = false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", m->d.monitor_pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	for (char *at = text, *end; *at; at = end + 1) {
		pid_t pid = (pid_t)strtol(at, &end, 10);
		if (*end != ' ')
			break; /* cut off: it comes first the next time */
		if (is_helper(m, pid))
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, __WALL);
		killed = true;
	}
	return killed;
}

/* What a container without a pid namespace of its own left running: all of its cgroup, or, without one, all orphans, which are ours because we
 * are a subreaper. Each that is killed can leave us more of them. */
void freeze_kill_all(struct monitor *m)
{
	if (cgroup_write(m, "cgroup.kill", "1") == 0)
		return;
	for (int round = 0; round < ROUNDS_MAX && kill_children(m); round++) {
	}
}

/* ---- signals ---- */
struct scan {
	int proc_fd;
	int depth;	   /* columns of our own NSpid */
	struct stat space; /* the container's pid namespace */
	int signal;
	bool found; /* one that needed it */
};

static bool in_namespace(const struct scan *scan, const char *pid)
{
	char path[sizeof("/ns/pid") + NAME_MAX];
	struct stat st;
	snprintf(path, sizeof(path), "%s/ns/pid", pid);
	auto_close int fd = openat(scan->proc_fd, path, O_RDONLY | O_CLOEXEC);
	for (int depth = 0; fd >= 0 && depth < DEPTH_MAX && fstat(fd, &st) == 0; depth++) {
		if (st.st_ino == scan->space.st_ino && st.st_dev == scan->space.st_dev)
			return true;
		int parent = ioctl(fd, NS_GET_PARENT);
		close(fd);
		fd = parent;
	}
	return false;
}

struct status {
	char state;
	bool stop_pending; /* SIGSTOP has been sent, and it has not come to it */
	int depth;
	int numbers[DEPTH_MAX]; /* in each pid namespace on the way down */
};

/* From /proc/<pid>/status. */
static int read_status(int proc_fd, const char *pid, struct status *ret)
{
	char path[sizeof("/status") + NAME_MAX], text[4096];
	snprintf(path, sizeof(path), "%s/status", pid);
	auto_close int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	const char *state = strstr(text, "\nState:\t"), *spaces = strstr(text, "\nNSpid:"), *pending = strstr(text, "\nShdPnd:\t");
	if (!state || !spaces || !pending)
		return -1;
	ret->state = state[8];
	ret->stop_pending = strtoull(pending + 9, NULL, 16) & (1ULL << (SIGSTOP - 1));
	ret->depth = 0;
	for (char *at = (char *)spaces + 7; *at == '\t' && ret->depth < DEPTH_MAX;)
		ret->numbers[ret->depth++] = (int)strtol(at, &at, 10);
	return 0;
}

/* One that sleeps in the kernel with SIGSTOP pending runs no instruction of its own any more, and may never come to stop: after vfork(2) it waits for a child that was
 * stopped before its exec. */
static bool needs_signal(const struct status *status, int signal)
{
	bool stopped = status->state == 'T' || status->state == 't', dead = status->state == 'Z' || status->state == 'X';
	if (signal == SIGSTOP)
		return !dead && !stopped && !(status->state == 'D' && status->stop_pending);
	return stopped || status->stop_pending;
}

static void signal_one(struct scan *scan, const char *pid)
{
	struct status status;
	if (!in_namespace(scan, pid) || read_status(scan->proc_fd, pid, &status) < 0 || status.depth < scan->depth)
		return;
	if (needs_signal(&status, scan->signal) && kill(status.numbers[scan->depth - 1], scan->signal) == 0)
		scan->found = true;
}

static void scan_once(struct scan *scan)
{
	char entries[4096] __attribute__((aligned(8)));
	long n;
	lseek(scan->proc_fd, 0, SEEK_SET);
	while ((n = syscall(SYS_getdents64, scan->proc_fd, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < n;) {
			struct dirent64 *entry = (struct dirent64 *)(entries + at);
			if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
				signal_one(scan, entry->d_name);
			at += entry->d_reclen;
		}
	}
}

static int signal_all(const struct monitor *m, int signal)
{
	char path[64];
	struct status own;
	auto_close int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct scan scan = {.proc_fd = proc_fd, .signal = signal};
	if (proc_fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "%d/ns/pid", m->d.host_pid);
	if (read_status(proc_fd, "self", &own) < 0 || own.depth < 1 || fstatat(proc_fd, path, &scan.space, 0) < 0)
		return -ESRCH;
	scan.depth = own.depth;
	int64_t until = now_ms() + FREEZE_MS;
	do {
		scan.found = false;
		scan_once(&scan);
		if (!scan.found)
			return 0;
		poll(NULL, 0, 1); /* a process stops when it next runs */
	} while (now_ms() < until);
	return -EAGAIN;
}

int freeze(struct monitor *m)
{
	int r = cgroup_freeze(m);
	if (r == 0)
		return 0;
	/* Without a pid namespace of its own, its processes cannot be told from others. */
	if (!m->d.own_pid_namespace)
		return -EOPNOTSUPP;
	r = signal_all(m, SIGSTOP);
	if (r < 0)
		signal_all(m, SIGCONT);
	return r;
}

int thaw(struct monitor *m)
{
	return cgroup_write(m, "cgroup.freeze", "0") == 0 ? 0 : signal_all(m, SIGCONT);
}
