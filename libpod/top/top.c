/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/top/top.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "libpod/monitor/monitor.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/idmap/idmap.h"

#define PROC_FILE_MAX (1 << 20)

static const struct {
	const char *name, *title;
} known_columns[] = {
    {"user", "USER"}, {"group", "GROUP"}, {"pid", "PID"},	{"hpid", "HPID"}, {"ppid", "PPID"}, {"pcpu", "%CPU"}, {"etime", "ELAPSED"},
    {"tty", "TTY"},   {"time", "TIME"},	  {"comm", "COMMAND"}, {"args", "COMMAND"}, {"state", "STATE"}, {"nice", "NI"},  {"rss", "RSS"},
    {"vsz", "VSZ"},
};

const char *top_title(const char *column)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_columns); i++)
		if (strcmp(known_columns[i].name, column) == 0)
			return known_columns[i].title;
	return NULL;
}

/* What /proc/PID/stat, status and cmdline say of one process. */
struct process_facts {
	int64_t hpid, pid, ppid, uid, gid;
	char state, comm[64];
	int64_t tty, nice, rss_kb, vsz_kb;
	uint64_t cpu_ticks, system_ticks, start_ticks;
	char *args;
};

static bool read_stat(int dir, struct process_facts *facts)
{
	auto_free char *text = NULL;
	if (file_read_at(dir, "stat", PROC_FILE_MAX, &text, NULL, NULL) < 0)
		return false;
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	if (!open || !close || close < open)
		return false;
	snprintf(facts->comm, sizeof(facts->comm), "%.*s", (int)(close - open - 1), open + 1);
	uint64_t utime, stime, vsize;
	int64_t rss;
	/* proc(5): fields 3 state, 7 tty_nr, 14 utime, 15 stime, 19 nice, 22 starttime, 23 vsize, 24 rss */
	int n = sscanf(close + 1,
		       " %c %*d %*d %*d %" SCNd64 " %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %*d %*d %*d %" SCNd64
		       " %*d %*d %" SCNu64 " %" SCNu64 " %" SCNd64,
		       &facts->state, &facts->tty, &utime, &stime, &facts->nice, &facts->start_ticks, &vsize, &rss);
	if (n != 8)
		return false;
	facts->cpu_ticks = utime + stime;
	facts->system_ticks = stime;
	facts->vsz_kb = (int64_t)(vsize / 1024);
	facts->rss_kb = rss * (sysconf(_SC_PAGESIZE) / 1024);
	return true;
}

/* The last number on a line of /proc/PID/status ("NSpid:\t123\t1") or, `first`, the first. */
static int64_t status_number(const char *status, const char *key, bool first)
{
	const char *line = strstr(status, key);
	int64_t number = -1;
	if (!line)
		return -1;
	line += strlen(key);
	while (*line && *line != '\n') {
		char *end;
		line += strspn(line, " \t");
		int64_t value = strtoll(line, &end, 10);
		if (end == line)
			break;
		number = value;
		if (first)
			break;
		line = end;
	}
	return number;
}

static char *read_args(int dir, const char *comm)
{
	auto_free char *text = NULL;
	size_t length = 0;
	if (file_read_at(dir, "cmdline", PROC_FILE_MAX, &text, &length, NULL) < 0 || length == 0)
		return xasprintf("[%s]", comm);
	for (size_t i = 0; i + 1 < length; i++)
		if (!isprint((unsigned char)text[i]))
			text[i] = ' ';
	return TAKE_PTR(text);
}

static bool read_process(int proc, const char *pid, uint64_t namespace, struct process_facts *ret)
{
	struct process_facts facts = {.hpid = strtoll(pid, NULL, 10)};
	auto_close int dir = openat(proc, pid, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	if (dir < 0 || fstatat(dir, "ns/pid", &st, 0) < 0 || st.st_ino != namespace)
		return false;
	auto_free char *status = NULL;
	if (file_read_at(dir, "status", PROC_FILE_MAX, &status, NULL, NULL) < 0 || !read_stat(dir, &facts))
		return false;
	facts.pid = status_number(status, "\nNSpid:", false);
	facts.ppid = status_number(status, "\nPPid:", true);
	facts.uid = status_number(status, "\nUid:", true);
	facts.gid = status_number(status, "\nGid:", true);
	facts.args = read_args(dir, facts.comm);
	*ret = facts;
	return true;
}

/* The first field of the line of passwd(5) or group(5) whose third is `id`; the number itself where there is none. */
static char *name_of_id(const char *text, int64_t id)
{
	auto_free char *copy = xstrdup(text);
	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		char *name = strsep(&line, ":");
		strsep(&line, ":");
		char *number = strsep(&line, ":");
		if (number && *number && strtoll(number, NULL, 10) == id)
			return xstrdup(name);
	}
	return xasprintf("%" PRId64, id);
}

struct view {
	struct id_mapping mapping;
	char *passwd, *group;
	double uptime;
	long ticks;
};

static void view_free(struct view *view)
{
	free(view->passwd);
	free(view->group);
}

static char *format_elapsed(int64_t seconds)
{
	if (seconds >= 3600)
		return xasprintf("%" PRId64 "h%" PRId64 "m%" PRId64 "s", seconds / 3600, seconds / 60 % 60, seconds % 60);
	if (seconds >= 60)
		return xasprintf("%" PRId64 "m%" PRId64 "s", seconds / 60, seconds % 60);
	return xasprintf("%" PRId64 "s", seconds);
}

static char *format_terminal(int64_t number)
{
	if (number == 0)
		return xstrdup("?");
	unsigned int device = (unsigned int)number;
	if (major(device) >= 136 && major(device) <= 143)
		return xasprintf("pts/%u", minor(device) + (major(device) - 136) * 256);
	return xasprintf("tty%u", minor(device));
}

/* The pid that the container knows a process of the host by. */
static int64_t inside_pid(const struct process_facts *all, size_t count, int64_t hpid)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].hpid == hpid)
			return all[i].pid;
	return 0;
}

static char *cell(const struct view *view, const struct process_facts *all, size_t count, const struct process_facts *facts, const char *column)
{
	double elapsed = view->uptime - (double)facts->start_ticks / (double)view->ticks;
	double cpu = (double)facts->cpu_ticks / (double)view->ticks;
	if (strcmp(column, "user") == 0)
		return name_of_id(view->passwd, id_map_inside(&view->mapping.uids, (uint32_t)facts->uid));
	if (strcmp(column, "group") == 0)
		return name_of_id(view->group, id_map_inside(&view->mapping.gids, (uint32_t)facts->gid));
	if (strcmp(column, "pid") == 0)
		return xasprintf("%" PRId64, facts->pid);
	if (strcmp(column, "hpid") == 0)
		return xasprintf("%" PRId64, facts->hpid);
	if (strcmp(column, "ppid") == 0)
		return xasprintf("%" PRId64, inside_pid(all, count, facts->ppid));
	if (strcmp(column, "pcpu") == 0)
		return xasprintf("%.3f", elapsed > 0 ? 100 * cpu / elapsed : 0.0);
	if (strcmp(column, "etime") == 0)
		return format_elapsed((int64_t)elapsed);
	if (strcmp(column, "time") == 0)
		return format_elapsed((int64_t)cpu);
	if (strcmp(column, "tty") == 0)
		return format_terminal(facts->tty);
	if (strcmp(column, "state") == 0)
		return xasprintf("%c", facts->state);
	if (strcmp(column, "comm") == 0)
		return xstrdup(facts->comm);
	if (strcmp(column, "nice") == 0)
		return xasprintf("%" PRId64, facts->nice);
	if (strcmp(column, "rss") == 0)
		return xasprintf("%" PRId64, facts->rss_kb);
	if (strcmp(column, "vsz") == 0)
		return xasprintf("%" PRId64, facts->vsz_kb);
	return xstrdup(facts->args);
}

static int by_pid(const void *a, const void *b)
{
	const struct process_facts *left = a, *right = b;
	return left->pid < right->pid ? -1 : left->pid > right->pid;
}

/* All processes in the namespace, sorted. */
static struct process_facts *read_all(uint64_t namespace, size_t *ret_count)
{
	struct process_facts *all = NULL;
	size_t count = 0;
	auto_closedir DIR *proc = opendir("/proc");
	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		struct process_facts facts;
		if (!isdigit((unsigned char)*entry->d_name) || !read_process(dirfd(proc), entry->d_name, namespace, &facts))
			continue;
		all = xrealloc(all, (count + 1) * sizeof(*all));
		all[count++] = facts;
	}
	if (count)
		qsort(all, count, sizeof(*all), by_pid);
	*ret_count = count;
	return all;
}

static void free_all(struct process_facts *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(all[i].args);
	free(all);
}

static int make_view(struct store *store, pid_t pid, struct view *ret, struct error *err)
{
	struct view view = {.ticks = sysconf(_SC_CLK_TCK)};
	int r = store_mapping(store, &view.mapping, err);
	if (r < 0)
		return r;
	auto_free char *root_path = xasprintf("/proc/%d/root", pid);
	auto_close int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *paths[2] = {"etc/passwd", "etc/group"};
	char **rets[2] = {&view.passwd, &view.group};
	for (size_t i = 0; i < 2; i++) {
		auto_close int fd = root < 0 ? -1 : open_in_root(root, paths[i], O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
		if (fd < 0 || file_read_fd(fd, paths[i], PROC_FILE_MAX, rets[i], NULL, NULL) < 0)
			*rets[i] = xstrdup("");
	}
	auto_free char *uptime = NULL;
	if (file_read_at(AT_FDCWD, "/proc/uptime", 256, &uptime, NULL, NULL) >= 0)
		view.uptime = strtod(uptime, NULL);
	*ret = view;
	return 0;
}

int top_namespace(struct store *store, const struct container *container, pid_t *ret_pid, uint64_t *ret_namespace, struct error *err)
{
	auto_close int monitor = monitor_connect(store, container->id, err);
	if (monitor == -ESRCH)
		return container_not_running(store, container, err);
	auto_close int pidfd = -1;
	int r = monitor;
	if (monitor < 0 || (r = monitor_pidfd(monitor, &pidfd, err)) < 0)
		return r == -ESRCH ? container_not_running(store, container, err) : r;
	pid_t pid = pidfd_pid(pidfd);
	auto_free char *path = xasprintf("/proc/%d/ns/pid", pid);
	struct stat st;
	if (pid < 0 || stat(path, &st) < 0)
		return error_set(err, ESRCH, "container %s is not running any more", container->name);
	*ret_pid = pid;
	*ret_namespace = st.st_ino;
	return 0;
}

int top_list(struct store *store, const struct container *container, const struct strv *columns, struct json_object **ret,
	     struct strv *ret_columns, struct error *err)
{
	static const char *const usual[] = {"user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"};
	auto_strv struct strv chosen = STRV_INIT;
	for (size_t i = 0; columns && i < columns->count; i++) {
		if (!top_title(columns->items[i]))
			return error_set(err, EINVAL, "unknown column \"%s\": there are user group pid hpid ppid pcpu etime tty time comm args state nice rss vsz", columns->items[i]);
		strv_add(&chosen, columns->items[i]);
	}
	for (size_t i = 0; chosen.count < ARRAY_SIZE(usual) && !(columns && columns->count) && i < ARRAY_SIZE(usual); i++)
		strv_add(&chosen, usual[i]);

	pid_t pid = 0;
	uint64_t namespace = 0;
	int r = top_namespace(store, container, &pid, &namespace, err);
	if (r < 0)
		return r;
	CLEANUP(view_free) struct view view = {0};
	if ((r = make_view(store, pid, &view, err)) < 0)
		return r;
	size_t count;
	struct process_facts *all = read_all(namespace, &count);
	struct json_object *rows = json_object_new_array();
	for (size_t i = 0; i < count; i++) {
		struct json_object *row = json_object_new_object();
		for (size_t j = 0; j < chosen.count; j++) {
			auto_free char *text = cell(&view, all, count, &all[i], chosen.items[j]);
			json_add_string(row, chosen.items[j], text);
		}
		json_object_array_add(rows, row);
	}
	free_all(all, count);
	strv_add_all(ret_columns, &chosen);
	*ret = rows;
	return 0;
}

int top_totals(pid_t pid, struct top_totals *ret, struct error *err)
{
	char path[64];
	struct stat st, own;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	if (stat(path, &st) < 0 || stat("/proc/self/ns/pid", &own) < 0)
		return error_sys(err, ESRCH, "look at the processes of a container");
	size_t count;
	struct process_facts *all = read_all(st.st_ino, &count);
	struct top_totals totals = {0};
	for (size_t i = 0; i < count; i++) {
		/* With --pid host all the machine's are in its namespace: then only the first one is known to be its own. */
		if (st.st_ino == own.st_ino && all[i].hpid != pid)
			continue;
		totals.processes++;
		totals.cpu_ns += (int64_t)(all[i].cpu_ticks * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK)));
		totals.cpu_system_ns += (int64_t)(all[i].system_ticks * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK)));
		totals.rss += all[i].rss_kb * 1024;
	}
	free_all(all, count);
	*ret = totals;
	return 0;
}
