/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/stats/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "libpod/top/top.h"
#include "pkg/file/file.h"
#include "rootless/cgroup/cgroup.h"

#define FILE_MAX (1 << 20)

/* The number behind `key` and a blank at the beginning of a line; -1: there is none. */
static int64_t value_of(const char *text, const char *key)
{
	size_t length = strlen(key);
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line ? 1 : 0)
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return strtoll(line + length, NULL, 10);
	return -1;
}

static int64_t number_in(int dirfd, const char *name)
{
	auto_free char *text = NULL;
	if (file_read_at(dirfd, name, FILE_MAX, &text, NULL, NULL) < 0 || strncmp(text, "max", 3) == 0)
		return -1;
	return strtoll(text, NULL, 10);
}

/* "8:0 rbytes=1 wbytes=2 rios=…" for each device */
static void add_blocks(const char *text, struct container_stats *stats)
{
	stats->block_read = stats->block_written = 0;
	for (const char *at = text; (at = strstr(at, "rbytes="));)
		stats->block_read += strtoll(at += strlen("rbytes="), NULL, 10);
	for (const char *at = text; (at = strstr(at, "wbytes="));)
		stats->block_written += strtoll(at += strlen("wbytes="), NULL, 10);
}

static int64_t machine_memory(void)
{
	struct sysinfo info;
	return sysinfo(&info) == 0 ? (int64_t)((uint64_t)info.totalram * info.mem_unit) : 0;
}

/* What can be given back at once, files that were read once, is not counted, as docker does not. */
static int64_t memory_in_use(int cgroup, int64_t current)
{
	auto_free char *text = NULL;
	if (file_read_at(cgroup, "memory.stat", FILE_MAX, &text, NULL, NULL) < 0)
		return current;
	int64_t inactive = value_of(text, "inactive_file");
	return inactive > 0 && inactive < current ? current - inactive : current;
}

/* What is not accounted there (a controller that was not delegated) stays as it was. */
static void read_cgroup(int cgroup, struct container_stats *stats)
{
	auto_free char *cpu = NULL, *io = NULL;
	int64_t number;
	if (file_read_at(cgroup, "cpu.stat", FILE_MAX, &cpu, NULL, NULL) == 0 && (number = value_of(cpu, "usage_usec")) >= 0)
		stats->cpu_ns = number * 1000;
	if (cpu && (number = value_of(cpu, "system_usec")) >= 0)
		stats->cpu_system_ns = number * 1000;
	if ((number = number_in(cgroup, "memory.current")) >= 0)
		stats->memory = memory_in_use(cgroup, number);
	if ((number = number_in(cgroup, "memory.max")) > 0 && number < stats->memory_max)
		stats->memory_max = number;
	if ((number = number_in(cgroup, "pids.current")) >= 0)
		stats->pids = number;
	if (file_read_at(cgroup, "io.stat", FILE_MAX, &io, NULL, NULL) == 0)
		add_blocks(io, stats);
}

static int read_processes(pid_t pid, struct container_stats *stats, struct error *err)
{
	struct top_totals totals;
	int r = top_totals(pid, &totals, err);
	if (r < 0)
		return r;
	stats->cpu_ns = totals.cpu_ns;
	stats->cpu_system_ns = totals.cpu_system_ns;
	stats->memory = totals.rss;
	stats->pids = totals.processes;
	return 0;
}

static bool has_own_network(pid_t pid)
{
	char path[64];
	struct stat own, theirs;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return stat("/proc/self/ns/net", &own) == 0 && stat(path, &theirs) == 0 && own.st_ino != theirs.st_ino;
}

/* /proc/PID/net/dev: "eth0: received packets errs drop fifo frame compressed multicast sent …" (proc(5)) */
static void read_network(pid_t pid, struct container_stats *stats)
{
	char path[64];
	auto_free char *text = NULL;
	snprintf(path, sizeof(path), "/proc/%d/net/dev", pid);
	if (!has_own_network(pid) || file_read_at(AT_FDCWD, path, FILE_MAX, &text, NULL, NULL) < 0)
		return;
	stats->network_received = stats->network_sent = 0;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char name[64];
		int64_t received, sent;
		if (sscanf(line, " %63[^:]: %" SCNd64 " %*d %*d %*d %*d %*d %*d %*d %" SCNd64, name, &received, &sent) != 3 || strcmp(name, "lo") == 0)
			continue;
		stats->network_received += received;
		stats->network_sent += sent;
	}
}

int stats_read(struct store *store, const struct container *container, struct container_stats *ret, struct error *err)
{
	struct container_state state;
	int r = container_state(store, container->id, &state, err);
	if (r < 0)
		return r;
	if (state.pid <= 0)
		return error_set(err, ESRCH, "container %s is not running", container->name);
	struct container_stats stats = {.memory_max = machine_memory(), .block_read = -1, .block_written = -1, .network_received = -1, .network_sent = -1};
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	stats.time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if ((r = read_processes(state.pid, &stats, err)) < 0)
		return r;
	auto_close int cgroup = cgroup_open_of(state.pid, container->id);
	if (cgroup >= 0)
		read_cgroup(cgroup, &stats);
	read_network(state.pid, &stats);
	*ret = stats;
	return 0;
}
