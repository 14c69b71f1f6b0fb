/* SPDX-License-Identifier: Apache-2.0 */
#include "rootless/cgroup/find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"

/* The kernel writes blanks, tabs, newlines and backslashes in mountinfo as three octal digits. */
static void unescape(char *text)
{
	char *out = text;
	while (*text) {
		unsigned int code;
		if (text[0] == '\\' && sscanf(text + 1, "%3o", &code) == 1) {
			*out++ = (char)code;
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

int cgroup_parse_mount(char *line, const char **ret_root, const char **ret_point)
{
	/* 35 24 0:30 /root /mount/point rw,nosuid shared:9 - cgroup2 cgroup2 rw */
	if (!strstr(line, " - cgroup2 "))
		return -ENOENT;
	char *fields[5], *rest = line;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!(fields[i] = strsep(&rest, " ")) || !*fields[i])
			return -EINVAL;
	unescape(fields[3]);
	unescape(fields[4]);
	*ret_root = fields[3];
	*ret_point = fields[4];
	return 0;
}

int cgroup_join_path(const char *root, const char *point, const char *own, char *out, size_t size)
{
	/* A cgroup outside our cgroup namespace is shown as /../… */
	if (own[0] != '/' || strncmp(own, "/..", 3) == 0)
		return -ENOENT;
	size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(own, root, length) != 0 || (own[length] && own[length] != '/'))
		return -ENOENT;
	own += length;
	int n = snprintf(out, size, "%s%s", point, strcmp(own, "/") == 0 ? "" : own);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : (int)strlen(point);
}

/* The line of /proc/PID/cgroup for version 2: "0::/path". */
static int read_path(const char *proc_file, char *out, size_t size)
{
	auto_fclose FILE *file = fopen(proc_file, "re");
	if (!file)
		return -errno;
	char line[PATH_MAX];
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0 && strlen(line + 3) < size) {
			snprintf(out, size, "%s", line + 3);
			return 0;
		}
	}
	return -ENOENT;
}

/* The cgroup that /proc/PID/cgroup tells, as a path of the file system; the length of the mount point in it. Later
 * mounts cover earlier ones. */
static int find_directory(const char *proc_file, char *out, size_t size)
{
	char own[PATH_MAX] = "", line[2 * PATH_MAX];
	int r = read_path(proc_file, own, sizeof(own));
	if (r < 0)
		return r;
	auto_fclose FILE *file = fopen("/proc/self/mountinfo", "re");
	if (!file)
		return -errno;
	int found = -ENOENT;
	while (fgets(line, sizeof(line), file)) {
		const char *root, *point;
		if (cgroup_parse_mount(line, &root, &point) < 0)
			continue;
		r = cgroup_join_path(root, point, own, out, size);
		if (r >= 0 && access(out, F_OK) == 0)
			found = r;
	}
	return found;
}

bool cgroup_is_ours(const char *path)
{
	char procs[PATH_MAX];
	int n = snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	return n > 0 && (size_t)n < sizeof(procs) && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 &&
	       faccessat(AT_FDCWD, procs, W_OK, AT_EACCESS) == 0;
}

int cgroup_find_own(char *path, size_t size)
{
	return find_directory("/proc/self/cgroup", path, size);
}

int cgroup_climb(char *path, int point)
{
	if (!cgroup_is_ours(path))
		return -EACCES;
	for (;;) {
		char *slash = strrchr(path + point, '/');
		if (!slash)
			return 0;
		*slash = '\0';
		if (!cgroup_is_ours(path)) {
			*slash = '/';
			return 0;
		}
	}
}

int cgroup_find_parent(char *path, size_t size)
{
	int point = cgroup_find_own(path, size);
	return point < 0 ? point : cgroup_climb(path, point);
}

static int open_of(pid_t pid, const char *id, bool exactly)
{
	char proc_file[64], path[PATH_MAX], name[sizeof("/" CGROUP_PREFIX) + 64];
	snprintf(proc_file, sizeof(proc_file), "/proc/%d/cgroup", pid);
	int r = find_directory(proc_file, path, sizeof(path));
	if (r < 0)
		return r;
	/* In it, or below: the container may have made more of its own. */
	snprintf(name, sizeof(name), "/" CGROUP_PREFIX "%s", id);
	char *found = strstr(path + r, name);
	if (!found)
		return -ENOENT;
	if (!exactly)
		found[strlen(name)] = '\0';
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cgroup_open_of(pid_t pid, const char *id)
{
	return open_of(pid, id, false);
}

int cgroup_open_exactly(pid_t pid, const char *id)
{
	return open_of(pid, id, true);
}
