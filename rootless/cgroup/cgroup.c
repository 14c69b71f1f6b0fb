/* SPDX-License-Identifier: Apache-2.0 */
#include "rootless/cgroup/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "rootless/cgroup/find.h"

/* How deep cgroups that a container made in its own are followed. */
#define DEPTH_MAX 32
/* The one that a container divides. */
#define DELEGATED "container"

static int no_place(const struct cgroup_request *request, int reason, struct cgroup *ret, struct error *err)
{
	ret->path[0] = '\0';
	snprintf(ret->reason, sizeof(ret->reason), "%s",
		 reason == -ENOENT ? "no cgroup version 2 is mounted here"
				   : "no cgroup is delegated to this user (systemd: start from a service of the user's manager)");
	if (!request->limits && !request->parent)
		return 0;
	if (err && err->errnum)
		return reason; /* it has said more */
	return error_set(err, EOPNOTSUPP, "the container cannot have limits: %s", ret->reason);
}

int cgroup_make(const struct cgroup_request *request, struct cgroup *ret, struct error *err)
{
	*ret = (struct cgroup){.fd = -1};
	int r = cgroup_place(request, ret->path, sizeof(ret->path), err);
	size_t used = strlen(ret->path), room = sizeof(ret->path) - used;
	if (r == 0 && (size_t)snprintf(ret->path + used, room, "/" CGROUP_PREFIX "%s", request->id) >= room)
		r = -ENAMETOOLONG;
	if (r == 0 && mkdir(ret->path, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r < 0)
		return no_place(request, r, ret, err);
	ret->fd = open(ret->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0) {
		r = error_sys(err, errno, "open the cgroup %s", ret->path);
		rmdir(ret->path);
		return r;
	}
	return 0;
}

static int write_file(int fd, const char *name, const char *text)
{
	auto_close int file = openat(fd, name, O_WRONLY | O_CLOEXEC);
	if (file < 0 || write(file, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for a line ("frozen 1") in cgroup.events, which poll(2) tells the changes of. */
static int wait_event(int fd, const char *line, int timeout_ms)
{
	auto_close int file = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	int64_t end = now_ms() + timeout_ms;
	for (;;) {
		char text[256];
		ssize_t length = pread(file, text, sizeof(text) - 1, 0);
		if (length < 0)
			return -errno;
		text[length] = '\0';
		if (strstr(text, line))
			return 0;
		int64_t left = end - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		struct pollfd change = {.fd = file, .events = POLLPRI};
		if (poll(&change, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

int cgroup_freeze(int fd, bool frozen, int timeout_ms, struct error *err)
{
	int r = write_file(fd, "cgroup.freeze", frozen ? "1" : "0");
	if (r == 0)
		r = wait_event(fd, frozen ? "frozen 1" : "frozen 0", timeout_ms);
	return r < 0 ? error_sys(err, r, "%s the cgroup", frozen ? "freeze" : "thaw") : 0;
}

static DIR *open_directory(int fd)
{
	auto_close int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	if (directory)
		copy = -1; /* its own now */
	return directory;
}

/* Calls `visit` for the cgroup and all below it, the deepest first. */
typedef int visitor(int fd, void *data);
static int walk(int fd, int depth, visitor *visit, void *data)
{
	if (depth == DEPTH_MAX)
		return -ELOOP;
	auto_closedir DIR *directory = open_directory(fd);
	if (!directory)
		return -errno;
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		auto_close int child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int r = child < 0 ? (errno == ENOENT ? 0 : -errno) : walk(child, depth + 1, visit, data);
		if (r < 0)
			return r;
	}
	return visit(fd, data);
}

/* ---- processes ---- */

struct pids {
	pid_t *items;
	size_t max, count;
};

static int take_pids(int fd, void *data)
{
	struct pids *pids = data;
	int copy = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	auto_fclose FILE *file = copy < 0 ? NULL : fdopen(copy, "r");
	if (!file) {
		int r = errno == ENODEV ? 0 : -errno; /* being removed */
		if (copy >= 0)
			close(copy);
		return r;
	}
	int pid;
	while (fscanf(file, "%d", &pid) == 1) {
		if (pid <= 0)
			continue; /* not in our pid namespace */
		if (pids->count < pids->max)
			pids->items[pids->count] = pid;
		pids->count++;
	}
	return ferror(file) && errno != ENODEV && errno != EOPNOTSUPP ? -errno : 0;
}

ssize_t cgroup_pids(int fd, pid_t *pids, size_t max, struct error *err)
{
	struct pids found = {.items = pids, .max = max};
	int r = walk(fd, 0, take_pids, &found);
	return r < 0 ? error_sys(err, r, "list the processes of the cgroup") : (ssize_t)found.count;
}

/* Before Linux 5.14: frozen, none can fork away while they are signalled; SIGKILL reaches the frozen ones. */
static int kill_each(int fd)
{
	int r = write_file(fd, "cgroup.freeze", "1");
	pid_t pids[1024];
	struct pids found = {.items = pids, .max = ARRAY_SIZE(pids)};
	do {
		found.count = 0;
		if (r == 0)
			r = walk(fd, 0, take_pids, &found);
		for (size_t i = 0; r == 0 && i < found.count && i < found.max; i++)
			kill(pids[i], SIGKILL);
	} while (r == 0 && found.count > found.max);
	int thawed = write_file(fd, "cgroup.freeze", "0");
	return r < 0 ? r : thawed;
}

int cgroup_kill(int fd, struct error *err)
{
	int r = write_file(fd, "cgroup.kill", "1");
	if (r == -ENOENT)
		r = kill_each(fd);
	return r < 0 ? error_sys(err, r, "kill the processes of the cgroup") : 0;
}

/* ---- removal ---- */

static int remove_children(int fd, void *data)
{
	(void)data;
	auto_closedir DIR *directory = open_directory(fd);
	if (!directory)
		return -errno;
	const struct dirent *entry;
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    unlinkat(fd, entry->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return -errno;
	return 0;
}

int cgroup_remove(const char *path, int timeout_ms, struct error *err)
{
	/* The usual case: nothing in it. */
	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : wait_event(fd, "populated 0", timeout_ms);
	if (r == 0)
		r = walk(fd, 0, remove_children, NULL);
	if (r == 0 && rmdir(path) < 0 && errno != ENOENT)
		r = -errno;
	if (r == -ETIMEDOUT)
		r = -EBUSY;
	return r < 0 ? error_sys(err, r, "remove the cgroup %s", path) : 0;
}

int cgroup_remove_open(int fd, int timeout_ms, struct error *err)
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return error_sys(err, errno, "find the cgroup");
	path[length] = '\0';
	/* One that is gone is shown as "… (deleted)", which is not there either. */
	return cgroup_remove(path, timeout_ms, err);
}

/* What whoever divides it must be able to write: cgroups(7), "Delegating a hierarchy". */
static int give(int fd, uid_t uid, gid_t gid)
{
	static const char *const files[] = {".", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"};
	for (size_t i = 0; uid != (uid_t)-1 && i < ARRAY_SIZE(files); i++)
		if (fchownat(fd, files[i], uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
	return 0;
}

int cgroup_delegate(int fd, uid_t uid, gid_t gid, struct error *err)
{
	int r = walk(fd, 0, remove_children, NULL);
	if (r == 0 && mkdirat(fd, DELEGATED, 0755) < 0)
		r = -errno;
	if (r < 0)
		return error_sys(err, r, "make a cgroup that the container can divide");
	cgroup_hand_down(fd);
	auto_close int delegated = openat(fd, DELEGATED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = delegated < 0 ? -errno : give(delegated, uid, gid);
	return r < 0 ? error_sys(err, r, "give the container the cgroup that it can divide") : TAKE_FD(delegated);
}
